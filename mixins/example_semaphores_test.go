package mixins_test

import (
	"context"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/mixins"
)

func ExampleSemaphores() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	semaphores, err := mixins.NewSemaphores(c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer semaphores.Close()
	const connections = 3
	held, permit, err := semaphores.Acquire(ctx, "partner", connections, mixins.SemaphoreOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(held.Err(), permit.Release(ctx), held.Err())
	// Output: <nil> <nil> context canceled
}

func ExampleSemaphoreOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	semaphores, err := mixins.NewSemaphores(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer semaphores.Close()
	const gigabytes = 10
	large := mixins.SemaphoreOptions{Weight: 8, Lease: time.Minute, Wait: time.Minute}
	_, permit, err := semaphores.Acquire(ctx, "memory", gigabytes, large)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = permit.Release(ctx) }()
	_, _, err = semaphores.TryAcquire(ctx, "memory", gigabytes, large)
	fmt.Println(err)
	// Output: xcache: the semaphore has no permit left
}

func ExamplePermit() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	semaphores, err := mixins.NewSemaphores(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer semaphores.Close()
	held, permit, err := semaphores.TryAcquire(ctx, "partner", 3, mixins.SemaphoreOptions{NoRenewal: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(permit.Extend(held, time.Hour), permit.Left() > time.Minute)
	fmt.Println(permit.Release(ctx))
	fmt.Println(permit.Extend(ctx, time.Hour))
	// Output:
	// <nil> true
	// <nil>
	// xcache: the permit is not held
}
