package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
)

// A link that confirms an address works once: of two clicks, one takes the address.
func ExampleView_Take() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	addresses := xcache.For[string](c.Namespace("confirm"))
	_ = addresses.Set(ctx, "f81d4fae", "ann@example.com", xcache.TTL(24*time.Hour))

	fmt.Println(addresses.Take(ctx, "f81d4fae"))
	_, err = addresses.Take(ctx, "f81d4fae")
	fmt.Println(errors.Is(err, xcache.ErrNotFound))
	// Output:
	// ann@example.com <nil>
	// true
}

// Of three users, the database is asked for the two that are not cached.
func ExampleView_GetOrSetMany() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	names := xcache.For[string](c.Namespace("name"))
	_ = names.Set(ctx, "1", "Ann")

	got, err := names.GetOrSetMany(ctx, []string{"1", "2", "3"}, func(_ context.Context, missing []string) (map[string]string, error) {
		fmt.Println("loads", missing)
		return map[string]string{"2": "Bob"}, nil // there is no user 3
	})
	fmt.Println(got, err)
	// Output:
	// loads [2 3]
	// map[1:Ann 2:Bob] <nil>
}

// A token is cached for as long as it is valid.
func ExampleLoadedTTL() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	tokens := xcache.For[string](c.Namespace("token"))

	token, err := tokens.GetOrSet(ctx, "api", func(ctx context.Context) (string, error) {
		expires := time.Now().Add(20 * time.Minute) // as the issuer says
		return "f81d4fae", xcache.LoadedTTL(ctx, time.Until(expires))
	})
	fmt.Println(token, err)
	left, err := tokens.TTL(ctx, "api")
	fmt.Println(left.Round(time.Minute), err)
	// Output:
	// f81d4fae <nil>
	// 20m0s <nil>
}

// A loader that hangs holds up its callers no longer than LoadTimeout.
func ExampleLoadTimeout() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	users := xcache.For[string](c.Namespace("user")).With(xcache.LoadTimeout(100 * time.Millisecond))

	_, err = users.GetOrSet(ctx, "42", func(ctx context.Context) (string, error) {
		<-ctx.Done() // as a query that takes too long
		return "", ctx.Err()
	})
	fmt.Println(errors.Is(err, xcache.ErrLoadTimeout))
	// Output: true
}

// A session ends half an hour after its last request.
func ExampleSliding() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://?ttl=30m")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	sessions := xcache.For[string](c.Namespace("session")).With(xcache.Sliding(30 * time.Minute))
	_ = sessions.Set(ctx, "f81d4fae", "ann", xcache.TTL(time.Minute))

	user, err := sessions.Get(ctx, "f81d4fae")
	fmt.Println(user, err)
	left, err := sessions.TTL(ctx, "f81d4fae")
	fmt.Println(left.Round(time.Minute), err)
	// Output:
	// ann <nil>
	// 30m0s <nil>
}
