package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

// Two processes ask for a page that is not cached. One of them renders it, and the other waits.
func ExampleOneLoader() {
	ctx := context.Background()
	var processes sync.WaitGroup
	for range 2 {
		c, err := xcache.OpenDSN("memory://example-one-loader") // in production a server: valkey://…
		if err != nil {
			fmt.Println(err)
			return
		}
		defer func() { _ = c.Close() }()
		pages := xcache.For[string](c.Namespace("page")).With(xcache.OneLoader(30 * time.Second))
		processes.Go(func() {
			_, err := pages.GetOrSet(ctx, "home", func(context.Context) (string, error) {
				fmt.Println("renders")
				time.Sleep(10 * time.Millisecond)
				return "<h1>Welcome</h1>", nil
			})
			if err != nil {
				fmt.Println(err)
			}
		})
	}
	processes.Wait()
	// Output: renders
}

// The database is asked once in ten seconds for a user who does not exist.
func ExampleNegativeTTL() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	users := xcache.For[string](c.Namespace("user")).With(xcache.NegativeTTL(10 * time.Second))

	load := func(context.Context) (string, error) {
		fmt.Println("asks the database")
		return "", xcache.ErrNotFound
	}
	for range 3 {
		_, err := users.GetOrSet(ctx, "4711", load)
		fmt.Println(errors.Is(err, xcache.ErrNotFound))
	}
	// Output:
	// asks the database
	// true
	// true
	// true
}
