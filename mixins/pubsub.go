package mixins

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

//go:generate go run ../internal/twins -type PubSub -twin QueuedPubSub -receiver q -pipeline q.p -handle q.s -out pubsub_queued.go

// PubSub publishes messages of type T, and receives them. Channels go through the cache's
// key layout, so that those of another prefix, version or namespace are others; messages
// through its codec, and they are encrypted if the cache encrypts.
//
// Nothing keeps a message: who is not subscribed when it is published never gets it. For
// messages that must not be lost there are streams.
//
// All methods may be called concurrently. NewPubSub makes one.
type PubSub[T any] struct {
	cache *xcache.Cache
}

// QueuedPubSub are the methods of PubSub in a pipeline: see PubSub.In. Subscriptions are
// none of them.
type QueuedPubSub[T any] struct {
	p *xcache.Pipeline
	s *PubSub[T]
}

// NewPubSub returns a handle on the channels of a cache. A driver without them is
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

// A MessageEvent is what a Message tells.
type MessageEvent uint8

const (
	// Published is a message that was published.
	Published MessageEvent = iota
	// Subscribed tells that the subscription is in force. It comes once, first.
	Subscribed
	// Gap tells that messages may have been missed before the next one.
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

// A Message is one event of a subscription.
type Message[T any] struct {
	// Event says what happened. All else but Missed is for Published alone.
	Event MessageEvent
	// Channel is where the message was published, Pattern the pattern that it matched.
	Channel, Pattern string
	// Value is the message.
	Value T
	// Missed says, for a Gap, how many messages were dropped because too many waited. It
	// is 0 after a lost connection: nobody knows then how many were missed, if any.
	Missed int
}

// SubscribeOptions are those of Subscribe, PSubscribe and SSubscribe. The zero value
// drops the oldest of more than 1024 messages that wait.
type SubscribeOptions struct {
	// Buffer is how many messages may wait for the loop; 0 is 1024.
	Buffer int
	// WhenFull says what becomes of further ones.
	WhenFull WhenFull
}

// WhenFull says what happens to messages when as many wait as may.
type WhenFull uint8

const (
	// DropOldest drops those that have waited longest, and the loop gets a Gap in their
	// place.
	DropOldest WhenFull = iota
	// DropNewest drops those that come, and the loop gets a Gap in their place.
	DropNewest
	// Wait leaves them at the server. A server hangs up when too much waits there
	// (client-output-buffer-limit pubsub, 32 MiB by default), and the loop gets a Gap.
	Wait
)

const defaultBuffer = 1024

// Publish publishes a message, and returns how many subscriptions got it: in a cluster,
// those at one of its servers. Subscriptions to a pattern that matches count.
func (s *PubSub[T]) Publish(ctx context.Context, channel string, message T) (int, error) {
	return xcache.Run(ctx, s.publish("publish", "PUBLISH", channel, message), readInt)
}

// SPublish publishes a message on a shard channel, which in a cluster is the business of
// the one server that has its slot, and returns how many subscriptions got it. Patterns do
// not match shard channels. Servers have them since Redis 7.0.
func (s *PubSub[T]) SPublish(ctx context.Context, channel string, message T) (int, error) {
	return xcache.Run(ctx, s.publish("spublish", "SPUBLISH", channel, message), readInt)
}

func (s *PubSub[T]) publish(name, command, channel string, message T) *xcache.Op {
	o := xcache.NewOp(s.cache, name, command, channel)
	xcache.AddValue(o, message)
	return o
}

// Subscribe yields what is published on channels, in the order in which the server has got it:
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
// The first event is Subscribed: what is published after that is yielded, or was missed in
// a Gap. A lost connection is made again, for as long as that takes, and is followed by a
// Gap.
//
// A message that the codec cannot read is yielded with its channel and an error that is
// xcache.ErrCorrupt, and the loop goes on. Any other error is the last pair: that of ctx
// when it ends, xcache.ErrClosed when the cache is closed, or why the subscription cannot
// begin, within op_timeout. A break ends the subscription.
//
// Each loop takes a connection of its own, one of exclusive_size, and may be run again.
func (s *PubSub[T]) Subscribe(ctx context.Context, options SubscribeOptions, channels ...string) iter.Seq2[Message[T], error] {
	return s.subscribe(ctx, options, driver.Channels, channels)
}

// PSubscribe is Subscribe for all channels that match one of patterns, which are those of
// Cache.Keys. A message whose channel matches several is yielded for each.
func (s *PubSub[T]) PSubscribe(ctx context.Context, options SubscribeOptions, patterns ...string) iter.Seq2[Message[T], error] {
	return s.subscribe(ctx, options, driver.Patterns, patterns)
}

// SSubscribe is Subscribe for shard channels. In a cluster all of one loop must be in one
// slot, by a {hash tag}, or are xcache.ErrCrossSlot. Servers have them since Redis 7.0.
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

// read returns an event of a subscription; that of no delivery is a Gap.
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
