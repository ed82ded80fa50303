package xcache_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// fallingBack is a view of texts that are valid for an hour, and a fallback for a minute after.
func fallingBack(c *xcache.Cache, opts ...xcache.Option) *xcache.View[string] {
	return xcache.For[string](c).With(append([]xcache.Option{xcache.WithTTL(time.Hour), xcache.StaleOnError(time.Minute)}, opts...)...)
}

func TestStaleOnErrorReturnsTheStaleValueForAFailure(t *testing.T) {
	failure := errors.New("the database is down")
	for name, test := range map[string]struct {
		after time.Duration // the TTL
		err   error
		want  error
	}{
		"a failure":             {0, failure, nil},
		"too late":              {time.Minute, failure, failure},
		"time-out":              {0, context.DeadlineExceeded, nil},
		"nothing there":         {0, xcache.ErrNotFound, xcache.ErrNotFound},
		"a value of no codec's": {0, xcache.ErrUnsupportedValue, xcache.ErrUnsupportedValue},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				var heard listener
				v := fallingBack(newCache(t, newFakeStore(t), xcache.WithObserver(&heard)), xcache.LoadTimeout(time.Second))
				require.NoError(t, v.SetMany(ctx, map[string]string{"k": "old", "l": "old"}))
				time.Sleep(time.Hour + test.after)
				fail := func(ctx context.Context) error {
					if errors.Is(test.err, context.DeadlineExceeded) {
						<-ctx.Done()
						return ctx.Err()
					}
					return test.err
				}
				got, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) { return "", fail(ctx) })
				many, manyErr := v.GetOrSetMany(ctx, []string{"l"}, func(ctx context.Context, _ []string) (map[string]string, error) { return nil, fail(ctx) })
				if test.want != nil {
					require.ErrorIs(t, err, test.want)
					require.Empty(t, many)
					if !errors.Is(test.want, xcache.ErrNotFound) {
						require.ErrorIs(t, manyErr, test.want)
					}
					require.Empty(t, heard.events)
					return
				}
				require.NoError(t, err)
				require.Equal(t, "old", got)
				require.NoError(t, manyErr)
				require.Equal(t, map[string]string{"l": "old"}, many)
				require.Len(t, heard.events, 2)
				for i, event := range heard.events {
					require.Equal(t, driver.StaleValueServed, event.Kind)
					require.Equal(t, []string{"k", "l"}[i], event.Key)
					require.ErrorIs(t, event.Err, test.err)
				}
				got, err = v.GetOrSet(ctx, "k", text("new"))
				require.NoError(t, err)
				require.Equal(t, "new", got, "callers wait for a loader that works")
			})
		})
	}
}

func TestStaleForAndStaleOnErrorFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		v := fallingBack(c, xcache.StaleFor(10*time.Second))
		require.NoError(t, v.Set(ctx, "k", "old"))
		fails := func(context.Context) (string, error) {
			time.Sleep(time.Second)
			return "", errors.New("down")
		}
		for _, step := range []struct {
			age  time.Duration
			took time.Duration
			ok   bool
		}{{0, 0, true}, {9 * time.Second, 0, true}, {10 * time.Second, time.Second, true}, {59 * time.Second, time.Second, true}, {60 * time.Second, time.Second, false}} {
			require.NoError(t, second(c.Delete(ctx, "k")))
			require.NoError(t, v.Set(ctx, "k", "old"))
			time.Sleep(time.Hour + step.age)
			began := time.Now()
			got, err := v.GetOrSet(ctx, "k", fails)
			require.Equal(t, step.ok, err == nil, step.age)
			require.Equal(t, step.ok, got == "old", step.age)
			require.Equal(t, step.took, time.Since(began), step.age)
			time.Sleep(time.Minute)
		}
	})
}

func TestInvalidateKeepsTheValueForStaleOnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		here, there, store := twoCaches(t)
		v := fallingBack(here, xcache.StaleFor(10*time.Second))
		fails := func(context.Context) (string, error) { return "", errors.New("down") }
		for name, set := range map[string]func() error{
			"valid":    func() error { return v.Set(ctx, "k", "old") },
			"for ever": func() error { return v.Set(ctx, "k", "old", xcache.TTL(xcache.NoExpiry)) },
			"stale": func() error {
				err := v.Set(ctx, "k", "old", xcache.TTL(time.Second))
				time.Sleep(2 * time.Second)
				return err
			},
		} {
			require.NoError(t, set(), name)
			require.NoError(t, second(v.GetOrSet(ctx, "other", func(context.Context) (string, error) {
				return "dead", fallingBack(there, xcache.StaleFor(10*time.Second)).Invalidate(ctx, "k", "other", "none")
			})), name)
			require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrNotFound, name)
			require.ErrorIs(t, second(v.Get(ctx, "other")), xcache.ErrNotFound, "its load began before")
			got, err := v.GetOrSet(ctx, "k", fails)
			require.NoError(t, err, name)
			require.Equal(t, "old", got, name)
			time.Sleep(40 * time.Second)
			require.NoError(t, v.Invalidate(ctx, "k"), "does not keep it longer")
			time.Sleep(10 * time.Second)
			require.Error(t, second(v.GetOrSet(ctx, "k", fails)), name)
			require.NoError(t, v.Set(ctx, "k", "old"))
			require.NoError(t, v.Invalidate(ctx, "k"))
			got, err = v.GetOrSet(ctx, "k", text("new"))
			require.NoError(t, err, name)
			require.Equal(t, "new", got, "is not served at once")
			require.NoError(t, second(v.Delete(ctx, "k")))
		}
		_ = store
	})
}

func TestInvalidateWithoutStaleOnErrorDeletes(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := stale(c)
	require.NoError(t, v.SetMany(ctx, map[string]string{"k": "", "l": "", "m": ""}))
	require.NoError(t, v.Invalidate(ctx, "k", "l"))
	require.Equal(t, []string{":1:m"}, s.stored(t))
	s.reset()
	require.NoError(t, v.Invalidate(ctx))
	require.Zero(t, s.total())
	require.ErrorIs(t, v.Invalidate(ctx, ""), xcache.ErrInvalidKey)
}

func TestInvalidateReportsTheKeysThatFailed(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := fallingBack(c)
	s.commandErr = driver.Fail(driver.ErrUnavailable, driver.Unknown, errors.New("gone"))
	err := v.Invalidate(ctx, "k")
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
	var failed *xcache.BatchError
	require.ErrorAs(t, v.Invalidate(ctx, "k", "l"), &failed)
	require.Equal(t, []string{"k", "l"}, sortedKeys(failed.Errs))
	require.NoError(t, v.With(xcache.WithOnError(xcache.OnErrorMiss)).Invalidate(ctx, "k"), "is dropped")
}

// unusable are values that a view of texts has to load anew, though the bytes are there.
var unusable = map[string]func(ctx context.Context, v *xcache.View[string]) error{
	"a value that cannot be read": func(ctx context.Context, v *xcache.View[string]) error {
		return xcache.For[int](v.Cache).Set(ctx, "k", 1, xcache.TTL(xcache.NoExpiry))
	},
	"a value with an invalidated tag": func(ctx context.Context, v *xcache.View[string]) error {
		return errors.Join(v.Set(ctx, "k", "old", xcache.Tags("t")), v.InvalidateTags(ctx, "t"))
	},
}

// loadsOfOne are the ways to load one key.
var loadsOfOne = map[string]func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error){
	"GetOrSet": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
		return v.GetOrSet(ctx, "k", load)
	},
	"GetOrSetMany": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
		found, err := v.GetOrSetMany(ctx, []string{"k"}, func(ctx context.Context, _ []string) (map[string]string, error) {
			value, err := load(ctx)
			return map[string]string{"k": value}, err
		})
		return found["k"], err
	},
}

func TestInvalidateStopsLoadsOverUnusableValues(t *testing.T) {
	for name, set := range unusable {
		for how, getOrSet := range loadsOfOne {
			for option, opts := range map[string][]xcache.Option{"": nil, "OneLoader": {xcache.OneLoader(time.Minute)}, "NegativeTTL": {xcache.NegativeTTL(time.Minute)}} {
				t.Run(name+" "+how+" "+option, func(t *testing.T) {
					ctx := t.Context()
					views := processes(t, 2, append([]xcache.Option{tagged(t), xcache.WithTTL(time.Hour), xcache.StaleOnError(time.Minute)}, opts...)...)
					here, there := views[0], views[1]
					require.NoError(t, set(ctx, here))
					got, err := getOrSet(ctx, here, func(ctx context.Context) (string, error) { return "dead", there.Invalidate(ctx, "k") })
					require.NoError(t, err)
					require.Equal(t, "dead", got)
					require.Error(t, second(there.Get(ctx, "k")), "the load began before the Invalidate")

					got, err = getOrSet(ctx, here, text("new"))
					require.NoError(t, err)
					require.Equal(t, "new", got)
					got, err = getOrSet(ctx, there, unwanted)
					require.NoError(t, err, "is stored without an Invalidate")
					require.Equal(t, "new", got)
					require.Greater(t, first(there.TTL(ctx, "k")), time.Minute)
				})
			}
		}
	}
}

// A view that keeps invalidated values takes the same care of newer values as any other.
func TestALoadOverAnUnusableValueLeavesNewerValues(t *testing.T) {
	for name, set := range unusable {
		for how, getOrSet := range loadsOfOne {
			t.Run(name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					views := processes(t, 2, tagged(t), xcache.WithTTL(time.Hour), xcache.StaleOnError(time.Minute))
					here, there := views[0], views[1]
					require.NoError(t, set(ctx, here))
					got, err := getOrSet(ctx, here, func(ctx context.Context) (string, error) {
						return "loaded", there.Set(ctx, "k", "theirs", xcache.TTL(time.Second))
					})
					require.NoError(t, err)
					require.Equal(t, "theirs", got)
					require.NoError(t, xcache.For[int](there.Cache).Set(ctx, "k", 1))
					got, err = getOrSet(ctx, here, func(ctx context.Context) (string, error) {
						return "loaded", xcache.For[int](there.Cache).Set(ctx, "k", 2)
					})
					require.NoError(t, err)
					require.Equal(t, "loaded", got)
					require.Equal(t, 2, first(xcache.For[int](there.Cache).Get(ctx, "k")))
				})
			})
		}
	}
}
