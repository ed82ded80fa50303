package mixins_test

import (
	"context"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/mixins"
)

func ExampleOnce() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	payments, err := mixins.NewOnce[string](c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer payments.Close()
	pay := func(context.Context) (string, error) {
		fmt.Println("paying")
		return "receipt 7", nil
	}
	for range 2 {
		receipt, err := payments.Do(ctx, "order:42", mixins.OnceOptions{}, pay)
		fmt.Println(receipt, err)
	}
	// Output:
	// paying
	// receipt 7 <nil>
	// receipt 7 <nil>
}

func ExampleOnceOptions() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	payments, err := mixins.NewOnce[string](c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer payments.Close()
	options := mixins.OnceOptions{TTL: time.Hour, Lease: time.Minute}
	receipt, err := payments.Do(ctx, "order:42", options, func(ctx context.Context) (string, error) {
		options.Wait = 10 * time.Millisecond
		_, err := payments.Do(ctx, "order:42", options, nil) // the same key, meanwhile
		fmt.Println(err)
		return "receipt 7", nil
	})
	fmt.Println(receipt, err)
	// Output:
	// xcache: another caller is at work for this key
	// receipt 7 <nil>
}
