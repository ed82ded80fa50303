package memory

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/xcache-go/xcache/driver"
)

var pubSubCommands = map[string]command{
	"PUBLISH":  {run: publish, min: 2, max: 2},
	"SPUBLISH": {run: publishToShard, min: 2, max: 2},
}

// Subscribe implements driver.Subscriber. As at a server, at most 32 MiB of messages wait
// for handle. A slower subscriber misses messages, and gets Resubscribed.
func (s *Store) Subscribe(ctx context.Context, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	db, err := s.begin(ctx)
	if err != nil {
		return err
	}
	sub := &subscriber{kind: kind, names: slices.Clone(names), wake: make(chan struct{}, 1)}
	db.broker.join(sub)
	defer db.broker.leave(sub)
	handle(driver.Message{Event: driver.Subscribed})
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closed:
			return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
		case <-sub.wake:
		}
		missed, messages := sub.take()
		if missed {
			handle(driver.Message{Event: driver.Resubscribed})
		}
		for _, m := range messages {
			if ctx.Err() != nil {
				break
			}
			handle(m)
		}
	}
}

// A broker has the subscribers of a database, and passes messages on to them.
type broker struct {
	mu sync.RWMutex
	// named has the subscribers of channels and shard channels, by name.
	named    map[driver.SubscriptionKind]map[string][]*subscriber
	patterns []*subscriber
}

func (b *broker) join(s *subscriber) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.kind == driver.Patterns {
		b.patterns = append(b.patterns, s)
		return
	}
	if b.named == nil {
		b.named = map[driver.SubscriptionKind]map[string][]*subscriber{driver.Channels: {}, driver.ShardChannels: {}}
	}
	named := b.named[s.kind]
	for _, name := range s.names {
		if !slices.Contains(named[name], s) { // the caller may have named the channel twice
			named[name] = append(named[name], s)
		}
	}
}

func (b *broker) leave(s *subscriber) {
	b.mu.Lock()
	defer b.mu.Unlock()
	isThis := func(other *subscriber) bool { return other == s }
	if s.kind == driver.Patterns {
		b.patterns = slices.DeleteFunc(b.patterns, isThis)
		return
	}
	named := b.named[s.kind]
	for _, name := range s.names {
		if named[name] = slices.DeleteFunc(named[name], isThis); len(named[name]) == 0 {
			delete(named, name)
		}
	}
}

// publish passes a message on, and returns the number of subscriptions that get it.
func (b *broker) publish(p publication) (reached int) {
	b.each(p, func(s *subscriber, pattern string) {
		s.put(driver.Message{Channel: p.channel, Pattern: pattern, Payload: p.payload})
		reached++
	})
	return reached
}

// reach returns the number of subscriptions that would get a message.
func (b *broker) reach(p publication) (reached int) {
	b.each(p, func(*subscriber, string) { reached++ })
	return reached
}

// each calls do for every subscription that gets a message. A subscriber of patterns gets a
// call for each matching pattern.
func (b *broker) each(p publication, do func(s *subscriber, pattern string)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, s := range b.named[p.kind][p.channel] {
		do(s, "")
	}
	if p.kind == driver.ShardChannels {
		return
	}
	for _, s := range b.patterns {
		for i, pattern := range s.names {
			if driver.MatchGlob(pattern, p.channel) && !slices.Contains(s.names[:i], pattern) {
				do(s, pattern)
			}
		}
	}
}

// A publication is a message for the subscribers.
type publication struct {
	kind    driver.SubscriptionKind
	channel string
	payload []byte
}

// A subscriber is one subscription.
type subscriber struct {
	kind  driver.SubscriptionKind
	names []string
	wake  chan struct{} // has an element when the subscriber may have messages

	mu     sync.Mutex // guards the fields below
	queue  []driver.Message
	bytes  int
	missed bool // messages were missed, as too many waited
}

const (
	// maxQueued is the number of bytes that may wait for a subscriber. Servers close the
	// connection at this number, by default.
	maxQueued = 32 << 20
	// messageOverhead is the memory of a message beside its payload and its channel.
	messageOverhead = 96
)

func (s *subscriber) put(m driver.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.missed { // the subscriber was not told yet
		return
	}
	s.bytes += len(m.Payload) + len(m.Channel) + messageOverhead
	s.queue = append(s.queue, m)
	if s.bytes > maxQueued {
		s.queue, s.missed = nil, true
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take returns the waiting messages, and whether messages before them were missed.
func (s *subscriber) take() (missed bool, messages []driver.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	missed, messages = s.missed, s.queue
	s.missed, s.queue, s.bytes = false, nil, 0
	return missed, messages
}

// publish takes channel, message, and returns the number of subscriptions that get the
// message.
func publish(c *call) (driver.Reply, error) { return c.publish(driver.Channels) }

// publishToShard is publish for a shard channel.
func publishToShard(c *call) (driver.Reply, error) { return c.publish(driver.ShardChannels) }

// publish publishes at once. The messages of a script that may be undone are published at
// its end.
func (c *call) publish(kind driver.SubscriptionKind) (driver.Reply, error) {
	p := publication{kind, c.Key(0), c.value(1)}
	if c.undo == nil {
		return driver.IntReply(int64(c.db.broker.publish(p))), nil
	}
	p.channel = strings.Clone(p.channel)
	c.undo.published = append(c.undo.published, p)
	return driver.IntReply(int64(c.db.broker.reach(p))), nil
}
