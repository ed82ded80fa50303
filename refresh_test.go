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
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

func TestARefreshThatFailsIsTriedAgainAfterAPause(t *testing.T) {
	failure := errors.New("the database is down")
	for name, read := range refreshes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := stale(newCache(t, newFakeStore(t)), xcache.StaleFor(24*time.Hour))
				require.NoError(t, v.Set(t.Context(), "k", "old"))
				time.Sleep(time.Hour)
				loads := 0
				fails := func(context.Context) (string, error) { loads++; return "", failure }
				// readFor reads once a millisecond, and returns how often the loader ran.
				readFor := func(d time.Duration, load func(context.Context) (string, error)) int {
					loads = 0
					for range d / time.Millisecond {
						got, err := read(v, load)
						require.NoError(t, err)
						require.Equal(t, "old", got)
						synctest.Wait()
						time.Sleep(time.Millisecond)
					}
					return loads
				}
				// The pauses are 50 to 100 ms, 100 to 200 ms, …, 5 to 10 s.
				require.Equal(t, 1, readFor(50*time.Millisecond, fails))
				n := readFor(time.Second, fails)
				require.GreaterOrEqual(t, n, 2)
				require.LessOrEqual(t, n, 4)
				readFor(20*time.Second, fails)
				n = readFor(20*time.Second, fails)
				require.GreaterOrEqual(t, n, 1)
				require.LessOrEqual(t, n, 4)

				time.Sleep(10 * time.Second)
				require.NoError(t, second(read(v, text("new"))))
				synctest.Wait()
				got, err := v.Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, "new", got)
				require.NoError(t, v.Set(t.Context(), "k", "old"))
				time.Sleep(time.Hour)
				require.GreaterOrEqual(t, readFor(201*time.Millisecond, fails), 2, "after a success, the pauses are short again")
			})
		})
	}
}

func TestTheObserverCountsStaleHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		var seen staleHits
		v := stale(newCache(t, newFakeStore(t), xcache.WithObserver(&seen)))
		require.NoError(t, v.SetMany(ctx, map[string]string{"a": "old", "b": "old"}))
		fails := func(context.Context) (string, error) { return "", errors.New("the database is down") }
		none := func(context.Context, []string) (map[string]string, error) { return nil, nil }
		reads := func() {
			require.NoError(t, second(v.GetOrSet(ctx, "a", fails)))
			synctest.Wait()
			require.NoError(t, second(v.GetOrSetMany(ctx, []string{"a", "b"}, none)))
			synctest.Wait()
		}
		reads()
		require.Zero(t, seen.stale)
		time.Sleep(time.Hour)
		reads()
		require.Equal(t, 3, seen.stale)
	})
}

// staleHits counts the stale hits that an observer is told of.
type staleHits struct {
	mu    sync.Mutex
	stale int
}

func (o *staleHits) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (o *staleHits) End(_ context.Context, op *xcache.Operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stale += op.Stale
}

// refreshes read a stale value of "k" by a loader, alone and as one of many.
var refreshes = map[string]func(v *xcache.View[string], load func(context.Context) (string, error)) (string, error){
	"one": func(v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
		return v.GetOrSet(context.Background(), "k", load)
	},
	"many": func(v *xcache.View[string], load func(context.Context) (string, error)) (string, error) {
		got, err := v.GetOrSetMany(context.Background(), []string{"k"}, func(ctx context.Context, _ []string) (map[string]string, error) {
			value, err := load(ctx)
			if errors.Is(err, xcache.ErrNotFound) {
				return nil, nil
			}
			return map[string]string{"k": value}, err
		})
		if _, ok := got["k"]; !ok && err == nil {
			err = xcache.ErrNotFound
		}
		return got["k"], err
	},
}

func TestAnOldValueGoesWhenItsLoaderFindsNone(t *testing.T) {
	gone := func(context.Context) (string, error) { return "", xcache.ErrNotFound }
	for name, read := range refreshes {
		for served, v := range map[string]func(c *xcache.Cache) *xcache.View[string]{
			"at once": func(c *xcache.Cache) *xcache.View[string] { return stale(c) },
			"on errors": func(c *xcache.Cache) *xcache.View[string] {
				return xcache.For[string](c).With(xcache.WithTTL(time.Hour), xcache.StaleOnError(time.Minute))
			},
			"with NegativeTTL": func(c *xcache.Cache) *xcache.View[string] { return stale(c, xcache.NegativeTTL(time.Minute)) },
		} {
			t.Run(name+", served "+served, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var heard listener
					v := v(newCache(t, newFakeStore(t), xcache.WithObserver(&heard)))
					require.NoError(t, v.Set(t.Context(), "k", "old"))
					time.Sleep(time.Hour)
					got, err := read(v, gone)
					if served == "on errors" {
						require.ErrorIs(t, err, xcache.ErrNotFound)
					} else {
						require.NoError(t, err)
						require.Equal(t, "old", got)
					}
					synctest.Wait()
					failure := errors.New("the database is down")
					_, err = read(v, func(context.Context) (string, error) { return "", failure })
					if served == "with NegativeTTL" {
						require.ErrorIs(t, err, xcache.ErrNotFound, "is remembered")
					} else {
						require.ErrorIs(t, err, failure, "there is nothing to fall back on")
					}
					require.Empty(t, heard.events, "an answer is no failure")
				})
			})
		}
	}
}

func TestAValueThatWasStoredMeanwhileStaysWhenTheLoaderFindsNone(t *testing.T) {
	for name, read := range refreshes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there, _ := twoCaches(t)
				v := stale(here)
				require.NoError(t, v.Set(t.Context(), "k", "old"))
				time.Sleep(time.Hour)
				_, err := read(v, func(ctx context.Context) (string, error) {
					assert.NoError(t, stale(there).Set(ctx, "k", "new"))
					return "", xcache.ErrNotFound
				})
				require.NoError(t, err)
				synctest.Wait()
				got, err := v.Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, "new", got)
			})
		})
	}
}

// givingStore gives the data of values with their TTLs away.
type givingStore struct{ *fakeStore }

func (s givingStore) Caps() driver.Caps {
	caps := s.fakeStore.Caps()
	caps.Limits.OwnData = true
	return caps
}

func TestACallerMayChangeStaleBytesDuringTheirRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := newCache(t, givingStore{newFakeStore(t)}, xcache.WithCodec(mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}})))
		v := xcache.For[[]byte](c).With(xcache.WithTTL(time.Hour), xcache.StaleFor(time.Minute))
		for name, read := range map[string]func(load func(context.Context) error) ([]byte, error){
			"one": func(load func(context.Context) error) ([]byte, error) {
				return v.GetOrSet(ctx, "k", func(ctx context.Context) ([]byte, error) { return nil, load(ctx) })
			},
			"many": func(load func(context.Context) error) ([]byte, error) {
				got, err := v.GetOrSetMany(ctx, []string{"k"}, func(ctx context.Context, _ []string) (map[string][]byte, error) { return nil, load(ctx) })
				return got["k"], err
			},
		} {
			require.NoError(t, v.Set(ctx, "k", []byte("old")))
			time.Sleep(time.Hour)
			changed := make(chan struct{})
			got, err := read(func(context.Context) error {
				<-changed
				return xcache.ErrNotModified
			})
			require.NoError(t, err)
			require.Equal(t, "old", string(got))
			copy(got, "XXX")
			close(changed)
			synctest.Wait()
			got, err = v.Get(ctx, "k")
			require.NoError(t, err, name)
			require.Equal(t, "old", string(got), name)
		}
	})
}
