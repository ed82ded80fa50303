package drivertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/xcachetest"
)

// Concurrency tests many callers of one store. The test fails if a caller gets
// the reply to another call, or if a caller does not leave when the context
// ends. The test also fails if Close leaves a call, a goroutine or a connection
// behind.
func (s *Subject) Concurrency(t *testing.T) {
	t.Run("no reply reaches the wrong caller", s.noReplyReachesTheWrongCaller)
	t.Run("a crowd leaves when it wants", s.aCrowdLeavesWhenItWants)
	t.Run("Close ends abandoned calls", s.closeEndsAbandonedCalls)
	t.Run("Close ends calls that connect", s.closeEndsCallsThatConnect)
}

// Many goroutines read and write values that name their keys. The contexts of
// the calls end at random moments.
func (s *Subject) noReplyReachesTheWrongCaller(t *testing.T) {
	const rivals = 32
	duration := 10 * time.Second
	if testing.Short() {
		duration = 2 * time.Second
	}
	kinds := []storeKind{
		{"driver", func(t testing.TB, addr string) serverStore { return s.open(t, withLongTimeouts(s.Scheme+"://"+addr)) }},
		{"own client", s.openOwn},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
			proxy.Delay(200 * time.Microsecond)
			store := kind.open(t, proxy.Addr())
			var answered, ended atomic.Int64
			var wg sync.WaitGroup
			end := time.Now().Add(duration / time.Duration(len(kinds)))
			for rival := range rivals {
				wg.Go(func() {
					for n := 0; time.Now().Before(end); n++ {
						k := Key(t, fmt.Sprint(rival, ":", n%17))
						ctx, cancel := endingSoon(t)
						switch err := exchange(ctx, store, k, n); {
						case err == nil:
							answered.Add(1)
						case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
							ended.Add(1)
						default:
							t.Error(err)
						}
						cancel()
					}
				})
			}
			wg.Wait()
			t.Logf("%d calls answered, %d ended by their contexts", answered.Load(), ended.Load())
			if answered.Load() == 0 || ended.Load() == 0 {
				t.Error("both must happen")
			}
		})
	}
}

// endingSoon returns the context of one call. The context ends at about the time when the call
// ends, or does not end.
func endingSoon(t *testing.T) (context.Context, context.CancelFunc) {
	after := rand.N(10 * time.Millisecond)
	kind := rand.N(3)
	if kind == 0 {
		return context.WithTimeout(t.Context(), after)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if kind == 1 {
		return ctx, cancel
	}
	timer := time.AfterFunc(after, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// exchange makes the n-th kind of call. exchange returns the error of the call,
// or an error if a value belongs to another key. A missing key is no error.
func exchange(ctx context.Context, store serverStore, k string, n int) error {
	value := "value of " + k + strings.Repeat(".", n%300)
	belongs := func(data []byte, err error, key string) error {
		if err == nil && !strings.HasPrefix(string(data), "value of "+key) {
			return fmt.Errorf("%s holds %q", key, data)
		}
		if errors.Is(err, driver.ErrNotFound) {
			return nil
		}
		return err
	}
	switch n % 6 {
	case 0:
		entries := []driver.Entry{{Key: k, Value: []byte(value), TTL: time.Minute}}
		if err := store.Set(ctx, entries); err != nil {
			return err
		}
		return entries[0].Err
	case 1:
		entries := []driver.Entry{
			{Key: k, Value: []byte(value), TTL: time.Minute},
			{Key: k + "x", Value: []byte("value of " + k + "x"), TTL: time.Minute, Cond: driver.IfAbsent},
		}
		for range rand.N(5) { // so that batches differ in size, and in kind at each position
			ttl := [...]time.Duration{time.Minute, driver.NoExpiry}[rand.N(2)]
			cond := [...]driver.Cond{driver.Always, driver.IfAbsent}[rand.N(2)]
			entry := driver.Entry{Key: k + "x", Value: []byte("value of " + k + "x" + value), TTL: ttl, Cond: cond}
			entries = slices.Insert(entries, rand.N(len(entries))+1, entry)
		}
		if err := store.Set(ctx, entries); err != nil {
			return err
		}
		return entries[0].Err
	case 2:
		values := make([]driver.Value, 2)
		if err := store.Get(ctx, []string{k, k + "x"}, values); err != nil {
			return err
		}
		return errors.Join(belongs(values[0].Data, values[0].Err, k), belongs(values[1].Data, values[1].Err, k+"x"))
	case 3:
		values := make([]driver.Value, 1)
		if err := store.GetTTL(ctx, []string{k}, values); err != nil {
			return err
		}
		if values[0].Err == nil && (values[0].TTL <= 0 || values[0].TTL > time.Minute) {
			return fmt.Errorf("%s has the TTL %v", k, values[0].TTL)
		}
		return belongs(values[0].Data, values[0].Err, k)
	default:
		values := make([]driver.Value, 1)
		if err := store.Get(ctx, []string{k}, values); err != nil {
			return err
		}
		return belongs(values[0].Data, values[0].Err, k)
	}
}

// More callers than any queue holds call a server that does not answer. Each caller
// leaves when the context of the call ends. No caller waits for room in the queue, or
// until the driver gives the server up.
func (s *Subject) aCrowdLeavesWhenItWants(t *testing.T) {
	const crowd = 3000
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.unchecked(t, s.Scheme+"://"+proxy.Addr()+"?pool_size=1&op_timeout=5m&dial_timeout=20s")
	if err := Put(t, store, Key(t, "k"), "v"); err != nil {
		t.Fatal(err)
	}
	proxy.Stall()
	ctx, cancel := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for i := range crowd {
		callers.Go(func() {
			entries := []driver.Entry{{Key: Key(t, fmt.Sprint(i)), Value: []byte("v"), TTL: time.Minute}}
			if err := errors.Join(store.Set(ctx, entries), entries[0].Err); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	time.AfterFunc(300*time.Millisecond, cancel)
	callers.Wait()
	proxy.Resume()
	if err := Put(t, store, Key(t, "k"), "v"); err != nil {
		t.Errorf("when they have left: %v", err)
	}
}

func (s *Subject) closeEndsAbandonedCalls(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.unchecked(t, withLongTimeouts(s.Scheme+"://"+proxy.Addr()))
	var calls []func(context.Context) error
	for i := range 8 {
		calls = append(calls, func(ctx context.Context) error {
			return store.Set(ctx, []driver.Entry{{Key: Key(t, fmt.Sprint(i)), TTL: time.Minute}})
		})
	}
	for _, call := range calls {
		if err := call(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, stall := range []func(){proxy.StallReplies, proxy.Stall} {
		stall()
		var wg sync.WaitGroup
		for _, call := range calls {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Millisecond, cancel)
				if err := call(ctx); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	s.closePromptly(t, store)
	proxy.Resume() // so that the proxy sees the end of its connections
	Eventually(t, func() bool { return proxy.OpenConnections() == 0 }, func() string { return "connections are left" })
}

func (s *Subject) closeEndsCallsThatConnect(t *testing.T) {
	store := s.unchecked(t, withLongTimeouts(s.Scheme+"://"+SilentAddr(t)))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := store.Delete(ctx, []string{"k"})
	WantErr(t, err, driver.NotApplied, context.DeadlineExceeded)
	s.closePromptly(t, store)
}

// closePromptly closes a store on which calls hang. The test fails if Close takes long, or if
// a goroutine of the store is left.
func (s *Subject) closePromptly(t testing.TB, store driver.Store) {
	t.Helper()
	watch := stopwatch.Start()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if took := watch.Stop(); took > 2*time.Second { // a call without an end takes longTimeout
		t.Errorf("Close took %v", took)
	}
	s.AwaitNoGoroutines(t)
}
