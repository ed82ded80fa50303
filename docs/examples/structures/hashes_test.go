package structures_test

import (
	"context"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

func Example_cart() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	carts, err := mixins.NewHashes[int](c) // once, at start-up: how many of each product
	if err != nil {
		fmt.Println(err)
		return
	}
	add := func(cart, product string, number int64) (int64, error) {
		p := c.Pipeline()
		now := carts.In(p).HIncrBy(cart, product, number)
		p.Expire(cart, 14*24*time.Hour) // a fortnight after the last change
		if err := p.Exec(ctx); err != nil {
			return 0, err
		}
		return now.Value()
	}
	_, _ = add("cart:42", "socks", 2)
	_, _ = add("cart:42", "hat", 1)
	fmt.Println(add("cart:42", "socks", 1))

	removed, err := carts.HDel(ctx, "cart:42", "hat")
	fmt.Println(removed, err)
	whole, err := carts.HGetAll(ctx, "cart:42")
	fmt.Println(whole, err)
	// Output:
	// 3 <nil>
	// 1 <nil>
	// map[socks:3] <nil>
}

func Example_counters() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	views, err := mixins.NewHashes[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, page := range []string{"/", "/shop", "/"} {
		if _, err := views.HIncrBy(ctx, "views:2026-03-01", page, 1); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(views.HMGet(ctx, "views:2026-03-01", "/", "/about"))
	// Output: map[/:2] <nil>
}

func Example_codes() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	codes, err := mixins.NewHashes[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	options := mixins.HSetExOptions{TTL: 10 * time.Minute}
	_, err = codes.HSetEx(ctx, "user:42", options, map[string]string{"email": "7351"})
	if err != nil {
		fmt.Println(err) // errors.ErrUnsupported on a server that is too old
		return
	}
	for range 2 {
		found, err := codes.HGetDel(ctx, "user:42", "email") // a code counts once
		code, ok := found["email"]
		fmt.Println(code == "7351", ok, err)
	}
	// Output:
	// true true <nil>
	// false false <nil>
}
