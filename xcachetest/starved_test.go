package xcachetest

import (
	"context"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A store is not wrong because the machine is busy: the result of a check must not depend
// on the time of calls.

// TestStarvedStoresAreNotFlagged runs the checks of a store on a server, with delays and
// waits that take no time.
func TestStarvedStoresAreNotFlagged(t *testing.T) {
	for name, delay := range map[string]func(){"up to 80ms": upTo80ms, "sometimes 300ms": sometimes300ms} {
		t.Run(name, func(t *testing.T) {
			h := inProcess(func() driver.Store { return starved{newCorrect(), delay} })
			h.InProcess = false
			h.Timeout = 0 // as in a harness without Timeout
			s, err := newSuite(h, table())
			if err != nil {
				t.Fatal(err)
			}
			for i := range s.checks {
				synctest.Test(t, func(t *testing.T) {
					s.run(noDeadline, t, &s.checks[i])
					time.Sleep(time.Second) // as after checks InProcess: a load may still be in a call
				})
			}
			wantAllPassed(t, s.results)
		})
	}
}

// TestStarvedRemoteStoreIsNotFlagged is the same for checks that need a network. There
// waits take real time.
func TestStarvedRemoteStoreIsNotFlagged(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for real")
	}
	var names []string
	for _, c := range table() {
		if slices.Contains(c.needs, behindAddr) {
			names = append(names, c.name)
		}
	}
	delay := func() {
		upTo80ms()
		sometimes300ms()
	}
	wantAllPassed(t, runRemoteChecks(t, func(callTimeout time.Duration) Harness {
		h := remoteHarness(t, bugs{}, callTimeout)
		h.OpenAt = func(_ testing.TB, addr string) driver.Store {
			return &remoteStore{addr: addr, callTimeout: callTimeout, delay: delay}
		}
		h.Timeout = 0
		return h
	}, names...))
}

func upTo80ms() { time.Sleep(rand.N(80 * time.Millisecond)) }

func sometimes300ms() {
	if rand.N(8) == 0 {
		time.Sleep(300 * time.Millisecond)
	}
}

// starved is a store whose process rarely gets the processor: each call is delayed, before
// or after its effect.
type starved struct {
	correct
	delay func()
}

func (s starved) wait() (after func()) { return delayed(s.delay) }

// delayed delays a call before its effect, or after its effect by the returned function.
func delayed(delay func()) (after func()) {
	if rand.N(2) == 0 {
		delay()
		return func() {}
	}
	return delay
}

func (s starved) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	defer s.wait()()
	return s.correct.Get(ctx, keys, dst)
}

func (s starved) Set(ctx context.Context, entries []driver.Entry) error {
	defer s.wait()()
	return s.correct.Set(ctx, entries)
}

func (s starved) Delete(ctx context.Context, keys []string) (int, error) {
	defer s.wait()()
	return s.correct.Delete(ctx, keys)
}

func (s starved) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	defer s.wait()()
	return s.correct.GetTTL(ctx, keys, dst)
}

func (s starved) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	defer s.wait()()
	return s.correct.TTL(ctx, keys, dst)
}

func (s starved) Expire(ctx context.Context, entries []driver.Entry) error {
	defer s.wait()()
	return s.correct.Expire(ctx, entries)
}

func (s starved) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	defer s.wait()()
	return s.correct.Incr(ctx, key, delta)
}

func (s starved) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	defer s.wait()()
	return s.correct.IncrInit(ctx, key, delta, init, ttl)
}

func (s starved) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	defer s.wait()()
	return s.correct.Swap(ctx, e, old)
}

func (s starved) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	defer s.wait()()
	return s.correct.CompareAndSwap(ctx, e, old)
}

func (s starved) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	defer s.wait()()
	return s.correct.CompareAndDelete(ctx, key, old)
}

func (s starved) Rename(ctx context.Context, from, to string) error {
	defer s.wait()()
	return s.correct.Rename(ctx, from, to)
}

func (s starved) RenameNX(ctx context.Context, from, to string) (bool, error) {
	defer s.wait()()
	return s.correct.RenameNX(ctx, from, to)
}

// Scan delays the first key.
func (s starved) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s.delay()
		s.correct.Scan(ctx, pattern)(yield)
	}
}

func (s starved) Flush(ctx context.Context) error {
	defer s.wait()()
	return s.correct.Flush(ctx)
}

func (s starved) Ping(ctx context.Context) error {
	defer s.wait()()
	return s.correct.Ping(ctx)
}

func (s starved) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	defer s.wait()()
	return s.correct.Do(ctx, cmds, how)
}
