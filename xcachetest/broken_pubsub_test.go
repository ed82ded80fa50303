package xcachetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// These stores have one bug each in their subscriptions.
func init() {
	for _, broken := range []struct {
		name   string
		bug    subscribe
		caught []string
	}{
		{"every second message is lost without a word", losesEverySecond, []string{"pubsub/delivers", "pubsub/in-a-pipeline"}},
		{"messages are delivered in another order", swapsMessages, []string{"pubsub/delivers", "pubsub/in-a-pipeline"}},
		{"a message is delivered twice", deliversTwice, []string{"pubsub/delivers", "pubsub/patterns"}},
		{"a subscription hears all channels", hearsAll, []string{"pubsub/delivers", "pubsub/views-are-apart"}},
		{"only the first channel is subscribed to", firstChannelOnly, []string{"pubsub/delivers"}},
		{"it says that it is subscribed before it is", subscribedTooEarly, []string{"pubsub/delivers", "pubsub/in-a-pipeline"}},
		{"it never says that it is subscribed", neverSubscribed, []string{"pubsub/delivers", "pubsub/unreadable"}},
		{"it tells of gaps where there are none", gapsEverywhere, []string{"pubsub/delivers", "pubsub/unreadable"}},
		{"a message comes once however many patterns match", onceForAllPatterns, []string{"pubsub/patterns"}},
		{"a message does not tell the pattern", withoutPattern, []string{"pubsub/patterns"}},
		{"a message has the channel of the first", firstChannelForAll, []string{"pubsub/delivers", "pubsub/shard-channels"}},
		{"shard channels are channels", shardsAreChannels, []string{"pubsub/shard-channels"}},
		{"empty messages are dropped", dropsEmpty, []string{"pubsub/delivers"}},
		{"a subscription that has ended still counts", neverUnsubscribes, []string{"pubsub/ends-with-its-context"}},
		{"a subscription outlives its context", outlivesContext, []string{"pubsub/ends-with-its-context", "pubsub/delivers"}},
		{"the end of a context is a failure of the server", endIsFailure, []string{"pubsub/ends-with-its-context", "pubsub/delivers"}},
	} {
		brokenStores = append(brokenStores, struct {
			name   string
			open   func() driver.Store
			caught []string
		}{broken.name, func() driver.Store { return pubSubBroken{newCorrect(), broken.bug} }, broken.caught})
	}
}

// subscribe is Subscribe of a driver.Subscriber on a correct store.
type subscribe func(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error

// pubSubBroken replaces Subscribe.
type pubSubBroken struct {
	correct
	bug subscribe
}

func (b pubSubBroken) Subscribe(ctx context.Context, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	return b.bug(ctx, b.correct, kind, names, handle)
}

// rewritten subscribes correctly, and passes events through rewrite.
func rewritten(rewrite func(m driver.Message, handle func(driver.Message))) subscribe {
	return func(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
		return store.Subscribe(ctx, kind, names, func(m driver.Message) { rewrite(m, handle) })
	}
}

// forEach is rewritten with a rewrite for each subscription.
func forEach(begin func() func(m driver.Message, handle func(driver.Message))) subscribe {
	return func(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
		return rewritten(begin())(ctx, store, kind, names, handle)
	}
}

var losesEverySecond = forEach(func() func(driver.Message, func(driver.Message)) {
	count := 0
	return func(m driver.Message, handle func(driver.Message)) {
		if m.Event == driver.Published {
			if count++; count%2 == 0 {
				return
			}
		}
		handle(m)
	}
})

// swapsMessages keeps every other message back until the next one.
var swapsMessages = forEach(func() func(driver.Message, func(driver.Message)) {
	var kept *driver.Message
	return func(m driver.Message, handle func(driver.Message)) {
		switch {
		case m.Event == driver.Published && kept == nil:
			kept = &m
			return
		case m.Event == driver.Published:
			handle(m)
			m, kept = *kept, nil
		}
		handle(m)
	}
})

var deliversTwice = rewritten(func(m driver.Message, handle func(driver.Message)) {
	handle(m)
	if m.Event == driver.Published {
		handle(m)
	}
})

func hearsAll(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	if kind == driver.Channels {
		kind, names = driver.Patterns, []string{"*"}
	}
	return store.Subscribe(ctx, kind, names, func(m driver.Message) {
		m.Pattern = ""
		handle(m)
	})
}

func firstChannelOnly(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	return store.Subscribe(ctx, kind, names[:1], handle)
}

func subscribedTooEarly(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	handle(driver.Message{Event: driver.Subscribed})
	letOthersIn()
	time.Sleep(100 * time.Millisecond)
	return store.Subscribe(ctx, kind, names, func(m driver.Message) {
		if m.Event != driver.Subscribed {
			handle(m)
		}
	})
}

var neverSubscribed = rewritten(func(m driver.Message, handle func(driver.Message)) {
	if m.Event != driver.Subscribed {
		handle(m)
	}
})

var gapsEverywhere = rewritten(func(m driver.Message, handle func(driver.Message)) {
	if m.Event == driver.Published {
		handle(driver.Message{Event: driver.Resubscribed})
	}
	handle(m)
})

var onceForAllPatterns = forEach(func() func(driver.Message, func(driver.Message)) {
	last := ""
	return func(m driver.Message, handle func(driver.Message)) {
		text := m.Channel + " " + string(m.Payload)
		if m.Pattern != "" && text == last {
			return
		}
		last = text
		handle(m)
	}
})

var withoutPattern = rewritten(func(m driver.Message, handle func(driver.Message)) {
	m.Pattern = ""
	handle(m)
})

func firstChannelForAll(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	return store.Subscribe(ctx, kind, names, func(m driver.Message) {
		if m.Event == driver.Published && kind != driver.Patterns {
			m.Channel = names[0]
		}
		handle(m)
	})
}

func shardsAreChannels(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	if kind == driver.ShardChannels {
		kind = driver.Channels
	}
	return store.Subscribe(ctx, kind, names, handle)
}

var dropsEmpty = rewritten(func(m driver.Message, handle func(driver.Message)) {
	if m.Event != driver.Published || strings.Trim(string(m.Payload), `"`) != "" {
		handle(m)
	}
})

// neverUnsubscribes stays subscribed after the end of its context, until the store is
// closed.
func neverUnsubscribes(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	go func() {
		_ = store.Subscribe(context.WithoutCancel(ctx), kind, slices.Clone(names), func(m driver.Message) {
			if ctx.Err() == nil {
				handle(m)
			}
		})
	}()
	<-ctx.Done()
	return ctx.Err()
}

func outlivesContext(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	return store.Subscribe(context.WithoutCancel(ctx), kind, names, handle)
}

func endIsFailure(ctx context.Context, store correct, kind driver.SubscriptionKind, names []string, handle func(driver.Message)) error {
	if err := store.Subscribe(ctx, kind, names, handle); ctx.Err() == nil {
		return err
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, nil)
}
