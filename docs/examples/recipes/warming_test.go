package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// warm loads what most visitors ask for, in one process of those that start at the same time.
func warm(ctx context.Context, locks *mixins.Locks, names *xcache.View[string], ids []string,
	load func(ctx context.Context, missing []string) (map[string]string, error),
) error {
	ctx, lock, err := locks.TryAcquire(ctx, "warm names", mixins.LockOptions{})
	if errors.Is(err, mixins.ErrLockHeld) {
		return nil // another process does it
	}
	if err != nil {
		return err
	}
	defer lock.Release(ctx) //nolint:errcheck // the lease ends by itself
	for page := range slices.Chunk(ids, 500) {
		if _, err := names.GetOrSetMany(ctx, page, load, xcache.TTL(time.Hour)); err != nil {
			return err
		}
	}
	return nil
}

func Example_warming() {
	ctx := context.Background()
	c, done := open()
	defer done()
	locks, err := mixins.NewLocks(c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer locks.Close()
	names := xcache.For[string](c.Namespace("name")).With(xcache.WithJitter(0.2))
	var ids []string
	for id := range 1200 {
		ids = append(ids, fmt.Sprint(id))
	}
	load := func(_ context.Context, missing []string) (map[string]string, error) {
		fmt.Println("loads", len(missing))
		found := make(map[string]string)
		for _, id := range missing {
			found[id] = "user " + id
		}
		return found, nil
	}
	fmt.Println(warm(ctx, locks, names, ids, load))
	fmt.Println(warm(ctx, locks, names, ids, load)) // all of them are there
	// Output:
	// loads 500
	// loads 500
	// loads 200
	// <nil>
	// <nil>
}
