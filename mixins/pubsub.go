package mixins

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

//go:generate go run ../internal/twins -type PubSub -twin QueuedPubSub -receiver q -pipeline q.p -handle q.s -out pubsub_queued.go

// PubSub publishes messages of type T, and receives them. Channels go through the cache's
// key layout, so that each prefix, version and namespace has channels of its own. Messages
// go through the cache's codec, and are encrypted if the cache encrypts.
//
// No server keeps messages: only subscribers at the time of the publication get a message.
// Streams are for messages that must not be lost.
//
// All methods may be called concurrently. NewPubSub makes a PubSub.
type PubSub[T any] struct {
	cache *xcache.Cache
}

// QueuedPubSub has the methods of PubSub in a pipeline, except subscriptions: see PubSub.In.
type QueuedPubSub[T any] struct {
	p *xcache.Pipeline
	s *PubSub[T]
}

// NewPubSub returns a handle on the channels of a cache. A driver without channels is
// errors.ErrUnsupported.
func NewPubSub[T any](c *xcache.Cache) (*PubSub[T], error) {
	c, err := supported(c, "pubsub")
	if err != nil {
		return nil, err
	}
	return &PubSub[T]{cache: c}, nil
}

// In returns the handle whose methods queue their operations in p.
func (s *PubSub[T]) In(p *xcache.Pipeline) QueuedPubSub[T] { return QueuedPubSub[T]{p, s} }

// A MessageEvent is the kind of a Message.
type MessageEvent uint8

const (
	// Published is a message that was published.
	Published MessageEvent = iota
	// Subscribed means that the subscription is in force. Subscribed is the first event,
	// and comes once.
	Subscribed
	// Gap means that messages may have been missed before the next message.
	Gap
)

// String returns the event in lower-case words.
func (e MessageEvent) String() string {
	switch e {
	case Published:
		return "published"
	case Subscribed:
		return "subscribed"
	}
	return "gap"
}

// A Message is an event of a subscription.
type Message[T any] struct {
	// Event is the kind of the event. The fields below are for Published, except Missed.
	Event MessageEvent
	// Channel is the channel of the message, and Pattern is the pattern that matched.
	Channel, Pattern string
	// Value is the message.
	Value T
	// Missed is, for a Gap, the number of messages that were dropped because too many
	// waited. After a lost connection Missed is 0, because the number of missed messages is
	// unknown.
	Missed int
}

// SubscribeOptions are the options of Subscribe, PSubscribe and SSubscribe. The zero value
// lets 1024 messages wait, and then drops the oldest.
type SubscribeOptions struct {
	// Buffer is the number of messages that may wait for the loop; 0 is 1024.
	Buffer int
	// WhenFull is the policy for further messages.
	WhenFull WhenFull
}

// WhenFull is a policy for messages when the buffer is full.
type WhenFull uint8

const (
	// DropOldest drops the messages that have waited longest. The loop gets a Gap in their
	// place.
	DropOldest WhenFull = iota
	// DropNewest drops the messages that arrive. The loop gets a Gap in their place.
	DropNewest
	// Wait leaves the messages at the server. A server closes the connection when too much
	// waits there (client-output-buffer-limit pubsub, 32 MiB by default). The loop then
	// gets a Gap.
	Wait
)

const defaultBuffer = 1024

// Publish publishes a message, and returns the number of subscriptions that got the
// message. In a cluster only the subscriptions at one server are counted. Subscriptions to
// a matching pattern count.
func (s *PubSub[T]) Publish(ctx context.Context, channel string, message T) (int, error) {
	return xcache.Run(ctx, s.publish("publish", "PUBLISH", channel, message), readInt)
}

// SPublish publishes a message on a shard channel, and returns the number of subscriptions
// that got the message. In a cluster a shard channel belongs to the one server that owns
// its slot. Patterns do not match shard channels. Servers have shard channels since Redis
// 7.0.
func (s *PubSub[T]) SPublish(ctx context.Context, channel string, message T) (int, error) {
	return xcache.Run(ctx, s.publish("spublish", "SPUBLISH", channel, message), readInt)
}

func (s *PubSub[T]) publish(name, command, channel string, message T) *xcache.Op {
	o := xcache.NewOp(s.cache, name, command, channel)
	xcache.AddValue(o, message)
	return o
}

// Subscribe yields the messages of channels, in the order in which the server has received
// the messages:
//
//	for m, err := range chat.Subscribe(ctx, mixins.SubscribeOptions{}, "room:1") {
//		switch {
//		case errors.Is(err, xcache.ErrCorrupt):
//			continue // that message cannot be read
//		case err != nil:
//			return err
//		case m.Event == mixins.Gap:
//			reload()
//		case m.Event == mixins.Published:
//			show(m.Value)
//		}
//	}
//
// The first event is Subscribed: every later message is yielded, or was missed in a Gap.
// Subscribe renews a lost connection, for as long as that takes, and then yields a Gap.
//
// A message that the codec cannot read is yielded with its channel and an error that is
// xcache.ErrCorrupt, and the loop goes on. Any other error is in the last pair: the error
// of ctx when ctx ends, xcache.ErrClosed when the cache is closed, or the reason why the
// subscription cannot begin within op_timeout. A break ends the subscription.
//
// Each loop uses a connection of its own, one of exclusive_size. A loop may be run again.
func (s *PubSub[T]) Subscribe(ctx context.Context, options SubscribeOptions, channels ...string) iter.Seq2[Message[T], error] {
	return s.subscribe(ctx, options, driver.Channels, channels)
}

// PSubscribe is Subscribe for all channels that match one of patterns, which have the
// syntax of Cache.Keys. A message whose channel matches several patterns is yielded for
// each.
func (s *PubSub[T]) PSubscribe(ctx context.Context, options SubscribeOptions, patterns ...string) iter.Seq2[Message[T], error] {
	return s.subscribe(ctx, options, driver.Patterns, patterns)
}

// SSubscribe is Subscribe for shard channels. In a cluster all channels of one loop must be
// in one slot, by a {hash tag}. Otherwise the error is xcache.ErrCrossSlot. Servers have
// shard channels since Redis 7.0.
func (s *PubSub[T]) SSubscribe(ctx context.Context, options SubscribeOptions, channels ...string) iter.Seq2[Message[T], error] {
	return s.subscribe(ctx, options, driver.ShardChannels, channels)
}

func (s *PubSub[T]) subscribe(ctx context.Context, options SubscribeOptions, kind driver.SubscriptionKind, names []string) iter.Seq2[Message[T], error] {
	return func(yield func(Message[T], error) bool) {
		if options.Buffer < 0 || options.WhenFull > Wait {
			yield(Message[T]{}, syntaxError("subscribe: Buffer is negative, or WhenFull none of the policies"))
			return
		}
		if options.Buffer == 0 {
			options.Buffer = defaultBuffer
		}
		subscribed, cancel := context.WithCancel(ctx)
		inbox := newInbox(options)
		ended := make(chan struct{})
		defer func() { cancel(); <-ended }()
		go func() {
			defer close(ended)
			inbox.end(s.cache.Subscribe(subscribed, kind, names, inbox.put))
		}()
		for {
			if ctx.Err() != nil {
				<-ended
				inbox.clear()
			}
			d, missed, err := inbox.take()
			if err != nil {
				yield(Message[T]{}, err)
				return
			}
			if !yield(read[T](d, missed)) {
				return
			}
		}
	}
}

// read returns an event of a subscription. Without a delivery the event is a Gap.
func read[T any](d *xcache.Delivery, missed int) (Message[T], error) {
	switch {
	case d == nil:
		return Message[T]{Event: Gap, Missed: missed}, nil
	case d.Event == driver.Subscribed:
		return Message[T]{Event: Subscribed}, nil
	case d.Event == driver.Resubscribed:
		return Message[T]{Event: Gap}, nil
	}
	value, err := xcache.ReadDelivery[T](d)
	return Message[T]{Channel: d.Channel, Pattern: d.Pattern, Value: value}, err
}
