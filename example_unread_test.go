package xcache_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

func ExampleUnreadReplyError() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	words, err := mixins.NewLists[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	numbers, err := mixins.NewLists[int](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = words.RPush(ctx, "queue", "seven")

	_, err = numbers.LPop(ctx, "queue") // takes the element, and cannot read it
	if unread, ok := errors.AsType[*xcache.UnreadReplyError](err); ok {
		fmt.Println(errors.Is(err, xcache.ErrCorrupt), string(unread.Reply.Data))
	}
	// Output: true "seven"
}
