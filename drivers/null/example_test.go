package null_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/null"
)

// A program whose cache is switched off does all of its work itself.
func Example() {
	c, err := xcache.OpenDSN("null://")
	if err != nil {
		panic(err)
	}
	defer c.Close()

	ctx := context.Background()
	greetings := xcache.For[string](c)
	load := func(context.Context) (string, error) {
		fmt.Println("loading")
		return "hello", nil
	}
	for range 2 {
		greeting, err := greetings.GetOrSet(ctx, "en", load)
		fmt.Println(greeting, err)
	}
	_, err = greetings.Get(ctx, "en")
	fmt.Println(errors.Is(err, xcache.ErrNotFound))
	// Output:
	// loading
	// hello <nil>
	// loading
	// hello <nil>
	// true
}
