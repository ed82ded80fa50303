package xcache_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

// Callers join a load whose key another process deletes, before or after the Delete. They get what
// was loaded after it.
func TestCallersWhoJoinALoadGetNoValueFromBeforeADeleteElsewhere(t *testing.T) {
	for name, get := range loadsOfOne {
		for _, test := range []struct {
			name                  string
			joins                 bool
			invalidated, minLoads int
			maxLoads              int
		}{
			{"nobody joins", false, 1, 1, 1},
			{"no Delete", true, 0, 1, 1},
			{"a Delete", true, 1, 2, 2},
			{"several", true, 3, 4, 4},
			{"no end of them", true, 1000, 8, 8},
		} {
			t.Run(name+" "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					here, elsewhere, _ := twoCaches(t)
					v := xcache.For[string](here)
					loads := 0
					load := func(ctx context.Context) (string, error) {
						loads++
						n := loads
						if n <= test.invalidated {
							assert.NoError(t, second(elsewhere.Delete(ctx, "k")))
						}
						time.Sleep(time.Second)
						return strconv.Itoa(n), nil
					}
					var all sync.WaitGroup
					all.Go(func() { assert.NoError(t, second(get(t.Context(), v, load))) })
					if test.joins {
						time.Sleep(time.Second / 2)
						got, err := get(t.Context(), v, func(context.Context) (string, error) { panic("joins") })
						require.NoError(t, err)
						require.Equal(t, strconv.Itoa(test.maxLoads), got)
					}
					all.Wait()
					require.GreaterOrEqual(t, loads, test.minLoads)
					require.LessOrEqual(t, loads, test.maxLoads)
				})
			})
		}
	}
}

// The key is deleted during each load, and the loads come to an end. A caller who comes after the
// last Delete gets nothing that was loaded before.
func TestNobodyJoinsTheLastLoadOfAKeyThatIsDeletedAgainAndAgain(t *testing.T) {
	for name, get := range loadsOfOne {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, elsewhere, _ := twoCaches(t)
				v := xcache.For[string](here)
				loads := 0
				var all sync.WaitGroup
				all.Go(func() {
					got, err := get(t.Context(), v, func(ctx context.Context) (string, error) {
						loads++
						n := loads
						assert.NoError(t, second(elsewhere.Delete(ctx, "k")))
						time.Sleep(time.Second)
						return strconv.Itoa(n), nil
					})
					assert.NoError(t, err)
					assert.Equal(t, "8", got)
				})
				time.Sleep(time.Second / 2)
				all.Go(func() {
					assert.NoError(t, second(get(t.Context(), v, func(context.Context) (string, error) { panic("joins") })))
				})
				time.Sleep(7 * time.Second) // the eighth load is under way, and the key is deleted
				got, err := get(t.Context(), v, func(context.Context) (string, error) { return "after the last Delete", nil })
				require.NoError(t, err)
				require.Equal(t, "after the last Delete", got)
				all.Wait()
			})
		})
	}
}

// The row appears during the load, which has not seen the row, and another process deletes the key.
func TestCallersWhoJoinALoadAreNotToldOfAMissFromBeforeADeleteElsewhere(t *testing.T) {
	missing := map[bool]func(context.Context, *xcache.View[string], func() bool) (string, error){
		false: func(ctx context.Context, v *xcache.View[string], exists func() bool) (string, error) {
			return v.GetOrSet(ctx, "k", func(context.Context) (string, error) {
				if !exists() {
					return "", xcache.ErrNotFound
				}
				return "v", nil
			})
		},
		true: func(ctx context.Context, v *xcache.View[string], exists func() bool) (string, error) {
			got, err := v.GetOrSetMany(ctx, []string{"k", "other"}, func(_ context.Context, keys []string) (map[string]string, error) {
				values := map[string]string{"other": ""}
				if exists() {
					values["k"] = "v"
				}
				return values, nil
			})
			return got["k"], err
		},
	}
	for name, opts := range map[string][]xcache.Option{
		"as it is":    nil,
		"OneLoader":   {xcache.OneLoader(time.Minute)},
		"NegativeTTL": {xcache.NegativeTTL(time.Minute)},
	} {
		for many, get := range missing {
			t.Run(fmt.Sprintf("%s, many %t", name, many), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					here, elsewhere, _ := twoCaches(t)
					v := xcache.For[string](here).With(opts...)
					var created atomic.Bool
					loads := 0
					exists := func() bool {
						loads++
						is := created.Load()
						time.Sleep(time.Second)
						return is
					}
					var all sync.WaitGroup
					all.Go(func() { _, _ = get(t.Context(), v, exists) })
					time.Sleep(time.Second / 4)
					created.Store(true)
					assert.NoError(t, second(elsewhere.Delete(t.Context(), "k")))
					time.Sleep(time.Second / 4)
					got, err := get(t.Context(), v, func() bool { panic("joins") })
					require.NoError(t, err)
					require.Equal(t, "v", got)
					all.Wait()
					require.Equal(t, 2, loads)
				})
			})
		}
	}
}

// A load that finds no value asks for its lease if somebody has joined, and alone costs no more.
func TestAMissThatNobodyJoinsAsksForNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t)
		v := xcache.For[string](c)
		miss := func(context.Context) (string, error) {
			time.Sleep(time.Second)
			return "", xcache.ErrNotFound
		}
		require.ErrorIs(t, second(v.GetOrSet(t.Context(), "alone", miss)), xcache.ErrNotFound)
		alone := s.total()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { assert.ErrorIs(t, second(v.GetOrSet(t.Context(), "k", miss)), xcache.ErrNotFound) })
		}
		all.Wait()
		require.Equal(t, 2*alone+9+1, s.total(), "nine reads more, and one question")
	})
}

// The caller who has begun the load leaves, so that a caller who has joined after a Delete elsewhere
// waits alone.
func TestACallerWhoStaysAloneGetsNoValueFromBeforeADelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, elsewhere, _ := twoCaches(t)
		v := xcache.For[string](here)
		var row atomic.Value
		row.Store("old")
		load := func(context.Context) (string, error) {
			value := row.Load().(string)
			time.Sleep(time.Second)
			return value, nil
		}
		first, leave := context.WithCancel(t.Context())
		go func() { _, _ = v.GetOrSet(first, "k", load) }()
		time.Sleep(100 * time.Millisecond)
		row.Store("new")
		_, err := elsewhere.Delete(t.Context(), "k")
		require.NoError(t, err)
		time.AfterFunc(200*time.Millisecond, leave)
		got, err := v.GetOrSet(t.Context(), "k", load)
		require.NoError(t, err)
		require.Equal(t, "new", got)
	})
}

// A load over a value that cannot be read finds no value, and the store fails by then. With
// OnErrorMiss the failed read is a miss, but no sign that another process has deleted the key.
func TestAReadThatFailsOpenIsNoInvalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t)
		require.NoError(t, xcache.For[string](c).Set(t.Context(), "k", "no number"))
		v := xcache.For[int](c).With(failOpen)
		loads := 0
		get := func() error {
			return second(v.GetOrSet(t.Context(), "k", func(context.Context) (int, error) {
				loads++
				time.Sleep(time.Second)
				s.mu.Lock()
				defer s.mu.Unlock()
				s.failing = map[string]error{":1:k": xcache.ErrUnavailable}
				return 0, xcache.ErrNotFound
			}))
		}
		var all sync.WaitGroup
		all.Go(func() { assert.ErrorIs(t, get(), xcache.ErrNotFound) })
		time.Sleep(time.Second / 2)
		require.ErrorIs(t, get(), xcache.ErrNotFound)
		all.Wait()
		require.Equal(t, 1, loads)
	})
}
