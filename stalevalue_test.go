package xcache_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

func TestALoaderKeepsAStaleValue(t *testing.T) {
	for name, opts := range map[string][]xcache.Option{
		"plain":     nil,
		"tagged":    {tagged(t)},
		"encrypted": {tagged(t), xcache.WithEncryption(keyRing(t, "k"))},
	} {
		for many, get := range map[string]func(ctx context.Context, v *xcache.View[[]string], opts []xcache.SetOption, load func(context.Context, func() ([]string, bool)) ([]string, error)) ([]string, error){
			"one": func(ctx context.Context, v *xcache.View[[]string], opts []xcache.SetOption, load func(context.Context, func() ([]string, bool)) ([]string, error)) ([]string, error) {
				return v.GetOrSet(ctx, "k", func(ctx context.Context) ([]string, error) {
					return load(ctx, func() ([]string, bool) { return xcache.StaleValue[[]string](ctx) })
				}, opts...)
			},
			"many": func(ctx context.Context, v *xcache.View[[]string], opts []xcache.SetOption, load func(context.Context, func() ([]string, bool)) ([]string, error)) ([]string, error) {
				got, err := v.GetOrSetMany(ctx, []string{"k"}, func(ctx context.Context, _ []string) (map[string][]string, error) {
					value, err := load(ctx, func() ([]string, bool) { return xcache.StaleValueOf[[]string](ctx, "k") })
					return map[string][]string{"k": value}, err
				}, opts...)
				return got["k"], err
			},
		} {
			t.Run(name+", "+many, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					_, c := newFake(t, opts...)
					v := xcache.For[[]string](c).With(xcache.WithTTL(time.Hour), xcache.StaleOnError(time.Minute), xcache.StaleFor(time.Second))
					var tags []xcache.SetOption
					if opts != nil {
						tags = []xcache.SetOption{xcache.Tags("tag")}
					}
					require.NoError(t, v.Set(ctx, "k", []string{"a", "b"}, tags...))
					keep := func(ctx context.Context, stale func() ([]string, bool)) ([]string, error) {
						old, ok := stale()
						assert.True(t, ok)
						assert.Equal(t, []string{"a", "b"}, old)
						if ok {
							old[0] = "changed" // which is the loader's own
						}
						return nil, fmt.Errorf("304: %w", xcache.ErrNotModified)
					}
					for _, age := range []time.Duration{0, 2 * time.Second} { // served at once, and waited for
						time.Sleep(time.Hour + age)
						got, err := get(ctx, v, tags, keep)
						require.NoError(t, err)
						require.Equal(t, []string{"a", "b"}, got)
						got[0] = "mine"
						synctest.Wait()
						got, err = v.Get(ctx, "k")
						require.NoError(t, err)
						require.Equal(t, []string{"a", "b"}, got)
						left, err := v.TTL(ctx, "k")
						require.NoError(t, err)
						require.Equal(t, time.Hour, left)
					}
				})
			})
		}
	}
}

func TestWithoutAStaleValueThereIsNothingToKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		v := fallingBack(c)
		_, ok := xcache.StaleValue[string](ctx)
		require.False(t, ok, "outside of a loader")
		for _, view := range []*xcache.View[string]{v, xcache.For[string](c)} {
			_, err := view.GetOrSet(ctx, "none", func(ctx context.Context) (string, error) {
				_, ok := xcache.StaleValue[string](ctx)
				assert.False(t, ok)
				return "", xcache.ErrNotModified
			})
			require.ErrorIs(t, err, xcache.ErrNotModified)
		}
		require.NoError(t, v.Set(ctx, "stale", "old"))
		time.Sleep(time.Hour)
		got, err := v.GetOrSetMany(ctx, []string{"stale", "none"}, func(ctx context.Context, keys []string) (map[string]string, error) {
			_, ok := xcache.StaleValueOf[int](ctx, "stale")
			assert.False(t, ok, "of another type")
			_, ok = xcache.StaleValueOf[string](ctx, "none")
			assert.False(t, ok)
			_, ok = xcache.StaleValueOf[string](ctx, "stranger")
			assert.False(t, ok)
			return nil, xcache.ErrNotModified
		})
		require.Equal(t, map[string]string{"stale": "old"}, got)
		var failed *xcache.BatchError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, []string{"none"}, sortedKeys(failed.Errs))
		require.ErrorIs(t, failed.Errs["none"], xcache.ErrNotModified)
	})
}

func TestAnUnmodifiedValueDoesNotComeBackAfterADelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		here, there, _ := twoCaches(t)
		v := fallingBack(here)
		require.NoError(t, v.Set(ctx, "k", "old"))
		time.Sleep(time.Hour)
		got, err := v.GetOrSet(ctx, "k", func(context.Context) (string, error) {
			require.NoError(t, second(there.Delete(ctx, "k")))
			return "", xcache.ErrNotModified
		})
		require.NoError(t, err)
		require.Equal(t, "old", got)
		require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrNotFound)
	})
}
