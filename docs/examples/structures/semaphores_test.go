package structures_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

func Example_budget() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	semaphores, err := mixins.NewSemaphores(c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer semaphores.Close()

	fmt.Println(convert(ctx, semaphores, 4, func(context.Context) error {
		return convert(ctx, semaphores, 8, nil) // too much at a time
	}))
	// Output: come back later
}

// convert converts a video that needs some gigabytes of memory. All workers together use ten.
func convert(ctx context.Context, semaphores *mixins.Semaphores, gigabytes int, run func(context.Context) error) error {
	ctx, permit, err := semaphores.Acquire(ctx, "video memory", 10, mixins.SemaphoreOptions{Weight: gigabytes, Wait: 50 * time.Millisecond})
	if errors.Is(err, mixins.ErrSemaphoreFull) {
		return errors.New("come back later")
	}
	if err != nil {
		return err
	}
	defer permit.Release(ctx) //nolint:errcheck // the lease ends by itself
	return run(ctx)           // ctx ends when the permit is lost
}
