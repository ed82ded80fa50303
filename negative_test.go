package xcache_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

func missing(context.Context) (string, error) {
	return "", fmt.Errorf("user 42: %w", xcache.ErrNotFound)
}

func noneOf(context.Context, []string) (map[string]string, error) { return nil, nil }

// remembersMissing are the ways to find out that there is no value.
var remembersMissing = map[string]func(ctx context.Context, v *xcache.View[string]) error{
	"GetOrSet": func(ctx context.Context, v *xcache.View[string]) error { return second(v.GetOrSet(ctx, "k", missing)) },
	"GetOrSetMany": func(ctx context.Context, v *xcache.View[string]) error {
		if err := second(v.GetOrSetMany(ctx, []string{"k"}, noneOf)); err != nil {
			return err
		}
		return xcache.ErrNotFound
	},
}

func TestAMissingValueIsRemembered(t *testing.T) {
	for name, remember := range remembersMissing {
		for _, opts := range [][]xcache.Option{{xcache.NegativeTTL(time.Minute)}, {xcache.NegativeTTL(time.Minute), xcache.OneLoader(time.Minute)}} {
			t.Run(fmt.Sprint(name, len(opts)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					views := processes(t, 2, opts...)
					require.ErrorIs(t, remember(ctx, views[0]), xcache.ErrNotFound)
					for _, v := range []*xcache.View[string]{views[0], views[1], views[1].With(xcache.OneLoader(time.Minute))} {
						require.ErrorIs(t, second(v.GetOrSet(ctx, "k", unwanted)), xcache.ErrNotFound)
						got, err := v.GetOrSetMany(ctx, []string{"k"}, func(context.Context, []string) (map[string]string, error) { return nil, second(unwanted(ctx)) })
						require.NoError(t, err)
						require.Empty(t, got)
						require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrNotFound)
						require.False(t, first(v.Has(ctx, "k")))
					}
					time.Sleep(time.Minute - time.Second)
					require.ErrorIs(t, second(views[1].GetOrSet(ctx, "k", unwanted)), xcache.ErrNotFound, "asking makes it no longer")
					time.Sleep(time.Second)
					require.Equal(t, "new", first(views[1].GetOrSet(ctx, "k", text("new"))))
				})
			})
		}
	}
}

func TestWhatEndsTheMemoryOfAMissingValue(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, c *xcache.Cache) error{
		"Delete":        func(ctx context.Context, c *xcache.Cache) error { return second(c.Delete(ctx, "k")) },
		"DeletePattern": func(ctx context.Context, c *xcache.Cache) error { return second(c.DeletePattern(ctx, "k*")) },
		"Clear":         func(ctx context.Context, c *xcache.Cache) error { return second(c.Clear(ctx)) },
		"a pipeline":    func(ctx context.Context, c *xcache.Cache) error { p := c.Pipeline(); p.Delete("k"); return p.Exec(ctx) },
		"Set":           func(ctx context.Context, c *xcache.Cache) error { return xcache.For[string](c).Set(ctx, "k", "new") },
		"Add": func(ctx context.Context, c *xcache.Cache) error {
			return second(xcache.For[string](c).Add(ctx, "k", "new"))
		},
	} {
		for way, remember := range remembersMissing {
			t.Run(name+" "+way, func(t *testing.T) {
				ctx := t.Context()
				one, other, _ := twoCaches(t)
				v := xcache.For[string](one).With(xcache.NegativeTTL(time.Hour))
				require.ErrorIs(t, remember(ctx, v), xcache.ErrNotFound)
				require.NoError(t, end(ctx, other))
				require.Equal(t, "new", first(v.GetOrSet(ctx, "k", text("new"))))
			})
		}
	}
}

// A load that began before a Delete elsewhere remembers nothing.
func TestAnInvalidationKeepsAMissingValueFromBeingRemembered(t *testing.T) {
	ctx := t.Context()
	one, other, _ := twoCaches(t)
	v := xcache.For[string](one).With(xcache.NegativeTTL(time.Hour))
	for name, c := range map[string]*xcache.Cache{"elsewhere": other, "here": one} {
		require.ErrorIs(t, second(v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
			require.NoError(t, second(c.Delete(ctx, "k")))
			return missing(ctx)
		})), xcache.ErrNotFound, name)
		require.NoError(t, second(v.GetOrSetMany(ctx, []string{"k"}, func(ctx context.Context, _ []string) (map[string]string, error) {
			return nil, second(c.Delete(ctx, "k"))
		})))
		require.Equal(t, "new", first(v.GetOrSet(ctx, "k", text("new"))), name)
		require.NoError(t, second(one.Delete(ctx, "k")))
	}
}

func TestARememberedMissCostsTwoRoundTrips(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.NegativeTTL(time.Hour))
	v := xcache.For[string](c)
	require.ErrorIs(t, second(v.GetOrSet(ctx, "k", missing)), xcache.ErrNotFound)
	require.Equal(t, 3, s.total(), "value, lease and marker")
	s.reset()
	require.ErrorIs(t, second(v.GetOrSet(ctx, "k", unwanted)), xcache.ErrNotFound)
	require.Equal(t, 2, s.total(), "value and lease")
	s.reset()
	require.NoError(t, second(v.GetOrSetMany(ctx, []string{"k", "l"}, noneOf)))
	require.NoError(t, second(v.GetOrSetMany(ctx, []string{"k", "l"}, nil)))
	require.Equal(t, 5, s.total())
}

// Other errors of a loader say nothing of the value.
func TestOtherErrorsAreNotRemembered(t *testing.T) {
	ctx := t.Context()
	v := processes(t, 1, xcache.NegativeTTL(time.Hour))[0]
	require.Error(t, second(v.GetOrSet(ctx, "k", unwanted)))
	_, _ = v.GetOrSetMany(ctx, []string{"k"}, func(context.Context, []string) (map[string]string, error) { return nil, xcache.ErrNotFound })
	require.Equal(t, "new", first(v.GetOrSet(ctx, "k", text("new"))))
	v = v.With(xcache.NegativeTTL(time.Hour), xcache.OneLoader(time.Hour))
	require.ErrorIs(t, second(v.With(xcache.LoadTimeout(time.Millisecond)).GetOrSet(ctx, "l", func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() })), xcache.ErrLoadTimeout)
	require.Equal(t, "new", first(v.GetOrSet(ctx, "l", text("new"))))
}

// jitter shortens the time.
func TestTheTimeOfAMissingValueHasJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		v := processes(t, 1, xcache.NegativeTTL(time.Hour), xcache.WithJitter(1))[0]
		loads := 0
		for range 100 {
			require.ErrorIs(t, second(v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) { loads++; return missing(ctx) })), xcache.ErrNotFound)
			time.Sleep(30 * time.Minute)
		}
		require.Greater(t, loads, 51)
	})
}

// Processes that wait for a load get its answer that there is no value.
func TestAMissingValueEndsTheWaitOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		views := processes(t, 3, xcache.NegativeTTL(time.Hour), xcache.OneLoader(time.Hour))
		var all sync.WaitGroup
		all.Go(func() {
			assert.ErrorIs(t, second(views[0].GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
				time.Sleep(time.Minute)
				return missing(ctx)
			})), xcache.ErrNotFound)
		})
		time.Sleep(time.Second)
		all.Go(func() { assert.ErrorIs(t, second(views[1].GetOrSet(t.Context(), "k", unwanted)), xcache.ErrNotFound) })
		got, err := views[2].GetOrSetMany(t.Context(), []string{"k"}, nil)
		require.NoError(t, err)
		require.Empty(t, got)
		all.Wait()
	})
}
