package mixins_test

import (
	"context"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A lease is made longer, and never shorter.
func ExampleExpireOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	tokens, err := mixins.NewHashes[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = tokens.HSetEx(ctx, "leases", mixins.HSetExOptions{TTL: time.Hour}, map[string]string{"printer": "Ada"})
	for _, ttl := range []time.Duration{time.Minute, 2 * time.Hour} {
		became, err := tokens.HExpire(ctx, "leases", ttl, mixins.ExpireOptions{GT: true}, "printer")
		fmt.Println(ttl, became[0] == mixins.FieldExpires, err)
	}
	// Output:
	// 1m0s false <nil>
	// 2h0m0s true <nil>
}

func ExampleFieldExpiry() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	tokens, err := mixins.NewHashes[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = tokens.HSet(ctx, "tokens", "ada", "s3cr3t")
	became, err := tokens.HExpire(ctx, "tokens", time.Hour, mixins.ExpireOptions{XX: true}, "ada", "bob")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, field := range []string{"ada", "bob"} {
		switch became[i] {
		case mixins.FieldMissing:
			fmt.Println(field, "is not there")
		case mixins.FieldKept:
			fmt.Println(field, "is as it was: it has no TTL that could change")
		case mixins.FieldExpires, mixins.FieldDeleted:
			fmt.Println(field, "expires")
		}
	}
	// Output:
	// ada is as it was: it has no TTL that could change
	// bob is not there
}

func ExampleFieldValue() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	prices, err := mixins.NewHashes[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = prices.HSet(ctx, "prices", "socks", 5)
	drawn, err := prices.HRandFieldValues(ctx, "prices", 1)
	for _, p := range drawn {
		fmt.Println(p.Field, "for", p.Value, err)
	}
	// Output: socks for 5 <nil>
}

// Each read of a session extends the session by half an hour.
func ExampleHGetExOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	tokens, err := mixins.NewHashes[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = tokens.HSetEx(ctx, "sessions", mixins.HSetExOptions{TTL: time.Minute}, map[string]string{"ada": "s3cr3t"})
	fmt.Println(tokens.HGetEx(ctx, "sessions", mixins.HGetExOptions{TTL: 30 * time.Minute}, "ada"))
	fmt.Println(tokens.HTTL(ctx, "sessions", "ada"))

	_, _ = tokens.HGetEx(ctx, "sessions", mixins.HGetExOptions{TTL: xcache.NoExpiry}, "ada")
	left, err := tokens.HTTL(ctx, "sessions", "ada")
	fmt.Println(left["ada"] == xcache.NoExpiry, err)
	// Output:
	// map[ada:s3cr3t] <nil>
	// map[ada:30m0s] <nil>
	// true <nil>
}

// The first customer gets the seat, for ten minutes.
func ExampleHSetExOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	seats, err := mixins.NewHashes[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	options := mixins.HSetExOptions{TTL: 10 * time.Minute, FNX: true}
	fmt.Println(seats.HSetEx(ctx, "seats", options, map[string]string{"12A": "Ada"}))
	fmt.Println(seats.HSetEx(ctx, "seats", options, map[string]string{"12A": "Bob", "12B": "Bob"}))
	fmt.Println(seats.HGetAll(ctx, "seats"))
	// Output:
	// true <nil>
	// false <nil>
	// map[12A:Ada] <nil>
}

func ExampleScanOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	views, err := mixins.NewHashes[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = views.HSetMany(ctx, "views", map[string]int{"/shop": 3, "/shop/socks": 2, "/about": 1})
	sum := 0
	for view, err := range views.HScan(ctx, "views", mixins.ScanOptions{Match: "/shop*", Count: 1000}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		sum += view.Value
	}
	fmt.Println(sum)
	// Output: 5
}
