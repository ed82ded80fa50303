package xcache_test

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

// early is a view of texts that are valid for ten seconds. With its beta, a value whose load
// takes a second is refreshed by nearly every hit.
func early(c *xcache.Cache, opts ...xcache.Option) *xcache.View[string] {
	return xcache.For[string](c).With(append([]xcache.Option{xcache.WithTTL(10 * time.Second), xcache.EarlyRefresh(1000)}, opts...)...)
}

// takes is a loader that takes a while.
func takes(d time.Duration, value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		time.Sleep(d)
		return value, nil
	}
}

// untilLoaded calls get, which returns a value that is stored, until a load has begun.
func untilLoaded(t *testing.T, get func(load func(context.Context) (string, error)) (string, error), load func(context.Context) (string, error)) {
	t.Helper()
	var loads atomic.Int64
	for i := 0; loads.Load() == 0; i++ {
		require.Less(t, i, 1000, "no refresh begins")
		got, err := get(func(ctx context.Context) (string, error) {
			loads.Add(1)
			return load(ctx)
		})
		require.NoError(t, err)
		require.Equal(t, "old", got)
		synctest.Wait()
	}
}

func TestEarlyRefreshLoadsBeforeTheTTLEnds(t *testing.T) {
	for name, get := range map[string]func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error){
		"one": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
			return v.GetOrSet(ctx, "k", load)
		},
		"many": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
			got, err := v.GetOrSetMany(ctx, []string{"k"}, func(ctx context.Context, _ []string) (map[string]string, error) {
				value, err := load(ctx)
				return map[string]string{"k": value}, err
			})
			return got["k"], err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				s, c := newFake(t)
				v := early(c)
				require.NoError(t, second(get(ctx, v, takes(time.Second, "old"))))
				require.Equal(t, []time.Duration{10 * time.Second}, ttlsOf(s), "the server keeps it no longer")
				began := time.Now()
				untilLoaded(t, func(load func(context.Context) (string, error)) (string, error) { return get(ctx, v, load) }, takes(time.Second, "new"))
				require.Zero(t, time.Since(began), "nobody waits")
				time.Sleep(time.Second)
				synctest.Wait()
				s.reset()
				got, err := v.Get(ctx, "k")
				require.NoError(t, err)
				require.Equal(t, "new", got)
				require.Equal(t, 1, s.count("Get"), "other reads are as ever")
				left, err := v.TTL(ctx, "k")
				require.NoError(t, err)
				require.Equal(t, 10*time.Second, left)
			})
		})
	}
}

// ttlsOf returns the TTLs of the values that were stored.
func ttlsOf(s *fakeStore) (ttls []time.Duration) {
	for _, e := range s.written() {
		ttls = append(ttls, e.TTL)
	}
	return ttls
}

func TestEarlyRefreshLeavesOtherValuesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		for name, test := range map[string]struct {
			view *xcache.View[string]
			load time.Duration // of the first load, or 0 for none
			ttl  time.Duration
		}{
			"no load yet": {early(c), 0, 10 * time.Second},
			"no expiry":   {early(c), time.Second, xcache.NoExpiry},
			"cheap":       {early(c, xcache.EarlyRefresh(1)), time.Millisecond, time.Hour},
		} {
			if test.load > 0 {
				require.NoError(t, second(test.view.GetOrSet(ctx, "first", takes(test.load, ""))), name)
				require.NoError(t, second(c.Delete(ctx, "first")), name)
			}
			require.NoError(t, test.view.Set(ctx, "k", "v", xcache.TTL(test.ttl)), name)
			for range 200 {
				got, err := test.view.GetOrSet(ctx, "k", panics)
				require.NoError(t, err, name)
				require.Equal(t, "v", got, name)
			}
		}
	})
}

// A hundred callers a second of a value that takes a second to load: after the first nobody
// waits, and there are few loads more than expiries.
func TestEarlyRefreshKeepsAHotValueFromExpiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		v := early(c, xcache.EarlyRefresh(1))
		var loads atomic.Int64
		load := func(context.Context) (string, error) {
			time.Sleep(time.Second)
			return fmt.Sprint("v", loads.Add(1)), nil
		}
		require.NoError(t, second(v.GetOrSet(ctx, "k", load)))
		const expiries = 20
		for range 100 * 10 * expiries {
			began := time.Now()
			require.NoError(t, second(v.GetOrSet(ctx, "k", load)))
			require.Zero(t, time.Since(began))
			time.Sleep(10 * time.Millisecond)
		}
		require.GreaterOrEqual(t, loads.Load(), int64(expiries))
		require.LessOrEqual(t, loads.Load(), int64(3*expiries))
		time.Sleep(2 * time.Second)
	})
}

func TestAnEarlyRefreshDoesNotBringBackWhatWasDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		here, there, _ := twoCaches(t)
		v := early(here)
		require.NoError(t, second(v.GetOrSet(ctx, "k", takes(time.Second, "old"))))
		untilLoaded(t, func(load func(context.Context) (string, error)) (string, error) { return v.GetOrSet(ctx, "k", load) }, func(context.Context) (string, error) {
			return "dead", second(there.Delete(ctx, "k"))
		})
		require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrNotFound)

		require.NoError(t, v.Set(ctx, "k", "old"))
		untilLoaded(t, func(load func(context.Context) (string, error)) (string, error) { return v.GetOrSet(ctx, "k", load) }, func(context.Context) (string, error) {
			return "loaded", xcache.For[string](there).Set(ctx, "k", "theirs", xcache.TTL(time.Minute))
		})
		got, err := v.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "theirs", got)
	})
}

func TestEarlyRefreshNeedsASensibleBeta(t *testing.T) {
	_, c := newFake(t)
	for _, beta := range []float64{0, -1, 1001, math.NaN(), math.Inf(1)} {
		require.ErrorContains(t, second(early(c, xcache.EarlyRefresh(beta)).Get(t.Context(), "k")), "at most 1000")
	}
	require.ErrorContains(t, second(early(c, xcache.Sliding(time.Hour)).Get(t.Context(), "k")), "cannot be combined with Sliding")
}
