package xcache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// soft is a view of texts with a fallback, which callers wait a second for.
func soft(c *xcache.Cache, opts ...xcache.Option) *xcache.View[string] {
	return fallingBack(c, append([]xcache.Option{xcache.SoftLoadTimeout(time.Second)}, opts...)...)
}

func TestASlowLoaderHoldsUpNobodyWithAStaleValue(t *testing.T) {
	for name, get := range map[string]func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error){
		"one": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
			return v.GetOrSet(ctx, "k", load)
		},
		"many": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
			got, err := v.GetOrSetMany(ctx, []string{"k", "l"}, func(ctx context.Context, _ []string) (map[string]string, error) {
				value, err := load(ctx)
				return map[string]string{"k": value, "l": value}, err
			})
			return got["k"], err
		},
	} {
		for _, test := range []struct {
			name string
			load time.Duration
			err  error
			want string
			took time.Duration
			kept string
		}{
			{"slow", 5 * time.Second, nil, "old", time.Second, "new"},
			{"fast", time.Second / 2, nil, "new", time.Second / 2, "new"},
			{"slow, and fails", 5 * time.Second, errors.New("down"), "old", time.Second, "old"},
		} {
			t.Run(name+", "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var heard listener
					v := soft(newCache(t, newFakeStore(t), xcache.WithObserver(&heard)))
					require.NoError(t, v.SetMany(t.Context(), map[string]string{"k": "old", "l": "old"}))
					time.Sleep(time.Hour)
					var loads atomic.Int64
					load := func(ctx context.Context) (string, error) {
						loads.Add(1)
						select {
						case <-time.After(test.load):
							return "new", test.err
						case <-ctx.Done():
							return "", ctx.Err()
						}
					}
					for range 2 { // the second caller joins the load
						ctx, cancel := context.WithCancel(t.Context())
						began := time.Now()
						got, err := get(ctx, v, load)
						cancel()
						require.NoError(t, err)
						require.Equal(t, test.want, got)
						if test.want == "old" {
							require.Equal(t, test.took, time.Since(began))
						}
					}
					require.EqualValues(t, 1, loads.Load())
					time.Sleep(5 * time.Second)
					synctest.Wait()
					got, err := xcache.For[string](v.Cache).Get(t.Context(), "k")
					if test.kept == "new" {
						require.NoError(t, err)
						require.Equal(t, "new", got)
					} else {
						require.ErrorIs(t, err, xcache.ErrNotFound, "it is stale still")
					}
					kinds := map[driver.EventKind]int{}
					for _, event := range heard.events {
						if event.Key == "k" {
							kinds[event.Kind]++
						}
					}
					switch {
					case test.want == "new":
						require.Empty(t, kinds)
					case test.err == nil:
						require.Equal(t, map[driver.EventKind]int{driver.StaleValueServed: 2}, kinds)
					default:
						require.Equal(t, map[driver.EventKind]int{driver.StaleValueServed: 2, driver.RefreshFailed: 1}, kinds)
					}
				})
			})
		}
	}
}

func TestWithoutAStaleValueCallersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		v := soft(c)
		require.NoError(t, v.Set(ctx, "stale", "old"))
		time.Sleep(time.Hour)
		got, err := v.GetOrSet(ctx, "missing", takes(time.Minute/2, "new"))
		require.NoError(t, err)
		require.Equal(t, "new", got)
		many, err := v.GetOrSetMany(ctx, []string{"stale", "absent"}, func(context.Context, []string) (map[string]string, error) {
			time.Sleep(10 * time.Second)
			return map[string]string{"stale": "new", "absent": "new"}, nil
		})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"stale": "old", "absent": "new"}, many)
		got, err = v.Get(ctx, "stale")
		require.NoError(t, err)
		require.Equal(t, "new", got)
	})
}

func TestCloseEndsALoadThatItsCallerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c, err := xcache.New(newFakeStore(t))
		require.NoError(t, err)
		v := soft(c)
		require.NoError(t, v.Set(ctx, "k", "old"))
		time.Sleep(time.Hour)
		var cause atomic.Value
		got, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
			<-ctx.Done()
			cause.Store(context.Cause(ctx))
			return "", ctx.Err()
		})
		require.NoError(t, err)
		require.Equal(t, "old", got)
		require.Nil(t, cause.Load())
		require.NoError(t, c.Close())
		require.ErrorIs(t, cause.Load().(error), xcache.ErrClosed)
	})
}

func TestSoftLoadTimeoutNeedsStaleOnError(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	for _, opts := range [][]xcache.Option{{xcache.SoftLoadTimeout(time.Second)}, {xcache.SoftLoadTimeout(time.Second), xcache.StaleFor(time.Second)}} {
		require.ErrorContains(t, second(xcache.For[string](c).With(opts...).Get(ctx, "k")), "SoftLoadTimeout needs StaleOnError")
	}
	require.ErrorContains(t, second(soft(c, xcache.SoftLoadTimeout(0)).Get(ctx, "k")), "needs a positive duration")
}
