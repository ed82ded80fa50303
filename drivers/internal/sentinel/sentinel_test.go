package sentinel_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

// get reads a key. Its value is the address of the server.
func get(ctx context.Context, s driver.Store) (string, error) {
	dst := make([]driver.Value, 1)
	if err := s.Get(ctx, []string{"k"}, dst); err != nil {
		return "", err
	}
	return string(dst[0].Data), dst[0].Err
}

// put writes keys, and returns the error of each.
func put(ctx context.Context, s driver.Store, n int) []error {
	entries := make([]driver.Entry, n)
	outcomes := make([]error, n)
	err := s.Set(ctx, entries)
	for i := range entries {
		if outcomes[i] = entries[i].Err; err != nil {
			outcomes[i] = err
		}
	}
	return outcomes
}

func wantServer(t testing.TB, s driver.Store, want string) {
	t.Helper()
	got, err := get(t.Context(), s)
	require.NoError(t, err, "which server answers Get")
	require.Equal(t, want, got, "which server answers Get")
}

// inBubble runs a test in which waiting takes no time. At the end inBubble closes the
// store, and checks that no node is left.
func inBubble(t *testing.T, w *world, sentinels, query string, test func(t *testing.T, s driver.Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := w.open(t, sentinels, query)
		test(t, s)
		require.NoError(t, s.Close(), "Close")
		for addr, h := range w.hosts {
			require.Equal(t, 0, h.open, "%d nodes of %s are left", h.open, addr)
		}
	})
}

const trio = "s1,s2,s3"

// three returns three sentinels that name a primary.
func three(primary string) (a, b, c *host) {
	return watching("s1:26379", primary, 5), watching("s2:26379", primary, 5), watching("s3:26379", primary, 5)
}

func TestFollowsALaterFailover(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "slave")
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { b.role, s1.primary, s1.epoch = "master", "b:1", 6 })
		time.Sleep(2 * time.Second)
		wantServer(t, s, "b:1") // one sentinel has newer knowledge than two others
	})
}

func TestFollowsTheSentinelThatFailsOver(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "master")
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { s2.record, s2.primary = "a:1", "b:1" }) // promoted, before the end of the failover
		time.Sleep(2 * time.Second)
		wantServer(t, s, "b:1")
	})
}

// One sentinel was cut off, and an old primary is a primary for a moment.
func TestDoesNotGoBack(t *testing.T) {
	for _, epochs := range []bool{true, false} {
		s1, s2, s3 := three("b:1")
		s3.primary, s3.epoch = "a:1", 4
		a, b := server("a:1", "master"), server("b:1", "master")
		w := newWorld(s1, s2, s3, a, b)
		if !epochs {
			s1.denies, s2.denies, s3.denies = "MASTER", "MASTER", "MASTER"
		}
		inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
			wantServer(t, s, "b:1")
			if !epochs {
				return // most sentinels have decided
			}
			w.do(func() { s1.err, s2.err = errRefused, errRefused })
			time.Sleep(3 * time.Second)
			wantServer(t, s, "b:1")
			w.do(func() { b.err = errRefused })
			got, err := get(t.Context(), s)
			require.ErrorIs(t, err, driver.ErrUnavailable, "went back to %s, %v", got, err)
			w.do(func() { b.err, s1.err = nil, nil })
			wantServer(t, s, "b:1")
			// All sentinels were reset, and report that.
			w.do(func() {
				for _, one := range []*host{s1, s2, s3} {
					one.err, one.primary, one.epoch = nil, "a:1", 0
				}
			})
			time.Sleep(2 * time.Second)
			wantServer(t, s, "a:1")
		})
	}
}

// Only the sentinel of a failover knows the new primary, and is slow.
func TestMostSentinelsKnowLess(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "master")
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { s1.primary, s1.epoch, s1.delay = "b:1", 6, 150*time.Millisecond })
		time.Sleep(3 * time.Second)
		calls := a.calls
		for range 20 {
			w.do(func() { b.fates = []error{errReadOnly} }) // a reason to check again
			wantServer(t, s, "b:1")
			time.Sleep(77 * time.Millisecond)
		}
		require.Equal(t, calls, a.calls, "%d calls went to the old primary", a.calls-calls)
		w.do(func() { s1.err = errRefused }) // the sentinel dies during the failover
		time.Sleep(3 * time.Second)
		wantServer(t, s, "a:1")
	})
}

func TestServerThatIsNoPrimaryIsNotFollowed(t *testing.T) {
	for _, denies := range []string{"", "ROLE"} {
		s1, s2, s3 := three("a:1")
		a, b := server("a:1", "slave"), server("b:1", "master")
		a.denies = denies
		w := newWorld(s1, s2, s3, a, b)
		inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
			time.AfterFunc(700*time.Millisecond, func() { w.do(func() { s3.primary, s3.epoch = "b:1", 6 }) })
			start := time.Now()
			wantServer(t, s, "b:1")
			require.LessOrEqual(t, time.Since(start), time.Second, "it took too long")
			require.Equal(t, 0, a.calls, "a replica")
		})
	}
}

// Requests that are safe to repeat are repeated, with all requests behind them. No other
// request is repeated.
func TestWhatIsSentAgain(t *testing.T) {
	wrongType := driver.Fail(driver.ErrWrongType, driver.NotApplied, nil)
	for _, tt := range []struct {
		name  string
		fates []error // of requests at the old primary
		sent  int     // number of requests to the new primary
		want  []error
	}{
		{"all was refused", []error{errReadOnly, errReadOnly, errReadOnly}, 3, []error{nil, nil, nil}},
		{"the end was refused", []error{nil, errReadOnly, errLoading}, 2, []error{nil, nil, nil}},
		{"the middle was refused", []error{nil, errReadOnly, nil}, 0, []error{nil, driver.ErrReadOnly, nil}},
		{"the last may have been done", []error{nil, errReadOnly, errLost}, 0, []error{nil, driver.ErrReadOnly, driver.ErrUnknownOutcome}},
		{"the first may have been done", []error{errLost, errReadOnly, errReadOnly}, 2, []error{driver.ErrUnknownOutcome, nil, nil}},
		{"all may have been done", []error{errLost, errLost, errLost}, 0, []error{driver.ErrUnknownOutcome, driver.ErrUnknownOutcome, driver.ErrUnknownOutcome}},
		{"another mistake", []error{nil, wrongType, errReadOnly}, 1, []error{nil, driver.ErrWrongType, nil}},
	} {
		s1, s2, s3 := three("a:1")
		a, b := server("a:1", "master"), server("b:1", "slave")
		w := newWorld(s1, s2, s3, a, b)
		inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
			wantServer(t, s, "a:1")
			w.do(func() {
				a.fates = tt.fates
				a.role, b.role = "slave", "master"
				s1.primary, s1.epoch = "b:1", 6
			})
			for i, err := range put(t.Context(), s, len(tt.fates)) {
				require.ErrorIs(t, err, tt.want[i], "%s: entry %d", tt.name, i)
				require.Equal(t, tt.want[i] == nil, err == nil, "%s: entry %d", tt.name, i)
			}
			require.Equal(t, tt.sent, b.calls, "%s: %d entries were sent again, want %d; the old primary got %d", tt.name, b.calls, tt.sent, a.calls-1)
			require.Equal(t, 1+len(tt.fates), a.calls, "%s: %d entries were sent again, want %d; the old primary got %d", tt.name, b.calls, tt.sent, a.calls-1)
		})
	}
}

func TestReadsAreSentAgain(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "slave")
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() {
			a.fates = []error{errLost}
			a.role, b.role = "slave", "master"
			s1.primary, s1.epoch = "b:1", 6
		})
		wantServer(t, s, "b:1")
	})
}

func TestTransactionIsSentAgainAsAWhole(t *testing.T) {
	for _, fate := range []*driver.Error{errReadOnly, errLost} {
		s1, s2, s3 := three("a:1")
		a, b := server("a:1", "master"), server("b:1", "slave")
		w := newWorld(s1, s2, s3, a, b)
		inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
			wantServer(t, s, "a:1")
			w.do(func() {
				a.fates = []error{fate}
				a.role, b.role = "slave", "master"
				s1.primary, s1.epoch = "b:1", 6
			})
			cmds := []*driver.Cmd{driver.NewCmd("SET", driver.Key("k")), driver.NewCmd("GET", driver.Key("k"))}
			err := driver.CapsOf(s).Commander.Do(t.Context(), cmds, driver.Atomic)
			again := err == nil
			require.Equal(t, fate.Outcome == driver.NotApplied, again, "after %v: %v, %d calls at the new primary", fate, err, b.calls)
			require.Equal(t, b.calls == 1, again, "after %v: %v, %d calls at the new primary", fate, err, b.calls)
		})
	}
}

// A primary that replies with refusals is waited for no longer than a server without
// sentinels.
func TestPrimaryThatRefuses(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a := server("a:1", "master")
	w := newWorld(s1, s2, s3, a)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { a.fates = []error{errLoading, errLoading, errLoading, errLoading, errLoading, errLoading} })
		start := time.Now()
		err := put(t.Context(), s, 1)[0]
		require.ErrorIs(t, err, driver.ErrUnavailable)
		require.LessOrEqual(t, time.Since(start), time.Second)
		require.Equal(t, 4, a.calls, "asked %d times", a.calls-1)
		w.do(func() { a.fates = []error{errLoading} })
		wantServer(t, s, "a:1")
	})
}

// Calls wait for a primary, but not in turn for ever.
func TestWaitingForAPrimary(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a := server("a:1", "master")
	w := newWorld(s1, s2, s3, a)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { a.err = errRefused })
		start := time.Now()
		for i, want := range []time.Duration{3 * time.Second, 2 * time.Second, 0, 0} {
			before := time.Now()
			err := put(t.Context(), s, 1)[0]
			require.ErrorIs(t, err, driver.ErrUnavailable, "call %d", i)
			require.NotErrorIs(t, err, driver.ErrUnknownOutcome, "call %d", i)
			require.LessOrEqual(t, time.Since(before), want+500*time.Millisecond, "call %d", i)
		}
		require.GreaterOrEqual(t, time.Since(start), 4*time.Second, "all of them waited")
		time.Sleep(time.Minute)
		w.do(func() { a.err = nil })
		time.Sleep(2 * time.Second)
		start = time.Now()
		wantServer(t, s, "a:1")
		require.Zero(t, time.Since(start), "a primary that is back is found after")
	})
}

func TestCallsKeepTheirDeadline(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a := server("a:1", "master")
	w := newWorld(s1, s2, s3, a)
	a.err = errRefused
	inBubble(t, w, trio, "&op_timeout=2s", func(t *testing.T, s driver.Store) {
		for _, tt := range []struct{ deadline, cancel, want time.Duration }{
			{0, 0, 2 * time.Second},
			{300 * time.Millisecond, 0, 300 * time.Millisecond},
			{0, 200 * time.Millisecond, 200 * time.Millisecond},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			if tt.deadline > 0 {
				ctx, cancel = context.WithTimeout(ctx, tt.deadline)
			}
			if tt.cancel > 0 {
				time.AfterFunc(tt.cancel, cancel)
			}
			start := time.Now()
			err := put(ctx, s, 2)[1]
			require.Equal(t, tt.want, time.Since(start), "%+v", tt)
			require.False(t, ctx.Err() != nil && !errors.Is(err, ctx.Err()), "%+v", tt)
			require.Error(t, err, "%+v", tt)
			cancel()
		}
	})
}

// Calls that wait at a replaced server end, with a true outcome.
func TestCallsUnderWayAtAFrozenPrimary(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "slave")
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "&op_timeout=1m", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { a.silent = true })
		start := time.Now()
		var callers sync.WaitGroup
		callers.Go(func() {
			err := put(t.Context(), s, 1)[0]
			assert.ErrorIs(t, err, driver.ErrUnknownOutcome, "a write ends with %v", err)
			assert.ErrorIs(t, err, driver.ErrUnavailable, "a write ends with %v", err)
			assert.NotErrorIs(t, err, driver.ErrClosed, "a write ends with %v", err)
		})
		callers.Go(func() { wantServer(t, s, "b:1") })
		time.Sleep(3 * time.Second)
		w.do(func() { b.role, s1.primary, s1.epoch = "master", "b:1", 6 })
		callers.Wait()
		require.LessOrEqual(t, time.Since(start), 5*time.Second, "it took too long")
	})
}

// Silence makes the store check the primary, and later calls do not wait there.
func TestSilentPrimaryGetsNoMoreCalls(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a := server("a:1", "master")
	w := newWorld(s1, s2, s3, a)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { a.silent = true })
		for range 3 {
			require.ErrorIs(t, put(t.Context(), s, 1)[0], driver.ErrUnknownOutcome, "a silent primary")
		}
		time.Sleep(2 * time.Second)
		err := put(t.Context(), s, 1)[0]
		require.ErrorIs(t, err, driver.ErrUnavailable, "a primary that is known to be silent")
		require.NotErrorIs(t, err, driver.ErrUnknownOutcome, "a primary that is known to be silent")
		w.do(func() { a.silent = false })
		time.Sleep(2 * time.Second)
		wantServer(t, s, "a:1")
	})
}

func TestOneSentinelThatIsSilentHoldsNothingUp(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "slave")
	s1.silent = true
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		start := time.Now()
		wantServer(t, s, "a:1")
		w.do(func() {
			a.fates = []error{errReadOnly}
			a.role, b.role = "slave", "master"
			s2.primary, s2.epoch, s3.primary, s3.epoch = "b:1", 6, "b:1", 6
		})
		wantServer(t, s, "b:1")
		require.LessOrEqual(t, time.Since(start), 500*time.Millisecond, "it took too long")
	})
}

func TestSentinelsAreLearnt(t *testing.T) {
	s1, s2, s3 := three("a:1")
	double := watching("10.0.0.1:26379", "a:1", 5)
	double.id = s1.id
	s1.knows = []string{s2.addr, s3.addr}
	s2.knows = []string{double.addr, s3.addr}
	s3.knows = []string{double.addr, s2.addr}
	a, b := server("a:1", "master"), server("b:1", "master")
	w := newWorld(s1, s2, s3, double, a, b)
	inBubble(t, w, "s1", "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		time.Sleep(20 * time.Second)
		w.do(func() {
			assert.Equal(t, 1, s2.open, "nodes")
			assert.Equal(t, 1, s3.open, "nodes")
			assert.Equal(t, 0, double.open, "nodes")
			s1.err, double.err = errRefused, errRefused
			s2.primary, s2.epoch = "b:1", 6
		})
		time.Sleep(2 * time.Second)
		wantServer(t, s, "b:1")
		w.do(func() { // s2 is gone for good
			s1.err, s2.err = nil, errRefused
			s1.knows, s3.knows = []string{s3.addr}, []string{s1.addr}
			s1.primary, s1.epoch = "b:1", 6
		})
		time.Sleep(30 * time.Second)
		w.do(func() {
			assert.Equal(t, 0, s2.open, "a sentinel that nobody knows any more is still asked")
		})
	})
}

func TestWhatIsWrongWithTheConfiguration(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*host)
		kind   error
		says   string
	}{
		{"unknown", func(h *host) { h.primary = "" }, driver.ErrUnavailable, "parameter master, m, is no name that the sentinels know; they watch other"},
		{"denied", func(h *host) { h.err = errNoPerm }, driver.ErrAuth, "sentinel_password"},
	} {
		s1, s2, s3 := three("a:1")
		w := newWorld(s1, s2, s3, server("a:1", "master"))
		for _, h := range []*host{s1, s2, s3} {
			tt.change(h)
		}
		inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
			start := time.Now()
			err := put(t.Context(), s, 1)[0]
			require.ErrorIs(t, err, tt.kind, tt.name)
			require.ErrorContains(t, err, tt.says, tt.name)
			require.LessOrEqual(t, time.Since(start), time.Second, tt.name)
			w.do(func() {
				for _, h := range []*host{s1, s2, s3} {
					h.err, h.primary = nil, "a:1"
				}
			})
			time.Sleep(2 * time.Second)
			wantServer(t, s, "a:1")
		})
	}
}

// The primary is replaced in the middle of a scan, or when the last key has come.
func TestScanStaysWithItsServer(t *testing.T) {
	for _, at := range []int{10, scannedKeys} {
		s1, s2, s3 := three("a:1")
		a, b := server("a:1", "master"), server("b:1", "master")
		w := newWorld(s1, s2, s3, a, b)
		inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
			found, last := 0, error(nil)
			for _, err := range driver.CapsOf(s).Scanner.Scan(t.Context(), "*") {
				if last = err; err != nil {
					break
				}
				if found++; found == at {
					w.do(func() { s1.primary, s1.epoch = "b:1", 6 })
					time.Sleep(2 * time.Second)
				}
			}
			require.Equal(t, at, found)
			require.ErrorIs(t, last, driver.ErrUnavailable)
		})
	}
}

func TestStoreHasWhatItsServersHave(t *testing.T) {
	s1, s2, s3 := three("a:1")
	w := newWorld(s1, s2, s3, server("a:1", "master"))
	for _, query := range []string{"", "&read=prefer-replica"} {
		s := w.open(t, trio, query+"&sentinel_password=canary")
		caps := driver.CapsOf(s)
		require.NotNil(t, caps.Commander, "%q: got %+v", query, caps)
		require.NotNil(t, caps.Expirer, "%q: got %+v", query, caps)
		require.NotNil(t, caps.Counter, "%q: got %+v", query, caps)
		require.NotNil(t, caps.Swapper, "%q: got %+v", query, caps)
		require.NotNil(t, caps.Mover, "%q: got %+v", query, caps)
		require.NotNil(t, caps.Scanner, "%q: got %+v", query, caps)
		require.NotNil(t, caps.Flusher, "%q: got %+v", query, caps)
		require.NotNil(t, caps.Pinger, "%q: got %+v", query, caps)
		require.Nil(t, caps.Tracker, "%q: got %+v", query, caps)
		require.Equal(t, query != "", caps.Replicated != nil, "%q: got %+v", query, caps)
		require.Equal(t, 7, caps.Limits.ValueSize, "%q: got %+v", query, caps.Limits)
		require.Equal(t, 3*time.Second, caps.Limits.CallTimeout, "%q: got %+v", query, caps.Limits)
		require.True(t, caps.Commander.Commands().Has("GET"), "%q: got %+v", query, caps.Limits)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
			text := fmt.Sprintf(verb, s)
			require.NotContains(t, text, "canary", "%s shows", verb)
			require.Contains(t, text, "m of sentinels s1:26379", "%s shows", verb)
		}
		require.NoError(t, s.Close())
	}
}

// The test counts the store's own allocations in a call at the primary. In the bubble the
// store does not ask the sentinels meanwhile.
func TestAllocations(t *testing.T) {
	s1, s2, s3 := three("a:1")
	w := newWorld(s1, s2, s3, server("a:1", "master"))
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		keys, entries := []string{"k"}, make([]driver.Entry, 1)
		dst := make([]driver.Value, 1)
		require.NoError(t, s.Set(t.Context(), entries))
		synctest.Wait()
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = s.Set(t.Context(), entries) }), 0.0, "allocations of Set")
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { clear(dst); _ = s.Get(t.Context(), keys, dst) }), 1.0, "allocations of Get")
	})
}

func BenchmarkSet(b *testing.B) {
	s1, s2, s3 := three("a:1")
	w := newWorld(s1, s2, s3, server("a:1", "master"))
	start := time.Now()
	w.now = func() time.Time { return start } // the clock of the drivers has the same cost
	s := w.open(b, trio, "")
	defer s.Close()
	entries := make([]driver.Entry, 1)
	require.NoError(b, s.Set(b.Context(), entries))
	n := &fakeNode{world: w, host: w.hosts["a:1"]}
	b.Run("at the server", func(b *testing.B) {
		for b.Loop() {
			_ = n.Set(b.Context(), entries)
		}
	})
	b.Run("through the store", func(b *testing.B) {
		for b.Loop() {
			_ = s.Set(b.Context(), entries)
		}
	})
}

// Writes at a replaced primary are lost, even if its successor is unreachable from here.
// The last call at a former primary is a scan. Its caller waits for the primary, which is
// frozen.
func TestDisconnectEndsACallInsideOfAScanOfAFormerPrimary(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "master")
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "&op_timeout=1h", func(t *testing.T, s driver.Store) {
		caps := driver.CapsOf(s)
		for _, err := range caps.Scanner.Scan(t.Context(), "*") {
			require.NoError(t, err)
			w.do(func() { s1.primary, s1.epoch = "b:1", 6 })
			time.Sleep(2 * time.Second)
			wantServer(t, s, "b:1")
			w.do(func() { b.silent = true })
			disconnected := make(chan time.Duration)
			go func() {
				time.Sleep(100 * time.Millisecond)
				began := time.Now()
				caps.Disconnector.Disconnect()
				disconnected <- time.Since(began)
			}()
			_, err := get(t.Context(), s)
			require.ErrorIs(t, err, driver.ErrClosed)
			defer func() { require.Zero(t, <-disconnected) }()
			break
		}
	})
}

func TestPrimaryThatWasReplacedGetsNoMoreCalls(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "master")
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { b.err, s1.primary, s1.epoch = errRefused, "b:1", 6 })
		time.Sleep(2 * time.Second)
		err := put(t.Context(), s, 1)[0]
		require.ErrorIs(t, err, driver.ErrUnavailable, "%v, and %d calls at the old primary", err, a.calls-1)
		require.Equal(t, 1, a.calls, "%v, and %d calls at the old primary", err, a.calls-1)
		w.do(func() { b.err = nil })
		wantServer(t, s, "b:1")
	})
}

// A primary that was replaced while no call was under way is closed, and not disconnected: sessions have
// their time, as callers may wait there for an element.
func TestSessionsAtAReplacedPrimaryHaveTheirTime(t *testing.T) {
	s1, s2, s3 := three("a:1")
	a, b := server("a:1", "master"), server("b:1", "master")
	w := newWorld(s1, s2, s3, a, b)
	inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
		wantServer(t, s, "a:1")
		w.do(func() { s1.primary, s1.epoch = "b:1", 6 })
		time.Sleep(2 * time.Second)
		wantServer(t, s, "b:1")
		w.do(func() {
			assert.Zero(t, a.open, "nodes of the old primary")
			assert.Zero(t, a.cut, "nodes that were disconnected")
		})
	})
}

// Sentinels that cannot agree are no wrong configuration, and the next call may succeed.
func TestSentinelsThatAreSplit(t *testing.T) {
	for name, change := range map[string]func(s2, s3 *host){
		"one names the primary":  func(s2, s3 *host) { s2.err, s3.silent = errRefused, true },
		"two name other servers": func(s2, s3 *host) { s2.primary, s3.silent = "b:1", true },
	} {
		t.Run(name, func(t *testing.T) {
			s1, s2, s3 := three("a:1")
			w := newWorld(s1, s2, s3, server("a:1", "master"), server("b:1", "master"))
			change(s2, s3)
			inBubble(t, w, trio, "", func(t *testing.T, s driver.Store) {
				err := put(t.Context(), s, 1)[0]
				if err == nil {
					return // the store has found the primary
				}
				require.NotContains(t, err.Error(), "is no name that the sentinels know")
				require.ErrorIs(t, err, driver.ErrUnavailable)
				w.do(func() { s2.err, s2.primary, s3.silent = nil, "a:1", false })
				time.Sleep(2 * time.Second)
				wantServer(t, s, "a:1")
			})
		})
	}
}
