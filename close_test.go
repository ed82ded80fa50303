package xcache_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	_ "github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

func TestEveryOperationAfterCloseIsErrClosed(t *testing.T) {
	eachOperation(t, func(t *testing.T, s *fakeStore, v *xcache.View[string], run func(context.Context, *xcache.View[string]) error) {
		require.NoError(t, v.With(xcache.WithPrefix("view")).Close()) // any view closes the store
		for _, view := range []*xcache.View[string]{v, v.With(xcache.WithPrefix("other"))} {
			err := run(t.Context(), view)
			require.ErrorIs(t, err, xcache.ErrClosed)
			oneLine(t, err)
			require.NotErrorIs(t, err, xcache.ErrUnknownOutcome, "the outcome of a call after Close is unknown")
		}
		require.Zero(t, s.late, "calls after Close")
		require.Equal(t, 1, s.closed, "times the store was closed")
	})
}

// closingStore is a store whose Close fails.
type closingStore struct {
	driver.Store
	err    error
	closes atomic.Int32
}

func (s *closingStore) Close() error {
	s.closes.Add(1)
	return errors.Join(s.err, s.Store.Close())
}

func TestCloseIsIdempotentAndConcurrent(t *testing.T) {
	failed := &clientError{3}
	s := &closingStore{Store: newFakeStore(t), err: failed}
	c, err := xcache.New(s)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			assert.ErrorIs(t, c.Close(), failed, "Close")
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, s.closes.Load(), "times the store was closed")
	require.EqualError(t, c.Close(), "xcache: close: client error 3", "Close")
}

func TestCloseWaitsForOperationsUnderWay(t *testing.T) {
	eachOperation(t, func(t *testing.T, _ *fakeStore, _ *xcache.View[string], run func(context.Context, *xcache.View[string]) error) {
		synctest.Test(t, func(t *testing.T) {
			s, c := newFake(t)
			v := xcache.For[string](c)
			fill(t, v)
			release := make(chan struct{})
			s.before = func(context.Context, string, []string) error { <-release; return nil }
			finished := make(chan error, 1)
			go func() { finished <- run(t.Context(), v) }()
			synctest.Wait()

			closed := make(chan struct{})
			go func() {
				assert.NoError(t, c.Close())
				close(closed)
			}()
			synctest.Wait()
			require.ErrorIs(t, v.Set(t.Context(), "k", "x"), xcache.ErrClosed) // new calls are refused meanwhile
			select {
			case <-closed:
				require.Fail(t, "Close did not wait")
			default:
			}
			close(release)
			<-closed
			require.NoError(t, <-finished)
			require.Zero(t, s.late, "calls of the store after its Close")
		})
	})
}

// Calls at a frozen server wait until the end of their contexts.
func TestCloseDisconnectsAfterOpTimeout(t *testing.T) {
	for _, name := range sortedKeys(operations) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeStore(t)
				s.caps = func(caps *driver.Caps) { caps.Disconnector = s }
				c := newCache(t, s, xcache.WithOpTimeout(2*time.Second))
				v := xcache.For[string](c)
				fill(t, v)
				s.before = func(ctx context.Context, method string, _ []string) error {
					if method == "Disconnect" {
						return nil
					}
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-s.disconnected:
						return driver.Fail(driver.ErrClosed, driver.Unknown, nil)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				finished := make(chan error, 1)
				go func() { finished <- operations[name](ctx, v) }()
				synctest.Wait()
				start := time.Now()
				require.NoError(t, c.Close())
				require.Equal(t, 2*time.Second, time.Since(start))
				err := <-finished
				require.ErrorIs(t, err, xcache.ErrClosed)
				require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
				require.Equal(t, 1, s.count("Disconnect"))
				require.Zero(t, s.late)
			})
		})
	}
}

func TestCloseOfAnIdleCacheDoesNotDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		s.caps = func(caps *driver.Caps) { caps.Disconnector = s }
		c := newCache(t, s)
		start := time.Now()
		require.NoError(t, c.Close())
		require.Zero(t, time.Since(start))
		time.Sleep(time.Hour)
		require.Zero(t, s.count("Disconnect"))
	})
}

// The calls of a loader are in flight as well.
func TestCloseDisconnectsTheCallsOfALoader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		s.caps = func(caps *driver.Caps) { caps.Disconnector = s }
		c := newCache(t, s, xcache.WithOpTimeout(2*time.Second))
		v := xcache.For[string](c)
		s.before = func(_ context.Context, _ string, keys []string) error {
			if slices.Contains(keys, ":1:slow") {
				<-s.disconnected
				return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
			}
			return nil
		}
		finished := make(chan error, 1)
		go func() {
			_, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				return v.Get(context.Background(), "slow")
			})
			finished <- err
		}()
		synctest.Wait()
		start := time.Now()
		require.NoError(t, c.Close())
		require.Equal(t, 2*time.Second, time.Since(start))
		require.ErrorIs(t, <-finished, xcache.ErrClosed)
	})
}

func TestCloseWhileOperationsCome(t *testing.T) {
	for range 20 {
		s, c := newFake(t)
		v := xcache.For[int](c)
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 16 {
			wg.Go(func() {
				<-start
				for {
					err := v.Set(context.Background(), "k", i)
					if err == nil {
						_, err = v.GetOrSet(context.Background(), "l", func(context.Context) (int, error) { return 1, nil })
					}
					if err != nil {
						assert.ErrorIs(t, err, xcache.ErrClosed)
						return
					}
				}
			})
		}
		close(start)
		time.Sleep(time.Millisecond)
		require.NoError(t, c.Close())
		wg.Wait()
		require.Zero(t, s.late, "calls after Close")
		require.Equal(t, 1, s.closed, "times the store was closed")
	}
}

func TestCloseEndsTheContextsOfLoaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t)
		v := xcache.For[string](c)
		loader := func(ctx context.Context) (string, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // the store notices late
			return "", ctx.Err()
		}
		finished := make(chan error, 2)
		for range 2 {
			go func() { finished <- second(v.GetOrSet(t.Context(), "k", loader)) }()
		}
		synctest.Wait()
		start := time.Now()
		require.NoError(t, c.Close())
		require.Equal(t, time.Second, time.Since(start), "Close waited for the loader")
		for range 2 {
			err := <-finished
			require.ErrorIs(t, err, xcache.ErrClosed)
			require.ErrorIs(t, err, context.Canceled)
			oneLine(t, err)
		}
		require.Zero(t, s.late, "calls of the store after its Close")
		require.ErrorIs(t, second(v.GetOrSet(t.Context(), "k", loader)), xcache.ErrClosed)
	})
}

func TestLoaderThatIgnoresCloseStillGivesItsValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[string](c)
		type result struct {
			value string
			err   error
		}
		finished := make(chan result)
		go func() {
			value, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(time.Second)
				return "loaded", nil
			})
			finished <- result{value, err}
		}()
		synctest.Wait()
		go func() {
			assert.NoError(t, c.Close())
		}()
		got := <-finished
		require.Equal(t, "loaded", got.value)
		require.ErrorIs(t, got.err, xcache.ErrClosed) // the value was not stored
	})
}

func TestPanicInAnOperationLeavesNothingStuck(t *testing.T) {
	eachOperation(t, func(t *testing.T, s *fakeStore, v *xcache.View[string], run func(context.Context, *xcache.View[string]) error) {
		s.before = func(context.Context, string, []string) error { panic("the driver broke") }
		func() {
			defer func() {
				require.NotNil(t, recover(), "the panic did not reach the caller")
			}()
			_ = run(t.Context(), v)
		}()
		s.before = nil
		require.NoError(t, v.Set(t.Context(), "k", "x"))
		require.NoError(t, v.Close())
	})
}

func TestPanicInALoopOverKeysLeavesNothingStuck(t *testing.T) {
	_, c := newFake(t)
	require.NoError(t, xcache.For[int](c).Set(t.Context(), "k", 1))
	func() {
		defer func() {
			require.Equal(t, "stop", recover(), "the panic did not reach the caller")
		}()
		for _, err := range c.Keys(t.Context(), "*") {
			require.NoError(t, err)
			panic("stop")
		}
	}()
	require.NoError(t, c.Close())
}

// The encoding of an explosive panics, which must be no worse than a driver that panics.
type explosive struct{}

func (explosive) MarshalJSON() ([]byte, error) { panic("boom") }

func TestPanicInAnEncoderLeavesNothingStuck(t *testing.T) {
	_, c := newFake(t)
	func() {
		defer func() { _ = recover() }() // the codec may return an error instead
		require.Error(t, xcache.For[explosive](c).Set(t.Context(), "k", explosive{}), "it was stored")
	}()
	require.NoError(t, c.Close())
}

func TestCloseOfAViewWithABadOption(t *testing.T) {
	s, c := newFake(t)
	require.NoError(t, c.With(xcache.WithTTL(0)).Close())
	require.Equal(t, 1, s.closed, "the store was not closed")
}

// A waiting caller is told at once, on every store: before the time-out of the command, and
// before op_timeout. drivertest.WaitFaults checks the drivers for servers.
func TestCloseEndsCallersWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := xcache.OpenDSN("memory://")
		require.NoError(t, err)
		lists, err := mixins.NewLists[string](c)
		require.NoError(t, err)
		var waiting sync.WaitGroup
		for i := range 5 {
			waiting.Go(func() {
				_, err := lists.BLPop(t.Context(), time.Duration(i)*time.Hour, "k")
				assert.ErrorIs(t, err, xcache.ErrClosed)
				assert.NotErrorIs(t, err, xcache.ErrUnknownOutcome)
			})
		}
		synctest.Wait()
		start := time.Now()
		require.NoError(t, c.Close())
		waiting.Wait()
		require.Zero(t, time.Since(start))
		_, err = lists.BLPop(t.Context(), 0, "k")
		require.ErrorIs(t, err, xcache.ErrClosed)
	})
}
