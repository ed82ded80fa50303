package xcache_test

import (
	"context"
	"errors"
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// A laggingStore reads from a replica that never gets anything.
type laggingStore struct{ *memory.Store }

func (s laggingStore) Get(_ context.Context, _ []string, dst []driver.Value) error {
	for i := range dst {
		dst[i].Err = driver.ErrNotFound
	}
	return nil
}

func (s laggingStore) Caps() driver.Caps {
	caps := driver.CapsOf(s.Store)
	caps.Replicated = s
	caps.Expirer = nil // what a primary has more than its replicas
	return caps
}

func (s laggingStore) Primary() driver.Store { return s.Store }

func openLagging(t testing.TB, opts ...xcache.Option) *xcache.View[string] {
	t.Helper()
	store, err := memory.NewStore(memory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := xcache.New(laggingStore{store}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return xcache.For[string](c)
}

func TestReadPrimaryIsOfTheView(t *testing.T) {
	v := openLagging(t)
	if err := v.Set(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	latest := v.With(xcache.ReadPrimary())
	for name, view := range map[string]*xcache.View[string]{
		"the view": latest, "a view of it": latest.With(xcache.WithJitter(0.1)), "the view of a type": xcache.For[string](latest.Cache),
	} {
		if got, err := view.Get(t.Context(), "k"); got != "v" || err != nil {
			t.Errorf("%s: Get = %q, %v", name, got, err)
		}
		if _, err := view.TTL(t.Context(), "k"); err != nil {
			t.Errorf("%s: TTL: %v", name, err)
		}
		if _, ok := view.Store().(*memory.Store); !ok {
			t.Errorf("%s: Store is a %T", name, view.Store())
		}
	}
	if _, err := v.Get(t.Context(), "k"); !errors.Is(err, xcache.ErrNotFound) {
		t.Errorf("without ReadPrimary: %v, want what the replica says", err)
	}
	if _, err := v.TTL(t.Context(), "k"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("TTL without ReadPrimary: %v", err)
	}
}

func TestReadPrimaryAsAnOptionOfOpen(t *testing.T) {
	v := openLagging(t, xcache.ReadPrimary(), xcache.Require("ttl"))
	if err := v.Set(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Get(t.Context(), "k"); got != "v" || err != nil {
		t.Errorf("Get = %q, %v", got, err)
	}
}

func TestGetOrSetFindsTheWinnerAtThePrimary(t *testing.T) {
	v := openLagging(t)
	if err := v.Set(t.Context(), "k", "winner"); err != nil {
		t.Fatal(err)
	}
	got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "loser", nil })
	if got != "winner" || err != nil {
		t.Errorf("GetOrSet = %q, %v", got, err)
	}
}
