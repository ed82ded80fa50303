package xcache_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
)

func TestViewsOfOneStore(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithPrefix("a"))
	v := xcache.For[string](c)
	for _, view := range []*xcache.View[string]{
		v, v.With(xcache.WithPrefix("b")), v.With(xcache.WithVersion(2)), xcache.For[string](c.With(xcache.WithPrefix("b")).With(xcache.WithVersion(2))),
	} {
		require.ErrorIs(t, second(view.Get(ctx, "k")), xcache.ErrNotFound)
		require.NoError(t, view.Set(ctx, "k", "x"))
	}
	require.Equal(t, []string{"a:1:k", "a:2:k", "b:1:k", "b:2:k"}, s.stored(t), "stored")
	require.Same(t, s, c.Store(), "a view has another store")
	require.Same(t, s, v.With(xcache.WithPrefix("b")).Store(), "a view has another store")
}

func TestViewChangesOnlyWhatItSays(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithPrefix("a"), xcache.WithVersion(3), xcache.WithTTL(time.Hour))
	raw, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.Raw}})
	require.NoError(t, err)
	view := xcache.For[string](c.With(xcache.WithTTL(time.Minute)).With(xcache.WithCodec(raw), nil).With())
	require.NoError(t, view.Set(ctx, "k", "x"))
	require.NoError(t, xcache.For[string](c).Set(ctx, "l", "x"))
	got := s.written()
	e := got[0]
	require.Equal(t, "a:3:k", e.Key, "the view wrote")
	require.Equal(t, time.Minute, e.TTL, "the view wrote")
	require.Equal(t, "x", string(e.Value), "the view wrote")
	e = got[1]
	require.Equal(t, "a:3:l", e.Key, "the cache wrote")
	require.Equal(t, time.Hour, e.TTL, "the cache wrote")
	require.Equal(t, `"x"`, string(e.Value), "the cache wrote")
}

func TestViewWithABadOptionFailsEveryCall(t *testing.T) {
	for _, bad := range sortedKeys(badOptions) {
		t.Run(bad, func(t *testing.T) {
			s, c := newFake(t)
			_, want := xcache.New(newFakeStore(t), badOptions[bad])
			require.Error(t, want, "New took it")
			view := xcache.For[string](c).With(badOptions[bad])
			later := view.With(xcache.WithPrefix("fine"), xcache.WithTTL(time.Hour))
			for _, name := range sortedKeys(operations) {
				for _, v := range []*xcache.View[string]{view, later} {
					err := operations[name](t.Context(), v)
					require.Error(t, err, name)
					require.EqualError(t, err, want.Error(), name)
				}
			}
			err := view.Require("ttl")
			require.EqualError(t, err, want.Error(), "Require")
			for _, extreme := range []error{
				second(view.Decr(t.Context(), "k", -1<<63)),
				second(view.IncrVersion(t.Context(), "k", math.MaxInt)),
				second(view.Get(t.Context(), "")),
			} {
				require.EqualError(t, extreme, want.Error(), "bad input")
			}
			require.Zero(t, s.total(), "calls of the store")
			require.NoError(t, xcache.For[string](c).Set(t.Context(), "k", "x")) // the cache itself is fine
		})
	}
}

// The results of a pipeline carry the view's error as well.
func TestPipelineOfABadView(t *testing.T) {
	s, c := newFake(t)
	bad := xcache.For[string](c).With(xcache.WithTTL(0))
	want := bad.Ping(t.Context())
	p := bad.Pipeline()
	got := bad.In(p).Get("k")
	for _, err := range []error{p.Exec(t.Context()), got.Err()} {
		require.EqualError(t, err, want.Error())
	}
	// A bad view in the pipeline of a good view fails alone.
	p = c.Pipeline()
	got = bad.In(p).Get("k")
	set := xcache.For[string](c).In(p).Set("k", "x")
	require.ErrorIs(t, p.Exec(t.Context()), want)
	err := got.Err()
	require.EqualError(t, err, want.Error())
	require.NoError(t, set.Err())
	require.Equal(t, 1, s.count("Do"), "calls of the store")
}

func TestWithIsCheap(t *testing.T) {
	skipAllocations(t)
	_, c := newFake(t)
	opt := xcache.WithPrefix("p")
	opts := []xcache.Option{opt}
	n := testing.AllocsPerRun(100, func() { _ = c.With(opts...) })
	require.LessOrEqual(t, n, float64(3), "allocations of With")
}

func TestConcurrentViews(t *testing.T) {
	_, c := newFake(t, xcache.Require("ttl"))
	done := make(chan error)
	const workers = 8
	for i := range workers {
		go func() {
			v := xcache.For[int](c.With(xcache.WithVersion(i), xcache.Require("swap")))
			for n := range 100 {
				if err := v.Set(context.Background(), "k", n); err != nil {
					done <- err
					return
				}
				got, err := v.Get(context.Background(), "k")
				assert.NoError(t, err, "view %d", i)
				assert.Equal(t, n, got, "view %d", i)
			}
			done <- nil
		}()
	}
	for range workers {
		require.NoError(t, <-done)
	}
}
