package xcache_test

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

// The benchmarks use the memory driver, which costs little, so that they measure the core.
// The measured loops compare errors themselves, because calls of testify would be measured,
// too.

func openRaw(tb testing.TB, opts ...xcache.Option) *xcache.View[[]byte] {
	tb.Helper()
	c, err := xcache.OpenDSN("memory://?serializer=raw", opts...)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, c.Close())
	})
	return xcache.For[[]byte](c)
}

var hundred = bytes.Repeat([]byte("v"), 100)

func BenchmarkGet(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	require.NoError(b, v.Set(ctx, "key", hundred))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Get(ctx, "key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetMiss(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Get(ctx, "key"); err == nil {
			b.Fatal("hit")
		}
	}
}

func BenchmarkGetParallel(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	keys := manyKeys(100)
	for _, key := range keys {
		require.NoError(b, v.Set(ctx, key, hundred))
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := v.Get(ctx, keys[i%len(keys)]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkGetJSON(b *testing.B) {
	type user struct {
		ID   int
		Name string
	}
	users := xcache.For[user](openRaw(b, xcache.WithCodec(jsonChain(b))).Cache)
	ctx := b.Context()
	require.NoError(b, users.Set(ctx, "key", user{42, "Ada"}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := users.Get(ctx, "key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetObserved(b *testing.B) {
	v := openRaw(b, xcache.WithObserver(nopObserver{}))
	ctx := b.Context()
	require.NoError(b, v.Set(ctx, "key", hundred))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Get(ctx, "key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Set(ctx, "key", hundred); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetTTL(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Set(ctx, "key", hundred, xcache.TTL(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetMany100(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	keys := manyKeys(100)
	for _, key := range keys {
		require.NoError(b, v.Set(ctx, key, hundred))
	}
	b.ReportAllocs()
	for b.Loop() {
		if found, err := v.GetMany(ctx, keys); err != nil || len(found) != len(keys) {
			b.Fatal(len(found), err)
		}
	}
}

func BenchmarkSetMany100(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	values := make(map[string][]byte)
	for _, key := range manyKeys(100) {
		values[key] = hundred
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := v.SetMany(ctx, values); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetOrSetHit(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	load := func(context.Context) ([]byte, error) { return hundred, nil }
	_, err := v.GetOrSet(ctx, "key", load)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.GetOrSet(ctx, "key", load); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIncr(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	_, err := v.IncrInit(ctx, "n", 0, 0)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Incr(ctx, "n", 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPipelineGet100(b *testing.B) {
	v := openRaw(b)
	ctx := b.Context()
	keys := manyKeys(100)
	for _, key := range keys {
		require.NoError(b, v.Set(ctx, key, hundred))
	}
	p := v.Pipeline()
	b.ReportAllocs()
	for b.Loop() {
		for _, key := range keys {
			v.In(p).Get(key)
		}
		if err := p.Exec(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func manyKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "key:" + strconv.Itoa(i)
	}
	return keys
}

type nopObserver struct{}

func (nopObserver) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }
func (nopObserver) End(context.Context, *xcache.Operation)                         {}

func jsonChain(tb testing.TB) *codec.Chain {
	tb.Helper()
	chain, err := codec.New(codec.Config{})
	require.NoError(tb, err)
	return chain
}

func BenchmarkExpire(b *testing.B) {
	v := openRaw(b)
	require.NoError(b, v.Set(b.Context(), "key", hundred))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Expire(b.Context(), "key", time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDelete(b *testing.B) {
	v := openRaw(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Delete(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHas(b *testing.B) {
	v := openRaw(b)
	require.NoError(b, v.Set(b.Context(), "key", hundred))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Has(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTTL(b *testing.B) {
	v := openRaw(b)
	require.NoError(b, v.Set(b.Context(), "key", hundred))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.TTL(b.Context(), "key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIncrInit(b *testing.B) {
	v := openRaw(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.IncrInit(b.Context(), "n", 1, 0); err != nil {
			b.Fatal(err)
		}
	}
}
