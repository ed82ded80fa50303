package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

// A rate is a second old at most while it is read often. Nobody waits for the next one.
func ExampleStaleFor() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	rates := xcache.For[string](c.Namespace("rate")).With(xcache.StaleFor(time.Hour))
	_ = rates.Set(ctx, "EUR", "1.08", xcache.TTL(time.Millisecond))
	time.Sleep(10 * time.Millisecond) // the TTL ends

	loaded := make(chan string, 1)
	rate, err := rates.GetOrSet(ctx, "EUR", func(context.Context) (string, error) {
		loaded <- "1.09" // in the background
		return "1.09", nil
	})
	fmt.Println(rate, err)
	fmt.Println("loaded", <-loaded)
	// Output:
	// 1.08 <nil>
	// loaded 1.09
}

// While the database is down, users are as they were.
func ExampleStaleOnError() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	users := xcache.For[string](c.Namespace("user")).With(xcache.StaleOnError(time.Hour))
	_ = users.Set(ctx, "42", "Ann", xcache.TTL(time.Millisecond))
	time.Sleep(10 * time.Millisecond) // the TTL ends

	user, err := users.GetOrSet(ctx, "42", func(context.Context) (string, error) {
		return "", errors.New("the database is down")
	})
	fmt.Println(user, err)
	// Output: Ann <nil>
}

// A user has changed: the next read loads, and falls back on the old user if it cannot.
func ExampleCache_Invalidate() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	users := xcache.For[string](c.Namespace("user")).With(xcache.StaleOnError(time.Hour))
	_ = users.Set(ctx, "42", "Ann")

	fmt.Println(users.Invalidate(ctx, "42"))
	_, err = users.Get(ctx, "42")
	fmt.Println(errors.Is(err, xcache.ErrNotFound))
	user, err := users.GetOrSet(ctx, "42", func(context.Context) (string, error) {
		return "", errors.New("the database is down")
	})
	fmt.Println(user, err)
	// Output:
	// <nil>
	// true
	// Ann <nil>
}

// A page that takes long to build is built again before its TTL ends.
func ExampleEarlyRefresh() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	pages := xcache.For[string](c.Namespace("page")).With(xcache.EarlyRefresh(1))

	page, err := pages.GetOrSet(ctx, "home", func(context.Context) (string, error) { return "<h1>Home</h1>", nil })
	fmt.Println(page, err)
	// Output: <h1>Home</h1> <nil>
}

// A slow database holds up nobody for longer than 50 ms who can have the old user.
func ExampleSoftLoadTimeout() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	users := xcache.For[string](c.Namespace("user")).With(
		xcache.StaleOnError(time.Hour), xcache.SoftLoadTimeout(50*time.Millisecond))
	_ = users.Set(ctx, "42", "Ann", xcache.TTL(time.Millisecond))
	time.Sleep(10 * time.Millisecond) // the TTL ends

	answer := make(chan string)
	user, err := users.GetOrSet(ctx, "42", func(context.Context) (string, error) { return <-answer, nil })
	fmt.Println(user, err)
	answer <- "Ann Lee" // the load has gone on
	// Output: Ann <nil>
}

// The loader asks for a change only, and keeps the old user if there is none.
func ExampleStaleValue() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	type User struct {
		Name    string
		Version int
	}
	version := func() int { return 7 } // of the user in the database

	users := xcache.For[User](c.Namespace("user")).With(xcache.StaleOnError(time.Hour))
	_ = users.Set(ctx, "42", User{"Ann", 7})
	_ = users.Invalidate(ctx, "42")
	user, err := users.GetOrSet(ctx, "42", func(ctx context.Context) (User, error) {
		if old, ok := xcache.StaleValue[User](ctx); ok && old.Version == version() {
			return User{}, xcache.ErrNotModified
		}
		return User{}, errors.New("this example changes nothing")
	})
	fmt.Println(user, err)
	// Output: {Ann 7} <nil>
}
