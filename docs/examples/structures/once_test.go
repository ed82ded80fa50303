package structures_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A Receipt is the result of a payment.
type Receipt struct{ Number int }

func Example_idempotency() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	payments, err := mixins.NewOnce[Receipt](c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer payments.Close()

	next := 7
	charge := func(context.Context) (Receipt, error) {
		next++
		return Receipt{next}, nil
	}
	for range 2 { // the client has not heard of the first
		fmt.Println(pay(ctx, payments, "ann:order 42", charge))
	}
	// Output:
	// {8} <nil>
	// {8} <nil>
}

// pay charges a customer once, however often a request comes with the same idempotency key.
func pay(ctx context.Context, payments *mixins.Once[Receipt], key string, charge func(context.Context) (Receipt, error)) (Receipt, error) {
	receipt, err := payments.Do(ctx, key, mixins.OnceOptions{Wait: 5 * time.Second}, charge)
	if errors.Is(err, mixins.ErrInFlight) {
		return receipt, errors.New("another request is at it: ask again") // status 409
	}
	return receipt, err
}
