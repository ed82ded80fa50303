package recipes_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
)

// tenant is the part of the cache that a customer has.
func tenant(c *xcache.Cache, name string) *xcache.Cache {
	return c.Namespace("tenant").Namespace(name)
}

func Example_tenants() {
	ctx := context.Background()
	c, done := open()
	defer done()
	for _, name := range []string{"acme", "acme:eu"} { // a colon does not lead into another tenant
		if err := xcache.For[string](tenant(c, name)).Set(ctx, "plan", "plan of "+name); err != nil {
			fmt.Println(err)
			return
		}
	}

	// acme has left.
	fmt.Println(tenant(c, "acme").Clear(ctx))
	_, err := xcache.For[string](tenant(c, "acme")).Get(ctx, "plan")
	fmt.Println(errors.Is(err, xcache.ErrNotFound))
	fmt.Println(xcache.For[string](tenant(c, "acme:eu")).Get(ctx, "plan"))
	// Output:
	// 1 <nil>
	// true
	// plan of acme:eu <nil>
}
