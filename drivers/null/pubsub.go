package null

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// Subscribe implements driver.Subscriber. No message is delivered.
func (s *Store) Subscribe(ctx context.Context, _ driver.SubscriptionKind, _ []string, handle func(driver.Message)) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	handle(driver.Message{Event: driver.Subscribed})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	}
}
