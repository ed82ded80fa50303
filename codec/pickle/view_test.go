package pickle_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

// storeRefused stores a value through a view of T, and wants it refused.
func storeRefused[T any](t *testing.T, c *xcache.Cache, value T, reason string) {
	t.Helper()
	err := xcache.For[T](c).Set(t.Context(), "k", value)
	require.ErrorIs(t, err, codec.ErrUnsupportedValue)
	require.ErrorContains(t, err, reason)
	require.NotContains(t, err.Error(), "canary")
	_, err = xcache.For[[]byte](c).Get(t.Context(), "k")
	require.Equal(t, xcache.ErrNotFound, err)
}

func TestViewsOfInterfacesWithMethodsStoreNothing(t *testing.T) {
	c, err := xcache.OpenDSN("memory://?serializer=pickle")
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	storeRefused[error](t, c, errors.New("canary"), "an interface with methods")
	storeRefused[error](t, c, nil, "an interface with methods")
	storeRefused[shape](t, c, square{2}, "pickle_test.shape, an interface with methods")
	storeRefused[fmt.Stringer](t, c, nil, "fmt.Stringer, an interface with methods")
	storeRefused(t, c, struct{ S []shape }{[]shape{square{2}}}, "field S[]: it cannot read into pickle_test.shape, an interface with methods")

	v := xcache.For[any](c)
	require.NoError(t, v.Set(t.Context(), "k", square{2}))
	got, err := v.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"Side": 2.0}, got)
}
