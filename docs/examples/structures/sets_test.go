package structures_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

func Example_visitors() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	visitors, err := mixins.NewSets[int](c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	visit := func(day string, user int) error {
		p := c.Pipeline()
		visitors.In(p).SAdd("{visitors}:"+day, user)
		p.Expire("{visitors}:"+day, 60*24*time.Hour) // sixty days are kept
		return p.Exec(ctx)
	}
	for _, user := range []int{7, 8, 7, 9} {
		if err := visit("monday", user); err != nil {
			fmt.Println(err)
			return
		}
	}
	_ = visit("tuesday", 9)
	_ = visit("tuesday", 10)

	fmt.Println(visitors.SCard(ctx, "{visitors}:monday"))
	both, err := visitors.SInter(ctx, "{visitors}:monday", "{visitors}:tuesday")
	fmt.Println(both, err)
	either, err := visitors.SUnionStore(ctx, "{visitors}:week", "{visitors}:monday", "{visitors}:tuesday")
	fmt.Println(either, err)
	_, err = c.Expire(ctx, "{visitors}:week", time.Hour) // what is stored has no TTL
	fmt.Println(err)
	// Output:
	// 3 <nil>
	// [9] <nil>
	// 4 <nil>
	// <nil>
}

func Example_tags() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	tagged, err := mixins.NewSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = tagged.SAdd(ctx, "{tag}:red", "socks", "hat", "scarf")
	_, _ = tagged.SAdd(ctx, "{tag}:wool", "socks", "scarf", "blanket")
	found, err := tagged.SInter(ctx, "{tag}:red", "{tag}:wool")
	slices.Sort(found) // a set has no order
	fmt.Println(found, err)
	fmt.Println(tagged.SInterCard(ctx, 1, "{tag}:red", "{tag}:wool")) // is there any?
	// Output:
	// [scarf socks] <nil>
	// 1 <nil>
}
