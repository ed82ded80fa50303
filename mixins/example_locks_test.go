package mixins_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/mixins"
)

func ExampleLocks() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	locks, err := mixins.NewLocks(c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer locks.Close()
	held, lock, err := locks.Acquire(ctx, "report", mixins.LockOptions{Wait: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = locks.TryAcquire(ctx, "report", mixins.LockOptions{})
	fmt.Println(errors.Is(err, mixins.ErrLockHeld), held.Err())
	fmt.Println(lock.Release(ctx), held.Err())
	// Output:
	// true <nil>
	// <nil> context canceled
}

func ExampleLock() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	locks, err := mixins.NewLocks(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer locks.Close()
	_, first, err := locks.TryAcquire(ctx, "report", mixins.LockOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = first.Release(ctx)
	held, second, err := locks.TryAcquire(ctx, "report", mixins.LockOptions{Lease: time.Minute, NoRenewal: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = second.Release(ctx) }()
	fmt.Println(second.Fence() > first.Fence(), second.Extend(held, time.Hour), second.Left() > time.Minute)
	fmt.Println(first.Extend(ctx, time.Minute))
	// Output:
	// true <nil> true
	// xcache: the lock is not held
}

func ExampleLockOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	locks, err := mixins.NewLocks(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer locks.Close()
	options := mixins.LockOptions{
		Lease: time.Minute,           // the lock of a process that dies is free after that
		Wait:  10 * time.Millisecond, // and then ErrLockHeld
	}
	_, lock, err := locks.TryAcquire(ctx, "report", options) // does not wait
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = lock.Release(ctx) }()
	_, _, err = locks.Acquire(ctx, "report", options)
	fmt.Println(err)
	// Output: xcache: the lock is held by another
}
