package xcache_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// text returns a loader that returns a text.
func text(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

func TestGetOrSetReplacesWhatItCannotRead(t *testing.T) {
	type before struct{ ID string }
	type after struct{ ID int64 }
	load := func(context.Context) (after, error) { return after{42}, nil }
	for _, test := range []struct {
		name string
		caps func(*driver.Caps)
	}{
		{"in one step", nil},
		{"without compare-and-swap", func(caps *driver.Caps) { caps.Swapper = nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			var heard listener
			s := newFakeStore(t)
			s.caps = test.caps
			c := newCache(t, s, xcache.WithObserver(&heard), xcache.WithName("users"))
			require.NoError(t, xcache.For[before](c.Namespace("user")).Set(ctx, "k", before{"old"}))

			v := xcache.For[after](c.Namespace("user"))
			_, err := v.Get(ctx, "k")
			require.ErrorIs(t, err, xcache.ErrCorrupt, "Get tells")
			got, err := v.GetOrSet(ctx, "k", load, xcache.TTL(time.Hour))
			require.NoError(t, err)
			require.Equal(t, after{42}, got)
			stored, err := v.Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, after{42}, stored)
			ttl, err := v.TTL(ctx, "k")
			require.NoError(t, err)
			require.Greater(t, ttl, xcache.DefaultTTL)

			require.Len(t, heard.events, 1)
			event := heard.events[0]
			require.ErrorIs(t, event.Err, xcache.ErrCorrupt)
			event.Err = nil
			require.Equal(t, xcache.Event{Cache: "users", Namespace: "user", Kind: driver.UnreadableValueReplaced, Key: "k"}, event)
		})
	}
}

// A value that somebody stored while the loader ran is newer than the unreadable value, and
// wins.
func TestGetOrSetLeavesWhatReplacedTheUnreadable(t *testing.T) {
	ctx := t.Context()
	for _, caps := range []func(*driver.Caps){nil, func(caps *driver.Caps) { caps.Swapper = nil }} {
		s := newFakeStore(t)
		s.caps = caps
		v := xcache.For[string](newCache(t, s))
		bad := []driver.Entry{{Key: ":1:k", Value: []byte("{"), TTL: driver.NoExpiry}}
		require.NoError(t, s.store.Set(ctx, bad))
		got, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
			return "loaded", v.Set(ctx, "k", "theirs")
		})
		require.NoError(t, err)
		require.Equal(t, "theirs", got)

		require.NoError(t, s.store.Set(ctx, bad))
		got, err = v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
			return "loaded", s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: []byte("["), TTL: driver.NoExpiry}})
		})
		require.NoError(t, err, "what replaced it is unreadable, too")
		require.Equal(t, "loaded", got)
		require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrCorrupt, "and newer than what was loaded")
	}
}

func TestGetOrSetOfATypeThatNoCodecReadsIsAnError(t *testing.T) {
	s, c := newFake(t)
	require.NoError(t, s.store.Set(t.Context(), []driver.Entry{{Key: ":1:k", Value: []byte("null"), TTL: driver.NoExpiry}}))
	_, err := xcache.For[chan int](c).GetOrSet(t.Context(), "k", func(context.Context) (chan int, error) { return nil, nil })
	require.ErrorIs(t, err, xcache.ErrUnsupportedValue)
}

func TestLoadersThatNeedThemselvesFailAtOnce(t *testing.T) {
	for _, test := range []struct {
		name string
		// needs has the keys that the loader of a key reads.
		needs map[string][]string
		first []string
	}{
		{"its own key", map[string][]string{"a": {"a"}}, []string{"a"}},
		{"through another", map[string][]string{"a": {"b"}, "b": {"a"}}, []string{"a"}},
		{"through two others", map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a"}}, []string{"a"}},
		{"two that need each other", map[string][]string{"a": {"b"}, "b": {"a"}}, []string{"a", "b"}},
		{"three in a ring", map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a"}}, []string{"a", "b", "c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // a caller that waited for its own load would be a deadlock
				_, c := newFake(t)
				_, other := newFake(t)
				views := map[string]*xcache.View[string]{"a": xcache.For[string](c), "b": xcache.For[string](other), "c": xcache.For[string](c)}
				started := make(map[string]chan struct{})
				for _, key := range test.first {
					started[key] = make(chan struct{})
				}
				var get func(ctx context.Context, key string) (string, error)
				get = func(ctx context.Context, key string) (string, error) {
					return views[key].GetOrSet(ctx, key, func(ctx context.Context) (string, error) {
						if start := started[key]; start != nil {
							close(start)
							for _, first := range test.first { // all of these run before any continues
								<-started[first]
							}
						}
						for _, need := range test.needs[key] {
							if _, err := get(ctx, need); err != nil {
								return "", err
							}
						}
						return key, nil
					})
				}
				errs := make([]error, len(test.first))
				var callers sync.WaitGroup
				for i, key := range test.first {
					callers.Go(func() { _, errs[i] = get(t.Context(), key) })
				}
				callers.Wait()
				require.ErrorContains(t, errors.Join(errs...), "whose load waits for this loader")
				for _, key := range test.first {
					got, err := views[key].GetOrSet(t.Context(), key, text("now"))
					require.NoError(t, err, "the key is not stuck")
					require.Equal(t, "now", got)
				}
			})
		})
	}
}

// A key may be in the caller's memory, which some web frameworks use again for the next
// request.
func TestWhatOutlivesTheCallOwnsItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		for head, opts := range map[string][]xcache.Option{
			":1:": nil,
			"":    {xcache.WithKeyFunc(func(_ string, _ int, key string) string { return key }, nil)},
		} {
			s, c := newFake(t, opts...)
			v := xcache.For[string](c)
			buffer := []byte("ann")
			key := unsafe.String(&buffer[0], len(buffer))
			reuse := func() { copy(buffer, "bob") }

			// The caller who started the load leaves, and another caller waits.
			impatient, leave := context.WithCancel(ctx)
			loading := make(chan struct{})
			go func() {
				_, _ = v.GetOrSet(impatient, key, func(context.Context) (string, error) { <-loading; return "ann's", nil })
				reuse()
			}()
			synctest.Wait()
			waited := make(chan string)
			go func() {
				got, _ := v.GetOrSet(ctx, "ann", text("again"))
				waited <- got
			}()
			synctest.Wait()
			leave()
			synctest.Wait()
			close(loading)
			require.Equal(t, "ann's", <-waited)
			require.Len(t, s.stored(t), 1)
			got, err := v.Get(ctx, "ann")
			require.NoError(t, err)
			require.Equal(t, "ann's", got)

			copy(buffer, "ann")
			found, err := v.GetMany(ctx, []string{key})
			require.NoError(t, err)
			ttls, err := v.TTLMany(ctx, []string{key})
			require.NoError(t, err)
			p := c.Pipeline()
			single, many, deleted := v.In(p).Get(key), v.In(p).GetMany([]string{key}), p.Delete(key)
			require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: head + "bad", Value: []byte("{"), TTL: driver.NoExpiry}}))
			copy(buffer, "bad")
			_, failed := v.Get(ctx, key)
			_, batch := v.GetMany(ctx, []string{key})
			reuse()
			require.Equal(t, map[string]string{"ann": "ann's"}, found)
			require.Contains(t, ttls, "ann")
			require.NoError(t, p.Exec(ctx))
			got, err = single.Value()
			require.NoError(t, err)
			require.Equal(t, "ann's", got)
			found, err = many.Value()
			require.NoError(t, err)
			require.Equal(t, map[string]string{"ann": "ann's"}, found)
			n, err := deleted.Value()
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.ErrorContains(t, failed, `"bad"`)
			require.ErrorContains(t, batch, `"bad"`)
		}
	})
}

// invalidations are the operations that a load must not undo.
var invalidations = map[string]func(ctx context.Context, v *xcache.View[string]) error{
	"Delete":             func(ctx context.Context, v *xcache.View[string]) error { return second(v.Delete(ctx, "other", "k")) },
	"Delete of it alone": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Delete(ctx, "k")) },
	"Incr": func(ctx context.Context, v *xcache.View[string]) error {
		if _, err := v.Incr(ctx, "k", 1); !errors.Is(err, xcache.ErrNotFound) {
			return err
		}
		return nil
	},
	"IncrInit that has expired": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.IncrInit(ctx, "k", 1, 0, xcache.TTL(0)))
	},
	"DeletePattern":    func(ctx context.Context, v *xcache.View[string]) error { return second(v.DeletePattern(ctx, "k*")) },
	"Clear":            func(ctx context.Context, v *xcache.View[string]) error { return second(v.Clear(ctx)) },
	"ClearAllVersions": func(ctx context.Context, v *xcache.View[string]) error { return second(v.ClearAllVersions(ctx)) },
	"FlushDB":          func(ctx context.Context, v *xcache.View[string]) error { return v.FlushDB(ctx) },
	"Rename": func(ctx context.Context, v *xcache.View[string]) error {
		if err := v.Rename(ctx, "k", "elsewhere"); !errors.Is(err, xcache.ErrNotFound) {
			return err
		}
		return nil
	},
	"Rename to it": func(ctx context.Context, v *xcache.View[string]) error { return second(v.RenameNX(ctx, "there", "k")) },
	"Touch":        func(ctx context.Context, v *xcache.View[string]) error { return second(v.Touch(ctx, "k")) },
	"Expire":       func(ctx context.Context, v *xcache.View[string]) error { return second(v.Expire(ctx, "k", 0)) },
	"ExpireAt": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.ExpireAt(ctx, "k", time.Now()))
	},
	"Persist": func(ctx context.Context, v *xcache.View[string]) error { return second(v.Persist(ctx, "k")) },
	"CompareAndDelete": func(ctx context.Context, v *xcache.View[string]) error {
		return second(v.CompareAndDelete(ctx, "k", "x"))
	},
	"IncrVersion": func(ctx context.Context, v *xcache.View[string]) error {
		if _, err := v.IncrVersion(ctx, "k", 1); !errors.Is(err, xcache.ErrNotFound) {
			return err
		}
		return nil
	},
	"Set that has expired": func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "k", "x", xcache.TTL(0)) },
	"SetMany that has expired": func(ctx context.Context, v *xcache.View[string]) error {
		return v.SetMany(ctx, map[string]string{"k": "x", "l": "y"}, xcache.TTL(-1))
	},
	"Swap that has expired": func(ctx context.Context, v *xcache.View[string]) error {
		if _, err := v.Swap(ctx, "k", "x", xcache.TTL(0)); !errors.Is(err, xcache.ErrNotFound) {
			return err
		}
		return nil
	},
	"a pipelined Delete": func(ctx context.Context, v *xcache.View[string]) error {
		p := v.Pipeline()
		p.Delete("k")
		return p.Exec(ctx)
	},
	"a pipelined Expire in a transaction": func(ctx context.Context, v *xcache.View[string]) error {
		p := v.Pipeline()
		p.Expire("k", 0)
		return p.ExecAtomic(ctx)
	},
}

func TestALoadDoesNotUndoAnInvalidation(t *testing.T) {
	for name, invalidate := range invalidations {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s, c := newFake(t)
			v := xcache.For[string](c)
			require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:there", Value: []byte(`"x"`), TTL: driver.NoExpiry}}))
			kept := "none"
			got, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
				// The operation runs in another goroutine, because its context would stop
				// the loader's own.
				errs := make(chan error)
				go func() { errs <- invalidate(t.Context(), v) }()
				if err := <-errs; err != nil {
					return "", err
				}
				if name == "Rename to it" {
					kept = "x"
				}
				return "old", nil
			})
			require.NoError(t, err)
			require.Equal(t, "old", got, "who asked before gets what was loaded")
			got, err = v.GetOr(ctx, "k", "none")
			require.NoError(t, err)
			require.Equal(t, kept, got)
			if kept != "none" {
				return
			}
			got, err = v.GetOrSet(ctx, "k", text("new"))
			require.NoError(t, err)
			require.Equal(t, "new", got)
			got, err = v.Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, "new", got, "the next load stores")
		})
	}
}

// A caller who comes after an invalidation does not get an older value.
func TestAnInvalidatedLoadTakesNoMoreCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		v := xcache.For[string](c)
		slow := make(chan struct{})
		first := make(chan string)
		go func() {
			got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) { <-slow; return "old", nil })
			assert.NoError(t, err)
			first <- got
		}()
		synctest.Wait()
		require.NoError(t, second(v.Delete(ctx, "k")))
		got, err := v.GetOrSet(ctx, "k", text("new"))
		require.NoError(t, err)
		require.Equal(t, "new", got)
		close(slow)
		require.Equal(t, "old", <-first)
		got, err = v.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "new", got)
	})
}

// Delete also deletes a value that is on its way to the store when Delete begins.
func TestDeleteWaitsForAValueOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		v := xcache.For[string](c)
		onItsWay := make(chan struct{})
		s.before = func(_ context.Context, method string, _ []string) error {
			if method == "Set" {
				<-onItsWay
			}
			return nil
		}
		go func() { _, _ = v.GetOrSet(ctx, "k", text("old")) }()
		synctest.Wait()

		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err := v.Delete(ended, "k")
		require.ErrorIs(t, err, context.Canceled)
		deleted := make(chan int)
		go func() {
			n, err := v.Delete(ctx, "k")
			assert.NoError(t, err)
			deleted <- n
		}()
		synctest.Wait()
		close(onItsWay)
		require.Equal(t, 1, <-deleted)
		require.Empty(t, s.stored(t))
	})
}

// In TestInvalidationsUnderFire writers change the source and delete, and readers load. No
// value from before the last delete remains.
func TestInvalidationsUnderFire(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[int64](c)
	ctx := t.Context()
	var source, deleted atomic.Int64
	var stop atomic.Bool
	var readers, writers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !stop.Load() {
				floor := deleted.Load()
				got, err := v.GetOrSet(ctx, "k", func(context.Context) (int64, error) { return source.Load(), nil })
				if assert.NoError(t, err) && !assert.GreaterOrEqual(t, got, floor, "older than the last delete") {
					return
				}
			}
		})
	}
	writers.Go(func() {
		for range 3000 {
			n := source.Add(1)
			if _, err := v.Delete(ctx, "k"); !assert.NoError(t, err) {
				return
			}
			deleted.Store(n)
		}
	})
	writers.Wait()
	stop.Store(true)
	readers.Wait()
}

func TestGetOrSetThatCannotStoreReturnsTheValue(t *testing.T) {
	ctx := t.Context()
	var heard listener
	s, c := newFake(t, xcache.WithObserver(&heard))
	v := xcache.For[string](c)
	s.before = func(_ context.Context, method string, _ []string) error {
		if method == "Fill" {
			return driver.Fail(driver.ErrOutOfMemory, driver.NotApplied, &clientError{1})
		}
		return nil
	}
	got, err := v.GetOrSet(ctx, "k", text("loaded"))
	require.NoError(t, err)
	require.Equal(t, "loaded", got)
	require.Len(t, heard.events, 1)
	require.Equal(t, driver.LoadedValueNotStored, heard.events[0].Kind)
	require.Equal(t, "k", heard.events[0].Key)
	require.ErrorIs(t, heard.events[0].Err, xcache.ErrOutOfMemory)

	small := v.With(xcache.WithCodec(mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.JSON}, MaxValue: 8})))
	got, err = small.GetOrSet(ctx, "k", text("much longer than the limit allows"))
	require.NoError(t, err)
	require.Equal(t, "much longer than the limit allows", got)
	require.ErrorIs(t, heard.events[1].Err, xcache.ErrTooLarge)

	_, err = xcache.For[func()](c).GetOrSet(ctx, "f", func(context.Context) (func(), error) { return func() {}, nil })
	require.ErrorIs(t, err, xcache.ErrUnsupportedValue, "no later call would be without it")
}

// The recipe of the README works: callers of a cache that is down load once.
func TestLoadRunsOnceForAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t)
		s.before = func(context.Context, string, []string) error {
			return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &clientError{1})
		}
		v := xcache.For[string](c)
		var loads atomic.Int32
		load := func(context.Context) (string, error) {
			loads.Add(1)
			time.Sleep(time.Second)
			return "loaded", nil
		}
		var callers sync.WaitGroup
		for range 200 {
			callers.Go(func() {
				got, err := v.GetOrSet(t.Context(), "k", load)
				if errors.Is(err, xcache.ErrUnavailable) {
					got, err = v.Load(t.Context(), "k", load)
				}
				assert.NoError(t, err)
				assert.Equal(t, "loaded", got)
			})
		}
		callers.Wait()
		require.EqualValues(t, 1, loads.Load())
	})
}

func TestLoadHasTheRulesOfEveryCall(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[string](c)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	never := func(context.Context) (string, error) { return "", errors.New("the loader ran") }
	_, err := v.Load(ended, "k", never)
	require.ErrorIs(t, err, context.Canceled)
	_, err = v.Load(t.Context(), "", never)
	require.ErrorIs(t, err, xcache.ErrInvalidKey)
	_, err = v.With(xcache.WithPrefix("a:b")).Load(t.Context(), "k", never)
	require.ErrorContains(t, err, "colon")
	failed := errors.New("no rows")
	got, err := v.Load(t.Context(), "k", func(context.Context) (string, error) { return "half", failed })
	require.Equal(t, failed, err)
	require.Empty(t, got)
	require.Panics(t, func() {
		_, _ = v.Load(t.Context(), "k", func(context.Context) (string, error) { panic("boom") })
	})
	require.Zero(t, s.total(), "nothing reaches the store")
	require.NoError(t, c.Close())
	_, err = v.Load(t.Context(), "k", never)
	require.ErrorIs(t, err, xcache.ErrClosed)
}
