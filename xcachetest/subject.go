package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A subject is a store under test, and the keys of one check. Its methods are the
// vocabulary of the checks: a method whose name begins with want compares, and returns
// the difference as an error.
//
// All methods may be called concurrently.
type subject struct {
	h      *Harness
	ctx    context.Context // ends the waits of the check, not its calls
	t      testing.TB
	store  driver.Store
	caps   driver.Caps
	prefix string

	usedCache bool // the check may have keys that are not in keys
	began     time.Time

	mu     sync.Mutex
	slept  time.Duration
	keys   []string // keys to delete at the end
	closed bool
}

// These TTLs are for keys that should not expire during a check. The store may be slow, but
// must not confuse the TTLs.
const (
	long      = 1000 * time.Second
	medium    = 500 * time.Second
	tolerance = 100 * time.Second
)

// rivals is the number of goroutines that compete in checks of atomicity.
const rivals = 16

// newPrefix returns the prefix of the keys of one check.
func newPrefix() string { return "xct" + strconv.FormatUint(rand.Uint64(), 36) + ":" }

func newSubject(ctx context.Context, t testing.TB, h *Harness) *subject {
	s := &subject{h: h, ctx: ctx, t: t, prefix: newPrefix(), began: time.Now()}
	s.store = h.Open(t)
	s.caps = driver.CapsOf(s.store)
	return s
}

// with returns a subject of the same check for another store.
func (s *subject) with(store driver.Store) *subject {
	return &subject{h: s.h, ctx: s.ctx, t: s.t, prefix: s.prefix, began: s.began, store: store, caps: driver.CapsOf(store)}
}

// missing returns a need that is not met, or "".
func (s *subject) missing(needs []string) string {
	for _, need := range needs {
		switch {
		case need == wholeDatabase:
			if !s.h.Exclusive {
				return "the harness is not Exclusive"
			}
		case need == keeps:
			if s.h.KeepsNothing {
				return "the store keeps nothing, and so what was written cannot be read back"
			}
		case need == keepsNothing:
			if !s.h.KeepsNothing {
				return "the store keeps what it is given"
			}
		case need == behindAddr:
			if s.h.OpenAt == nil {
				return "the harness has no Addr"
			}
		case slices.Contains(capabilityNames(), need):
			if !has(s.caps, need) {
				return "the store has no " + need
			}
		case strings.HasPrefix(need, inPipeline):
			if name := strings.TrimPrefix(need, inPipeline); !s.queues(name) {
				return "the store does not run " + name + " in a pipeline"
			}
		case s.caps.Commander == nil || !s.caps.Commander.Commands().Has(need):
			return "the store does not run " + need
		case slices.Contains(s.h.ServerLacks, need):
			return "the server does not run " + need
		}
	}
	return ""
}

// queues reports whether a pipeline of a cache on the store can run a command. Without a
// Commander, the interface for the command runs the command.
func (s *subject) queues(command string) bool {
	if s.caps.Commander != nil {
		return s.caps.Commander.Commands().Has(command)
	}
	switch command {
	case "GET", "MGET", "SET", "DEL", "EXISTS":
		return true
	case driver.CmdIncr, driver.CmdIncrInit:
		return s.caps.Counter != nil
	case "PTTL", "PEXPIRE", driver.CmdPersist:
		return s.caps.Expirer != nil
	case driver.CmdSwap, driver.CmdCompareAndSwap, driver.CmdCompareAndDelete:
		return s.caps.Swapper != nil
	case "RENAME", "RENAMENX":
		return s.caps.Mover != nil
	}
	return false
}

// end deletes the keys of the check and closes the store.
func (s *subject) end() error {
	if s.closed {
		return nil
	}
	var err error
	for keys := range slices.Chunk(s.keys, 1000) {
		_, deleteErr := s.store.Delete(noDeadline, keys)
		err = errors.Join(err, deleteErr)
	}
	if err = errors.Join(err, s.clearCaches()); err != nil {
		err = fmt.Errorf("deleting the keys of the check: %w", err)
	}
	return errors.Join(err, s.close())
}

// close closes the store before the end of the check.
func (s *subject) close() error {
	s.closed = true
	if err := s.store.Close(); err != nil {
		return fmt.Errorf("Close: %w", err)
	}
	return nil
}

// key returns a full key that no other check has.
func (s *subject) key(name string) string {
	key := s.prefix + name
	s.own(key)
	return key
}

// own deletes a key at the end of the check.
func (s *subject) own(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
}

// keysNamed returns n different keys.
func (s *subject) keysNamed(name string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = s.key(name + strconv.Itoa(i))
	}
	return keys
}

// These methods read and write one key.

func (s *subject) get(key string) (string, error) {
	dst := make([]driver.Value, 1)
	err := s.store.Get(noDeadline, []string{key}, dst)
	return string(dst[0].Data), cmpErr(err, dst[0].Err)
}

func (s *subject) set(key, value string, ttl time.Duration) error {
	return s.wantSet(driver.Always, key, value, ttl, nil)
}

// wantSet writes one key and compares the outcome.
func (s *subject) wantSet(cond driver.Cond, key, value string, ttl time.Duration, want error) error {
	got := s.write(driver.Entry{Key: key, Value: []byte(value), TTL: ttl, Cond: cond})
	return s.wantErr(got, want, "Set(%s, %s, TTL %s, %s)", s.show(key), quote(value), ttlText(ttl), condText(cond))
}

// write returns the outcome of a batch of one entry.
func (s *subject) write(e driver.Entry) error {
	entries := []driver.Entry{e}
	err := s.store.Set(noDeadline, entries)
	return cmpErr(err, entries[0].Err)
}

func (s *subject) wantValue(key, want string) error {
	got, err := s.get(key)
	if err != nil {
		return fmt.Errorf("Get(%s) = %w, want %s", s.show(key), err, quote(want))
	}
	if got != want {
		return fmt.Errorf("Get(%s) = %s, want %s", s.show(key), quote(got), quote(want))
	}
	return nil
}

func (s *subject) wantMiss(keys ...string) error {
	var errs []error
	for _, key := range keys {
		got, err := s.get(key)
		switch {
		case err == nil:
			errs = append(errs, fmt.Errorf("Get(%s) = %s, want a miss", s.show(key), quote(got)))
		case !errors.Is(err, driver.ErrNotFound):
			errs = append(errs, fmt.Errorf("Get(%s) = %w, want a miss", s.show(key), err))
		}
	}
	return errors.Join(errs...)
}

func (s *subject) wantDeleted(want int, keys ...string) error {
	ctx, cancel := batchContext(len(keys))
	defer cancel()
	got, err := s.store.Delete(ctx, keys)
	if err != nil || got != want {
		return fmt.Errorf("Delete(%s) = %d, %w, want %d", s.showAll(keys), got, orNone(err), want)
	}
	return nil
}

// Checks use a list as a key without a string.

func (s *subject) push(key string, elements ...string) error {
	args := []driver.Arg{driver.Key(key)}
	for _, element := range elements {
		args = append(args, driver.Val([]byte(element)))
	}
	return s.wantReply(driver.IntReply(int64(len(elements))), "RPUSH", args...)
}

func (s *subject) wantList(key string, want ...string) error {
	var items []driver.Reply
	for _, element := range want {
		items = append(items, driver.DataReply([]byte(element)))
	}
	return s.wantReply(driver.ArrayReply(items...), "LRANGE", driver.Key(key), driver.Int(0), driver.Int(-1))
}

// These methods run commands.

// do runs one command.
func (s *subject) do(name string, args ...driver.Arg) (driver.Reply, error) {
	cmd := driver.NewCmd(name, args...)
	err := s.caps.Commander.Do(noDeadline, []*driver.Cmd{cmd}, driver.Plain)
	return cmd.Reply, cmpErr(err, cmd.Err)
}

func (s *subject) wantReply(want driver.Reply, name string, args ...driver.Arg) error {
	got, err := s.do(name, args...)
	if err != nil {
		return fmt.Errorf("%s: %w, want %s", s.commandText(name, args), err, replyText(want))
	}
	if !sameReply(got, want) {
		return fmt.Errorf("%s = %s, want %s", s.commandText(name, args), replyText(got), replyText(want))
	}
	return nil
}

func (s *subject) wantCommandErr(want error, name string, args ...driver.Arg) error {
	_, err := s.do(name, args...)
	return s.wantErr(err, want, "%s", s.commandText(name, args))
}

// These methods wait and compete.

// eventually repeats try until try succeeds, for as long as a slow machine may need. try
// runs a few times at least.
func (s *subject) eventually(try func() error) error {
	const tries = 20
	deadline := time.Now().Add(2*time.Second + s.resolution() + 10*s.h.Grace)
	for n := 1; ; n++ {
		err := try()
		if err == nil || s.ctx.Err() != nil || n >= tries && time.Now().After(deadline) {
			return err
		}
		s.pause(2 * time.Millisecond)
	}
}

// late reports whether loops of the check must end, so that the check does not count as
// hung. The check is also late when its context has ended.
func (s *subject) late() bool { return s.ctx.Err() != nil || time.Since(s.began) > s.h.Timeout/3 }

// pause sleeps for d, or until the context of the check ends.
func (s *subject) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

// rounds counts to n. If the store's calls are slow, rounds ends early, so that the
// check is not late.
func (s *subject) rounds(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n && (i == 0 || !s.late()); i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// sleep waits. The time does not count as time in calls.
func (s *subject) sleep(d time.Duration) {
	before := time.Now()
	s.pause(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slept += time.Since(before)
}

// spentInCalls returns the time of the check without its sleep. In a bubble of
// testing/synctest this is the time for which calls wait.
func (s *subject) spentInCalls() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.began) - s.slept
}

// together calls work n times concurrently and joins the errors.
func together(n int, work func(i int) error) error {
	errs := make([]error, n)
	start := make(chan struct{})
	var workers sync.WaitGroup
	for i := range n {
		workers.Go(func() {
			<-start
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v", p)
				}
			}()
			errs[i] = work(i)
		})
	}
	close(start)
	workers.Wait()
	return errors.Join(errs...)
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
