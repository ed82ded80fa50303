package mixins

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/xcache-go/xcache"
)

// process handles an entry, and acknowledges the entry when that is done. reading is the
// context of the consumption; handling is the context of handlers, and ends later.
func (c *consumption[V]) process(reading, handling context.Context, d delivery[V]) {
	defer c.release(d.stored.ID)
	if reading.Err() != nil { // the entry stays pending
		c.leave(d)
		return
	}
	if d.stored.Fields == nil {
		c.observe(ConsumeEvent{Kind: EntryGone, ID: d.stored.ID, Deliveries: d.deliveries})
		c.acknowledge(handling, d.stored.ID)
		return
	}
	most := c.options.MaxDeliveries
	exhausted := most > 0 && d.deliveries > most
	err := d.err
	switch {
	case exhausted:
		err = errNeverDone
	case err == nil:
		err = c.guarded(handling, d)
	}
	switch {
	case err == nil:
		c.acknowledge(handling, d.stored.ID)
		return
	case handling.Err() != nil:
		return // a handler that was cut short is no failure of the entry
	case !exhausted:
		c.observe(ConsumeEvent{Kind: EntryFailed, ID: d.stored.ID, Deliveries: d.deliveries, Err: err})
	}
	if most > 0 && d.deliveries >= most {
		c.giveUp(handling, d, err)
		return
	}
	// MinIdle begins now. After a failure it began with the last sign of life.
	_, _ = c.streams.XClaimJustID(handling, c.key, c.group, c.consumer, 0, XClaimOptions{}, d.stored.ID)
}

// guarded calls the handler, and returns its panic as an error.
func (c *consumption[V]) guarded(ctx context.Context, d delivery[V]) (err error) {
	done := make(chan struct{})
	go func() { // Goexit ends the goroutine that calls it
		defer close(done)
		err = errHandlerExited
		defer func() {
			if value := recover(); value != nil {
				err = &HandlerPanicError{value, debug.Stack()}
			}
		}()
		err = c.handle(ctx, Delivered[V]{StreamEntry[V]{d.stored.ID, d.fields}, d.deliveries})
	}()
	<-done
	return err
}

// acknowledge acknowledges an entry. A failed acknowledgement is repeated until the time of
// the handlers is over. Even then one acknowledgement of a finished entry is sent.
func (c *consumption[V]) acknowledge(handling context.Context, id string) {
	ack := func(ctx context.Context) error {
		_, err := c.streams.XAck(ctx, c.key, c.group, id)
		return err
	}
	if handling.Err() != nil {
		_ = ack(context.WithoutCancel(handling)) // after a failure the entry stays pending
		return
	}
	if err := c.retry(handling, "XACK", func() error { return ack(handling) }); err != nil && handling.Err() == nil {
		c.fail(err)
	}
}

// giveUp adds an entry to the dead-letter stream, and then acknowledges the entry.
func (c *consumption[V]) giveUp(handling context.Context, d delivery[V], why error) {
	var refused error
	err := c.retry(handling, "XADD", func() error {
		_, err := xcache.Run(handling, c.deadLetter(d, why), readText)
		if errors.Is(err, xcache.ErrTooLarge) || errors.Is(err, xcache.ErrUnsupportedValue) {
			refused, err = err, nil // no repetition helps
		}
		return err
	})
	if err != nil {
		if handling.Err() == nil {
			c.fail(err)
		}
		return
	}
	if refused != nil { // the entry stays pending
		c.observe(ConsumeEvent{Kind: EntryFailed, ID: d.stored.ID, Deliveries: d.deliveries, Err: refused})
		return
	}
	c.acknowledge(handling, d.stored.ID)
	c.observe(ConsumeEvent{Kind: EntryDeadLettered, ID: d.stored.ID, Deliveries: d.deliveries, Err: why})
}
