package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/mixins"
)

// daily does the work of a day once, though the timer of every process calls it.
func daily(ctx context.Context, days *mixins.Once[time.Time], day time.Time, work func(context.Context) error) error {
	key := "invoices:" + day.Format(time.DateOnly)
	_, err := days.Do(ctx, key, mixins.OnceOptions{TTL: 72 * time.Hour}, func(ctx context.Context) (time.Time, error) {
		return time.Now(), work(ctx) // ctx ends when another process may be at it
	})
	if errors.Is(err, mixins.ErrInFlight) {
		return nil // another process is at it
	}
	return err
}

func Example_cron() {
	ctx := context.Background()
	c, done := open()
	defer done()
	days, err := mixins.NewOnce[time.Time](c) // once, at start-up
	if err != nil {
		fmt.Println(err)
		return
	}
	defer days.Close()

	monday := time.Date(2026, time.March, 2, 4, 0, 0, 0, time.UTC)
	work := func(context.Context) error {
		fmt.Println("invoices are written")
		return nil
	}
	fmt.Println(daily(ctx, days, monday, func(context.Context) error { return errors.New("the printer is out of paper") }))
	fmt.Println(daily(ctx, days, monday, work)) // the next process tries again
	fmt.Println(daily(ctx, days, monday, work)) // and the third has nothing to do
	fmt.Println(daily(ctx, days, monday.AddDate(0, 0, 1), work))
	// Output:
	// the printer is out of paper
	// invoices are written
	// <nil>
	// <nil>
	// invoices are written
	// <nil>
}
