package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
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

// upper loads each key in upper case, but those that begin with "no".
func upper(_ context.Context, keys []string) (map[string]string, error) {
	values := make(map[string]string)
	for _, key := range keys {
		if !strings.HasPrefix(key, "no") {
			values[key] = strings.ToUpper(key)
		}
	}
	return values, nil
}

// stores are stores that keep what was loaded in different ways.
var loadingStores = map[string]func(*driver.Caps){
	"with leases":       nil,
	"without Commander": func(caps *driver.Caps) { caps.Commander = nil },
	"with four methods": func(caps *driver.Caps) { *caps = driver.Caps{} },
}

func TestGetOrSetManyLoadsWhatIsMissingInOneCall(t *testing.T) {
	for name, caps := range loadingStores {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s := newFakeStore(t)
			s.caps = caps
			v := xcache.For[string](newCache(t, s))
			require.NoError(t, v.Set(ctx, "a", "stored"))
			require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:bad", Value: []byte("{"), TTL: driver.NoExpiry}}))
			s.reset()
			var asked [][]string
			load := func(ctx context.Context, keys []string) (map[string]string, error) {
				asked = append(asked, keys)
				values, err := upper(ctx, keys)
				values["stranger"] = "not asked for"
				return values, err
			}
			got, err := v.GetOrSetMany(ctx, []string{"a", "b", "nobody", "c", "b", "bad"}, load, xcache.TTL(time.Hour))
			require.NoError(t, err)
			want := map[string]string{"a": "stored", "b": "B", "c": "C", "bad": "BAD"}
			require.Equal(t, want, got)
			require.Equal(t, [][]string{{"b", "nobody", "c", "bad"}}, asked)
			if name == "with leases" {
				require.Equal(t, 1, s.count("Get"))
				require.Equal(t, 1, s.count("Lease"))
				require.Equal(t, 1, s.count("Fill"))
				ttl, err := v.TTL(ctx, "b")
				require.NoError(t, err)
				require.Greater(t, ttl, 59*time.Minute)
			}

			got, err = v.GetOrSetMany(ctx, []string{"a", "b", "c", "bad"}, load)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Len(t, asked, 1, "all are stored")
			require.Equal(t, []string{":1:a", ":1:b", ":1:bad", ":1:c"}, s.stored(t))
			_, err = v.GetOrSetMany(ctx, []string{"nobody"}, load)
			require.NoError(t, err)
			require.Len(t, asked, 2, "that a key does not exist is not kept")
		})
	}
}

func TestGetOrSetManyOfNothingAsksNobody(t *testing.T) {
	s, c := newFake(t)
	got, err := xcache.For[string](c).GetOrSetMany(t.Context(), nil, nil)
	require.NoError(t, err)
	require.Equal(t, map[string]string{}, got)
	require.Zero(t, s.total())
}

func TestGetOrSetManyFailures(t *testing.T) {
	ctx := t.Context()
	down := errors.New("down")
	s, c := newFake(t)
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "a", "stored"))

	got, err := v.GetOrSetMany(ctx, []string{"a", "b", "c"}, func(context.Context, []string) (map[string]string, error) {
		return map[string]string{"b": "B"}, down
	})
	require.ErrorIs(t, err, down)
	batch, ok := errors.AsType[*xcache.BatchError](err)
	require.True(t, ok)
	require.Equal(t, []string{"b", "c"}, batch.Keys())
	require.Equal(t, map[string]string{"a": "stored"}, got)

	s.failing = map[string]error{":1:b": driver.ErrUnavailable}
	got, err = v.GetOrSetMany(ctx, []string{"a", "b", "c"}, upper)
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	batch, _ = errors.AsType[*xcache.BatchError](err)
	require.Equal(t, []string{"b"}, batch.Keys(), "it was not loaded")
	require.Equal(t, map[string]string{"a": "stored", "c": "C"}, got)

	s.before = func(context.Context, string, []string) error { return down }
	_, err = v.GetOrSetMany(ctx, []string{"a"}, func(context.Context, []string) (map[string]string, error) {
		assert.Fail(t, "loaded")
		return nil, nil
	})
	require.ErrorIs(t, err, down)
	s.before = nil

	_, err = v.GetOrSetMany(ctx, []string{"d", ""}, upper)
	require.ErrorIs(t, err, xcache.ErrInvalidKey)
	_, err = v.GetOrSetMany(ctx, []string{"d"}, upper, xcache.KeepTTL())
	require.ErrorContains(t, err, "KeepTTL makes no sense here")

	odd := xcache.For[chan int](c)
	_, err = odd.GetOrSetMany(ctx, []string{"e"}, func(context.Context, []string) (map[string]chan int, error) {
		return map[string]chan int{"e": nil}, nil
	})
	require.ErrorIs(t, err, xcache.ErrUnsupportedValue)
}

// A loaded value that cannot be stored is returned, and the observer is told.
func TestGetOrSetManyReturnsWhatItCannotStore(t *testing.T) {
	for _, caps := range loadingStores {
		var heard listener
		s := newFakeStore(t)
		s.caps = caps
		v := xcache.For[string](newCache(t, s, xcache.WithObserver(&heard)))
		s.before = func(_ context.Context, method string, _ []string) error {
			if method == "Get" {
				return nil
			}
			return driver.ErrUnavailable
		}
		got, err := v.GetOrSetMany(t.Context(), []string{"a", "b"}, upper)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "A", "b": "B"}, got)
		require.Len(t, heard.events, 2)
		require.Equal(t, driver.LoadedValueNotStored, heard.events[0].Kind)
		require.ErrorIs(t, heard.events[0].Err, xcache.ErrUnavailable)
		s.before = nil
	}
}

func TestGetOrSetManyStoresNothingOverWhatOthersDid(t *testing.T) {
	for name, caps := range loadingStores {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s := newFakeStore(t)
			s.caps = caps
			c := newCache(t, s)
			v := xcache.For[string](c)
			elsewhere := xcache.For[string](newCache(t, struct{ driver.Store }{s.store}))
			leases := name == "with leases"
			if leases {
				elsewhere = xcache.For[string](newCache(t, s.store))
			}
			got, err := v.GetOrSetMany(ctx, []string{"set", "deleted", "there", "plain"}, func(ctx context.Context, keys []string) (map[string]string, error) {
				assert.NoError(t, v.Set(ctx, "set", "theirs"))
				assert.NoError(t, second(v.Delete(ctx, "deleted")))
				if leases {
					assert.NoError(t, second(elsewhere.Delete(ctx, "there")))
				}
				return upper(ctx, keys)
			})
			require.NoError(t, err)
			require.Equal(t, map[string]string{"set": "theirs", "deleted": "DELETED", "there": "THERE", "plain": "PLAIN"}, got)
			want := []string{":1:plain", ":1:set"}
			if !leases {
				want = []string{":1:plain", ":1:set", ":1:there"}
			}
			require.Equal(t, want, s.stored(t))
		})
	}
}

func TestGetOrSetManyLoadsEachKeyOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t)
		v := xcache.For[string](c)
		var loads [4]atomic.Int64
		slow := func(ctx context.Context, keys []string) (map[string]string, error) {
			values := make(map[string]string)
			for _, key := range keys {
				loads[key[0]-'0'].Add(1)
				values[key] = "v" + key
			}
			time.Sleep(time.Second)
			return values, ctx.Err()
		}
		var callers sync.WaitGroup
		for i := range 12 {
			callers.Go(func() {
				keys := []string{fmt.Sprint(i % 4), fmt.Sprint((i + 1) % 4), fmt.Sprint((i + 2) % 4)}
				got, err := v.GetOrSetMany(ctx, keys, slow)
				assert.NoError(t, err)
				for _, key := range keys {
					assert.Equal(t, "v"+key, got[key])
				}
			})
			callers.Go(func() {
				key := fmt.Sprint(i % 4)
				got, err := v.GetOrSet(ctx, key, func(ctx context.Context) (string, error) {
					values, err := slow(ctx, []string{key})
					return values[key], err
				})
				assert.NoError(t, err)
				assert.Equal(t, "v"+key, got)
			})
		}
		callers.Wait()
		for key := range loads {
			require.EqualValues(t, 1, loads[key].Load(), key)
		}
	})
}

func TestGetOrSetThatWaitsForALoadOfManyGetsItsResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[string](c)
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := v.GetOrSetMany(t.Context(), []string{"yes", "nobody"}, func(ctx context.Context, keys []string) (map[string]string, error) {
				time.Sleep(time.Second)
				return upper(ctx, keys)
			})
			assert.NoError(t, err)
		})
		synctest.Wait()
		callers.Go(func() {
			got, err := v.GetOrSet(t.Context(), "yes", text("own"))
			assert.NoError(t, err)
			assert.Equal(t, "YES", got)
		})
		callers.Go(func() {
			_, err := v.GetOrSet(t.Context(), "nobody", text("own"))
			assert.Equal(t, xcache.ErrNotFound, err)
		})
		callers.Wait()
	})
}

func TestLoadersOfManyThatDoNotReturnLeaveNobodyStuck(t *testing.T) {
	for name, ends := range map[string]func(){
		"panic":  func() { panic("broken loader") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c := newFake(t)
				v := xcache.For[string](c)
				load := func(context.Context, []string) (map[string]string, error) {
					time.Sleep(time.Second)
					ends()
					return nil, nil
				}
				var failed atomic.Int64
				var callers sync.WaitGroup
				for i := range 4 {
					callers.Go(func() {
						defer func() {
							if recover() != nil {
								failed.Add(1)
							}
						}()
						if _, err := v.GetOrSetMany(t.Context(), []string{"a", "b", fmt.Sprint(i)}, load); err != nil {
							failed.Add(1)
						}
					})
				}
				callers.Wait()
				require.EqualValues(t, 4, failed.Load())
				got, err := v.GetOrSetMany(t.Context(), []string{"a", "b"}, upper)
				require.NoError(t, err)
				require.Len(t, got, 2)
			})
		})
	}
}

func TestLoadOfManyEndsWithItsLastCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[string](c)
		first, leaveFirst := context.WithCancel(t.Context())
		second, leaveSecond := context.WithCancel(t.Context())
		ended := make(chan struct{})
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := v.GetOrSetMany(first, []string{"a", "b"}, func(ctx context.Context, _ []string) (map[string]string, error) {
				<-ctx.Done()
				close(ended)
				return nil, ctx.Err()
			})
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		callers.Go(func() {
			_, err := v.GetOrSet(second, "b", text("own"))
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		leaveFirst()
		synctest.Wait()
		select {
		case <-ended:
			t.Fatal("somebody still waits for b")
		default:
		}
		leaveSecond()
		<-ended
		callers.Wait()
	})
}

func TestCloseEndsALoadOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := xcache.New(newFakeStore(t))
		require.NoError(t, err)
		v := xcache.For[string](c)
		done := make(chan error)
		go func() {
			_, err := v.GetOrSetMany(context.Background(), []string{"a", "b"}, func(ctx context.Context, _ []string) (map[string]string, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
			done <- err
		}()
		synctest.Wait()
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-done, xcache.ErrClosed)
		_, err = v.GetOrSetMany(context.Background(), []string{"a"}, upper)
		require.ErrorIs(t, err, xcache.ErrClosed)
	})
}

func TestLoaderOfManyThatNeedsItselfFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake(t)
		v := xcache.For[string](c)
		for _, need := range []string{"a", "b"} {
			_, err := v.GetOrSetMany(t.Context(), []string{"a", "b"}, func(ctx context.Context, _ []string) (map[string]string, error) {
				_, err := v.GetOrSet(ctx, need, text("x"))
				return nil, err
			})
			require.ErrorContains(t, err, "whose load waits for this loader", need)
			_, err = v.GetOrSetMany(t.Context(), []string{"a", "b"}, func(ctx context.Context, _ []string) (map[string]string, error) {
				return v.GetOrSetMany(ctx, []string{"c", need}, upper)
			})
			require.ErrorContains(t, err, "whose load waits for this loader", need)
		}
	})
}

func TestLoaderOfManyMayWriteItsKeys(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c)
	got, err := v.GetOrSetMany(t.Context(), []string{"a", "b"}, func(ctx context.Context, keys []string) (map[string]string, error) {
		for _, key := range slices.Backward(keys) {
			assert.NoError(t, v.Set(ctx, key, "x", xcache.TTL(-1)))
		}
		return upper(ctx, keys)
	}, xcache.TTL(-1))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "A", "b": "B"}, got)
}
