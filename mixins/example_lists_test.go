package mixins_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// The first in line goes to the end.
func ExampleEnd() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	turns, err := mixins.NewLists[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = turns.RPush(ctx, "turns", "Ada", "Bob", "Eve")
	fmt.Println(turns.LMove(ctx, "turns", "turns", mixins.Left, mixins.Right))
	fmt.Println(turns.LRange(ctx, "turns", 0, -1))
	// Output:
	// Ada <nil>
	// [Bob Eve Ada] <nil>
}

func ExamplePlace() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	stops, err := mixins.NewLists[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = stops.RPush(ctx, "line:7", "Station", "Harbour")
	fmt.Println(stops.LInsert(ctx, "line:7", mixins.Before, "Harbour", "Market"))
	fmt.Println(stops.LRange(ctx, "line:7", 0, -1))
	// Output:
	// 3 <nil>
	// [Station Market Harbour] <nil>
}

func ExampleLPosOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	rolls, err := mixins.NewLists[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = rolls.RPush(ctx, "rolls", 6, 1, 6, 6)
	fmt.Println(rolls.LPos(ctx, "rolls", 6, mixins.LPosOptions{}))         // the first
	fmt.Println(rolls.LPos(ctx, "rolls", 6, mixins.LPosOptions{Rank: -1})) // the last
	fmt.Println(rolls.LPosCount(ctx, "rolls", 6, 0, mixins.LPosOptions{MaxLen: 3}))
	// Output:
	// 0 <nil>
	// 3 <nil>
	// [0 2] <nil>
}

// Urgent jobs come before others, several at a time.
func ExamplePopped() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	jobs, err := mixins.NewLists[Job](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = jobs.RPush(ctx, "{jobs}:other", Job{1, "report"}, Job{2, "backup"}, Job{3, "sweep"})
	popped, err := jobs.LMPop(ctx, mixins.Left, 2, "{jobs}:urgent", "{jobs}:other")
	fmt.Println(popped.Key, popped.Elements, err)
	// Output: {jobs}:other [{1 report} {2 backup}] <nil>
}

// A worker waits for the first job of two queues.
func ExamplePoppedOne() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	jobs, err := mixins.NewLists[Job](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _, _ = jobs.RPush(ctx, "{jobs}:other", Job{1, "report"}) }()
	popped, err := jobs.BLPop(ctx, time.Minute, "{jobs}:urgent", "{jobs}:other")
	fmt.Println(popped.Key, popped.Element, err)

	_, err = jobs.BLPop(ctx, time.Millisecond, "{jobs}:urgent", "{jobs}:other")
	fmt.Println(errors.Is(err, xcache.ErrNotFound)) // nothing came in time
	// Output:
	// {jobs}:other {1 report} <nil>
	// true
}
