package mixins_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

// open returns an empty cache inside the process. A program passes OpenDSN the DSN of its
// configuration, such as redis://localhost:6379.
func open(opts ...xcache.Option) *xcache.Cache {
	c, err := xcache.OpenDSN("memory://", opts...)
	if err != nil {
		panic(err)
	}
	return c
}

// A Job is an element of the examples.
type Job struct {
	ID   int
	What string
}

func ExampleLists() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	jobs, err := mixins.NewLists[Job](c.Namespace("jobs")) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := jobs.RPush(ctx, "mail", Job{1, "welcome"}, Job{2, "invoice"})
	fmt.Println(n, err)
	first, err := jobs.LPop(ctx, "mail")
	fmt.Println(first, err)
	_, _ = jobs.LPop(ctx, "mail")
	_, err = jobs.LPop(ctx, "mail")
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// {1 welcome} <nil>
	// xcache: key not found
}

func ExampleQueuedLists() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	searches, err := mixins.NewLists[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := c.Pipeline()
	in := searches.In(p)
	in.LPush("latest:42", "socks")
	in.LPush("latest:42", "shoes")
	in.LTrim("latest:42", 0, 99) // the last hundred
	latest := in.LRange("latest:42", 0, 9)
	if err := p.Exec(ctx); err != nil { // one round trip
		fmt.Println(err)
		return
	}
	fmt.Println(latest.Value())
	// Output: [shoes socks] <nil>
}

func ExampleSets() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	visitors, err := mixins.NewSets[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(visitors.SAdd(ctx, "{visitors}:monday", 1, 2, 3, 2))
	fmt.Println(visitors.SAdd(ctx, "{visitors}:tuesday", 2, 3, 4))
	both, err := visitors.SInter(ctx, "{visitors}:monday", "{visitors}:tuesday")
	slices.Sort(both)
	fmt.Println(both, err)
	// Output:
	// 3 <nil>
	// 3 <nil>
	// [2 3] <nil>
}

func ExampleQueuedSets() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	tags, err := mixins.NewSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := c.Pipeline()
	added := tags.In(p).SAdd("article:7", "go", "cache")
	tagged := tags.In(p).SIsMember("article:7", "go")
	if err := p.Exec(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(added.Value())
	fmt.Println(tagged.Value())
	// Output:
	// 2 <nil>
	// true <nil>
}

func ExampleHashes() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	carts, err := mixins.NewHashes[int](c.Namespace("cart"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = carts.HSetMany(ctx, "ada", map[string]int{"socks": 2, "shoes": 1})
	n, err := carts.HIncrBy(ctx, "ada", "socks", 1)
	fmt.Println(n, err)
	_, _ = c.Namespace("cart").Expire(ctx, "ada", xcache.NoExpiry) // structures have no TTL unless a program sets one
	fmt.Println(carts.HGetAll(ctx, "ada"))
	// Output:
	// 3 <nil>
	// map[shoes:1 socks:3] <nil>
}

func ExampleHashes_HSetEx() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	sessions, err := mixins.NewHashes[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = sessions.HSet(ctx, "user:42", "name", "Ada")
	stored, err := sessions.HSetEx(ctx, "user:42", mixins.HSetExOptions{TTL: 30 * time.Minute}, map[string]string{"token": "s3cr3t"})
	fmt.Println(stored, err)
	left, err := sessions.HTTL(ctx, "user:42", "name", "token")
	fmt.Println(left["name"] == xcache.NoExpiry, left["token"], err)
	// Output:
	// true <nil>
	// true 30m0s <nil>
}

func ExampleHashes_HExpire() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	codes, err := mixins.NewHashes[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = codes.HSet(ctx, "codes", "ada", 4711)
	became, err := codes.HExpire(ctx, "codes", time.Minute, mixins.ExpireOptions{NX: true}, "ada", "bob")
	fmt.Println(became[0] == mixins.FieldExpires, became[1] == mixins.FieldMissing, err)
	fmt.Println(codes.HGetDel(ctx, "codes", "ada")) // a code can be used once
	fmt.Println(codes.HExists(ctx, "codes", "ada"))
	// Output:
	// true true <nil>
	// map[ada:4711] <nil>
	// false <nil>
}

func ExampleQueuedHashes() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	profiles, err := mixins.NewHashes[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := c.Pipeline()
	profiles.In(p).HSet("user:42", "name", "Ada")
	name := profiles.In(p).HGet("user:42", "name")
	if err := p.Exec(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(name.Value())
	// Output: Ada <nil>
}

func ExampleSortedSets() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	boards, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = boards.ZAdd(ctx, "board", mixins.Scored[string]{Member: "Ada", Score: 90}, mixins.Scored[string]{Member: "Bob", Score: 70})
	_, _ = boards.ZIncrBy(ctx, "board", 25, "Bob")
	best, err := boards.ZRangeWithScores(ctx, "board", mixins.RankRange{Start: 0, Stop: 9, Reverse: true})
	fmt.Println(best, err)
	fmt.Println(boards.ZRevRank(ctx, "board", "Ada"))
	// Output:
	// [{Bob 95} {Ada 90}] <nil>
	// 1 <nil>
}

func ExampleQueuedSortedSets() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	due, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := c.Pipeline()
	due.In(p).ZAdd("due", mixins.Scored[string]{Member: "report", Score: 1700000000}, mixins.Scored[string]{Member: "backup", Score: 1800000000})
	now := due.In(p).ZRange("due", mixins.ByScore(0, 1750000000))
	if err := p.Exec(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(now.Value())
	// Output: [report] <nil>
}

func ExampleSets_SScan() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	numbers, err := mixins.NewSets[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = numbers.SAdd(ctx, "numbers", 1, 2, 3)
	sum := 0
	for n, err := range numbers.SScan(ctx, "numbers", mixins.ScanOptions{Count: 100}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		sum += n
	}
	fmt.Println(sum)
	// Output: 6
}

func ExampleByLex() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	words, err := mixins.NewSortedSets[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, word := range []string{"apple", "apricot", "banana"} {
		_, _ = words.ZAdd(ctx, "words", mixins.Scored[string]{Member: word}) // all with the same score
	}
	fmt.Println(words.ZRange(ctx, "words", mixins.ByLex(mixins.Including("ap"), mixins.Excluding("b"))))
	// Output: [apple apricot] <nil>
}
