package xcache_test

import (
	"context"
	"errors"
	"runtime"
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

// stale is a view of texts that are valid for an hour, and served for a minute after that.
func stale(c *xcache.Cache, opts ...xcache.Option) *xcache.View[string] {
	return xcache.For[string](c).With(append([]xcache.Option{xcache.WithTTL(time.Hour), xcache.StaleFor(time.Minute)}, opts...)...)
}

// panics is a loader that must not run.
func panics(context.Context) (string, error) { panic("the loader runs") }

func TestAStaleValueIsServedWhileOneCallerLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		v := stale(c)
		require.NoError(t, second(v.GetOrSet(ctx, "k", text("old"))))
		time.Sleep(time.Hour - 1)
		got, err := v.GetOrSet(ctx, "k", panics)
		require.NoError(t, err)
		require.Equal(t, "old", got, "is valid")

		time.Sleep(time.Nanosecond)
		s.reset()
		var loads atomic.Int64
		release := make(chan struct{})
		load := func(context.Context) (string, error) {
			loads.Add(1)
			<-release
			return "new", nil
		}
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				got, err := v.GetOrSet(ctx, "k", load)
				assert.NoError(t, err)
				assert.Equal(t, "old", got)
			})
		}
		callers.Wait() // nobody waits for the loader
		synctest.Wait()
		require.EqualValues(t, 1, loads.Load())
		require.Equal(t, 20, s.count("GetTTL"), "value and TTL come together")
		require.Zero(t, s.count("Get")+s.count("TTL"))
		close(release)
		synctest.Wait()
		got, err = v.GetOrSet(ctx, "k", panics)
		require.NoError(t, err)
		require.Equal(t, "new", got)
		left, err := v.TTL(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, time.Hour, left)
	})
}

func TestAfterStaleForCallersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		v := stale(c)
		require.NoError(t, v.Set(ctx, "k", "old"))
		time.Sleep(time.Hour + time.Minute)
		got, err := v.GetOrSet(ctx, "k", text("new"))
		require.NoError(t, err)
		require.Equal(t, "new", got)
	})
}

func TestTheServerKeepsAValueLongerAndUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		plain := xcache.For[string](c)
		for name, test := range map[string]struct {
			write func(v *xcache.View[string]) error
			want  time.Duration
		}{
			"Set":          {func(v *xcache.View[string]) error { return v.Set(ctx, "k", "v") }, time.Hour + time.Minute},
			"Set for ever": {func(v *xcache.View[string]) error { return v.Set(ctx, "k", "v", xcache.TTL(xcache.NoExpiry)) }, xcache.NoExpiry},
			"SetMany":      {func(v *xcache.View[string]) error { return v.SetMany(ctx, map[string]string{"k": "v"}) }, time.Hour + time.Minute},
			"Add":          {func(v *xcache.View[string]) error { return second(v.Add(ctx, "k", "v")) }, time.Hour + time.Minute},
			"in a pipeline": {func(v *xcache.View[string]) error {
				p := c.Pipeline()
				v.In(p).Set("k", "v", xcache.TTL(time.Second))
				return p.Exec(ctx)
			}, time.Second + time.Minute},
			"GetOrSet": {func(v *xcache.View[string]) error { return second(v.GetOrSet(ctx, "k", text("v"))) }, time.Hour + time.Minute},
			"GetOrSetMany": {func(v *xcache.View[string]) error {
				return second(v.GetOrSetMany(ctx, []string{"k"}, func(context.Context, []string) (map[string]string, error) {
					return map[string]string{"k": "v"}, nil
				}, xcache.TTL(time.Second)))
			}, time.Second + time.Minute},
			"Touch": {func(v *xcache.View[string]) error {
				return errors.Join(v.Set(ctx, "k", "v", xcache.TTL(time.Second)), second(v.Touch(ctx, "k")))
			}, time.Hour + time.Minute},
			"Expire": {func(v *xcache.View[string]) error {
				return errors.Join(v.Set(ctx, "k", "v"), second(v.Expire(ctx, "k", time.Second)))
			}, time.Second + time.Minute},
			"Persist": {func(v *xcache.View[string]) error {
				return errors.Join(v.Set(ctx, "k", "v"), second(v.Persist(ctx, "k")))
			}, xcache.NoExpiry},
		} {
			require.NoError(t, second(c.Delete(ctx, "k")))
			v := stale(c)
			require.NoError(t, test.write(v), name)
			left, err := plain.TTL(ctx, "k")
			require.NoError(t, err, name)
			require.Equal(t, test.want, left, name)
			got, err := plain.Get(ctx, "k")
			require.NoError(t, err, name)
			require.Equal(t, "v", got, name)
			left, err = v.TTL(ctx, "k")
			require.NoError(t, err, name)
			if test.want != xcache.NoExpiry {
				test.want -= time.Minute
			}
			require.Equal(t, test.want, left, name)
		}
	})
}

func TestAStaleValueIsAMissToOtherReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c, _, _ := twoCaches(t)
		v := stale(c)
		require.NoError(t, v.Set(ctx, "k", "old"))
		time.Sleep(time.Hour)
		_, err := v.Get(ctx, "k")
		require.Equal(t, xcache.ErrNotFound, err)
		got, err := v.GetOr(ctx, "k", "default")
		require.NoError(t, err)
		require.Equal(t, "default", got)
		many, err := v.GetMany(ctx, []string{"k", "l"})
		require.NoError(t, err)
		require.Empty(t, many)
		_, err = v.TTL(ctx, "k")
		require.Equal(t, xcache.ErrNotFound, err)
		ttls, err := v.TTLMany(ctx, []string{"k", "l"})
		require.NoError(t, err)
		require.Empty(t, ttls)
		for name, change := range map[string]func() (bool, error){
			"Has":            func() (bool, error) { return v.Has(ctx, "k") },
			"Touch":          func() (bool, error) { return v.Touch(ctx, "k") },
			"Expire":         func() (bool, error) { return v.Expire(ctx, "k", time.Hour) },
			"Persist":        func() (bool, error) { return v.Persist(ctx, "k") },
			"Add":            func() (bool, error) { return v.Add(ctx, "k", "added") },
			"CompareAndSwap": func() (bool, error) { return v.CompareAndSwap(ctx, "k", "other", "swapped") },
		} {
			done, err := change()
			require.NoError(t, err, name)
			require.False(t, done, name)
		}
		require.NoError(t, c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
			_, err := v.WithTx(tx).Get(ctx, "k")
			require.Equal(t, xcache.ErrNotFound, err)
			return nil
		}, "k"))
		replaced, err := v.Replace(ctx, "k", "valid again")
		require.NoError(t, err)
		require.True(t, replaced)
		got, err = v.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "valid again", got)
	})
}

// What is invalidated while a stale value is loaded stays away, as in
// TestAnInvalidationElsewhereKeepsALoadedValueOut.
func TestARefreshDoesNotBringBackWhatWasInvalidated(t *testing.T) {
	for name, invalidate := range map[string]func(ctx context.Context, c *xcache.Cache) error{
		"Delete":         func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "k")) },
		"DeletePattern":  func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "k*")) },
		"Clear":          func(ctx context.Context, c *xcache.Cache) error { return second(c.Clear(ctx)) },
		"Expire":         func(ctx context.Context, c *xcache.Cache) error { return second(c.Expire(ctx, "k", 0)) },
		"InvalidateTags": func(ctx context.Context, c *xcache.Cache) error { return c.InvalidateTags(ctx, "tag") },
		"Delete in a pipeline": func(ctx context.Context, c *xcache.Cache) error {
			p := c.Pipeline()
			p.Delete("k")
			return p.Exec(ctx)
		},
	} {
		for where, elsewhere := range map[string]bool{"here": false, "elsewhere": true} {
			t.Run(name+" "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					here, there, _ := twoCaches(t)
					here, there = here.With(tagged(t)), there.With(tagged(t))
					by := here
					if elsewhere {
						by = there
					}
					v := stale(here)
					for load, call := range map[string]func(func()) (string, error){
						"GetOrSet": func(during func()) (string, error) {
							return v.GetOrSet(ctx, "k", func(context.Context) (string, error) { during(); return "dead", nil }, xcache.Tags("tag"))
						},
						"GetOrSetMany": func(during func()) (string, error) {
							got, err := v.GetOrSetMany(ctx, []string{"k"}, func(context.Context, []string) (map[string]string, error) {
								during()
								return map[string]string{"k": "dead"}, nil
							}, xcache.Tags("tag"))
							return got["k"], err
						},
					} {
						require.NoError(t, v.Set(ctx, "k", "old", xcache.Tags("tag")))
						time.Sleep(time.Hour)
						once := sync.OnceFunc(func() { assert.NoError(t, invalidate(ctx, by)) })
						got, err := call(once)
						require.NoError(t, err)
						require.Equal(t, "old", got)
						synctest.Wait()
						_, err = v.Get(ctx, "k")
						if name != "InvalidateTags" || err != nil { // whose load is repeated after the invalidation
							require.ErrorIs(t, err, xcache.ErrNotFound, load)
						}
					}
				})
			})
		}
	}
}

func TestAValueThatIsStoredDuringARefreshWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		here, there, _ := twoCaches(t)
		v := stale(here)
		require.NoError(t, v.Set(ctx, "k", "old"))
		time.Sleep(time.Hour)
		require.NoError(t, second(v.GetOrSet(ctx, "k", func(context.Context) (string, error) {
			return "loaded", stale(there).Set(ctx, "k", "theirs", xcache.TTL(time.Second))
		})))
		synctest.Wait()
		got, err := v.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "theirs", got)
	})
}

func TestTheFirstOfTwoProcessesThatRefreshStores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		here, there, _ := twoCaches(t)
		require.NoError(t, stale(here).Set(ctx, "k", "old"))
		time.Sleep(time.Hour)
		var loads atomic.Int64
		for i, c := range []*xcache.Cache{here, there} {
			got, err := stale(c).GetOrSet(ctx, "k", func(context.Context) (string, error) {
				loads.Add(1)
				time.Sleep(time.Duration(1+i) * time.Second)
				return []string{"first", "second"}[i], nil
			})
			require.NoError(t, err)
			require.Equal(t, "old", got)
		}
		time.Sleep(3 * time.Second)
		require.EqualValues(t, 2, loads.Load())
		got, err := stale(there).Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "first", got)
	})
}

func TestARefreshThatFailsIsAnEvent(t *testing.T) {
	failure := errors.New("the database is down")
	for name, test := range map[string]struct {
		load func(context.Context) (string, error)
		want string
	}{
		"error":  {func(context.Context) (string, error) { return "", failure }, failure.Error()},
		"panic":  {func(context.Context) (string, error) { panic("at the disco") }, "at the disco"},
		"Goexit": {func(context.Context) (string, error) { runtime.Goexit(); return "", nil }, "Goexit"},
		"hangs": {func(ctx context.Context) (string, error) {
			<-ctx.Done()
			time.Sleep(time.Hour) // whatever its context says
			return "late", nil
		}, xcache.ErrLoadTimeout.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				var heard listener
				c := newCache(t, newFakeStore(t), xcache.WithObserver(&heard), xcache.WithName("users"))
				for many, get := range map[string]func(v *xcache.View[string]) (string, error){
					"one": func(v *xcache.View[string]) (string, error) { return v.GetOrSet(ctx, "k", test.load) },
					"many": func(v *xcache.View[string]) (string, error) {
						got, err := v.GetOrSetMany(ctx, []string{"k"}, func(ctx context.Context, _ []string) (map[string]string, error) {
							value, err := test.load(ctx)
							return map[string]string{"k": value}, err
						})
						return got["k"], err
					},
				} {
					heard.events = nil
					v := stale(c, xcache.StaleFor(time.Hour))
					require.NoError(t, v.Set(ctx, "k", "old"))
					time.Sleep(time.Hour)
					got, err := get(v)
					require.NoError(t, err, many)
					require.Equal(t, "old", got, many)
					time.Sleep(6 * time.Minute)
					synctest.Wait()
					require.Len(t, heard.events, 1, many)
					require.Equal(t, driver.RefreshFailed, heard.events[0].Kind)
					require.Equal(t, "k", heard.events[0].Key)
					require.Equal(t, "users", heard.events[0].Cache)
					require.ErrorContains(t, heard.events[0].Err, test.want)
					got, err = v.GetOrSet(ctx, "k", text("new"))
					require.NoError(t, err, many)
					require.Equal(t, "old", got, "stays, and is loaded again")
					synctest.Wait()
					got, err = v.Get(ctx, "k")
					require.NoError(t, err, many)
					require.Equal(t, "new", got, many)
				}
			})
		})
	}
}

func TestCloseEndsARefreshAndWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var heard listener
		store := newFakeStore(t)
		c, err := xcache.New(store, xcache.WithObserver(&heard))
		require.NoError(t, err)
		v := stale(c)
		require.NoError(t, v.Set(ctx, "k", "old"))
		time.Sleep(time.Hour)
		var ended atomic.Bool
		require.NoError(t, second(v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
			<-ctx.Done()
			assert.ErrorIs(t, context.Cause(ctx), xcache.ErrClosed)
			time.Sleep(time.Second)
			ended.Store(true)
			return "", ctx.Err()
		})))
		cancel() // the caller's context is of no concern
		synctest.Wait()
		require.False(t, ended.Load())
		require.NoError(t, c.Close())
		require.True(t, ended.Load())
		require.Empty(t, heard.events)
	})
}

func TestGetOrSetManyServesStaleValuesAndLoadsTheMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		v := stale(c)
		require.NoError(t, v.SetMany(ctx, map[string]string{"a": "old", "b": "old"}))
		time.Sleep(time.Hour)
		require.NoError(t, v.Set(ctx, "c", "valid"))
		s.reset()
		var mu sync.Mutex
		var asked []string
		load := func(ctx context.Context, keys []string) (map[string]string, error) {
			mu.Lock()
			asked = append(asked, keys...)
			mu.Unlock()
			time.Sleep(time.Second)
			return upper(ctx, keys)
		}
		got, err := v.GetOrSetMany(ctx, []string{"a", "b", "c", "a", "d"}, load)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "old", "b": "old", "c": "valid", "d": "D"}, got)
		require.Equal(t, 1, s.count("GetTTL"))
		synctest.Wait()
		time.Sleep(time.Second)
		require.ElementsMatch(t, []string{"a", "b", "d"}, asked)
		got, err = v.GetOrSetMany(ctx, []string{"a", "b", "c", "d"}, load)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "A", "b": "B", "c": "valid", "d": "D"}, got)
		require.Len(t, asked, 3)
	})
}

func TestStaleForIsRefusedWithWhatWouldLoseTheAge(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	for _, d := range []time.Duration{0, -1, 366 * 24 * time.Hour, xcache.NoExpiry} {
		require.ErrorContains(t, second(xcache.For[string](c.With(xcache.StaleFor(d))).Get(ctx, "k")), "at most 365 days")
	}
	require.ErrorContains(t, second(stale(c, xcache.Sliding(time.Hour)).Get(ctx, "k")), "cannot be combined with Sliding")
	for name, caps := range map[string]func(*driver.Caps){
		"TTL query": func(caps *driver.Caps) { caps.Expirer = nil },
		"leases":    func(caps *driver.Caps) { caps.Commander = nil },
	} {
		s := newFakeStore(t)
		s.caps = caps
		err := second(stale(newCache(t, s)).Get(ctx, "k"))
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorContains(t, err, name)
	}

	v := stale(c)
	require.ErrorContains(t, v.Set(ctx, "k", "v", xcache.KeepTTL()), "KeepTTL would keep the age")
	p := c.Pipeline()
	q := stale(c).Cache.Pipeline()
	for name, err := range map[string]error{
		"Incr":     second(v.Incr(ctx, "k", 1)),
		"Decr":     second(v.Decr(ctx, "k", 1)),
		"IncrInit": second(v.IncrInit(ctx, "k", 1, 0)),
	} {
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		require.ErrorContains(t, err, "use a view without them", name)
	}
	results := map[string]interface{ Err() error }{
		"Get": v.In(p).Get("k"), "GetOr": v.In(p).GetOr("k", ""), "GetMany": v.In(p).GetMany([]string{"k"}), "Has": q.Has("k"), "TTL": q.TTL("k"),
		"Touch": q.Touch("k"), "Expire": q.Expire("k", time.Hour), "ExpireAt": q.ExpireAt("k", time.Now()), "Persist": q.Persist("k"), "Incr": q.Incr("k", 1),
	}
	require.ErrorIs(t, p.Exec(ctx), errors.ErrUnsupported)
	require.ErrorIs(t, q.Exec(ctx), errors.ErrUnsupported)
	for name, result := range results {
		require.ErrorIs(t, result.Err(), errors.ErrUnsupported, name)
	}
}

// A user who may not run scripts has no leases: a refresh overwrites what is there.
func TestAUserWithoutScriptsRefreshesNevertheless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		v := stale(c)
		require.NoError(t, v.SetMany(ctx, map[string]string{"k": "old", "l": "old"}))
		time.Sleep(time.Hour)
		s.commandErr = driver.Fail(driver.ErrAuth, driver.NotApplied, nil)
		require.NoError(t, second(v.GetOrSet(ctx, "k", text("new"))))
		synctest.Wait()
		got, err := v.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "new", got)
	})
}

func TestAnUnreadableStaleValueIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		v := stale(c)
		require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: []byte("{"), TTL: time.Second}}))
		got, err := v.GetOrSet(ctx, "k", text("new"))
		require.NoError(t, err)
		require.Equal(t, "new", got, "there is nothing to serve")
		got, err = v.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "new", got)
	})
}
