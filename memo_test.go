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

// neverLoads is the loader of a key that is stored.
func neverLoads(context.Context) (string, error) { return "", errors.New("the loader was called") }

// memoReads are the reads of one key that a memo answers.
var memoReads = map[string]func(ctx context.Context, v *xcache.View[string], key string) (string, error){
	"Get": func(ctx context.Context, v *xcache.View[string], key string) (string, error) { return v.Get(ctx, key) },
	"GetOr": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		return v.GetOr(ctx, key, "other")
	},
	"GetMany": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		found, err := v.GetMany(ctx, []string{key, key})
		return found[key], err
	},
	"GetOrSet": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		return v.GetOrSet(ctx, key, neverLoads)
	},
	"GetOrSetMany": func(ctx context.Context, v *xcache.View[string], key string) (string, error) {
		found, err := v.GetOrSetMany(ctx, []string{key}, func(ctx context.Context, _ []string) (map[string]string, error) {
			_, err := neverLoads(ctx)
			return nil, err
		})
		return found[key], err
	},
}

func TestMemoReadsAValueOnce(t *testing.T) {
	for first, read := range memoReads {
		for second, again := range memoReads {
			t.Run(first+"/"+second, func(t *testing.T) {
				s, c := newFake(t)
				v := xcache.For[string](c)
				require.NoError(t, v.Set(t.Context(), "k", "hello"))
				ctx := xcache.Memo(t.Context())
				got, err := read(ctx, v, "k")
				require.NoError(t, err)
				require.Equal(t, "hello", got)

				s.reset()
				inner, cancel := context.WithCancel(ctx)
				defer cancel()
				got, err = again(inner, v, "k")
				require.NoError(t, err)
				require.Equal(t, "hello", got)
				require.Zero(t, s.total(), "calls of the store")
			})
		}
	}
}

func TestMemoAsksForMissingKeysOnly(t *testing.T) {
	s, c := newFake(t)
	v := xcache.For[string](c)
	require.NoError(t, v.SetMany(t.Context(), map[string]string{"a": "1", "b": "2", "c": "3"}))
	ctx := xcache.Memo(t.Context())
	require.NoError(t, second(v.Get(ctx, "b")))
	s.reset()
	found, err := v.GetMany(ctx, []string{"a", "none", "b", "c", "a"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "1", "b": "2", "c": "3"}, found)
	require.Equal(t, []string{":1:a", ":1:none", ":1:c", ":1:a"}, s.keys)
	s.reset()
	require.ErrorIs(t, second(v.Get(ctx, "none")), xcache.ErrNotFound)
	require.Equal(t, 1, s.total(), "a miss is not held")
}

// After each operation with the context of a memo, reads with that context agree with those
// of the store.
func TestMemoForgetsWhatIsWritten(t *testing.T) {
	eachOperation(t, func(t *testing.T, _ *fakeStore, v *xcache.View[string], run func(context.Context, *xcache.View[string]) error) {
		all := xcache.For[any](v.Cache)
		outer := xcache.Memo(t.Context())
		ctx := xcache.Memo(outer)
		for _, ctx := range []context.Context{outer, ctx} {
			found, err := all.GetMany(ctx, []string{"text", "number"})
			require.NoError(t, err)
			require.Len(t, found, 2)
		}
		require.NoError(t, run(ctx, v))
		keys := []string{"text", "number", "new", "a", "b", "renamed", "counter"}
		stored, err := all.GetMany(t.Context(), keys)
		require.NoError(t, err)
		for _, ctx := range []context.Context{ctx, outer} {
			found, err := all.GetMany(ctx, keys)
			require.NoError(t, err)
			require.Equal(t, stored, found)
		}
	})
}

func TestMemoForgetsAlso(t *testing.T) {
	tests := map[string]func(ctx context.Context, t *testing.T, s *fakeStore, v *xcache.View[string]){
		"what a write that failed may have changed": func(ctx context.Context, t *testing.T, s *fakeStore, v *xcache.View[string]) {
			s.mu.Lock()
			s.before = func(_ context.Context, method string, _ []string) error {
				if method == "Set" {
					return xcache.ErrUnavailable
				}
				return nil
			}
			s.mu.Unlock()
			require.ErrorIs(t, v.Set(ctx, "k", "new"), xcache.ErrUnavailable)
		},
		"what a command of the program's own writes": func(ctx context.Context, t *testing.T, _ *fakeStore, v *xcache.View[string]) {
			_, err := xcache.Run(ctx, xcache.NewOp(v.Cache, "append", "DEL", "k"), func(*xcache.Op) (bool, error) { return true, nil })
			require.NoError(t, err)
			require.NoError(t, v.Set(context.WithoutCancel(t.Context()), "k", "new"))
		},
		"what a view of another type writes": func(ctx context.Context, t *testing.T, _ *fakeStore, v *xcache.View[string]) {
			require.NoError(t, xcache.For[[]byte](v.Cache).Set(ctx, "k", []byte("new")))
		},
		"what a loader writes": func(ctx context.Context, t *testing.T, _ *fakeStore, v *xcache.View[string]) {
			require.NoError(t, second(v.GetOrSet(ctx, "loaded", func(ctx context.Context) (string, error) {
				return "x", v.Set(ctx, "k", "new")
			})))
		},
		"what Load writes": func(ctx context.Context, t *testing.T, _ *fakeStore, v *xcache.View[string]) {
			require.NoError(t, second(v.Load(ctx, "loaded", func(ctx context.Context) (string, error) {
				return "x", v.Set(ctx, "k", "new")
			})))
		},
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t)
			v := xcache.For[string](c)
			require.NoError(t, v.Set(t.Context(), "k", "old"))
			ctx := xcache.Memo(t.Context())
			require.NoError(t, second(v.Get(ctx, "k")))
			write(ctx, t, s, v)
			s.reset()
			require.NoError(t, second(v.Get(ctx, "k")))
			require.Equal(t, 1, s.total(), "the store is asked again")
		})
	}
}

func TestMemoIsOfOneContext(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c)
	require.NoError(t, v.Set(t.Context(), "k", "old"))
	ctx := xcache.Memo(t.Context())
	require.NoError(t, second(v.Get(ctx, "k")))
	require.NoError(t, v.Set(t.Context(), "k", "new"), "somebody else")

	got, err := v.Get(ctx, "k")
	require.NoError(t, err)
	require.Equal(t, "old", got)

	fresh := map[string]func() (string, error){
		"without the memo":   func() (string, error) { return v.Get(t.Context(), "k") },
		"a memo in the memo": func() (string, error) { return v.Get(xcache.Memo(ctx), "k") },
		"ReadPrimary":        func() (string, error) { return v.With(xcache.ReadPrimary()).Get(ctx, "k") },
		"a pipeline": func() (string, error) {
			p := v.Pipeline()
			got := v.In(p).Get("k")
			if err := p.Exec(ctx); err != nil {
				return "", err
			}
			return got.Value()
		},
		"a loader": func() (string, error) {
			return v.GetOrSet(ctx, "copy", func(ctx context.Context) (string, error) { return v.Get(ctx, "k") })
		},
		"a loader in a loader": func() (string, error) {
			return v.GetOrSet(ctx, "outer", func(ctx context.Context) (string, error) {
				return v.GetOrSet(xcache.Memo(ctx), "inner", func(ctx context.Context) (string, error) { return v.Get(ctx, "k") })
			})
		},
		"a loader of Load": func() (string, error) {
			return v.Load(ctx, "copy", func(ctx context.Context) (string, error) { return v.Get(ctx, "k") })
		},
	}
	for name, read := range fresh {
		t.Run(name, func(t *testing.T) {
			got, err := read()
			require.NoError(t, err)
			require.Equal(t, "new", got)
		})
	}
}

func TestMemoIsOfOneKeyOfOneCache(t *testing.T) {
	_, c := newFake(t)
	_, other := newFake(t)
	ctx := xcache.Memo(t.Context())
	views := []*xcache.View[string]{
		xcache.For[string](c), xcache.For[string](c.Namespace("n")), xcache.For[string](c.With(xcache.WithVersion(2))), xcache.For[string](other),
	}
	for i, v := range views {
		require.NoError(t, v.Set(ctx, "k", string(rune('a'+i))))
	}
	for range 2 {
		for i, v := range views {
			got, err := v.Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, string(rune('a'+i)), got)
		}
	}
	require.NoError(t, second(c.Clear(ctx)), "forgets nothing of the other cache")
	require.NoError(t, second(views[3].Get(ctx, "k")))
	require.ErrorIs(t, second(views[0].Get(ctx, "k")), xcache.ErrNotFound)
}

func TestMemoAndTransactions(t *testing.T) {
	c, err := xcache.OpenDSN("memory://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	v := xcache.For[int](c)
	require.NoError(t, v.Set(t.Context(), "k", 1))
	ctx := xcache.Memo(t.Context())
	require.NoError(t, second(v.Get(ctx, "k")))
	require.NoError(t, v.Set(t.Context(), "k", 2), "somebody else")
	require.NoError(t, v.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		n, err := v.WithTx(tx).Get(ctx, "k")
		v.In(tx.Pipeline()).Set("k", n+1)
		return err
	}, "k"))
	got, err := v.Get(ctx, "k")
	require.NoError(t, err)
	require.Equal(t, 3, got)
}

// Each reader has a value of its own, and the memo its own bytes.
func TestMemoGivesEachReaderItsOwn(t *testing.T) {
	for name, opts := range map[string][]xcache.Option{
		"plain":     nil,
		"encrypted": {xcache.WithEncryption(keyRing(t, "a"))},
		"tagged":    {tagged(t)},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t, opts...)
			v := xcache.For[[]byte](c)
			require.NoError(t, v.Set(t.Context(), "k", []byte("hello")))
			ctx := xcache.Memo(t.Context())
			for range 3 {
				got, err := v.Get(ctx, "k")
				require.NoError(t, err)
				require.Equal(t, "hello", string(got))
				clear(got)
				found, err := v.GetMany(ctx, []string{"k"})
				require.NoError(t, err)
				require.Equal(t, "hello", string(found["k"]))
				clear(found["k"])
			}
			require.Equal(t, 1, s.count("Get"))
		})
	}
}

// A write with the context, while a read with the context is on its way, wins.
func TestMemoHoldsNothingThatWasReadBeforeAWrite(t *testing.T) {
	for name, read := range memoReads {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t)
			v := xcache.For[string](c)
			require.NoError(t, v.Set(t.Context(), "k", "old"))
			ctx := xcache.Memo(t.Context())
			var once sync.Once
			s.mu.Lock()
			s.after = func(method string) {
				if method == "Get" {
					once.Do(func() { assert.NoError(t, v.Set(ctx, "k", "new")) })
				}
			}
			s.mu.Unlock()
			got, err := read(ctx, v, "k")
			require.NoError(t, err)
			require.Equal(t, "old", got)
			got, err = read(ctx, v, "k")
			require.NoError(t, err)
			require.Equal(t, "new", got)
		})
	}
}

func TestMemoAndTags(t *testing.T) {
	s, c := newFake(t, tagged(t))
	v := xcache.For[string](c)
	require.NoError(t, v.Set(t.Context(), "k", "hello", xcache.Tags("t")))
	ctx := xcache.Memo(t.Context())
	require.NoError(t, second(v.Get(ctx, "k")))
	s.reset()
	for _, read := range memoReads {
		got, err := read(ctx, v, "k")
		require.NoError(t, err)
		require.Equal(t, "hello", got)
	}
	require.Zero(t, s.total(), "the tags are not asked for again")
	require.NoError(t, c.InvalidateTags(ctx, "t"))
	require.ErrorIs(t, second(v.Get(ctx, "k")), xcache.ErrNotFound)
}

func TestMemoMayBeUsedConcurrently(t *testing.T) {
	_, c := newFake(t)
	v := xcache.For[string](c)
	ctx := xcache.Memo(t.Context())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 200 {
				key := string(rune('a' + i%4))
				assert.NoError(t, v.Set(ctx, key, key))
				got, err := v.Get(ctx, key)
				assert.NoError(t, err)
				assert.Equal(t, key, got)
				assert.NoError(t, second(v.GetMany(ctx, []string{"a", "b", "c", "d"})))
			}
		})
	}
	all.Wait()
}

// A stale value is held by no memo, and a valid one is not loaded again within a request.
func TestMemoAndStaleValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := xcache.OpenDSN("memory://", xcache.StaleFor(time.Minute), xcache.WithTTL(time.Minute))
		require.NoError(t, err)
		defer func() { require.NoError(t, c.Close()) }()
		v := xcache.For[string](c)
		require.NoError(t, v.Set(t.Context(), "k", "old"))
		load := func(context.Context) (string, error) { return "new", nil }

		valid := xcache.Memo(t.Context())
		got, err := v.GetOrSet(valid, "k", load)
		require.NoError(t, err)
		require.Equal(t, "old", got)

		time.Sleep(90 * time.Second)
		stale := xcache.Memo(t.Context())
		got, err = v.GetOrSet(stale, "k", load)
		require.NoError(t, err)
		require.Equal(t, "old", got, "the refresh runs in the background")
		synctest.Wait()
		for ctx, want := range map[context.Context]string{valid: "old", stale: "new", t.Context(): "new"} {
			got, err = v.GetOrSet(ctx, "k", load)
			require.NoError(t, err)
			require.Equal(t, want, got)
			found, err := v.GetOrSetMany(ctx, []string{"k"}, func(context.Context, []string) (map[string]string, error) { return nil, nil })
			require.NoError(t, err)
			require.Equal(t, map[string]string{"k": want}, found)
		}
	})
}

func TestMemoDoesNotHoldStaleValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, _, _ := twoCaches(t)
		v := xcache.For[string](one).With(xcache.StaleFor(time.Hour))
		require.NoError(t, v.Set(t.Context(), "k", "old", xcache.TTL(time.Minute)))
		time.Sleep(2 * time.Minute)
		errDown := errors.New("the source is down")
		for name, load := range map[string]func(ctx context.Context) (string, error){
			"GetOrSet": func(ctx context.Context) (string, error) {
				return v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "", errDown })
			},
			"GetOrSetMany": func(ctx context.Context) (string, error) {
				found, err := v.GetOrSetMany(ctx, []string{"k"}, func(context.Context, []string) (map[string]string, error) { return nil, errDown })
				return found["k"], err
			},
		} {
			ctx := xcache.Memo(t.Context())
			got, err := load(ctx)
			require.NoError(t, err, name)
			require.Equal(t, "old", got, name)
			_, err = v.Get(ctx, "k")
			require.ErrorIs(t, err, xcache.ErrNotFound, "%s: a stale value is a miss for Get", name)
			synctest.Wait()
		}
	})
}
