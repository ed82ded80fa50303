package xcache_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// A laggingStore reads from a replica that never gets any write.
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
	caps.Expirer = nil // only the primary has an Expirer
	return caps
}

func (s laggingStore) Primary() driver.Store { return s.Store }

func openLagging(t testing.TB, opts ...xcache.Option) *xcache.View[string] {
	t.Helper()
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	c, err := xcache.New(laggingStore{store}, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return xcache.For[string](c)
}

func TestReadPrimaryIsOfTheView(t *testing.T) {
	v := openLagging(t)
	require.NoError(t, v.Set(t.Context(), "k", "v"))
	latest := v.With(xcache.ReadPrimary())
	for name, view := range map[string]*xcache.View[string]{
		"the view": latest, "a view of it": latest.With(xcache.WithJitter(0.1)), "the view of a type": xcache.For[string](latest.Cache),
	} {
		got, err := view.Get(t.Context(), "k")
		require.NoError(t, err, "%s: Get =", name)
		require.Equal(t, "v", got, "%s: Get =", name)
		_, err = view.TTL(t.Context(), "k")
		require.NoError(t, err, "%s: TTL", name)
		_, ok := view.Store().(*memory.Store)
		require.True(t, ok, "%s: Store is a %T", name, view.Store())
	}
	_, err := v.Get(t.Context(), "k")
	require.ErrorIs(t, err, xcache.ErrNotFound, "without ReadPrimary")
	_, err = v.TTL(t.Context(), "k")
	require.ErrorIs(t, err, errors.ErrUnsupported, "TTL without ReadPrimary")
}

func TestReadPrimaryAsAnOptionOfOpen(t *testing.T) {
	v := openLagging(t, xcache.ReadPrimary(), xcache.Require("ttl"))
	require.NoError(t, v.Set(t.Context(), "k", "v"))
	got, err := v.Get(t.Context(), "k")
	require.NoError(t, err, "Get")
	require.Equal(t, "v", got, "Get")
}

func TestGetOrSetFindsTheWinnerAtThePrimary(t *testing.T) {
	v := openLagging(t)
	require.NoError(t, v.Set(t.Context(), "k", "winner"))
	got, err := v.GetOrSet(t.Context(), "k", func(context.Context) (string, error) { return "loser", nil })
	require.NoError(t, err, "GetOrSet")
	require.Equal(t, "winner", got, "GetOrSet")
}
