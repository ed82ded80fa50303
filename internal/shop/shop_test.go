package shop_test

import (
	"encoding/json"
	"testing"

	"github.com/xcache-go/xcache/internal/shop"
)

func TestOrdersAreOfTheSizeAskedForAndAlwaysTheSame(t *testing.T) {
	for _, size := range shop.Sizes {
		text, err := json.Marshal(shop.NewOrder(size))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) != size {
			t.Errorf("an order of %s has %d bytes", shop.SizeName(size), len(text))
		}
		again, err := json.Marshal(shop.NewOrder(size))
		if err != nil || string(again) != string(text) {
			t.Errorf("an order of %s is another one the next time: %v", shop.SizeName(size), err)
		}
	}
}
