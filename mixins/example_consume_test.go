package mixins_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/mixins"
)

// Failures are counted, and logged with their entry.
func ExampleConsumeEvent() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[Order](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = orders.XAdd(ctx, "orders", mixins.XAddOptions{ID: "1"}, map[string]Order{"placed": {"Ada", 1999}})
	_ = orders.Consume(ctx, "orders", "receipts", "host-1", func(context.Context, mixins.Delivered[Order]) error {
		return errors.New("no such address")
	}, mixins.ConsumeOptions{Observe: func(e mixins.ConsumeEvent) {
		fmt.Println(e.Kind, e.ID, e.Deliveries, e.Err)
		stop()
	}})
	// Output: entry failed 1-0 1 no such address
}

// Some events call for an operator.
func ExampleConsumeEventKind() {
	alarming := func(kind mixins.ConsumeEventKind) bool {
		switch kind {
		case mixins.EntryDeadLettered, mixins.GroupMadeAgain, mixins.CallsFailing:
			return true
		case mixins.EntryFailed, mixins.EntryClaimed, mixins.EntryGone, mixins.CallsSucceed:
		}
		return false
	}
	fmt.Println(alarming(mixins.EntryFailed), alarming(mixins.EntryDeadLettered))
	// Output: false true
}

// Entries are handled one by one, in their order. The third failure is the last.
func ExampleConsumeOptions() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[Order](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = orders.XAdd(ctx, "orders", mixins.XAddOptions{}, map[string]Order{"placed": {"Bob", 500}})
	options := mixins.ConsumeOptions{
		MinIdle:       50 * time.Millisecond, // a failed entry soon comes again
		DeadLetter:    "orders:dead",
		MaxDeliveries: 3,
		Observe: func(e mixins.ConsumeEvent) {
			if e.Kind == mixins.EntryDeadLettered {
				fmt.Println(e.Kind, "after", e.Deliveries)
				stop()
			}
		},
	}
	err = orders.Consume(ctx, "orders", "receipts", "host-1", func(context.Context, mixins.Delivered[Order]) error {
		return errors.New("no such address")
	}, options)
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// entry dead-lettered after 3
	// true
}

func ExampleDeadLetter() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[Order](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = orders.XAdd(ctx, "orders", mixins.XAddOptions{ID: "1"}, map[string]Order{"placed": {"Bob", 500}})
	_ = orders.Consume(ctx, "orders", "receipts", "host-1", func(context.Context, mixins.Delivered[Order]) error {
		return errors.New("no such address")
	}, mixins.ConsumeOptions{DeadLetter: "orders:dead", MaxDeliveries: 1, Observe: func(e mixins.ConsumeEvent) {
		if e.Kind == mixins.EntryDeadLettered {
			stop()
		}
	}})

	ctx = context.Background()
	for dead, err := range orders.DeadLetters(ctx, "orders:dead") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(dead.Stream, dead.Entry.ID, "of", dead.Group, "by", dead.Consumer, "because", dead.Reason)
	}
	// Output: orders 1-0 of receipts by host-1 because no such address
}

// The ID of an entry stays the same when the entry is delivered again, so the handler knows
// what is done already.
func ExampleDelivered() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[Order](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = orders.XAdd(ctx, "orders", mixins.XAddOptions{ID: "1"}, map[string]Order{"placed": {"Ada", 1999}})
	_ = orders.Consume(ctx, "orders", "receipts", "host-1", func(_ context.Context, e mixins.Delivered[Order]) error {
		fmt.Println(e.ID, e.Fields["placed"].Customer, e.Deliveries)
		if e.Deliveries < 2 {
			return errors.New("the mail server is busy")
		}
		stop()
		return nil
	}, mixins.ConsumeOptions{MinIdle: 100 * time.Millisecond})
	// Output:
	// 1-0 Ada 1
	// 1-0 Ada 2
}

func ExampleHandlerPanicError() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c := open()
	defer c.Close()
	orders, err := mixins.NewStreams[Order](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = orders.XAdd(ctx, "orders", mixins.XAddOptions{}, map[string]Order{"placed": {"Ada", 1999}})
	_ = orders.Consume(ctx, "orders", "receipts", "host-1", func(context.Context, mixins.Delivered[Order]) error {
		panic("no printer")
	}, mixins.ConsumeOptions{Observe: func(e mixins.ConsumeEvent) {
		if panicked, ok := errors.AsType[*mixins.HandlerPanicError](e.Err); ok {
			fmt.Println(panicked.Value, len(panicked.Stack) > 0)
			stop()
		}
	}})
	// Output: no printer true
}
