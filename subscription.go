package xcache

import (
	"context"
	"errors"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/subscription"
)

// A Delivery is one event of a subscription, with the channel as the user knows it.
type Delivery struct {
	// Event says what happened: driver.Published, driver.Subscribed or
	// driver.Resubscribed.
	Event driver.MessageEvent
	// Channel is where a published message came in, without the view's prefix, version
	// and namespace. Pattern is the one that matched, as Subscribe was given it.
	Channel, Pattern string

	cache   *Cache
	full    string // the channel
	payload []byte
}

// ReadDelivery returns what was published, decoded, and decrypted if the view encrypts.
// ErrCorrupt if that is nothing that the view's codec reads as a T.
func ReadDelivery[T any](d *Delivery) (T, error) {
	value, _, err := decode[T](d.cache, d.full, d.payload, false, nil)
	return value, err
}

// Subscribe delivers what is published on channels of the view to handle, one event at a
// time. It is how handles for messages are written; a program has mixins.PubSub. names are
// channels, or patterns as those of Keys, and are completed as keys are: a publisher needs
// the same prefix, version and namespace.
//
// The first event is driver.Subscribed: what is published after that is delivered, or was
// missed before a driver.Resubscribed, which comes after each loss of the connection. The
// store's observer hears of those, too.
//
// Subscribe returns when ctx ends, with its error, or when the cache is closed (ErrClosed),
// and otherwise only if the subscription cannot begin within op_timeout. handle gets a
// context that ends with it, and is not called any more then. A handle that does not
// return holds up Close. A subscription takes one of exclusive_size connections.
//
// The error matches errors.ErrUnsupported if the driver has no subscriptions, and
// ErrCrossSlot for channels of driver.ShardChannels that are in several slots of a cluster.
func (c *Cache) Subscribe(ctx context.Context, kind driver.SubscriptionKind, names []string, handle func(ctx context.Context, d *Delivery)) error {
	ctx, call, err := c.startUntimed(ctx, "subscribe")
	if err != nil {
		return err
	}
	defer call.release()
	return call.end(c.subscribe(ctx, kind, names, handle))
}

func (c *Cache) subscribe(ctx context.Context, kind driver.SubscriptionKind, names []string, handle func(ctx context.Context, d *Delivery)) error {
	if err := c.Require("pubsub"); err != nil {
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
	case err == nil:
		return driver.Fail(ErrUnavailable, driver.NotApplied, errors.New("the driver has ended the subscription"))
	}
	return err
}

func (c *Cache) fullChannel(kind driver.SubscriptionKind, name string) (string, error) {
	if kind == driver.Patterns && name != "" {
		return c.layout.Pattern(name)
	}
	return c.fullKey(name)
}

// listen subscribes by the store's own means, or on one of its connections.
func (c *Cache) listen(ctx context.Context, kind driver.SubscriptionKind, fulls []string, deliver func(driver.Message)) error {
	caps := &c.target.caps
	if caps.Subscriber != nil {
		return caps.Subscriber.Subscribe(ctx, kind, fulls, deliver)
	}
	options := subscription.Options{Timeout: c.opTimeout, Notify: func(kind driver.EventKind, err error) { c.event(kind, "", err) }}
	return subscription.Subscribe(ctx, caps.Exclusive, options, kind, fulls, deliver)
}
