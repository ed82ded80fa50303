package shop_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/shop"
)

func TestOrdersAreOfTheSizeAskedForAndAlwaysTheSame(t *testing.T) {
	for _, size := range shop.Sizes {
		text, err := json.Marshal(shop.NewOrder(size))
		require.NoError(t, err)
		require.Equal(t, size, len(text), "an order of %s has", shop.SizeName(size))
		again, err := json.Marshal(shop.NewOrder(size))
		require.NoError(t, err, "an order of %s is another one the next time", shop.SizeName(size))
		require.Equal(t, string(text), string(again), "an order of %s is another one the next time", shop.SizeName(size))
	}
}
