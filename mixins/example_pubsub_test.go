package mixins_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A chat room.
func ExamplePubSub() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	rooms, err := mixins.NewPubSub[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for m, err := range rooms.Subscribe(ctx, mixins.SubscribeOptions{}, "room:1") {
		switch {
		case errors.Is(err, xcache.ErrCorrupt):
			fmt.Println("a message that is none, in", m.Channel)
		case err != nil:
			fmt.Println(err)
		case m.Event == mixins.Subscribed: // later messages are received
			_, _ = rooms.Publish(ctx, "room:1", "hello")
		case m.Event == mixins.Gap:
			fmt.Println("read the history again: messages may have been missed")
		default:
			fmt.Println(m.Channel, m.Value)
			return // leaves the room
		}
	}
	// Output: room:1 hello
}

func ExampleQueuedPubSub() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	prices, err := mixins.NewPubSub[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := c.Pipeline()
	xcache.For[int](c).In(p).Set("price:7", 30)
	heard := prices.In(p).Publish("price:7", 30)
	if err := p.ExecAtomic(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Value())
	// Output: 0 <nil>
}

// The pattern matches the channels of all rooms.
func ExampleMessage() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	rooms, err := mixins.NewPubSub[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for m, err := range rooms.PSubscribe(ctx, mixins.SubscribeOptions{}, "room:*") {
		if err != nil {
			fmt.Println(err)
			return
		}
		if m.Event == mixins.Subscribed {
			_, _ = rooms.Publish(ctx, "room:2", "hello")
		}
		if m.Event == mixins.Published {
			fmt.Println(m.Pattern, m.Channel, m.Value)
			return
		}
	}
	// Output: room:* room:2 hello
}

func ExampleMessageEvent() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	prices, err := mixins.NewPubSub[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for m, err := range prices.Subscribe(ctx, mixins.SubscribeOptions{}, "price:7") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Event)
		switch m.Event {
		case mixins.Subscribed, mixins.Gap: // read the price, which is unknown now
			_, _ = prices.Publish(ctx, "price:7", 30)
		case mixins.Published:
			fmt.Println(m.Value)
			return
		}
	}
	// Output:
	// subscribed
	// published
	// 30
}

// The loop wants all messages, and is slow now and then.
func ExampleSubscribeOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	prices, err := mixins.NewPubSub[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	sum := 0
	for m, err := range prices.Subscribe(ctx, mixins.SubscribeOptions{Buffer: 10_000, WhenFull: mixins.Wait}, "prices") {
		if err != nil {
			fmt.Println(err)
			return
		}
		if m.Event == mixins.Subscribed {
			for price := range 4 {
				_, _ = prices.Publish(ctx, "prices", price)
			}
		}
		if sum += m.Value; m.Value == 3 {
			break
		}
	}
	fmt.Println(sum)
	// Output: 6
}

// Only the latest price counts, so one price may wait, and the oldest is dropped.
func ExampleWhenFull() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	prices, err := mixins.NewPubSub[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	heard, missed := 0, 0
	for m, err := range prices.Subscribe(ctx, mixins.SubscribeOptions{Buffer: 1, WhenFull: mixins.DropOldest}, "price:7") {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch m.Event {
		case mixins.Subscribed:
			for price := 1; price <= 100; price++ {
				_, _ = prices.Publish(ctx, "price:7", price)
			}
		case mixins.Gap:
			missed += m.Missed
		case mixins.Published:
			heard++
		}
		if m.Value == 100 { // the latest price is never dropped
			break
		}
	}
	fmt.Println(heard + missed)
	// Output: 100
}
