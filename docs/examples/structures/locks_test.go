package structures_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

func Example_cron() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	locks, err := mixins.NewLocks(c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer locks.Close()

	fmt.Println(nightly(ctx, locks, func(ctx context.Context, fence int64) error {
		fmt.Println("the report is written:", ctx.Err() == nil && fence > 0)
		return nightly(ctx, locks, nil) // another process, at the same time
	}))
	fmt.Println(refund(ctx, locks, "42", func(context.Context) error { return nil }))
	// Output:
	// the report is written: true
	// another process writes it
	// <nil>
	// <nil>
}

// nightly writes the report of the night, in one process of all that try.
func nightly(ctx context.Context, locks *mixins.Locks, write func(ctx context.Context, fence int64) error) error {
	ctx, lock, err := locks.TryAcquire(ctx, "nightly report", mixins.LockOptions{})
	if errors.Is(err, mixins.ErrLockHeld) {
		fmt.Println("another process writes it")
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Release(ctx)         //nolint:errcheck // the lease ends by itself
	return write(ctx, lock.Fence()) // ctx ends when the lock is lost
}

// refund waits for its turn on an order, for five seconds at most.
func refund(ctx context.Context, locks *mixins.Locks, order string, pay func(context.Context) error) error {
	ctx, lock, err := locks.Acquire(ctx, "order:"+order, mixins.LockOptions{Wait: 5 * time.Second, Lease: 10 * time.Second})
	if err != nil {
		return err
	}
	return errors.Join(pay(ctx), lock.Release(ctx))
}
