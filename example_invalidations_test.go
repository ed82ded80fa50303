package xcache_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

// A service forgets a user whose row has changed. If the cache is away, the deletion is repeated
// until it is done.
func ExampleWithInvalidateRetry() {
	c, err := xcache.OpenDSN("memory://?invalidate=retry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	users := xcache.For[string](c.Namespace("user"))

	forget := func(ctx context.Context) error {
		_, err = users.Delete(ctx, "42")
		if err != nil && !errors.Is(err, xcache.ErrInvalidationPending) {
			return err // and nobody will try again
		}
		return nil
	}
	fmt.Println(forget(context.Background()), c.PendingInvalidations())
	// Output: <nil> 0
}
