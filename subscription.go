package xcache

import (
	"context"
	"errors"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/subscription"
)

// A Delivery is one event of a subscription, with the user's name of the channel.
type Delivery struct {
	// Event is driver.Published, driver.Subscribed or driver.Resubscribed.
	Event driver.MessageEvent
	// Channel is the channel of a published message, without the view's prefix, version and
	// namespace. Pattern is the pattern that matched, as the caller of Subscribe wrote it.
	Channel, Pattern string

	cache   *core
	full    string // the channel
	payload []byte
}

// ReadDelivery returns the published value, decrypted if the view encrypts. A message that
// the view's codec cannot read as a T is ErrCorrupt.
func ReadDelivery[T any](d *Delivery) (T, error) {
	value, _, err := decode[T](d.cache, d.full, d.payload, false, nil)
	return value, err
}

// Subscribe passes messages on channels of the view to handle, one event at a time. Handles
// for messages are built on Subscribe, and programs use mixins.PubSub. names are channels,
// or patterns as for Keys. Channels get the view's prefix, version and namespace, as keys
// do, so that a publisher needs the same.
//
// The first event is driver.Subscribed. A message that is published later is delivered, or
// is lost before a driver.Resubscribed, which follows each loss of the connection. The
// store's observer receives these events, too.
//
// Subscribe returns the error of ctx when ctx ends, and ErrClosed when the cache is closed.
// Otherwise Subscribe returns only if the subscription cannot begin within op_timeout. The
// context of handle ends with the subscription, and handle is not called afterwards. A
// handle that does not return delays Close. A subscription takes one of exclusive_size
// connections.
//
// The error matches errors.ErrUnsupported if the driver has no subscriptions. Channels of
// driver.ShardChannels in several slots of a cluster are ErrCrossSlot.
func (c *Cache) Subscribe(ctx context.Context, kind driver.SubscriptionKind, names []string, handle func(ctx context.Context, d *Delivery)) error {
	ctx, call, err := c.core.startUntimed(ctx, "subscribe")
	if err != nil {
		return err
	}
	defer call.release()
	return call.end(c.core.subscribe(ctx, kind, names, handle))
}

func (c *core) subscribe(ctx context.Context, kind driver.SubscriptionKind, names []string, handle func(ctx context.Context, d *Delivery)) error {
	if err := c.require([]string{"pubsub"}); err != nil {
		return err
	}
	if len(names) == 0 {
		return driver.Fail(ErrSyntax, driver.NotApplied, errors.New("there is no channel: give it one at least"))
	}
	fulls, users := make([]string, len(names)), make(map[string]string, len(names))
	for i, name := range names {
		full, err := c.fullChannel(kind, name)
		if err != nil {
			return err
		}
		fulls[i], users[full] = full, name
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.shared.closing, cancel)()
	deliver := func(m driver.Message) {
		d := &Delivery{Event: m.Event, Pattern: users[m.Pattern], cache: c, full: m.Channel, payload: m.Payload}
		if m.Event == driver.Published {
			if d.Channel, _ = c.layout.User(m.Channel); kind != driver.Patterns {
				d.Channel = users[m.Channel]
			}
		}
		handle(ctx, d)
	}
	err := c.listen(ctx, kind, fulls, deliver)
	switch {
	case c.shared.closing.Err() != nil:
		return ErrClosed
	case err != nil && ctx.Err() == nil: // the attempt has ended, and not the caller's context
		return timedOut(err, c.opTimeout)
	case err == nil:
		return driver.Fail(ErrUnavailable, driver.NotApplied, errors.New("the driver has ended the subscription"))
	}
	return err
}

func (c *core) fullChannel(kind driver.SubscriptionKind, name string) (string, error) {
	if kind == driver.Patterns && name != "" {
		return c.layout.Pattern(name)
	}
	return c.fullKey(name)
}

// listen subscribes with the store's Subscriber, or on an exclusive connection of the
// store.
func (c *core) listen(ctx context.Context, kind driver.SubscriptionKind, fulls []string, deliver func(driver.Message)) error {
	caps := &c.target.caps
	if caps.Subscriber != nil {
		return caps.Subscriber.Subscribe(ctx, kind, fulls, deliver)
	}
	options := subscription.Options{Timeout: c.opTimeout, Notify: func(kind driver.EventKind, err error) { c.event(kind, "", err) }}
	return subscription.Subscribe(ctx, caps.Exclusive, options, kind, fulls, deliver)
}
