package xcache_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

func TestKeySpaceIsBesideTheKeysOfValues(t *testing.T) {
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	c, err := xcache.New(store, xcache.WithPrefix("shop"))
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	ctx := t.Context()
	values, space := xcache.For[string](c), xcache.For[string](c.Namespace("tenant").KeySpace("lock"))
	require.NoError(t, values.Set(ctx, "k", "value"))
	require.NoError(t, space.Set(ctx, "k", "beside"))
	raw := []driver.Value{{}}
	require.NoError(t, store.Get(ctx, []string{"shop:lock:tenant:k"}, raw))
	require.NoError(t, raw[0].Err)
	require.Equal(t, []string{"k"}, allKeys(t, c, "*"))
	require.Equal(t, []string{"k"}, allKeys(t, space.Cache, "*"))
	_, err = xcache.For[string](c.KeySpace("lock")).Get(ctx, "k")
	require.ErrorIs(t, err, xcache.ErrNotFound, "the namespace is part of the key")
	got, err := space.With(xcache.WithVersion(7)).Get(ctx, "k")
	require.NoError(t, err)
	require.Equal(t, "beside", got)

	removed, err := c.ClearAllVersions(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	removed, err = space.ClearAllVersions(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, removed)
}

func TestKeySpacesThatAreNone(t *testing.T) {
	_, c := newFake(t)
	for _, name := range []string{"", "1", "Lock", "lock:", "lock 1"} {
		require.ErrorContains(t, c.KeySpace(name).Ping(t.Context()), "lower-case letters", name)
	}
	own := c.With(xcache.WithKeyFunc(func(_ string, _ int, key string) string { return key }, nil))
	require.ErrorIs(t, own.KeySpace("lock").Ping(t.Context()), errors.ErrUnsupported)
}
