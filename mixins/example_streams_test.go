package mixins_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// An Order is a value of the examples.
type Order struct {
	Customer string
	Cents    int
}

func ExampleStreams() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[Order](c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	newest := mixins.XAddOptions{Trim: mixins.MaxLen(100_000).Approx(0)}
	_, err = orders.XAdd(ctx, "orders", newest, map[string]Order{"placed": {"Ada", 1999}})
	fmt.Println(err)
	_, err = orders.XAdd(ctx, "orders", newest, map[string]Order{"cancelled": {"Bob", 500}})
	fmt.Println(err)
	for e, err := range orders.Entries(ctx, "orders", "-", "+") {
		fmt.Println(e.Fields, err)
	}
	// Output:
	// <nil>
	// <nil>
	// map[placed:{Ada 1999}] <nil>
	// map[cancelled:{Bob 500}] <nil>
}

func ExampleQueuedStreams() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := c.Pipeline()
	in := orders.In(p)
	added := in.XAdd("orders", mixins.XAddOptions{ID: "1700000000000-0"}, map[string]int{"cents": 1999})
	length := in.XLen("orders")
	if err := p.Exec(ctx); err != nil { // one round trip
		fmt.Println(err)
		return
	}
	fmt.Println(added.Value())
	fmt.Println(length.Value())
	// Output:
	// 1700000000000-0 <nil>
	// 1 <nil>
}

// The service mails a receipt for each order.
func ExampleStreams_Consume() {
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[Order](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background()) // in a service: signal.NotifyContext
	defer stop()
	_, _ = orders.XAdd(ctx, "orders", mixins.XAddOptions{}, map[string]Order{"placed": {"Ada", 1999}})

	err = orders.Consume(ctx, "orders", "receipts", "host-1", func(_ context.Context, e mixins.Delivered[Order]) error {
		order := e.Fields["placed"]
		fmt.Println("a receipt for", order.Customer) // after an error the entry comes again
		stop()
		return nil
	}, mixins.ConsumeOptions{
		Concurrency: 8,
		MinIdle:     30 * time.Second,
		DeadLetter:  "orders:dead",
		Observe:     func(e mixins.ConsumeEvent) { fmt.Println(e.Kind, e.ID, e.Err) },
	})
	fmt.Println(errors.Is(err, context.Canceled))
	pending, err := orders.XPending(context.Background(), "orders", "receipts")
	fmt.Println(pending.Count, err)
	// Output:
	// a receipt for Ada
	// true
	// 0 <nil>
}

func ExampleStreams_DeadLetters() {
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[Order](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	_, _ = orders.XAdd(ctx, "orders", mixins.XAddOptions{}, map[string]Order{"placed": {"Bob", 500}})
	_ = orders.Consume(ctx, "orders", "receipts", "host-1", func(context.Context, mixins.Delivered[Order]) error {
		return errors.New("no such address")
	}, mixins.ConsumeOptions{DeadLetter: "orders:dead", MaxDeliveries: 1, Observe: func(e mixins.ConsumeEvent) {
		if e.Kind == mixins.EntryDeadLettered {
			stop()
		}
	}})

	ctx = context.Background()
	for dead, err := range orders.DeadLetters(ctx, "orders:dead") {
		if errors.Is(err, xcache.ErrCorrupt) { // this letter stays
			fmt.Println(dead.ID, err)
			continue
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(dead.Stream, dead.Entry.Fields, dead.Deliveries, dead.Reason)
		// Once more. The letter is the only copy of the entry until XAdd has succeeded.
		if _, err := orders.XAdd(ctx, dead.Stream, mixins.XAddOptions{}, dead.Entry.Fields); err != nil {
			fmt.Println(err)
			return
		}
		_, _ = orders.XDel(ctx, "orders:dead", dead.ID)
	}
	// Output: orders map[placed:{Bob 500}] 1 no such address
}
