// Package clustered is a store on a cluster. A command goes to the primary of the slot of
// its keys; a command on all keys goes to all primaries. The package is written over the
// nodes of package node, once for all drivers.
//
// The topology is learnt from any node, before the first call, and again when nodes
// redirect commands, fail, or are silent. No goroutine asks nodes while all is well. One
// goroutine looks for silent servers while calls are under way, and at most one goroutine
// learns the topology.
package clustered

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/operations"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/internal/keyslot"
)

// A Store is a store on a cluster that reads from primaries.
type Store struct {
	operations.Operations
	router *router
}

// Open returns a store on the cluster of the settings. The function open makes its nodes.
// Open does no I/O.
func Open(s *settings.Cluster, open node.Open) driver.Store {
	store := OpenPrimaries(s, open)
	if s.Reads == settings.Primary {
		return store
	}
	return readingStore{store}
}

// OpenPrimaries is Open for a store that reads from primaries; the settings for reads do
// not count.
func OpenPrimaries(s *settings.Cluster, open node.Open) *Store {
	store := &Store{router: newRouter(s, open)}
	store.Operations = operations.On(store)
	store.router.store = store
	return store
}

// Limits implements driver.Limiter. The time-out of a store on the program's own clients
// is 0, so that the core bounds calls; the router bounds calls without a deadline.
func (s *Store) Limits() driver.Limits {
	limits := s.router.clock.Limits()
	if s.router.settings.OwnClients {
		limits.CallTimeout = 0
	}
	return limits
}

// Locate implements driver.Locator: the primary of the slot of key.
func (s *Store) Locate(key string) string {
	t := s.router.topology.Load()
	if t == nil {
		return ""
	}
	if primary := t.primary(keyslot.Of(key)); primary != nil {
		return primary.addr
	}
	return ""
}

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return s.router.clock.Commands() }

// Get implements driver.Store.
func (s *Store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if len(keys) == 0 {
		return nil
	}
	start := s.router.now()
	if slot, same := slotOfKeys(keys); same {
		if server := s.router.enter(slot); server != nil {
			err := server.node.Get(ctx, keys, dst)
			if isAnswered(err, dst) {
				server.leave(true)
				return nil
			}
			server.leave(false, errorsOf(err, dst, func(v *driver.Value) error { return v.Err })...)
			return s.getRest(ctx, start, keys, dst, server, err)
		}
	}
	return s.getRest(ctx, start, keys, dst, nil, nil)
}

// isAnswered reports whether a read went well for every key.
func isAnswered(err error, dst []driver.Value) bool {
	if err != nil {
		return false
	}
	for i := range dst {
		if dst[i].Err != nil && dst[i].Err != driver.ErrNotFound { //nolint:errorlint // a miss is bare, and frequent
			return false
		}
	}
	return true
}

// getRest reads keys one by one. If server is not nil, that server was asked for all
// keys already, with the outcomes in err and dst; then only the keys without an
// answer are read.
func (s *Store) getRest(ctx context.Context, start time.Time, keys []string, dst []driver.Value, server *server, err error) error {
	b := s.fanOut(ctx, start, len(keys))
	defer b.retrier.end()
	cmds := getCommands(keys)
	for i, key := range keys {
		it := item{cmd: cmds[i], slot: keyslot.Of(key), readOnly: true, server: server}
		if server != nil {
			it.unanswered = err != nil
			if cmds[i].Err = err; err == nil {
				cmds[i].Reply, cmds[i].Err = driver.DataReply(dst[i].Data), dst[i].Err
			}
		}
		b.items = append(b.items, it)
	}
	if err := b.runFrom(server != nil); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = valueOf(cmds[i])
	}
	return nil
}

// getCommands returns GET of each key.
func getCommands(keys []string) []*driver.Cmd {
	cmds, args, list := make([]driver.Cmd, len(keys)), make([]driver.Arg, len(keys)), make([]*driver.Cmd, len(keys))
	for i, key := range keys {
		args[i] = driver.Key(key)
		cmds[i] = driver.Cmd{Name: "GET", Args: args[i : i+1 : i+1]}
		list[i] = &cmds[i]
	}
	return list
}

// valueOf returns the value of a GET.
func valueOf(c *driver.Cmd) driver.Value {
	if c.Err != nil {
		return driver.Value{Err: c.Err}
	}
	data, err := c.Reply.AsBytes()
	if err != nil {
		return driver.Value{Err: c.Misread(err)}
	}
	return driver.Value{Data: data}
}

// Set implements driver.Store.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	start := s.router.now()
	slot, same := keyslot.Of(entries[0].Key), true
	for i := range entries[1:] {
		same = same && keyslot.Of(entries[1+i].Key) == slot
	}
	if same {
		if server := s.router.enter(slot); server != nil {
			err := server.node.Set(ctx, entries)
			if isStored(err, entries) {
				server.leave(true)
				return nil
			}
			server.leave(false, errorsOf(err, entries, func(e *driver.Entry) error { return e.Err })...)
			return s.setRest(ctx, start, entries, server, err)
		}
	}
	return s.setRest(ctx, start, entries, nil, nil)
}

// errorsOf returns the error of a call, and the errors of its parts.
func errorsOf[T any](err error, parts []T, of func(*T) error) []error {
	errs := []error{err}
	for i := range parts {
		errs = append(errs, of(&parts[i]))
	}
	return errs
}

// isStored reports whether every entry was stored, or refused by its condition.
func isStored(err error, entries []driver.Entry) bool {
	if err != nil {
		return false
	}
	for i := range entries {
		if entries[i].Err != nil && entries[i].Err != driver.ErrNotStored { //nolint:errorlint // the error is bare
			return false
		}
	}
	return true
}

// setRest stores entries. If server is not nil, that server got all entries already,
// with the outcomes in err and the entries; then only the entries without an answer
// are sent again.
func (s *Store) setRest(ctx context.Context, start time.Time, entries []driver.Entry, server *server, err error) error {
	b := s.fanOut(ctx, start, len(entries))
	defer b.retrier.end()
	for i := range entries {
		it := item{cmd: driver.SetCommand(&entries[i]), slot: keyslot.Of(entries[i].Key), server: server}
		if server != nil {
			it.unanswered = err != nil
			if it.cmd.Err = err; err == nil {
				it.cmd.Err = entries[i].Err
			}
			it.settled = it.cmd.Err == nil
		}
		b.items = append(b.items, it)
	}
	if err := b.runFrom(server != nil); err != nil {
		return err
	}
	for i := range entries {
		if entries[i].Err = b.items[i].cmd.Err; entries[i].Err == nil && !b.items[i].settled {
			entries[i].Err = driver.SetOutcome(&entries[i], b.items[i].cmd)
		}
	}
	return nil
}

// Do implements driver.Commander. The error of a command with keys in several slots is
// ErrCrossSlot, unless the command is DEL, EXISTS, MGET or UNLINK in a plain batch. The
// error of an atomic batch with keys in several slots is ErrCrossSlot, too. Both come
// before any I/O.
//
// FLUSHDB goes to all primaries, after all earlier commands and before all later
// commands. Other commands without keys go to any primary.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) == 0 {
		return nil
	}
	if how == driver.Atomic {
		return s.doAtomic(ctx, cmds)
	}
	if len(cmds) == 1 {
		return s.doOne(ctx, cmds)
	}
	for i, c := range cmds {
		if c.Name == flushdb {
			return s.doAround(ctx, cmds, i)
		}
	}
	b := s.fanOut(ctx, s.router.now(), len(cmds))
	defer b.retrier.end()
	for _, c := range cmds {
		b.add(c)
	}
	return b.runFrom(false)
}

const flushdb = "FLUSHDB"

// doAround runs a batch of which command i is FLUSHDB.
func (s *Store) doAround(ctx context.Context, cmds []*driver.Cmd, i int) error {
	errs := []error{s.Do(ctx, cmds[:i], driver.Plain), s.everywhere(ctx, flushdb, cmds[i].Args...), nil}
	cmds[i].Err = errs[1]
	cmds[i].Reply = driver.DataReply([]byte("OK"))
	errs[2] = s.Do(ctx, cmds[i+1:], driver.Plain)
	for _, part := range []struct {
		cmds []*driver.Cmd
		err  error
	}{{cmds[:i], errs[0]}, {cmds[i+1:], errs[2]}} {
		if part.err != nil {
			for _, c := range part.cmds {
				c.Err = part.err
			}
		}
	}
	return nil
}

// doOne runs a single command.
func (s *Store) doOne(ctx context.Context, cmds []*driver.Cmd) error {
	cmd := cmds[0]
	if cmd.Name == flushdb {
		if cmd.Err = s.everywhere(ctx, flushdb, cmd.Args...); cmd.Err == nil {
			cmd.Reply = driver.DataReply([]byte("OK"))
		}
		return nil
	}
	start, b := s.router.now(), &fanOut{}
	if slot, spread := slotOfCommand(cmd); slot >= 0 && !spread {
		if server := s.router.enter(uint16(slot)); server != nil {
			err := server.node.Do(ctx, cmds, driver.Plain)
			answered := err == nil && cmd.Err == nil
			server.leave(answered, err, cmd.Err)
			if answered {
				return nil
			}
			if err != nil {
				cmd.Err = err
			}
			b.retrier = s.router.begin(ctx, start)
			defer b.retrier.end()
			b.items = []item{{cmd: cmd, slot: uint16(slot), readOnly: isReadOnly(cmd.Name), server: server, unanswered: err != nil, failFast: failsFast(cmd)}}
			return b.runFrom(true)
		}
	}
	b.retrier = s.router.begin(ctx, start)
	defer b.retrier.end()
	b.add(cmd)
	return b.runFrom(false)
}

// doAtomic runs commands as one transaction on the primary of all keys.
func (s *Store) doAtomic(ctx context.Context, cmds []*driver.Cmd) error {
	slot, readOnly, set := -1, true, s.Commands()
	for _, c := range cmds {
		if !set.Has(c.Name) && !c.IsCustom() {
			// Any node refuses the batch, without I/O.
			return s.router.clock.Do(ctx, cmds, driver.Atomic)
		}
		of, spread := slotOfCommand(c)
		if spread || c.Name == flushdb || of >= 0 && slot >= 0 && of != slot {
			return crossSlot(c.Name)
		}
		slot = max(slot, of)
		readOnly = readOnly && isReadOnly(c.Name)
	}
	c := s.router.begin(ctx, s.router.now())
	defer c.end()
	return c.transact(cmds, slot, readOnly)
}

// transact runs a transaction at the primary of a slot, or at any primary if slot is
// negative. A server that redirects one command of a transaction has run no command of it.
func (c *retrier) transact(cmds []*driver.Cmd, slot int, readOnly bool) error {
	ask := ""
	var revoked *driver.Cmd // the command that was sent alone
	for {
		at := uint16(max(slot, 0))
		if slot < 0 {
			at = anySlot()
		}
		ctx := c.context()
		var server *server
		var err error
		if ask != "" {
			server = c.router.enterAt(ask)
		} else {
			server, err = c.router.await(ctx, at)
		}
		v := again
		var to string
		if server != nil {
			for _, cmd := range cmds {
				cmd.Reply, cmd.Err = driver.Reply{}, nil
			}
			if ask != "" {
				err = server.node.DoAsking(ctx, cmds, driver.Atomic)
			} else {
				err = server.node.Do(ctx, cmds, driver.Atomic)
			}
			server.leave(err == nil, err)
			if err == nil {
				return nil
			}
			err = c.router.reason(err)
			var redirect *servererror.RedirectError
			if v, redirect = c.classify(err, readOnly, server); v == asked {
				to = redirect.Address(server.addr)
			}
		} else if !isTransient(err) || c.router.topology.Load() == nil {
			v = final
		}
		if v == single && len(cmds) > 1 && cmds[0].Name == driver.CmdLeaseRevoke {
			// The slot moves, and a lease is not on this server. That is no reason to wait.
			b := &fanOut{retrier: c}
			b.add(cmds[0])
			failed := b.runFrom(false)
			if failed == nil && !failure.IsForbidden(cmds[0].Err) {
				failed = cmds[0].Err
			}
			if failed != nil {
				err, v = failed, final
			}
			revoked, cmds = cmds[0], cmds[1:]
		}
		ask = to
		if v != final && !c.pause(v == moved || v == asked) {
			err, v = c.expired(err), final
		}
		if v == final {
			for _, cmd := range cmds {
				cmd.Err = err
			}
			if revoked != nil {
				revoked.Err = err
			}
			return err
		}
	}
}

// fanOut returns a fanOut with room for n commands. The time of its call runs from start.
func (s *Store) fanOut(ctx context.Context, start time.Time, n int) *fanOut {
	return &fanOut{retrier: s.router.begin(ctx, start), items: make([]item, 0, n)}
}

// Disconnect implements driver.Disconnector.
func (s *Store) Disconnect() { s.router.disconnectAll() }

// Close closes the connections to all servers, and waits for the router's goroutines.
func (s *Store) Close() error {
	r := s.router
	r.close()
	r.running.Wait()
	var errs []error
	for _, reader := range r.readers {
		errs = append(errs, reader.Close())
	}
	for _, server := range r.servers {
		errs = append(errs, server.node.Close())
	}
	errs = append(errs, r.clock.Close())
	r.settings.Shared().Events.Close()
	return errors.Join(errs...)
}

// String names the nodes of the DSN, the database, and the primaries as far as they are
// known.
func (s *Store) String() string {
	shared := s.router.settings.Shared()
	text := fmt.Sprintf("%s store on the cluster of %s, database %d", shared.Driver, strings.Join(s.router.settings.Seeds, ","), shared.DB)
	t := s.router.topology.Load()
	if t == nil {
		return text
	}
	var primaries []string
	for _, server := range t.primaries() {
		primaries = append(primaries, server.addr)
	}
	slices.Sort(primaries)
	return text + ", with primaries " + strings.Join(primaries, ",")
}

// Format writes the text of String for every verb: the fields hold a password.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}

// slotOfKeys returns the slot of the first key, and whether all keys are in that slot.
func slotOfKeys(keys []string) (slot uint16, same bool) {
	slot = keyslot.Of(keys[0])
	for _, key := range keys[1:] {
		if keyslot.Of(key) != slot {
			return slot, false
		}
	}
	return slot, true
}

// keysCommand returns a command whose arguments are keys.
func keysCommand(name string, keys []string) *driver.Cmd {
	cmd := &driver.Cmd{Name: name, Args: make([]driver.Arg, len(keys))}
	for i, key := range keys {
		cmd.Args[i] = driver.Key(key)
	}
	return cmd
}

// crossSlot returns the error of a command that no server can run: no server has all of
// its keys.
func crossSlot(name string) error {
	return driver.Fail(driver.ErrCrossSlot, driver.NotApplied, errors.New(name))
}

// isReadOnly reports whether a command changes nothing.
func isReadOnly(name string) bool {
	row, _ := driver.LookupCommand(name)
	return row.ReadOnly
}

// anySlot returns a slot for commands without keys.
func anySlot() uint16 { return uint16(rand.N(slots)) }
