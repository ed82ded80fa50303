package xcache_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// tagged returns the option for the tagged format of some serializers, JSON by default.
func tagged(tb testing.TB, serializers ...codec.Serializer) xcache.Option {
	tb.Helper()
	chain, err := codec.New(codec.Config{Serializers: serializers, Format: codec.Tagged})
	require.NoError(tb, err)
	return xcache.WithCodec(chain)
}

func TestInvalidatedTagsMakeMissesOfValues(t *testing.T) {
	for name, opts := range map[string][]xcache.Option{
		"json":      {tagged(t)},
		"raw":       {tagged(t, codec.Raw)},
		"encrypted": {tagged(t), xcache.WithEncryption(keyRing(t, "k"))},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			c, err := xcache.OpenDSN("memory://", opts...)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, c.Close()) })
			v := xcache.For[[]byte](c)
			value := []byte("value")
			writes := map[string]func(key string, tags xcache.SetOption) error{
				"set": func(key string, tags xcache.SetOption) error { return v.Set(ctx, key, value, tags) },
				"set many": func(key string, tags xcache.SetOption) error {
					return v.SetMany(ctx, map[string][]byte{key: value, "other": value}, tags)
				},
				"add": func(key string, tags xcache.SetOption) error { return xcache.Err(v.Add(ctx, key, value, tags)) },
				"replace": func(key string, tags xcache.SetOption) error {
					return errors.Join(v.Set(ctx, key, value), xcache.Err(v.Replace(ctx, key, value, tags)))
				},
				"swap": func(key string, tags xcache.SetOption) error {
					_, err := v.Swap(ctx, key, value, tags)
					if errors.Is(err, xcache.ErrNotFound) {
						err = nil
					}
					return err
				},
				"compare and swap": func(key string, tags xcache.SetOption) error {
					return errors.Join(v.Set(ctx, key, value, tags), xcache.Err(v.CompareAndSwap(ctx, key, value, value, tags)))
				},
				"get or set": func(key string, tags xcache.SetOption) error {
					_, err := v.GetOrSet(ctx, key, func(context.Context) ([]byte, error) { return value, nil }, tags)
					return err
				},
				"get or set many": func(key string, tags xcache.SetOption) error {
					_, err := v.GetOrSetMany(ctx, []string{key, "more"}, func(ctx context.Context, missing []string) (map[string][]byte, error) {
						return map[string][]byte{key: value, "more": value}, xcache.LoadedTTL(ctx, time.Hour, key)
					}, tags)
					return err
				},
				"get or set with a TTL of the loader": func(key string, tags xcache.SetOption) error {
					_, err := v.GetOrSet(ctx, key, func(ctx context.Context) ([]byte, error) {
						return value, xcache.LoadedTTL(ctx, time.Hour)
					}, tags)
					return err
				},
				"pipeline": func(key string, tags xcache.SetOption) error {
					p := c.Pipeline()
					v.In(p).Set(key, value, tags, xcache.TTL(time.Minute))
					v.In(p).Set("other", value, xcache.Tags("b"))
					return p.Exec(ctx)
				},
				"pipelined swap": func(key string, tags xcache.SetOption) error {
					p := c.Pipeline()
					v.In(p).Swap(key, value, tags)
					return p.Exec(ctx)
				},
				"transaction": func(key string, tags xcache.SetOption) error {
					return c.Watch(ctx, func(_ context.Context, tx *xcache.Tx) error {
						v.In(tx.Pipeline()).Set(key, value, tags)
						return nil
					}, key)
				},
			}
			reads := map[string]func(key string) ([]byte, error){
				"get": func(key string) ([]byte, error) { return v.Get(ctx, key) },
				"get many": func(key string) ([]byte, error) {
					found, err := v.GetMany(ctx, []string{"absent", key})
					if err == nil && found[key] == nil {
						err = xcache.ErrNotFound
					}
					return found[key], err
				},
				"get or": func(key string) ([]byte, error) {
					found, err := v.GetOr(ctx, key, nil)
					if err == nil && found == nil {
						err = xcache.ErrNotFound
					}
					return found, err
				},
				"sliding get": func(key string) ([]byte, error) { return v.With(xcache.Sliding(time.Minute)).Get(ctx, key) },
				"get or set": func(key string) ([]byte, error) {
					return v.GetOrSet(ctx, key, func(context.Context) ([]byte, error) { return nil, xcache.ErrNotFound })
				},
				"get or set many": func(key string) ([]byte, error) {
					found, err := v.GetOrSetMany(ctx, []string{key}, func(context.Context, []string) (map[string][]byte, error) { return nil, nil })
					if err == nil && found[key] == nil {
						err = xcache.ErrNotFound
					}
					return found[key], err
				},
				"pipelined get": func(key string) ([]byte, error) {
					p := c.Pipeline()
					got := v.In(p).Get(key)
					require.NoError(t, p.Exec(ctx))
					return got.Value()
				},
				"pipelined get many": func(key string) ([]byte, error) {
					p := c.Pipeline()
					got := v.In(p).GetMany([]string{"absent", key})
					require.NoError(t, p.Exec(ctx))
					found, err := got.Value()
					if err == nil && found[key] == nil {
						err = xcache.ErrNotFound
					}
					return found[key], err
				},
			}
			for writing, write := range writes {
				for _, invalidated := range []string{"a", "b"} {
					_, err := c.Delete(ctx, writing)
					require.NoError(t, err)
					require.NoError(t, write(writing, xcache.Tags("a", "b", "a")), writing)
					for reading, read := range reads {
						got, err := read(writing)
						require.NoError(t, err, "%s after %s", reading, writing)
						require.Equal(t, value, got, "%s after %s", reading, writing)
					}
					require.NoError(t, c.InvalidateTags(ctx, "c", invalidated))
					for reading, read := range reads {
						_, err := read(writing)
						require.ErrorIs(t, err, xcache.ErrNotFound, "%s after %s", reading, writing)
					}
					taken, err := v.Take(ctx, writing)
					require.ErrorIs(t, err, xcache.ErrNotFound, "%s after %s", taken, writing)
					require.NoError(t, write(writing, xcache.Tags("a", "b")), writing)
					require.NoError(t, c.InvalidateTags(ctx, invalidated))
					old, err := v.Swap(ctx, writing, value)
					require.ErrorIs(t, err, xcache.ErrNotFound, "%s after %s", old, writing)
					require.Equal(t, value, must(v.Get(ctx, writing)), "without tags")
				}
			}
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestTakeOfAValueWithTags(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, tagged(t))
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", "v", xcache.Tags("a")))
	require.Equal(t, "v", must(v.Take(ctx, "k")))
	require.NoError(t, v.Set(ctx, "k", "v", xcache.Tags("a")))
	s.failing = map[string]error{":tag:a": driver.Fail(xcache.ErrUnavailable, driver.NotApplied, errors.New("down"))}
	_, err := v.Take(ctx, "k")
	var unread *xcache.UnreadReplyError
	require.ErrorAs(t, err, &unread)
	require.Contains(t, string(unread.Reply.Data), `"v"`)
}

func TestAddSeesNoValueWhoseTagsWereInvalidated(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t, tagged(t))
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", "old", xcache.Tags("a")))
	require.False(t, must(v.Add(ctx, "k", "new")), "the value is there")
	require.NoError(t, c.InvalidateTags(ctx, "a"))
	require.True(t, must(v.Add(ctx, "k", "new", xcache.Tags("a"))))
	require.Equal(t, "new", must(v.Get(ctx, "k")))
	require.False(t, must(v.Add(ctx, "k", "newer")))

	list := xcache.NewOp(c, "rpush", "RPUSH", "list").Field("element")
	require.NoError(t, second(xcache.Run(ctx, list, func(o *xcache.Op) (int64, error) { return o.Reply().AsInt() })))
	require.False(t, must(v.Add(ctx, "list", "new")), "a key of another type is there, too")
}

func TestTagsBelongToPrefixAndNamespace(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, tagged(t), xcache.WithPrefix("p"))
	users := xcache.For[string](c.Namespace("user"))
	require.NoError(t, users.Set(ctx, "42", "Ann", xcache.Tags("a")))
	require.Equal(t, []string{"p:1:user:42", "p:tag:user:a"}, s.stored(t))
	require.NoError(t, c.InvalidateTags(ctx, "a"))
	require.NoError(t, users.With(xcache.WithPrefix("q")).InvalidateTags(ctx, "a"))
	require.Equal(t, "Ann", must(users.Get(ctx, "42")))
	require.Equal(t, "Ann", must(xcache.For[string](c).Get(ctx, "user:42")), "the view around the namespace reads with the tags")
	require.NoError(t, users.With(xcache.WithVersion(2)).InvalidateTags(ctx, "a"))
	_, err := users.Get(ctx, "42")
	require.ErrorIs(t, err, xcache.ErrNotFound, "tags hold for all versions")
	require.Equal(t, 1, must(c.Clear(ctx)), "the tag is none of the keys")
}

func TestTagsOutliveTheirValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, c := newFake(t, tagged(t))
		v := xcache.For[string](c)
		require.NoError(t, v.Set(ctx, "long", "v", xcache.Tags("a"), xcache.TTL(time.Hour)))
		require.NoError(t, v.Set(ctx, "short", "v", xcache.TTL(time.Second), xcache.Tags("a", "b")))
		time.Sleep(time.Hour - time.Millisecond)
		require.Equal(t, "v", must(v.Get(ctx, "long")))
		time.Sleep(time.Minute)
		require.NotContains(t, s.stored(t), ":tag:b")
		time.Sleep(time.Millisecond)
		require.Empty(t, s.stored(t), "nothing is left of tags whose values have expired")
	})
}

func TestTagsAreRefusedWhereTheyCannotBe(t *testing.T) {
	ctx := t.Context()
	long := strings.Repeat("x", 512)
	many := make([]string, 33)
	for i := range many {
		many[i] = strings.Repeat("x", i+1)
	}
	for name, test := range map[string]struct {
		opts []xcache.Option
		set  []xcache.SetOption
		kind error
		want string
	}{
		"plain format": {nil, []xcache.SetOption{xcache.Tags("a")}, errors.ErrUnsupported, "format=tagged"},
		"key function": {[]xcache.Option{tagged(t), xcache.WithKeyFunc(slashed, unslashed)}, []xcache.SetOption{xcache.Tags("a")}, errors.ErrUnsupported, "WithKeyFunc"},
		"empty":        {[]xcache.Option{tagged(t)}, []xcache.SetOption{xcache.Tags("a", "")}, xcache.ErrInvalidKey, "a tag is empty"},
		"too long":     {[]xcache.Option{tagged(t)}, []xcache.SetOption{xcache.Tags(long)}, xcache.ErrInvalidKey, "may have 512"},
		"too many":     {[]xcache.Option{tagged(t)}, []xcache.SetOption{xcache.Tags(many...)}, nil, "may have 32"},
		"KeepTTL":      {[]xcache.Option{tagged(t)}, []xcache.SetOption{xcache.Tags("a"), xcache.KeepTTL()}, nil, "KeepTTL"},
		"two TTLs":     {[]xcache.Option{tagged(t)}, []xcache.SetOption{xcache.TTL(1), xcache.Tags("a"), xcache.TTL(2)}, nil, "more than one"},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newFake(t, test.opts...)
			v := xcache.For[string](c)
			p := c.Pipeline()
			queued := v.In(p).Set("k", "v", test.set...)
			_ = p.Exec(ctx)
			_, loadErr := v.GetOrSet(ctx, "k", func(context.Context) (string, error) { panic("not loaded") }, test.set...)
			for _, err := range []error{
				v.Set(ctx, "k", "v", test.set...), v.SetMany(ctx, map[string]string{"k": "v"}, test.set...), queued.Err(), loadErr,
			} {
				require.ErrorContains(t, err, test.want)
				if test.kind != nil {
					require.ErrorIs(t, err, test.kind)
				}
			}
			require.Empty(t, s.stored(t))
		})
	}
	_, c := newFake(t)
	require.ErrorIs(t, c.InvalidateTags(ctx, "a"), errors.ErrUnsupported)
	_, err := xcache.OpenDSN("memory://?require=tags")
	require.ErrorContains(t, err, "format=tagged", "refused at construction")
	require.NoError(t, must(xcache.OpenDSN("memory://?require=tags&format=tagged")).Close())
}

func TestFailureToReadTagsIsNoHit(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, tagged(t))
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", "v", xcache.Tags("a")))
	down := driver.Fail(xcache.ErrUnavailable, driver.NotApplied, errors.New("down"))
	s.failing = map[string]error{":tag:a": down}
	_, err := v.Get(ctx, "k")
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	_, err = v.GetMany(ctx, []string{"k"})
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	_, err = v.GetOrSet(ctx, "k", func(context.Context) (string, error) { panic("not loaded") })
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	added, err := v.Add(ctx, "k", "new")
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	require.NotErrorIs(t, err, xcache.ErrUnknownOutcome)
	require.False(t, added)
	_, err = v.Swap(ctx, "k", "new")
	var unread *xcache.UnreadReplyError
	require.ErrorAs(t, err, &unread)
	require.Contains(t, string(unread.Reply.Data), `"v"`)
	require.Equal(t, "new", must(v.Get(ctx, "k")))
}

func TestReadsWhoseTagsCannotBeReadFailOpen(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, tagged(t))
	strict := xcache.For[string](c)
	v := strict.With(failOpen)
	require.NoError(t, v.Set(ctx, "k", "v", xcache.Tags("a")))
	require.NoError(t, v.Set(ctx, "untagged", "v"))
	s.failing = map[string]error{":tag:a": errDown}
	_, err := v.Get(ctx, "k")
	require.Equal(t, xcache.ErrNotFound, err)
	p := c.Pipeline()
	got, many, failed, other := v.In(p).Get("k"), v.In(p).GetMany([]string{"k", "none"}), strict.In(p).Get("k"), strict.In(p).Get("untagged")
	require.ErrorIs(t, p.Exec(ctx), xcache.ErrUnavailable, "the strict read")
	require.Equal(t, xcache.ErrNotFound, got.Err())
	require.Empty(t, must(many.Value()))
	require.ErrorIs(t, failed.Err(), xcache.ErrUnavailable)
	require.Equal(t, "v", must(other.Value()))
	p = c.Pipeline()
	swapped := v.In(p).Swap("k", "new")
	require.Error(t, p.Exec(ctx))
	var unread *xcache.UnreadReplyError
	require.ErrorAs(t, swapped.Err(), &unread, "a value that was taken")
}

// The value alone has room, and the value with its tags has none.
func TestAWriteThatIsTooLargeWithItsTagsFailsAlone(t *testing.T) {
	ctx := t.Context()
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { caps.Limits.ValueSize = 60 }
	c := newCache(t, s, tagged(t))
	v := xcache.For[string](c)
	fits, long := "v", strings.Repeat("v", 40)
	p := c.Pipeline()
	first, large, last := v.In(p).Set("a", fits), v.In(p).Set("b", long, xcache.Tags("tag")), v.In(p).Set("c", long)
	require.ErrorIs(t, p.Exec(ctx), xcache.ErrTooLarge)
	require.NoError(t, first.Err())
	require.ErrorIs(t, large.Err(), xcache.ErrTooLarge)
	require.NoError(t, last.Err())
	require.Equal(t, map[string]string{"a": fits, "c": long}, must(v.GetMany(ctx, []string{"a", "b", "c"})))

	p = c.Pipeline()
	first, large = v.In(p).Set("a", "changed"), v.In(p).Set("b", long, xcache.Tags("tag"))
	require.Error(t, p.ExecAtomic(ctx))
	require.Error(t, first.Err())
	require.NotErrorIs(t, first.Err(), xcache.ErrTooLarge)
	require.ErrorIs(t, large.Err(), xcache.ErrTooLarge)
	require.Equal(t, fits, must(v.Get(ctx, "a")), "a transaction is done or not")
}

// A write whose tags could not be had was not applied, whatever became of the tags.
func TestFailureToWriteTagsLeavesTheValue(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, tagged(t))
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", "v"))
	s.commandErr = driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("no reply"))
	err := v.Set(ctx, "k", "new", xcache.Tags("a"))
	require.ErrorIs(t, err, xcache.ErrUnavailable)
	require.NotErrorIs(t, err, xcache.ErrUnknownOutcome)
	got, err := v.GetOrSet(ctx, "loaded", func(context.Context) (string, error) { return "loaded", nil }, xcache.Tags("a"))
	require.NoError(t, err)
	require.Equal(t, "loaded", got, "returned, and not stored")
	s.commandErr = nil
	require.Equal(t, "v", must(v.Get(ctx, "k")))
	require.False(t, must(c.Has(ctx, "loaded")))
}

// invalidateElsewhere invalidates tags as another process does: this one hears nothing of it.
func invalidateElsewhere(t *testing.T, s *fakeStore, tag string) {
	t.Helper()
	_, err := s.store.Delete(t.Context(), []string{":tag:" + tag})
	assert.NoError(t, err)
}

func TestLoadThatBeganBeforeAnInvalidationIsAMiss(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			s, c := newFake(t, tagged(t))
			v := xcache.For[string](c)
			var loads atomic.Int64
			load := func(context.Context) (string, error) {
				value := []string{"", "old", "new", "newer"}[loads.Add(1)]
				time.Sleep(time.Second)
				return value, nil
			}
			results := make([]string, 2)
			var all sync.WaitGroup
			all.Go(func() { results[0] = must(v.GetOrSet(ctx, "k", load, xcache.Tags("a"))) })
			time.Sleep(500 * time.Millisecond)
			if elsewhere {
				invalidateElsewhere(t, s, "a")
			} else {
				require.NoError(t, c.InvalidateTags(ctx, "a"))
			}
			all.Go(func() { results[1] = must(v.GetOrSet(ctx, "k", load, xcache.Tags("a"))) }) // which comes after the invalidation
			all.Wait()
			require.Equal(t, "new", results[1])
			require.EqualValues(t, 2, loads.Load())
			require.Equal(t, "new", must(v.Get(ctx, "k")))
		})
	}
}

func TestLoadOfManyThatBeganBeforeAnInvalidationIsAMiss(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			s, c := newFake(t, tagged(t))
			v := xcache.For[string](c)
			var loads atomic.Int64
			load := func(_ context.Context, missing []string) (map[string]string, error) {
				value := []string{"", "old", "new", "newer"}[loads.Add(1)]
				values := map[string]string{}
				for _, key := range missing {
					values[key] = value
				}
				time.Sleep(time.Second)
				return values, nil
			}
			keys := []string{"a", "b"}
			results := make([]map[string]string, 2)
			var all sync.WaitGroup
			all.Go(func() { results[0] = must(v.GetOrSetMany(ctx, keys, load, xcache.Tags("a"))) })
			time.Sleep(500 * time.Millisecond)
			if elsewhere {
				invalidateElsewhere(t, s, "a")
			} else {
				require.NoError(t, c.InvalidateTags(ctx, "a"))
			}
			all.Go(func() { results[1] = must(v.GetOrSetMany(ctx, keys, load, xcache.Tags("a"))) }) // which comes after the invalidation
			all.Wait()
			require.Equal(t, map[string]string{"a": "new", "b": "new"}, results[1])
			require.EqualValues(t, 2, loads.Load())
		})
	}
}

func TestTheTTLOfALoaderIsThatOfItsTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		_, c := newFake(t, tagged(t))
		v := xcache.For[string](c)
		_, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
			return "v", xcache.LoadedTTL(ctx, time.Hour)
		}, xcache.Tags("a"))
		require.NoError(t, err)
		time.Sleep(time.Hour - time.Second)
		require.Equal(t, "v", must(v.Get(ctx, "k")))
	})
}

func TestInvalidationOfOtherTagsLetsLoadsStore(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t, tagged(t))
	v := xcache.For[string](c)
	_, err := v.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) { return "v", c.InvalidateTags(ctx, "b") }, xcache.Tags("a"))
	require.NoError(t, err)
	require.Equal(t, "v", must(v.Get(ctx, "k")))
}

func TestValuesOfInvalidatedTagsAreLoadedAgain(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, tagged(t))
	v := xcache.For[string](c)
	for _, want := range []string{"one", "two", "three"} {
		load := func(context.Context) (string, error) { return want, nil }
		for range 2 {
			require.Equal(t, want, must(v.GetOrSet(ctx, "k", load, xcache.Tags("a"))))
		}
		require.Equal(t, want, must(v.GetOrSet(ctx, "k", func(context.Context) (string, error) { panic("a hit") })))
		invalidateElsewhere(t, s, "a")
	}
}

func TestRewriteKeepsTags(t *testing.T) {
	ctx := t.Context()
	s := newFakeStore(t)
	c := newCache(t, s, tagged(t, codec.Raw, codec.JSON), xcache.WithRewrite())
	old := xcache.For[[]byte](c.With(tagged(t, codec.JSON)))
	require.NoError(t, old.Set(ctx, "k", []byte("v"), xcache.Tags("a")))
	bytesOf := func() string {
		values := make([]driver.Value, 1)
		require.NoError(t, s.store.Get(ctx, []string{":1:k"}, values))
		return string(values[0].Data)
	}
	before := bytesOf()
	require.Equal(t, []byte("v"), must(xcache.For[[]byte](c).Get(ctx, "k")))
	require.Eventually(t, func() bool { return bytesOf() != before }, time.Minute, time.Millisecond)
	require.NoError(t, c.InvalidateTags(ctx, "a"))
	_, err := xcache.For[[]byte](c).Get(ctx, "k")
	require.ErrorIs(t, err, xcache.ErrNotFound)
}

func TestInvalidateTagsIsRefusedInATransaction(t *testing.T) {
	ctx := t.Context()
	v := processes(t, 1, tagged(t))[0]
	require.NoError(t, v.Set(ctx, "k", "value", xcache.Tags("t")))
	require.NoError(t, v.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
		require.ErrorIs(t, tx.Cache().InvalidateTags(ctx, "t"), errors.ErrUnsupported)
		return nil
	}, "k"))
	require.Equal(t, "value", first(v.Get(ctx, "k")))
}

// The documents of the methods say so: a pipeline compares and adds at the server, which knows no tags.
func TestQueuedOperationsThatCompareKnowNoTags(t *testing.T) {
	ctx := t.Context()
	v := processes(t, 1, tagged(t))[0]
	require.NoError(t, v.Set(ctx, "k", "value", xcache.Tags("t")))
	p := v.Pipeline()
	swapped, deleted := v.In(p).CompareAndSwap("k", "value", "new"), v.In(p).CompareAndDelete("k", "value")
	require.NoError(t, p.Exec(ctx))
	require.False(t, first(swapped.Value()))
	require.False(t, first(deleted.Value()))
	require.NoError(t, v.InvalidateTags(ctx, "t"))
	added := v.In(p).Add("k", "new")
	require.NoError(t, p.Exec(ctx))
	require.False(t, first(added.Value()))
	require.True(t, first(v.Add(ctx, "k", "new")))
}
