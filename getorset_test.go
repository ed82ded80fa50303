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
				if got, err := v.GetOrSet(t.Context(), "k", load, xcache.TTL(time.Hour)); got != "loaded" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		wg.Wait()
		if n := loads.Load(); n != 1 {
			t.Errorf("%d loads", n)
		}
		if got := s.written(); len(got) != 1 || got[0].TTL != time.Hour || got[0].Cond != driver.IfAbsent {
			t.Errorf("written: %+v", got)
		}
		must(t, second(v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { panic("the loader ran") })))
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
				t.Error("the late comer loaded again")
				return "again", nil
			})
			if err != nil {
				t.Error(err)
			}
			finished <- got
		}()
		synctest.Wait()
		got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "first", nil })
		if got != "first" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		close(late)
		if got := <-finished; got != "first" {
			t.Errorf("the late comer got %q", got)
		}
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

func TestGetOrSetOnAMissAsksTheStoreTwice(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[string](c)
	for _, key := range []string{"a", "b"} {
		s.reset()
		must(t, second(v.GetOrSet(t.Context(), key, func(context.Context) (string, error) { return "x", nil })))
		if gets, sets := s.count("Get"), s.count("Set"); gets != 1 || sets != 1 || s.total() != 2 {
			t.Errorf("%d Gets, %d Sets of %d calls", gets, sets, s.total())
		}
	}
}

func TestGetOrSetLoaderErrorIsReturnedAndNothingStored(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[string](c)
	for _, failed := range []error{errors.New("no rows"), xcache.ErrNotFound, &xcache.OpError{Op: "get", Err: xcache.ErrClosed}, context.Canceled} {
		got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "half", failed })
		if err != failed || got != "" { //nolint:errorlint // the very error is promised
			t.Errorf("%q, %v; want %v", got, err, failed)
		}
	}
	wantEqual(t, "stored", s.stored(t), nil)
	got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "fine", nil })
	if got != "fine" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
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
							if !ok {
								t.Errorf("panicked with %v", p)
								return
							}
							text := err.Error()
							if value != nil && !strings.HasPrefix(text, fmt.Sprint(value)) || !strings.Contains(text, "explodingLoader") {
								t.Errorf("the panic does not show its value and the loader's stack:\n%s", text)
							}
							if want, ok := value.(error); ok {
								wantIs(t, err, want)
							}
							caught.Add(1)
						}()
						_, _ = v.GetOrSet(t.Context(), "k", explodingLoader(value))
					})
				}
				wg.Wait()
				if n := caught.Load(); n != 10 {
					t.Errorf("%d callers of 10 panicked", n)
				}
				wantEqual(t, "stored", s.stored(t), nil)
				got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "fine", nil })
				if got != "fine" || err != nil {
					t.Errorf("afterwards: %q, %v", got, err)
				}
				must(t, c.Close())
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
				if err == nil || !strings.Contains(err.Error(), "Goexit") {
					t.Errorf("got %v", err)
					return
				}
				oneLine(t, err)
			})
		}
		wg.Wait()
		must(t, second(v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "fine", nil })))
	})
}

func TestGetOrSetCallerLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[string](c)
		load := func(ctx context.Context) (string, error) {
			select {
			case <-ctx.Done():
				t.Error("the loader's context ended")
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
			if err != nil {
				t.Error(err)
			}
			stayed <- got
		}()
		start := time.Now()
		err := <-left
		wantIs(t, err, context.DeadlineExceeded)
		oneLine(t, err)
		if waited := time.Since(start); waited != 10*time.Millisecond {
			t.Errorf("the impatient caller left after %v", waited)
		}
		if got := <-stayed; got != "loaded" {
			t.Errorf("the other got %q", got)
		}
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
			wg.Go(func() { wantIs(t, second(v.GetOrSet(ctx, "k", slow)), context.DeadlineExceeded) })
		}
		wg.Wait()
		synctest.Wait()
		select {
		case err := <-ended:
			wantIs(t, err, context.Canceled)
		default:
			t.Fatal("the loader's context goes on")
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
				if got != "fresh" || err != nil || time.Since(start) != 2*time.Minute {
					t.Errorf("%q, %v after %v", got, err, time.Since(start))
				}
			})
		}
		wg.Wait()
		if n := loads.Load(); n != 1 {
			t.Errorf("%d loads", n)
		}
		if got, err := v.Get(t.Context(), "k"); got != "fresh" || err != nil {
			t.Errorf("afterwards: %q, %v", got, err)
		}
		if n := s.count("Set"); n != 1 {
			t.Errorf("%d Sets", n)
		}
	})
}

type contextKey struct{}

func TestGetOrSetLoaderHasTheFirstCallersValuesAndNoDeadline(t *testing.T) {
	_, c := newFake(t)
	ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), contextKey{}, "trace"), time.Minute)
	defer cancel()
	must(t, second(xcache.For[string](c).GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
		if ctx.Value(contextKey{}) != "trace" {
			t.Error("the context lost its values")
		}
		if _, ok := ctx.Deadline(); ok {
			t.Error("the context has a deadline")
		}
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
	if got != "theirs" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := v.Get(ctx, "k"); got != "theirs" || err != nil {
		t.Errorf("stored: %q, %v", got, err)
	}
}

// The winner may be gone again before it is read.
func TestGetOrSetRacingWriterWhoseValueIsGone(t *testing.T) {
	ctx := t.Context()
	s := newFakeStore(t)
	hiding := &hidingStore{fakeStore: s, hide: 100}
	v := xcache.For[string](newCache(t, hiding))
	must(t, v.Set(ctx, "k", "theirs"))
	got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "mine", nil })
	if got != "mine" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
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
			if got != "fast" || err != nil {
				t.Errorf("any: %v, %v", got, err)
			}
		})
		wg.Go(func() {
			got, err := xcache.For[string](c).GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(time.Second)
				return "fast", nil
			})
			if got != "fast" || err != nil {
				t.Errorf("string: %v, %v", got, err)
			}
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
				if got != i || err != nil {
					t.Errorf("%d: %d, %v", i, got, err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestGetOrSetWithABrokenCacheDoesNotLoad(t *testing.T) {
	s, c := newFake(t)
	s.before = func(context.Context, string, []string) error {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &clientError{1})
	}
	_, err := xcache.For[string](c).GetOrSet(t.Context(), "k", func(context.Context) (string, error) { panic("the loader ran") })
	wantIs(t, err, xcache.ErrUnavailable)
}

// The loader may use the cache, other keys of GetOrSet included.
func TestGetOrSetNested(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c)
	got, err := v.GetOrSet(t.Context(), "outer", func(ctx context.Context) (string, error) {
		inner, err := v.GetOrSet(ctx, "inner", func(context.Context) (string, error) { return "in", nil })
		return inner + "side", err
	})
	if got != "inside" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
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
					if err == nil && got != 42 {
						t.Errorf("got %d", got)
					}
					if n%3 == 0 {
						_, _ = c.Delete(context.Background(), "k")
					}
				}()
			}
		})
	}
	wg.Wait()
	must(t, c.Close())
}
