package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// TestGetOrSetLoadsOnce has callers come while the loader runs.
func TestGetOrSetLoadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t)
		v := xcache.For[string](c)
		var loads atomic.Int32
		load := func(context.Context) (string, error) {
			loads.Add(1)
			time.Sleep(time.Second)
			return "loaded", nil
		}
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 5 * time.Millisecond)
				got, err := v.GetOrSet(t.Context(), "k", load, xcache.TTL(time.Hour))
				assert.NoError(t, err)
				assert.Equal(t, "loaded", got)
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, loads.Load(), "loads")
		got := s.written()
		require.Len(t, got, 1, "found")
		require.Equal(t, time.Hour, got[0].TTL, "found")
		require.Equal(t, driver.IfAbsent, got[0].Cond, "found")
		require.NoError(t, second(v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { panic("the loader ran") })))
	})
}

// A caller that has missed, and comes to load only after another's load has
// ended, finds what that one stored.
func TestGetOrSetLateComerDoesNotLoadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeStore(t)
		v := xcache.For[string](newCache(t, &hidingStore{fakeStore: s, hide: 1}))
		late := make(chan struct{})
		var gets atomic.Int32
		s.before = func(_ context.Context, method string, _ []string) error {
			if method == "Get" && gets.Add(1) == 1 {
				<-late // it takes the miss its time to come back
			}
			return nil
		}
		finished := make(chan string)
		go func() {
			got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				assert.Fail(t, "the late comer loaded again")
				return "again", nil
			})
			assert.NoError(t, err)
			finished <- got
		}()
		synctest.Wait()
		got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "first", nil })
		require.NoError(t, err)
		require.Equal(t, "first", got)
		close(late)
		require.Equal(t, "first", <-finished, "the late comer")
	})
}

// A hidingStore answers its first reads with a miss, whatever there is.
type hidingStore struct {
	*fakeStore
	hide  int32
	reads atomic.Int32
}

func (s *hidingStore) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	hidden := s.reads.Add(1) <= s.hide
	if err := s.fakeStore.Get(ctx, keys, dst); err != nil || !hidden {
		return err
	}
	for i := range dst {
		dst[i] = driver.Value{Err: driver.ErrNotFound}
	}
	return nil
}

func TestGetOrSetOnAMissAsksTheStoreThreeTimes(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[string](c)
	for _, key := range []string{"a", "b"} {
		s.reset()
		require.NoError(t, second(v.GetOrSet(t.Context(), key, func(context.Context) (string, error) { return "x", nil })))
		require.Equal(t, 1, s.count("Get"), "calls of the store")
		require.Equal(t, 1, s.count("Lease"), "calls of the store")
		require.Equal(t, 1, s.count("Fill"), "calls of the store")
		require.Equal(t, 3, s.total(), "calls of the store")
	}
}

func TestGetOrSetLoaderErrorIsReturnedAndNothingStored(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[string](c)
	for _, failed := range []error{errors.New("no rows"), xcache.ErrNotFound, &xcache.OpError{Op: "get", Err: xcache.ErrClosed}, context.Canceled} {
		got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "half", failed })
		require.Same(t, failed, err)
		require.Empty(t, got)
	}
	require.Empty(t, s.stored(t), "stored")
	got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "fine", nil })
	require.NoError(t, err, "afterwards")
	require.Equal(t, "fine", got, "afterwards")
}

func TestGetOrSetPanicReachesEveryCaller(t *testing.T) {
	for name, value := range map[string]any{"text": "boom", "error": &clientError{9}, "nil": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := newFake(t)
				v := xcache.For[string](c)
				var caught atomic.Int32
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						defer func() {
							p := recover()
							err, ok := p.(error)
							if !assert.True(t, ok, "panicked with %v", p) {
								return
							}
							text := err.Error()
							if value != nil {
								assert.True(t, strings.HasPrefix(text, fmt.Sprint(value)), "the panic does not show its value and the loader's stack:\n%s", text)
							}
							assert.Contains(t, text, "explodingLoader", "the panic does not show its value and the loader's stack")
							if want, ok := value.(error); ok {
								require.ErrorIs(t, err, want)
							}
							caught.Add(1)
						}()
						_, _ = v.GetOrSet(t.Context(), "k", explodingLoader(value))
					})
				}
				wg.Wait()
				require.EqualValues(t, 10, caught.Load(), "callers of 10 that panicked")
				require.Empty(t, s.stored(t), "stored")
				got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "fine", nil })
				require.NoError(t, err, "afterwards")
				require.Equal(t, "fine", got, "afterwards")
				require.NoError(t, c.Close())
			})
		})
	}
}

func explodingLoader(value any) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		time.Sleep(time.Second)
		panic(value)
	}
}

func TestGetOrSetLoaderThatExitsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[string](c)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				_, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
					time.Sleep(time.Second)
					runtime.Goexit()
					return "", nil
				})
				if assert.ErrorContains(t, err, "Goexit") {
					oneLine(t, err)
				}
			})
		}
		wg.Wait()
		require.NoError(t, second(v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "fine", nil })))
	})
}

func TestGetOrSetCallerLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[string](c)
		load := func(ctx context.Context) (string, error) {
			select {
			case <-ctx.Done():
				assert.Fail(t, "the loader's context ended")
			case <-time.After(time.Second):
			}
			return "loaded", nil
		}
		impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		left := make(chan error)
		go func() { left <- second(v.GetOrSet(impatient, "k", load)) }() // it starts the load
		synctest.Wait()
		stayed := make(chan string)
		go func() {
			got, err := v.GetOrSet(t.Context(), "k", load)
			assert.NoError(t, err)
			stayed <- got
		}()
		start := time.Now()
		err := <-left
		require.ErrorIs(t, err, context.DeadlineExceeded)
		oneLine(t, err)
		require.Equal(t, 10*time.Millisecond, time.Since(start), "when the impatient caller left")
		require.Equal(t, "loaded", <-stayed, "the other")
	})
}

func TestGetOrSetLastCallerToLeaveEndsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t)
		v := xcache.For[string](c)
		ended := make(chan error, 1)
		slow := func(ctx context.Context) (string, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			time.Sleep(time.Minute) // it does not notice
			return "too late", nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { require.ErrorIs(t, second(v.GetOrSet(ctx, "k", slow)), context.DeadlineExceeded) })
		}
		wg.Wait()
		synctest.Wait()
		select {
		case err := <-ended:
			require.ErrorIs(t, err, context.Canceled)
		default:
			require.Fail(t, "the loader's context goes on")
		}
		// The next callers do not wait for a loader that nobody wants, and
		// share theirs also when that one ends at last.
		start := time.Now()
		var loads atomic.Int32
		for i := range 3 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 45 * time.Second)
				got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
					loads.Add(1)
					time.Sleep(2 * time.Minute)
					return "fresh", nil
				})
				assert.NoError(t, err)
				assert.Equal(t, "fresh", got)
				assert.Equal(t, 2*time.Minute, time.Since(start))
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, loads.Load(), "loads")
		got, err := v.Get(t.Context(), "k")
		require.NoError(t, err, "afterwards")
		require.Equal(t, "fresh", got, "afterwards")
		require.Equal(t, 1, s.count("Fill"), "fills")
	})
}

type contextKey struct{}

func TestGetOrSetLoaderHasTheFirstCallersValuesAndNoDeadline(t *testing.T) {
	_, c := newFake(t)
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), contextKey{}, "trace"), time.Minute)
	defer cancel()
	require.NoError(t, second(xcache.For[string](c).GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
		assert.Equal(t, "trace", ctx.Value(contextKey{}), "the context lost its values")
		_, ok := ctx.Deadline()
		assert.False(t, ok, "the context has a deadline")
		return "x", nil
	})))
}

func TestGetOrSetRacingWriterWins(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[string](c)
	got, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
		return "mine", v.Set(ctx, "k", "theirs")
	})
	require.NoError(t, err)
	require.Equal(t, "theirs", got)
	got, err = v.Get(ctx, "k")
	require.NoError(t, err, "stored")
	require.Equal(t, "theirs", got, "stored")
}

// The winner may be gone again before it is read.
func TestGetOrSetRacingWriterWhoseValueIsGone(t *testing.T) {
	ctx := t.Context()
	s := newFakeStore(t)
	hiding := &hidingStore{fakeStore: s, hide: 100}
	v := xcache.For[string](newCache(t, hiding))
	require.NoError(t, v.Set(ctx, "k", "theirs"))
	got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "mine", nil })
	require.NoError(t, err)
	require.Equal(t, "mine", got)
}

func TestGetOrSetOfOneKeyAsTwoTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := xcache.For[any](c).GetOrSet(t.Context(), "k", func(context.Context) (any, error) {
				time.Sleep(2 * time.Second)
				return "slow", nil
			})
			assert.NoError(t, err, "any")
			assert.Equal(t, "fast", got, "any")
		})
		wg.Go(func() {
			got, err := xcache.For[string](c).GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(time.Second)
				return "fast", nil
			})
			assert.NoError(t, err, "string")
			assert.Equal(t, "fast", got, "string")
		})
		wg.Wait()
	})
}

func TestGetOrSetOfDifferentKeysDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[int](c)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 10 {
			view := v
			if i >= 5 { // the same key of another version is another key
				view = v.With(xcache.WithVersion(2))
			}
			wg.Go(func() {
				got, err := view.GetOrSet(t.Context(), fmt.Sprint(i%5), func(context.Context) (int, error) {
					time.Sleep(time.Second)
					return i, nil
				})
				assert.NoError(t, err)
				assert.Equal(t, i, got)
			})
		}
		wg.Wait()
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestGetOrSetWithABrokenCacheDoesNotLoad(t *testing.T) {
	s, c := newFake(t)
	s.before = func(context.Context, string, []string) error {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &clientError{1})
	}
	_, err := xcache.For[string](c).GetOrSet(t.Context(), "k", func(context.Context) (string, error) { panic("the loader ran") })
	require.ErrorIs(t, err, xcache.ErrUnavailable)
}

// The loader may use the cache, other keys of GetOrSet included.
func TestGetOrSetNested(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c)
	got, err := v.GetOrSet(t.Context(), "outer", func(ctx context.Context) (string, error) {
		inner, err := v.GetOrSet(ctx, "inner", func(context.Context) (string, error) { return "in", nil })
		return inner + "side", err
	})
	require.NoError(t, err)
	require.Equal(t, "inside", got)
}

// TestGetOrSetUnderFire mixes cancels, panics, errors and deletes.
func TestGetOrSetUnderFire(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[int](c)
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for n := range 200 {
				func() {
					defer func() { _ = recover() }()
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					if n%5 == 0 {
						go cancel()
					}
					got, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (int, error) {
						switch (n + worker) % 7 {
						case 0:
							panic("boom")
						case 1:
							return 0, errors.New("no")
						case 2:
							<-time.After(time.Microsecond)
						}
						return 42, ctx.Err()
					})
					if err == nil {
						assert.Equal(t, 42, got)
					}
					if n%3 == 0 {
						_, _ = c.Delete(context.Background(), "k")
					}
				}()
			}
		})
	}
	wg.Wait()
	require.NoError(t, c.Close())
}
