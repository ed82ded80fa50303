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
		case m.Event == mixins.Subscribed: // what is said from now on is heard
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
