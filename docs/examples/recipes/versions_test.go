package recipes_test

import (
	"context"
	"fmt"

	"github.com/xcache-go/xcache"
)

// A Price has a currency since the second version of what is stored.
type Price struct {
	Amount   int
	Currency string
}

// priceVersion is raised with each change of Price that old programs cannot read.
const priceVersion = 2

func prices(c *xcache.Cache) *xcache.View[Price] {
	return xcache.For[Price](c.Namespace("price")).With(xcache.WithVersion(priceVersion))
}

func Example_versions() {
	ctx := context.Background()
	c, done := open()
	defer done()
	// The release before is still running, and has stored a number.
	if err := xcache.For[int](c.Namespace("price")).Set(ctx, "book", 12); err != nil {
		fmt.Println(err)
		return
	}

	price, err := prices(c).GetOrSet(ctx, "book", func(context.Context) (Price, error) { return Price{12, "EUR"}, nil })
	fmt.Println(price, err)
	fmt.Println(xcache.For[int](c.Namespace("price")).Get(ctx, "book"))
	// Output:
	// {12 EUR} <nil>
	// 12 <nil>
}
