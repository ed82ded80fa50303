package xcache_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A transaction moves stock from one place to another if the stock suffices, and notes the
// move. Both writes are applied, or none.
func ExampleCache_Watch() {
	ctx := context.Background()
	c := open()
	defer c.Close()

	stock := xcache.For[int](c)
	moves, err := mixins.NewLists[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = stock.SetMany(ctx, map[string]int{"{book:7}shelf": 3, "{book:7}store": 0})

	errTooFew := errors.New("too few are left")
	move := func(ctx context.Context, n int) error {
		return c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
			left, err := stock.WithTx(tx).GetMany(ctx, []string{"{book:7}shelf", "{book:7}store"})
			if err != nil {
				return err
			}
			if left["{book:7}shelf"] < n {
				return errTooFew
			}
			p := tx.Pipeline()
			stock.In(p).Set("{book:7}shelf", left["{book:7}shelf"]-n)
			stock.In(p).Set("{book:7}store", left["{book:7}store"]+n)
			moves.In(p).RPush("{book:7}moves", fmt.Sprint(n))
			return nil
		}, "{book:7}shelf", "{book:7}store")
	}

	fmt.Println(move(ctx, 2))
	fmt.Println(move(ctx, 2))
	shelf, _ := stock.Get(ctx, "{book:7}shelf")
	store, _ := stock.Get(ctx, "{book:7}store")
	noted, _ := moves.LLen(ctx, "{book:7}moves")
	fmt.Println(shelf, store, noted)
	// Output:
	// <nil>
	// too few are left
	// 1 2 1
}
