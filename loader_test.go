package xcache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

func TestALoaderChoosesTheTTL(t *testing.T) {
	for _, test := range []struct {
		name string
		opts []xcache.SetOption
		ttls []time.Duration // that the loader chooses, one after the other
		want time.Duration
	}{
		{"none", nil, nil, xcache.DefaultTTL},
		{"of the call", []xcache.SetOption{xcache.TTL(time.Hour)}, nil, time.Hour},
		{"of the loader", nil, []time.Duration{time.Minute}, time.Minute},
		{"of both", []xcache.SetOption{xcache.TTL(time.Hour)}, []time.Duration{time.Minute}, time.Minute},
		{"chosen twice", nil, []time.Duration{time.Minute, 2 * time.Minute}, 2 * time.Minute},
		{"for ever", nil, []time.Duration{xcache.NoExpiry}, xcache.NoExpiry},
		{"expired", nil, []time.Duration{0}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				s, c := newFake(t)
				v := xcache.For[string](c)
				choose := func(ctx context.Context) error {
					var err error
					for _, ttl := range test.ttls {
						err = errors.Join(err, xcache.LoadedTTL(ctx, ttl))
					}
					return err
				}
				got, err := v.GetOrSet(ctx, "one", func(ctx context.Context) (string, error) { return "v", choose(ctx) }, test.opts...)
				require.NoError(t, err)
				require.Equal(t, "v", got)
				many, err := v.GetOrSetMany(ctx, []string{"many"}, func(ctx context.Context, keys []string) (map[string]string, error) {
					return map[string]string{"many": "v"}, choose(ctx)
				}, test.opts...)
				require.NoError(t, err)
				require.Equal(t, map[string]string{"many": "v"}, many)
				if test.want == 0 {
					require.Empty(t, s.stored(t))
					return
				}
				for _, key := range []string{"one", "many"} {
					ttl, err := v.TTL(ctx, key)
					require.NoError(t, err)
					require.Equal(t, test.want, ttl, key)
				}
			})
		})
	}
}

func TestALoaderOfManyChoosesTTLsByKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t)
		v := xcache.For[string](c)
		_, err := v.GetOrSetMany(ctx, []string{"a", "b", "c", "gone"}, func(ctx context.Context, keys []string) (map[string]string, error) {
			err := errors.Join(xcache.LoadedTTL(ctx, time.Hour, "a", "b"), xcache.LoadedTTL(ctx, time.Minute), xcache.LoadedTTL(ctx, -1, "gone"))
			return map[string]string{"a": "", "b": "", "c": "", "gone": ""}, err
		})
		require.NoError(t, err)
		require.Equal(t, []string{":1:a", ":1:b", ":1:c"}, s.stored(t))
		ttls, err := v.TTLMany(ctx, []string{"a", "b", "c"})
		require.NoError(t, err)
		require.Equal(t, map[string]time.Duration{"a": time.Hour, "b": time.Hour, "c": time.Minute}, ttls)
	})
}

func TestTheTTLOfALoaderIsJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t, xcache.WithJitter(0.5))
		v := xcache.For[string](c)
		_, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
			return "v", xcache.LoadedTTL(ctx, time.Hour)
		})
		require.NoError(t, err)
		ttl, err := v.TTL(ctx, "k")
		require.NoError(t, err)
		require.Less(t, ttl, time.Hour)
		require.GreaterOrEqual(t, ttl, 30*time.Minute)
	})
}

func TestLoadedTTLOutsideOfALoaderIsAnError(t *testing.T) {
	require.ErrorContains(t, xcache.LoadedTTL(t.Context(), time.Hour), "needs the context that a loader was given")
	_, c := newFake(t)
	given := make(chan context.Context, 1)
	_, err := xcache.For[string](c).GetOrSet(t.Context(), "k", func(ctx context.Context) (string, error) {
		given <- ctx
		return "v", nil
	})
	require.NoError(t, err)
	require.ErrorContains(t, xcache.LoadedTTL(<-given, time.Hour), "when its loader had returned")
}

// loads are the ways to call a slow loader of key k.
var loads = map[string]func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error){
	"GetOrSet": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
		return v.GetOrSet(ctx, "k", load)
	},
	"Load": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
		return v.Load(ctx, "k", load)
	},
	"GetOrSetMany": func(ctx context.Context, v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
		got, err := v.GetOrSetMany(ctx, []string{"k", "l"}, func(ctx context.Context, _ []string) (map[string]string, error) {
			value, err := load(ctx)
			return map[string]string{"k": value}, err
		})
		return got["k"], err
	},
}

func TestLoadTimeoutEndsALoaderThatHangs(t *testing.T) {
	for name, call := range loads {
		for _, test := range []struct {
			name    string
			ignores bool // its context
			ends    func() (string, error)
		}{
			{"with its context", false, nil},
			{"late", true, func() (string, error) { return "late", nil }},
			{"late, and fails", true, func() (string, error) { return "", errors.New("late") }},
			{"late, and panics", true, func() (string, error) { panic("late") }},
		} {
			t.Run(name+", "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					s, c := newFake(t, xcache.LoadTimeout(time.Second))
					v := xcache.For[string](c)
					load := func(ctx context.Context) (string, error) {
						_, has := ctx.Deadline()
						assert.True(t, has)
						if test.ignores {
							time.Sleep(time.Minute)
							return test.ends()
						}
						<-ctx.Done()
						return "", ctx.Err()
					}
					start := time.Now()
					var callers sync.WaitGroup
					for range 3 {
						callers.Go(func() {
							_, err := call(ctx, v, load)
							assert.ErrorIs(t, err, xcache.ErrLoadTimeout)
							assert.ErrorIs(t, err, context.DeadlineExceeded)
						})
					}
					callers.Wait()
					require.Equal(t, time.Second, time.Since(start))

					got, err := call(ctx, v, text("fresh"))
					require.NoError(t, err)
					require.Equal(t, "fresh", got, "the next caller loads")
					time.Sleep(time.Minute)
					synctest.Wait()
					if name != "Load" {
						got, err := v.Get(ctx, "k")
						require.NoError(t, err)
						require.Equal(t, "fresh", got, "what came late is dropped")
						require.Equal(t, []string{":1:k"}, s.stored(t))
					}
				})
			})
		}
	}
}

func TestCloseWaitsForALoaderBehindItsTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := xcache.New(newFakeStore(t), xcache.LoadTimeout(time.Second))
		require.NoError(t, err)
		returned := false
		_, err = xcache.For[string](c).GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
			time.Sleep(time.Minute)
			returned = true
			return "", nil
		})
		require.ErrorIs(t, err, xcache.ErrLoadTimeout)
		require.NoError(t, c.Close())
		require.True(t, returned)
	})
}

// The time-out is that of the loader: a slow store does not count.
func TestLoadTimeoutIsForTheLoaderAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newFake(t, xcache.LoadTimeout(time.Second))
		s.before = func(context.Context, string, []string) error { time.Sleep(900 * time.Millisecond); return nil }
		v := xcache.For[string](c)
		got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
			time.Sleep(900 * time.Millisecond)
			return "v", nil
		})
		require.NoError(t, err)
		require.Equal(t, "v", got)
		require.Equal(t, []string{":1:k"}, s.stored(t))
	})
}

func TestLoadTimeoutMustBePositive(t *testing.T) {
	_, c := newFake(t)
	_, err := xcache.For[string](c.With(xcache.LoadTimeout(0))).GetOrSet(t.Context(), "k", text("v"))
	require.ErrorContains(t, err, "LoadTimeout needs a positive duration")
}

// A deadline of the loader's own is no time-out of the view.
func TestDeadlinesOfALoaderItselfAreItsErrors(t *testing.T) {
	_, c := newFake(t, xcache.LoadTimeout(time.Hour))
	_, err := xcache.For[string](c).GetOrSet(t.Context(), "k", func(context.Context) (string, error) {
		return "", context.DeadlineExceeded
	})
	require.Equal(t, context.DeadlineExceeded, err)
}
