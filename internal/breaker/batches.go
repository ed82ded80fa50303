package breaker

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/xcache-go/xcache/driver"
)

// This file has the calls on several keys. A call on several servers, of which one has an
// open circuit, is cut to the parts for the others.

// read runs a read of several keys.
func (s *Store) read(ctx context.Context, keys []string, dst []driver.Value, do func(context.Context, []string, []driver.Value) error) error {
	if len(keys) == 0 || s.breaker.skipsCircuits() {
		err := do(ctx, keys, dst)
		if err != nil || !areRead(dst) {
			s.noteParts(len(keys), func(i int) *circuit { return s.breaker.of(keys[i], s.replicas) }, err, func(i int) error { return dst[i].Err })
		}
		return err
	}
	if c := s.only(keys, s.replicas); c != nil {
		p, err := s.admit(c, keys[0])
		if err != nil {
			return err
		}
		defer p.leave()
		err = do(ctx, keys, dst)
		p.note(ofValues(err, dst))
		return err
	}
	b := s.divide(len(keys), func(i int) string { return keys[i] }, func(int) bool { return s.replicas })
	defer b.leave()
	if b.err != nil {
		for _, i := range b.refused {
			dst[i] = driver.Value{Err: b.errs[i]}
		}
		if len(b.admitted) == 0 {
			return b.err
		}
	}
	some, values := make([]string, len(b.admitted)), make([]driver.Value, len(b.admitted))
	for at, i := range b.admitted {
		some[at] = keys[i]
	}
	err := do(ctx, some, values)
	for at, i := range b.admitted {
		if dst[i] = values[at]; err != nil {
			dst[i] = driver.Value{Err: err}
		}
	}
	b.note(func(i int) error { return dst[i].Err })
	return b.whole(err)
}

// areRead reports whether each key has a value, or is missing.
func areRead(dst []driver.Value) bool {
	for i := range dst {
		if dst[i].Err != nil && dst[i].Err != driver.ErrNotFound { //nolint:errorlint // a miss is bare, and frequent
			return false
		}
	}
	return true
}

// write runs a write of several keys.
func (s *Store) write(ctx context.Context, entries []driver.Entry, do func(context.Context, []driver.Entry) error) error {
	if len(entries) == 0 || s.breaker.skipsCircuits() {
		err := do(ctx, entries)
		if err != nil || !areWritten(entries) {
			s.noteParts(len(entries), func(i int) *circuit { return s.breaker.of(entries[i].Key, false) }, err, func(i int) error { return entries[i].Err })
		}
		return err
	}
	if c := s.onlyOf(entries); c != nil {
		p, err := s.admit(c, entries[0].Key)
		if err != nil {
			return err
		}
		defer p.leave()
		err = do(ctx, entries)
		p.note(ofEntries(err, entries))
		return err
	}
	b := s.divide(len(entries), func(i int) string { return entries[i].Key }, func(int) bool { return false })
	defer b.leave()
	if b.err != nil {
		for _, i := range b.refused {
			entries[i].Err = b.errs[i]
		}
		if len(b.admitted) == 0 {
			return b.err
		}
	}
	some := make([]driver.Entry, len(b.admitted))
	for at, i := range b.admitted {
		some[at] = entries[i]
	}
	err := do(ctx, some)
	for at, i := range b.admitted {
		if entries[i].Err = some[at].Err; err != nil {
			entries[i].Err = err
		}
	}
	b.note(func(i int) error { return entries[i].Err })
	return b.whole(err)
}

// areWritten reports whether each entry was stored, or refused by its condition.
func areWritten(entries []driver.Entry) bool {
	for i := range entries {
		if err := entries[i].Err; err != nil && err != driver.ErrNotStored && err != driver.ErrNotFound { //nolint:errorlint // these errors are bare, and frequent
			return false
		}
	}
	return true
}

// onlyOf returns the circuit of entries, or nil if the entries have several circuits.
func (s *Store) onlyOf(entries []driver.Entry) *circuit {
	first := s.breaker.of(entries[0].Key, false)
	if s.breaker.locator == nil {
		return first
	}
	for i := range entries[1:] {
		if s.breaker.of(entries[1+i].Key, false) != first {
			return nil
		}
	}
	return first
}

// Delete implements driver.Store. The keys of several servers are deleted by a call for
// each, because a result must be that of one server. The calls are concurrent.
func (s *Store) Delete(ctx context.Context, keys []string) (int, error) {
	if len(keys) == 0 || s.breaker.skipsCircuits() {
		n, err := s.next.Delete(ctx, keys)
		if err != nil {
			s.noteDelete(keys, err)
		}
		return n, err
	}
	if c := s.only(keys, false); c != nil {
		return s.deleteAt(ctx, c, keys)
	}
	at := make(map[*circuit][]string)
	for _, key := range keys {
		c := s.breaker.of(key, false)
		at[c] = append(at[c], key)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	removed := 0
	var errs []error
	for c, keys := range at {
		all.Go(func() {
			n, err := s.deleteAt(ctx, c, keys)
			mu.Lock()
			defer mu.Unlock()
			removed += n
			errs = append(errs, err)
		})
	}
	all.Wait()
	return removed, worst(errs)
}

// deleteAt deletes keys of one server.
func (s *Store) deleteAt(ctx context.Context, c *circuit, keys []string) (int, error) {
	p, err := s.admit(c, keys[0])
	if err != nil {
		return 0, err
	}
	defer p.leave()
	n, err := s.next.Delete(ctx, keys)
	p.note(findingOf(err))
	return n, err
}

// worst returns the error of a whole call: an error with an unknown outcome, if there is
// such an error.
func worst(errs []error) error {
	var first error
	for _, err := range errs {
		if errors.Is(err, driver.ErrUnknownOutcome) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// noteDelete notes the failure of a Delete that was not admitted. If several servers have
// the keys, nobody knows which of them has failed: the next Delete is one call for each.
func (s *Store) noteDelete(keys []string, err error) {
	f := findingOf(err)
	if c := s.only(keys, false); c != nil {
		pass{circuit: c}.note(f)
		return
	}
	if f.result != failed || s.breaker.options.Failures == 0 {
		return
	}
	for _, key := range keys {
		s.breaker.of(key, false).suspect()
	}
}

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return s.caps.Commander.Commands() }

// Do implements driver.Commander.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) == 0 || s.breaker.skipsCircuits() {
		err := s.caps.Commander.Do(ctx, cmds, how)
		if err != nil || !areDone(cmds) {
			s.noteParts(len(cmds), func(i int) *circuit { return s.circuitOf(cmds[i]) }, err, func(i int) error { return cmds[i].Err })
		}
		return err
	}
	if c, key := s.circuitOfAll(cmds); c != nil {
		p, err := s.admit(c, key)
		if err != nil {
			return err
		}
		defer p.leave()
		err = s.caps.Commander.Do(ctx, cmds, how)
		p.note(ofCommands(err, cmds))
		return err
	}
	if how == driver.Atomic {
		return s.caps.Commander.Do(ctx, cmds, how) // of several slots, which the store refuses
	}
	return s.doDivided(ctx, cmds)
}

// areDone reports whether each command has a reply.
func areDone(cmds []*driver.Cmd) bool {
	for _, cmd := range cmds {
		if cmd.Err != nil {
			return false
		}
	}
	return true
}

// doDivided runs commands of several servers, or without a server.
func (s *Store) doDivided(ctx context.Context, cmds []*driver.Cmd) error {
	errs := make([]error, len(cmds))
	passes := make(map[*circuit]pass)
	defer func() {
		for _, p := range passes {
			p.leave()
		}
	}()
	var some []*driver.Cmd
	var refused error
	for i, cmd := range cmds {
		if errs[i] = s.admitCommand(cmd, passes); errs[i] == nil {
			some = append(some, cmd)
		} else {
			refused = errs[i]
		}
	}
	if len(some) == 0 {
		return refused
	}
	err := s.caps.Commander.Do(ctx, some, driver.Plain)
	findings := make(map[*circuit]finding)
	for i, cmd := range cmds {
		switch {
		case errs[i] != nil:
			cmd.Reply, cmd.Err = driver.Reply{}, errs[i]
			continue
		case err != nil:
			cmd.Err = err
		}
		if c := s.circuitOf(cmd); c != nil {
			f := findings[c]
			f.add(cmd.Err)
			findings[c] = f
		}
	}
	for c, f := range findings {
		passes[c].note(f)
	}
	if refused != nil {
		return nil // something is known about the commands that were refused
	}
	return err
}

// admitCommand admits a command of a batch. passes has the calls on each server, which
// count once.
func (s *Store) admitCommand(cmd *driver.Cmd, passes map[*circuit]pass) error {
	c := s.circuitOf(cmd)
	if c == nil {
		keys := keysOf(cmd)
		if len(keys) == 0 {
			return nil
		}
		p, err := s.admitAll(keys, s.atReplicas(cmd)) // the keys may have got one circuit meanwhile
		if _, ok := passes[p.circuit]; ok {
			p.leave()
		} else if p.circuit != nil {
			passes[p.circuit] = p
		}
		return err
	}
	if _, ok := passes[c]; ok {
		return nil
	}
	p, err := s.admit(c, cmd.Key())
	if err == nil {
		passes[c] = p
	}
	return err
}

// atReplicas reports whether replicas may run a command.
func (s *Store) atReplicas(cmd *driver.Cmd) bool { return s.replicas && cmd.Command().AtReplica() }

// circuitOf returns the circuit of a command, or nil if its keys have several, or if a
// command without keys may go to any server.
func (s *Store) circuitOf(cmd *driver.Cmd) *circuit {
	replicas := s.atReplicas(cmd)
	if s.breaker.locator == nil {
		return s.breaker.of("", replicas)
	}
	var found *circuit
	for i := range cmd.Args {
		if cmd.Args[i].Role != driver.RoleKey {
			continue
		}
		c := s.breaker.of(cmd.Args[i].Text, replicas)
		if found != nil && c != found {
			return nil
		}
		found = c
	}
	return found
}

// circuitOfAll returns the circuit of commands, and a key of that circuit. The circuit is
// nil if the commands have several circuits, or none.
func (s *Store) circuitOfAll(cmds []*driver.Cmd) (*circuit, string) {
	first := s.circuitOf(cmds[0])
	if first == nil {
		return nil, ""
	}
	for _, cmd := range cmds[1:] {
		if s.circuitOf(cmd) != first {
			return nil, ""
		}
	}
	return first, cmds[0].Key()
}

func keysOf(cmd *driver.Cmd) []string {
	var keys []string
	for i := range cmd.Args {
		if cmd.Args[i].Role == driver.RoleKey {
			keys = append(keys, cmd.Args[i].Text)
		}
	}
	return keys
}

// noteParts notes the results of a call that was not admitted, as all circuits were quiet.
// err is the error of the whole call, or nil.
func (s *Store) noteParts(n int, of func(int) *circuit, err error, errOf func(int) error) {
	findings := make(map[*circuit]finding)
	for i := range n {
		c := of(i)
		if c == nil {
			continue
		}
		f := findings[c]
		if err != nil {
			f.add(err)
		} else {
			f.add(errOf(i))
		}
		findings[c] = f
	}
	for c, f := range findings {
		pass{circuit: c}.note(f)
	}
}

// A division is a call on several servers, cut to the parts that are admitted.
type division struct {
	admitted []int // the parts
	refused  []int
	errs     map[int]error // of the refused parts
	err      error         // one of errs, or nil
	circuits map[*circuit][]int
	passes   map[*circuit]pass
}

// divide admits the parts of a call, by their keys.
func (s *Store) divide(n int, key func(int) string, replicas func(int) bool) *division {
	b := &division{errs: make(map[int]error), circuits: make(map[*circuit][]int), passes: make(map[*circuit]pass)}
	for i := range n {
		c := s.breaker.of(key(i), replicas(i))
		b.circuits[c] = append(b.circuits[c], i)
	}
	for c, parts := range b.circuits {
		p, err := s.admit(c, key(parts[0]))
		if err == nil {
			b.passes[c] = p
			b.admitted = append(b.admitted, parts...)
			continue
		}
		b.err = err
		for _, i := range parts {
			b.refused, b.errs[i] = append(b.refused, i), err
		}
	}
	slices.Sort(b.admitted)
	return b
}

// note notes the results of the admitted parts.
func (b *division) note(errOf func(int) error) {
	for c, p := range b.passes {
		var f finding
		for _, i := range b.circuits[c] {
			f.add(errOf(i))
		}
		p.note(f)
	}
}

// leave ends the call.
func (b *division) leave() {
	for _, p := range b.passes {
		p.leave()
	}
}

// whole returns the error of the call, of which err is the error of the admitted parts. The
// parts that were refused have errors of their own.
func (b *division) whole(err error) error {
	if b.err != nil {
		return nil //nolint:nilerr // the error is that of each part
	}
	return err
}
