package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// pubSubChecks has the checks of messages, through the handle.
func pubSubChecks() []check {
	onChannels := func(name, rule string, needs []string, run func(c *cached, messages *mixins.PubSub[string]) error) check {
		return check{name: name, rule: rule, needs: needs, run: func(s *subject) error {
			c, err := s.cache()
			if err != nil {
				return err
			}
			messages, err := mixins.NewPubSub[string](c.Cache)
			if errors.Is(err, errors.ErrUnsupported) {
				return &inapplicableError{"the store has neither a Subscriber nor an Exclusive"}
			}
			if err != nil {
				return err
			}
			return run(c, messages)
		}}
	}
	return []check{
		command("PUBLISH", "answers how many subscriptions get a message: none, if there are none", nil, func(s *subject) error {
			channel := s.slotKey("c")
			return errors.Join(s.wantReply(driver.IntReply(0), "PUBLISH", channel, element("m")), s.wantMiss(channel.Text))
		}),
		command("SPUBLISH", "answers how many subscriptions get a message of a shard channel: none, if there are none", nil, func(s *subject) error {
			channel := s.slotKey("c")
			return errors.Join(s.wantReply(driver.IntReply(0), "SPUBLISH", channel, element("m")), s.wantMiss(channel.Text))
		}),
		onChannels("pubsub/delivers", "a subscription yields first that it is in force, and then what is published on its channels, in order, and nothing of other channels", needs("PUBLISH"), func(_ *cached, m *mixins.PubSub[string]) error {
			l := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, "{t}a", "{t}b") })
			return errors.Join(l.wantEvents("subscribed"), publish(m, "{t}a", "1", "2"), publish(m, "{t}c", "other"), publish(m, "{t}b", ""), publish(m, "{t}a", "a\x00b"),
				l.wantEvents(`{t}a "1"`, `{t}a "2"`), l.wantAnyOrder(`{t}b ""`, `{t}a "a\x00b"`), l.stop())
		}),
		onChannels("pubsub/patterns", "a subscription to patterns yields a message once for each that its channel matches, with that pattern", needs("PUBLISH"), func(_ *cached, m *mixins.PubSub[string]) error {
			l := listen(func(ctx context.Context) loop {
				return m.PSubscribe(ctx, mixins.SubscribeOptions{}, "{t}room:*", "{t}room:[12]")
			})
			return errors.Join(l.wantEvents("subscribed"), publish(m, "{t}hall:1", "other"), publish(m, "{t}room:1", "x"), l.wantAnyOrder(`{t}room:1 {t}room:* "x"`, `{t}room:1 {t}room:[12] "x"`),
				publish(m, "{t}room:3", "y"), l.wantEvents(`{t}room:3 {t}room:* "y"`), l.stop())
		}),
		onChannels("pubsub/views-are-apart", "a subscription yields nothing of the same channel in another version or namespace", needs("PUBLISH"), func(c *cached, m *mixins.PubSub[string]) error {
			l := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, "{t}a") })
			errs := []error{l.wantEvents("subscribed")}
			for _, view := range []*xcache.Cache{c.With(xcache.WithVersion(2)), c.Cache.Namespace("n")} {
				other, err := mixins.NewPubSub[string](view)
				if err != nil {
					return err
				}
				errs = append(errs, publish(other, "{t}a", "theirs"))
			}
			return errors.Join(append(errs, publish(m, "{t}a", "ours"), l.wantEvents(`{t}a "ours"`), l.stop())...)
		}),
		onChannels("pubsub/shard-channels", "shard channels are channels of their own, which no pattern matches", needs("PUBLISH", "SPUBLISH"), func(_ *cached, m *mixins.PubSub[string]) error {
			shard := listen(func(ctx context.Context) loop { return m.SSubscribe(ctx, mixins.SubscribeOptions{}, "{t}a", "{t}b") })
			plain := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, "{t}a") })
			pattern := listen(func(ctx context.Context) loop { return m.PSubscribe(ctx, mixins.SubscribeOptions{}, "{t}*") })
			return errors.Join(shard.wantEvents("subscribed"), plain.wantEvents("subscribed"), pattern.wantEvents("subscribed"),
				second(m.SPublish(noDeadline, "{t}a", "shard")), second(m.SPublish(noDeadline, "{t}b", "other")), publish(m, "{t}a", "plain"),
				shard.wantEvents(`{t}a "shard"`, `{t}b "other"`), plain.wantEvents(`{t}a "plain"`), pattern.wantEvents(`{t}a {t}* "plain"`),
				shard.stop(), plain.stop(), pattern.stop())
		}),
		onChannels("pubsub/in-a-pipeline", "a message that is published in a pipeline is delivered when the pipeline has run", needs("PUBLISH", inPipeline+"PUBLISH"), func(c *cached, m *mixins.PubSub[string]) error {
			l := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, "{t}a") })
			errs := []error{l.wantEvents("subscribed")}
			p := c.Pipeline()
			first, other := m.In(p).Publish("{t}a", "1"), m.In(p).Publish("{t}a", "2")
			_, early := first.Value()
			errs = append(errs, that(errors.Is(early, xcache.ErrNotExecuted), "before Exec the result is %v, want ErrNotExecuted", early), p.Exec(noDeadline))
			return errors.Join(append(errs, second(first.Value()), second(other.Value()), l.wantEvents(`{t}a "1"`, `{t}a "2"`), l.stop())...)
		}),
		onChannels("pubsub/unreadable", "a message that cannot be read is an error of its own, with its channel, and the next one is yielded", needs("PUBLISH"), func(c *cached, m *mixins.PubSub[string]) error {
			numbers, err := mixins.NewPubSub[int](c.Cache)
			if err != nil {
				return err
			}
			l := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, "{t}a") })
			return errors.Join(l.wantEvents("subscribed"), second(numbers.Publish(noDeadline, "{t}a", 7)), publish(m, "{t}a", "x"), l.wantEvents("{t}a corrupt", `{t}a "x"`), l.stop())
		}),
		onChannels("pubsub/no-channel", "a subscription to nothing, and to an empty channel, is an error before anything is sent", needs("PUBLISH"), func(_ *cached, m *mixins.PubSub[string]) error {
			nothing := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}) })
			empty := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, "a", "") })
			return errors.Join(nothing.wantEnd(xcache.ErrSyntax), empty.wantEnd(xcache.ErrInvalidKey), second(m.Publish(noDeadline, "{t}a", "x")))
		}),
		onChannels("pubsub/tells-who-waits-for-a-lock", "the release of a lock publishes an empty message on the channel of its key if somebody waits who is to be told, and only then", needs("PUBLISH", driver.CmdLock, driver.CmdLockRelease), func(c *cached, m *mixins.PubSub[string]) error {
			return c.tellsWhoWaits(m, driver.CmdLock, driver.CmdLockRelease)
		}),
		onChannels("pubsub/tells-who-waits-for-a-result", "a result that is kept, and the release of its key, publish an empty message on the channel of the key if somebody waits who is to be told, and only then", needs("PUBLISH", driver.CmdOnce, driver.CmdOnceDone, driver.CmdLockRelease), func(c *cached, m *mixins.PubSub[string]) error {
			return errors.Join(c.tellsWhoWaits(m, driver.CmdOnce, driver.CmdLockRelease),
				c.tellsWhoWaits(m, driver.CmdOnce, driver.CmdOnceDone, driver.Val([]byte("v")), driver.Duration(long)))
		}),
		onChannels("pubsub/tells-the-first-in-the-queue", "the release of a permit, a place that is given up, and a permit that leaves some of the capacity publish an empty message on the channel of the first place in the queue, and on no other", needs("PUBLISH", driver.CmdSemaphore, driver.CmdSemaphoreRelease), tellsTheFirst),
		onChannels("pubsub/ends-with-its-context", "a loop ends with the error of its context, and a publisher reaches nobody then", needs("PUBLISH"), func(_ *cached, m *mixins.PubSub[string]) error {
			l := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, "{t}a") })
			err := errors.Join(l.wantEvents("subscribed"), l.stop())
			for range attempts {
				n, publishErr := m.Publish(noDeadline, "{t}a", "x")
				if publishErr != nil || n == 0 {
					return errors.Join(err, publishErr)
				}
				time.Sleep(attemptInterval) // until the server has noticed the end
			}
			return errors.Join(err, errors.New("a subscription that has ended still gets messages"))
		}),
	}
}

// tellsWhoWaits checks a command that gives up what take has given to a token.
func (c *cached) tellsWhoWaits(m *mixins.PubSub[string], take, giveUp string, rest ...driver.Arg) error {
	quiet, channel := "{t}quiet"+giveUp, "{t}told"+giveUp
	l := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, quiet, channel) })
	giveUpWhile := func(channel string, waits int64) error {
		key, lease := driver.Key(c.full(channel)), driver.Duration(long)
		_, err := c.do(take, key, driver.Field("one"), lease, driver.Int(0))
		_, waitsErr := c.do(take, key, driver.Field("two"), lease, driver.Int(waits))
		_, givenUpErr := c.do(giveUp, append([]driver.Arg{key, driver.Field("one")}, rest...)...)
		return errors.Join(err, waitsErr, givenUpErr)
	}
	return errors.Join(l.wantEvents("subscribed"),
		giveUpWhile(quiet, 0), publish(m, quiet, "nobody was to be told"), l.wantEvents(fmt.Sprintf("%s %q", quiet, "nobody was to be told")),
		giveUpWhile(channel, 1), l.wantEvents(channel+" corrupt"), l.stop()) // an empty message is no JSON
}

func tellsTheFirst(c *cached, m *mixins.PubSub[string]) error {
	const two, three, four = "{t}permit:two", "{t}permit:three", "{t}permit:four"
	l := listen(func(ctx context.Context) loop { return m.Subscribe(ctx, mixins.SubscribeOptions{}, two, three, four) })
	key := driver.Key(c.full("{t}permit"))
	take := func(token string, capacity int64, place time.Duration) error {
		_, err := c.do(driver.CmdSemaphore, key, driver.Field(token), driver.Int(1), driver.Int(capacity), driver.Duration(long), driver.Duration(place))
		return err
	}
	release := func(token string) error {
		_, err := c.do(driver.CmdSemaphoreRelease, key, driver.Field(token))
		return err
	}
	told := func(channel string) error { return l.wantEvents(channel + " corrupt") } // an empty message is no JSON
	return errors.Join(l.wantEvents("subscribed"), release("nobody"), take("one", 1, 0), take("two", 1, long), take("three", 1, long), take("four", 1, long),
		release("one"), told(two),
		take("two", 2, long), told(three), // there is room for another
		release("three"), told(four), // a place is given up
		publish(m, three, "nothing before"), l.wantEvents(fmt.Sprintf("%s %q", three, "nothing before")), l.stop())
}

// A condition that soon becomes true is checked this often, with this pause. The time is longer than
// a machine stops a process.
const (
	attempts        = 1000
	attemptInterval = 10 * time.Millisecond
)

func second[T any](_ T, err error) error { return err }

func publish(m *mixins.PubSub[string], channel string, messages ...string) error {
	for _, message := range messages {
		if _, err := m.Publish(noDeadline, channel, message); err != nil {
			return fmt.Errorf("publishing: %w", err)
		}
	}
	return nil
}

type loop = iter.Seq2[mixins.Message[string], error]

// A listener runs a loop over a subscription, and converts events into texts.
type listener struct {
	cancel context.CancelFunc
	events chan string
	end    error // valid when events is closed
}

func listen(subscribe func(context.Context) loop) *listener {
	ctx, cancel := context.WithCancel(noDeadline)
	l := &listener{cancel: cancel, events: make(chan string, 64)}
	go func() {
		defer close(l.events)
		for m, err := range subscribe(ctx) {
			switch {
			case errors.Is(err, xcache.ErrCorrupt):
				l.events <- m.Channel + " corrupt"
			case err != nil:
				l.end = err
			case m.Event != mixins.Published:
				l.events <- m.Event.String()
			case m.Pattern != "":
				l.events <- fmt.Sprintf("%s %s %q", m.Channel, m.Pattern, m.Value)
			default:
				l.events <- fmt.Sprintf("%s %q", m.Channel, m.Value)
			}
		}
	}()
	return l
}

// next returns the next event.
func (l *listener) next() (string, error) {
	select {
	case event, ok := <-l.events:
		if !ok {
			return "", fmt.Errorf("the subscription has ended: %w", l.end)
		}
		return event, nil
	case <-time.After(attempts * attemptInterval):
		return "", errors.New("nothing is yielded")
	}
}

func (l *listener) wantEvents(want ...string) error {
	for _, event := range want {
		got, err := l.next()
		if err != nil {
			return fmt.Errorf("%w, want %s", err, event)
		}
		if got != event {
			return fmt.Errorf("the subscription yields %s, want %s", got, event)
		}
	}
	return nil
}

// wantAnyOrder wants two events, in any order.
func (l *listener) wantAnyOrder(one, other string) error {
	first, err := l.next()
	second, secondErr := l.next()
	if err := errors.Join(err, secondErr); err != nil {
		return err
	}
	return that(first == one && second == other || first == other && second == one, "the subscription yields %s and %s, want %s and %s", first, second, one, other)
}

// stop ends the loop, which must end with the error of its context.
func (l *listener) stop() error {
	l.cancel()
	return l.wantEnd(context.Canceled)
}

func (l *listener) wantEnd(want error) error {
	defer l.cancel()
	select {
	case event, ok := <-l.events:
		if ok {
			return fmt.Errorf("the subscription yields %s, want nothing more", event)
		}
	case <-time.After(attempts * attemptInterval):
		return errors.New("the loop does not end")
	}
	return that(errors.Is(l.end, want), "the loop ends with %v, want %v", l.end, want)
}
