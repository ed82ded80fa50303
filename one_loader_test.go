package xcache_test

import (
	"context"
	"errors"
	"runtime"
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
	"github.com/xcache-go/xcache/drivers/memory"
)

// aWhile is more than a waiting process needs to notice something.
const aWhile = 200 * time.Millisecond

// processes returns views of one store that know nothing of each other.
func processes(t *testing.T, n int, opts ...xcache.Option) []*xcache.View[string] {
	t.Helper()
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	views := make([]*xcache.View[string], n)
	for i := range views {
		views[i] = xcache.For[string](newCache(t, store, opts...))
	}
	return views
}

func unwanted(context.Context) (string, error) { return "", errors.New("loaded once too often") }

func TestOneOfAllProcessesLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, expiries = 125, 3
		views := processes(t, 8, xcache.OneLoader(time.Minute))
		var loads atomic.Int64
		load := func(context.Context) (string, error) {
			time.Sleep(time.Second)
			loads.Add(1)
			return "loaded", nil
		}
		for n := range expiries {
			began := time.Now()
			var all sync.WaitGroup
			for _, v := range views {
				for range callers {
					all.Go(func() {
						got, err := v.GetOrSet(t.Context(), "k", load, xcache.TTL(10*time.Second))
						assert.NoError(t, err)
						assert.Equal(t, "loaded", got)
					})
				}
			}
			all.Wait()
			require.Less(t, time.Since(began), time.Second+aWhile)
			require.EqualValues(t, n+1, loads.Load())
			time.Sleep(10 * time.Second)
		}
	})
}

func TestALoadThatFailsLetsTheNextProcessLoad(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context) (string, error){
		"error":  func(context.Context) (string, error) { return "", errors.New("no database") },
		"panic":  func(context.Context) (string, error) { panic("no database") },
		"Goexit": func(context.Context) (string, error) { runtime.Goexit(); return "", nil },
		"time-out": func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		},
		"hanging": func(context.Context) (string, error) {
			time.Sleep(time.Hour)
			return "late", nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				views := processes(t, 3, xcache.OneLoader(time.Hour))
				began := time.Now()
				var all sync.WaitGroup
				all.Go(func() {
					defer func() { _ = recover() }()
					_, err := views[0].With(xcache.LoadTimeout(2*time.Second)).GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
						time.Sleep(time.Second)
						return fail(ctx)
					})
					assert.Error(t, err)
				})
				time.Sleep(500 * time.Millisecond)
				var loads atomic.Int64
				for _, v := range views[1:] {
					all.Go(func() {
						got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
							loads.Add(1)
							return "next", nil
						}, xcache.TTL(xcache.NoExpiry))
						assert.NoError(t, err)
						assert.Equal(t, "next", got)
					})
				}
				all.Wait()
				require.EqualValues(t, 1, loads.Load())
				require.Less(t, time.Since(began), 2*time.Second+aWhile)
				time.Sleep(time.Hour)
				require.Equal(t, "next", first(views[0].Get(t.Context(), "k")), "what comes late is dropped")
			})
		})
	}
}

func first[T any](v T, _ error) T { return v }

// A process that has died does not renew its lease.
func TestADeadProcessHoldsOthersUpForSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := processes(t, 1, xcache.OneLoader(time.Hour))[0]
		commander := v.Store().(driver.Commander)
		elect := driver.NewCmd(driver.CmdLeaseElect, driver.Key(":1:k"), driver.Field("dead"), driver.Duration(5*time.Second))
		require.NoError(t, commander.Do(t.Context(), []*driver.Cmd{elect}, driver.Plain))
		require.NoError(t, elect.Err)
		began := time.Now()
		require.Equal(t, "loaded", first(v.GetOrSet(t.Context(), "k", text("loaded"))))
		require.GreaterOrEqual(t, time.Since(began), 5*time.Second)
		require.Less(t, time.Since(began), 5*time.Second+aWhile)
	})
}

func TestALongLoadKeepsItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		views := processes(t, 2, xcache.OneLoader(time.Hour))
		var all sync.WaitGroup
		all.Go(func() {
			assert.Equal(t, "slow", first(views[0].GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(time.Minute)
				return "slow", nil
			})))
		})
		time.Sleep(time.Second)
		got, err := views[1].GetOrSet(t.Context(), "k", unwanted)
		require.NoError(t, err)
		require.Equal(t, "slow", got)
		all.Wait()
	})
}

func TestAWaitForALoadHasABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		views := processes(t, 2, xcache.OneLoader(10*time.Second))
		var all sync.WaitGroup
		all.Go(func() {
			got, err := views[0].GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(time.Minute)
				return "slow", nil
			})
			assert.NoError(t, err)
			assert.Equal(t, "own", got, "what is stored first wins")
		})
		synctest.Wait()
		began := time.Now()
		require.Equal(t, "own", first(views[1].GetOrSet(t.Context(), "k", text("own"))))
		require.Equal(t, 10*time.Second, time.Since(began))
		all.Wait()
	})
}

func TestAWaitForALoadEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		views := processes(t, 2, xcache.OneLoader(time.Hour))
		var all sync.WaitGroup
		all.Go(func() {
			_, err := views[0].GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
				time.Sleep(time.Minute)
				return "slow", nil
			})
			assert.NoError(t, err)
		})
		synctest.Wait()
		for name, wait := range map[string]func(ctx context.Context) error{
			"one":  func(ctx context.Context) error { return second(views[1].GetOrSet(ctx, "k", unwanted)) },
			"many": func(ctx context.Context) error { return second(views[1].GetOrSetMany(ctx, []string{"k"}, nil)) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			require.ErrorIs(t, wait(ctx), context.DeadlineExceeded, name)
			require.Equal(t, time.Second, time.Since(began), name)
			cancel()
		}
		all.Wait()
	})
}

// What ends a wait other than the load.
func TestWhatEndsAWaitForALoad(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(ctx context.Context, c *xcache.View[string]) error
		want      string
		loads     int64
		atOnce    bool
	}{
		"a value": {func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "k", "theirs") }, "theirs", 0, true},
		"an unreadable": {func(ctx context.Context, v *xcache.View[string]) error {
			return xcache.For[int](v.Cache).Set(ctx, "k", 1)
		}, "new", 1, false},
		"a Delete":       {func(ctx context.Context, v *xcache.View[string]) error { return second(v.Delete(ctx, "k")) }, "new", 1, true},
		"a Clear":        {func(ctx context.Context, v *xcache.View[string]) error { return second(v.Clear(ctx)) }, "new", 1, true},
		"a wrong prefix": {func(ctx context.Context, v *xcache.View[string]) error { return v.Set(ctx, "kk", "theirs") }, "slow", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				views := processes(t, 3, xcache.OneLoader(time.Hour))
				var loads atomic.Int64
				var all sync.WaitGroup
				all.Go(func() {
					_, err := views[0].GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
						time.Sleep(time.Minute)
						return "slow", nil
					})
					assert.NoError(t, err)
				})
				time.Sleep(time.Second)
				all.Go(func() {
					got, err := views[1].GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
						loads.Add(1)
						return "new", nil
					})
					assert.NoError(t, err)
					assert.Equal(t, test.want, got)
				})
				time.Sleep(time.Second)
				began := time.Now()
				require.NoError(t, test.meanwhile(t.Context(), views[2]))
				if test.atOnce {
					time.Sleep(aWhile)
					got, err := views[2].Get(t.Context(), "k")
					require.NoError(t, err)
					require.Equal(t, test.want, got)
				}
				all.Wait()
				require.Less(t, time.Since(began), time.Minute)
				require.Equal(t, test.loads, loads.Load())
				require.Equal(t, test.want, first(views[2].Get(t.Context(), "k")))
			})
		})
	}
}

// A loader may ask for its own key as another type, which no flight has.
func TestALoaderDoesNotWaitForItsOwnLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := processes(t, 1, xcache.OneLoader(time.Hour))[0]
		began := time.Now()
		got, err := v.GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
			_, err := xcache.For[int](v.Cache).GetOrSet(ctx, "k", func(context.Context) (int, error) { return 1, nil })
			if err != nil {
				return "", err
			}
			_, err = xcache.For[bool](v.Cache).GetOrSetMany(ctx, []string{"k", "j"}, func(_ context.Context, keys []string) (map[string]bool, error) {
				return map[string]bool{"k": true, "j": true}, nil
			})
			return "outer", err
		})
		require.NoError(t, err)
		require.Equal(t, "outer", got)
		require.Less(t, time.Since(began), time.Minute)
	})
}

func TestGetOrSetManyLoadsWhatNobodyElseLoads(t *testing.T) {
	for name, failing := range map[string]bool{"the others load": false, "the others fail": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				views := processes(t, 3, xcache.OneLoader(time.Hour))
				var all sync.WaitGroup
				for i, key := range []string{"a", "b"} {
					all.Go(func() {
						_, _ = views[i].GetOrSet(t.Context(), key, func(context.Context) (string, error) {
							time.Sleep(time.Minute)
							if failing {
								return "", errors.New("no database")
							}
							return "theirs", nil
						})
					})
				}
				time.Sleep(time.Second)
				var asked [][]string
				var early time.Time
				all.Go(func() {
					time.Sleep(time.Second)
					assert.Equal(t, "own", first(views[2].GetOrSet(t.Context(), "c", unwanted)), "a caller of this process need not wait for the others")
					early = time.Now()
				})
				began := time.Now()
				got, err := views[2].GetOrSetMany(t.Context(), []string{"a", "b", "c", "d"}, func(_ context.Context, keys []string) (map[string]string, error) {
					time.Sleep(2 * time.Second)
					asked = append(asked, slices.Sorted(slices.Values(keys)))
					values := make(map[string]string)
					for _, key := range keys {
						values[key] = "own"
					}
					return values, nil
				})
				require.NoError(t, err)
				all.Wait()
				require.Less(t, early.Sub(began), time.Minute/2)
				if failing {
					require.Equal(t, map[string]string{"a": "own", "b": "own", "c": "own", "d": "own"}, got)
					require.Equal(t, [][]string{{"c", "d"}, {"a", "b"}}, asked)
					return
				}
				require.Equal(t, map[string]string{"a": "theirs", "b": "theirs", "c": "own", "d": "own"}, got)
				require.Equal(t, [][]string{{"c", "d"}}, asked)
			})
		})
	}
}

func TestOneLoaderCostsNoRoundTrip(t *testing.T) {
	for _, opts := range [][]xcache.Option{nil, {xcache.OneLoader(time.Minute)}, {xcache.NegativeTTL(time.Minute)}} {
		ctx := t.Context()
		s, c := newFake(t, opts...)
		v := xcache.For[string](c)
		require.NoError(t, second(v.GetOrSet(ctx, "k", text("loaded"))))
		require.Equal(t, 3, s.total(), "a miss: value, lease and fill")
		s.reset()
		require.NoError(t, second(v.GetOrSet(ctx, "k", unwanted)))
		require.Equal(t, 1, s.total(), "a hit")
		s.reset()
		require.NoError(t, second(v.GetOrSetMany(ctx, []string{"i", "j", "k"}, upper)))
		require.Equal(t, 3, s.total(), "a miss of several")
	}
}

// Where the store cannot elect, each process loads, and stores nothing.
func TestWithoutAnElectionEachProcessLoads(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.OneLoader(time.Hour))
	s.before = func(_ context.Context, method string, _ []string) error {
		if method == "Do" {
			return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &clientError{1})
		}
		return nil
	}
	v := xcache.For[string](c)
	require.Equal(t, "loaded", first(v.GetOrSet(ctx, "k", text("loaded"))))
	got, err := v.GetOrSetMany(ctx, []string{"a"}, upper)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "A"}, got)
	require.Empty(t, s.stored(t))

	// A user who may not run scripts goes without leases.
	s, c = newFake(t, xcache.OneLoader(time.Hour), xcache.NegativeTTL(time.Hour))
	s.before = func(_ context.Context, method string, _ []string) error {
		if method == "Do" {
			return driver.Fail(driver.ErrAuth, driver.NotApplied, &clientError{1})
		}
		return nil
	}
	v = xcache.For[string](c)
	require.Equal(t, "loaded", first(v.GetOrSet(ctx, "k", text("loaded"))))
	require.Equal(t, []string{":1:k"}, s.stored(t))
	require.ErrorIs(t, second(v.GetOrSet(ctx, "none", func(context.Context) (string, error) { return "", xcache.ErrNotFound })), xcache.ErrNotFound)
	require.Equal(t, "loaded", first(v.GetOrSet(ctx, "none", text("loaded"))), "nothing is remembered")
}

func TestOptionsThatNeedLeasesAreRefusedWithoutThem(t *testing.T) {
	for name, opt := range map[string]xcache.Option{"OneLoader": xcache.OneLoader(time.Second), "NegativeTTL": xcache.NegativeTTL(time.Second)} {
		s := newFakeStore(t)
		s.caps = func(caps *driver.Caps) { caps.Commander = nil }
		_, err := xcache.New(s, opt)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorContains(t, err, name+" needs leases")
	}
	for want, opt := range map[string]xcache.Option{"OneLoader": xcache.OneLoader(0), "NegativeTTL": xcache.NegativeTTL(0), "a year": xcache.NegativeTTL(xcache.NoExpiry)} {
		_, err := xcache.New(newFakeStore(t), opt)
		require.ErrorContains(t, err, want)
	}
}

// Close ends a wait, and gives up the leases of loads.
func TestCloseEndsAWaitForALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := memory.NewStore(memory.Options{})
		require.NoError(t, err)
		views := make([]*xcache.View[string], 3)
		for i := range views {
			c, err := xcache.New(unclosed{store}, xcache.OneLoader(time.Hour))
			require.NoError(t, err)
			views[i] = xcache.For[string](c)
		}
		var all sync.WaitGroup
		all.Go(func() {
			_, err := views[0].GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
				<-ctx.Done()
				return "", ctx.Err()
			})
			assert.ErrorIs(t, err, xcache.ErrClosed)
		})
		synctest.Wait()
		all.Go(func() { assert.ErrorIs(t, second(views[1].GetOrSet(t.Context(), "k", unwanted)), xcache.ErrClosed) })
		synctest.Wait()
		began := time.Now()
		require.NoError(t, views[1].Close())
		require.NoError(t, views[0].Close())
		require.Equal(t, "next", first(views[2].GetOrSet(t.Context(), "k", text("next"))))
		require.Less(t, time.Since(began), aWhile)
		all.Wait()
		require.NoError(t, views[2].Close())
		require.NoError(t, store.Close())
	})
}

// An unclosed store outlives the caches on it, as a server does.
type unclosed struct{ *memory.Store }

func (unclosed) Close() error { return nil }

// A refresh stores the same bytes, and ends the wait of others nevertheless.
func TestOneOfAllProcessesRefreshesAStaleValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		views := processes(t, 8, xcache.OneLoader(time.Hour), xcache.StaleFor(time.Hour))
		var loads atomic.Int64
		load := func(context.Context) (string, error) {
			time.Sleep(time.Second)
			loads.Add(1)
			return "loaded", nil
		}
		loadMany := func(ctx context.Context, keys []string) (map[string]string, error) {
			value, err := load(ctx)
			return map[string]string{keys[0]: value}, err
		}
		require.NoError(t, second(views[0].GetOrSet(t.Context(), "k", load, xcache.TTL(10*time.Second))))
		for n := range 3 {
			time.Sleep(10 * time.Second)
			began := time.Now()
			for i, v := range views {
				if i%2 == 0 {
					require.Equal(t, "loaded", first(v.GetOrSet(t.Context(), "k", load, xcache.TTL(10*time.Second))))
				} else {
					got, err := v.GetOrSetMany(t.Context(), []string{"k"}, loadMany, xcache.TTL(10*time.Second))
					require.NoError(t, err)
					require.Equal(t, map[string]string{"k": "loaded"}, got)
				}
			}
			require.Zero(t, time.Since(began))
			time.Sleep(time.Second + aWhile)
			require.EqualValues(t, n+2, loads.Load())
		}
	})
}

// A mutedStore does what an election asks for, and then does not answer.
type mutedStore struct {
	*memory.Store
	answer func(ctx context.Context) error
}

func (s mutedStore) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.Store.Do(ctx, cmds, how)
	if cmds[0].Name == driver.CmdLeaseElect {
		return s.answer(ctx)
	}
	return err
}

// A load that does not know whether its election was applied lets others load.
func TestAnElectionWithoutAReplyIsGivenUp(t *testing.T) {
	for how, getOrSet := range loadsOfOne {
		for name, test := range map[string]struct {
			answer func(ctx context.Context) error
			leaves bool
		}{
			"the connection is lost": {func(context.Context) error { return driver.Fail(driver.ErrUnavailable, driver.Unknown, nil) }, false},
			"the caller leaves": {func(ctx context.Context) error {
				<-ctx.Done()
				return driver.Fail(ctx.Err(), driver.Unknown, nil)
			}, true},
		} {
			t.Run(how+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store, err := memory.NewStore(memory.Options{})
					require.NoError(t, err)
					option := xcache.OneLoader(time.Minute)
					muted := xcache.For[string](newCache(t, mutedStore{store, test.answer}, option))
					other := xcache.For[string](newCache(t, store, option))
					loads := 0
					ctx, leave := context.WithCancel(t.Context())
					if test.leaves {
						time.AfterFunc(time.Second, leave)
					}
					got, err := getOrSet(ctx, muted, func(context.Context) (string, error) { loads++; return "loaded", nil })
					leave()
					synctest.Wait()
					if test.leaves {
						require.ErrorIs(t, err, context.Canceled)
						require.Zero(t, loads, "nobody waits for a load")
					} else {
						require.NoError(t, err)
						require.Equal(t, "loaded", got)
					}
					began := time.Now()
					require.Equal(t, "theirs", first(getOrSet(t.Context(), other, text("theirs"))))
					require.Zero(t, time.Since(began), "without a wait")
				})
			})
		}
	}
}

// A caller who leaves while the lease is taken leaves no load behind.
func TestALoadOfNobodyDoesNotBegin(t *testing.T) {
	for how, getOrSet := range loadsOfOne {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := newFake(t)
				s.before = func(ctx context.Context, method string, _ []string) error {
					if method == "Lease" {
						<-ctx.Done()
						return ctx.Err()
					}
					return nil
				}
				ctx, leave := context.WithTimeout(t.Context(), time.Second)
				defer leave()
				loads := 0
				_, err := getOrSet(ctx, xcache.For[string](c), func(context.Context) (string, error) { loads++; return "", nil })
				require.ErrorIs(t, err, context.DeadlineExceeded)
				synctest.Wait()
				require.Zero(t, loads)
			})
		})
	}
}
