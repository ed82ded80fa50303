package xcache_test

import (
	"context"
	"math"
	"testing"
	"time"

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
		wantIs(t, second(view.Get(ctx, "k")), xcache.ErrNotFound)
		must(t, view.Set(ctx, "k", "x"))
	}
	wantEqual(t, "stored", s.stored(t), []string{"a:1:k", "a:2:k", "b:1:k", "b:2:k"})
	if c.Store() != s || v.With(xcache.WithPrefix("b")).Store() != s {
		t.Error("a view has another store")
	}
}

func TestViewChangesOnlyWhatItSays(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t, xcache.WithPrefix("a"), xcache.WithVersion(3), xcache.WithTTL(time.Hour))
	raw, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.Raw}})
	must(t, err)
	view := xcache.For[string](c.With(xcache.WithTTL(time.Minute)).With(xcache.WithCodec(raw), nil).With())
	must(t, view.Set(ctx, "k", "x"))
	must(t, xcache.For[string](c).Set(ctx, "l", "x"))
	got := s.written()
	if e := got[0]; e.Key != "a:3:k" || e.TTL != time.Minute || string(e.Value) != "x" {
		t.Errorf("the view wrote %+v", e)
	}
	if e := got[1]; e.Key != "a:3:l" || e.TTL != time.Hour || string(e.Value) != `"x"` {
		t.Errorf("the cache wrote %+v", e)
	}
}

func TestViewWithABadOptionFailsEveryCall(t *testing.T) {
	for _, bad := range sortedKeys(badOptions) {
		t.Run(bad, func(t *testing.T) {
			s, c := newFake(t)
			_, want := xcache.New(newFakeStore(t), badOptions[bad])
			if want == nil {
				t.Fatal("New took it")
			}
			view := xcache.For[string](c).With(badOptions[bad])
			later := view.With(xcache.WithPrefix("fine"), xcache.WithTTL(time.Hour))
			for _, name := range sortedKeys(operations) {
				for _, v := range []*xcache.View[string]{view, later} {
					if err := operations[name](t.Context(), v); err == nil || err.Error() != want.Error() {
						t.Errorf("%s: %v, want %v", name, err, want)
					}
				}
			}
			if err := view.Require("ttl"); err == nil || err.Error() != want.Error() {
				t.Errorf("Require: %v, want %v", err, want)
			}
			for _, extreme := range []error{
				second(view.Decr(t.Context(), "k", -1<<63)),
				second(view.IncrVersion(t.Context(), "k", math.MaxInt)),
				second(view.Get(t.Context(), "")),
			} {
				if extreme == nil || extreme.Error() != want.Error() {
					t.Errorf("bad input: %v, want %v", extreme, want)
				}
			}
			if n := s.total(); n != 0 {
				t.Errorf("the store got %d calls", n)
			}
			must(t, xcache.For[string](c).Set(t.Context(), "k", "x")) // the cache itself is fine
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
		if err == nil || err.Error() != want.Error() {
			t.Errorf("%v, want %v", err, want)
		}
	}
	// A bad view in the pipeline of a good one fails alone.
	p = c.Pipeline()
	got = bad.In(p).Get("k")
	set := xcache.For[string](c).In(p).Set("k", "x")
	wantIs(t, p.Exec(t.Context()), want)
	if err := got.Err(); err == nil || err.Error() != want.Error() {
		t.Errorf("%v, want %v", err, want)
	}
	must(t, set.Err())
	if n := s.count("Do"); n != 1 {
		t.Errorf("the store got %d calls", n)
	}
}

func TestWithIsCheap(t *testing.T) {
	skipAllocations(t)
	_, c := newFake(t)
	opt := xcache.WithPrefix("p")
	opts := []xcache.Option{opt}
	n := testing.AllocsPerRun(100, func() { _ = c.With(opts...) })
	if n > 3 {
		t.Errorf("With makes %v allocations", n)
	}
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
				if got, err := v.Get(context.Background(), "k"); err != nil || got != n {
					t.Errorf("view %d: %d, %v", i, got, err)
				}
			}
			done <- nil
		}()
	}
	for range workers {
		must(t, <-done)
	}
}
