package mixins_test

import (
	"context"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/mixins"
)

func ExampleRateLimits() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	limits, err := mixins.NewRateLimits(c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	minute := mixins.RateLimit{Limit: 10, Window: time.Minute, Burst: 2}
	day := mixins.RateLimit{Limit: 1000, Window: 24 * time.Hour}
	for range 3 {
		result, err := limits.Allow(ctx, "user:42", minute, day)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Allowed, result.Limits[0].Remaining, result.Limits[1].Remaining)
	}
	// Output:
	// true 1 999
	// true 0 998
	// false 0 998
}

func ExampleRateLimit() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	limits, err := mixins.NewRateLimits(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	// Of an account no more than 3 attempts an hour, from wherever, and of an address 10.
	account := mixins.RateLimit{Name: "logins", Limit: 3, Window: time.Hour}
	address := mixins.RateLimit{Name: "logins", Limit: 10, Window: time.Hour, Subject: "192.0.2.7"}
	result, err := limits.Allow(ctx, "ann@example.org", account, address)
	fmt.Println(result.Allowed, err)
	fmt.Println(limits.Forget(ctx, "ann@example.org")) // the password was right
	// Output:
	// true <nil>
	// <nil>
}

func ExampleRateResult() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	limits, err := mixins.NewRateLimits(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	megabytes := mixins.RateLimit{Limit: 100, Window: time.Minute}
	for range 2 {
		result, err := limits.AllowN(ctx, "export", 60, megabytes)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Allowed, result.RetryAfter().Round(time.Minute))
	}
	// Output:
	// true 0s
	// false 1m0s
}

func ExampleRateState() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	limits, err := mixins.NewRateLimits(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := limits.AllowN(ctx, "user:42", 0, mixins.RateLimit{Limit: 5, Window: time.Minute}) // takes none
	if err != nil {
		fmt.Println(err)
		return
	}
	tightest := result.Tightest()
	fmt.Println(tightest.Limit, tightest.Remaining, tightest.Reset)
	// Output: 5 5 0s
}
