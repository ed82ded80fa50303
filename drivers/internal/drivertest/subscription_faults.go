package drivertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/mixins"
)

// SubscriptionFaults tests subscriptions that lose their connections, on one server. A
// subscription comes back with a Gap before any later message. The observer hears of the loss
// and of the return. The context can end the subscription meanwhile. The test fails if a
// subscription does otherwise.
func (s *Subject) SubscriptionFaults(t *testing.T) {
	for _, protocol := range []string{"2", "3"} {
		t.Run("RESP"+protocol, func(t *testing.T) {
			server := s.StartServer(t)
			open := func(t *testing.T) (*xcache.Cache, *events) {
				t.Helper()
				observer := new(eventObserver)
				return s.OpenCache(t, s.Scheme+"://"+server.Addr+"?protocol="+protocol, xcache.WithObserver(observer)), &observer.events
			}
			t.Run("killed", func(t *testing.T) {
				cache, events := open(t)
				s.killedAgainAndAgain(t, cache, events, server)
			})
			if protocol == "2" { // one version is enough, because each of these takes seconds
				t.Run("slow loop", func(t *testing.T) {
					cache, _ := open(t)
					hungUpOnASlowLoop(t, cache, server)
				})
				t.Run("down for a while", func(t *testing.T) {
					cache, events := open(t)
					downForAWhile(t, cache, events, server)
				})
				return
			}
			t.Run("frozen", func(t *testing.T) {
				cache, events := open(t)
				noticesAFrozenServer(t, cache, events, server)
			})
		})
	}
}

// An eventObserver collects the events of a store.
type eventObserver struct{ events events }

func (*eventObserver) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (*eventObserver) End(context.Context, *xcache.Operation) {}

func (o *eventObserver) Event(e xcache.Event) {
	o.events.notify(driver.Event{Kind: e.Kind, Server: e.Server, Err: e.Err})
}

// killedAgainAndAgain makes the server hang up on subscriptions while messages are published.
func (s *Subject) killedAgainAndAgain(t *testing.T, cache *xcache.Cache, events *events, server *servertest.Server) {
	const times = 5
	audience := s.startAudience(t, cache, "")
	subscriptions := len(audience.listeners)
	for i := range times {
		server.Do(t, "CLIENT", "KILL", "TYPE", "pubsub")
		events.awaitCount(t, driver.SubscriptionLost, (i+1)*subscriptions)
		events.awaitCount(t, driver.SubscriptionRestored, (i+1)*subscriptions)
	}
	audience.end(t)
	for _, l := range audience.listeners {
		gaps := 0
		for _, n := range l.heard {
			if n == gap {
				gaps++
			}
		}
		if gaps != times {
			t.Errorf("the %s was told of %d gaps, want %d", l.name, gaps, times)
		}
	}
}

// awaitCount waits for so many events of a kind. The test fails if there are more.
func (e *events) awaitCount(t *testing.T, kind driver.EventKind, want int) {
	t.Helper()
	count := func() (n int) {
		for _, event := range e.all() {
			if event.Kind == kind {
				n++
			}
		}
		return n
	}
	Eventually(t, func() bool { return count() >= want }, func() string { return fmt.Sprintf("%d events %q, want %d", count(), kind, want) })
	if n := count(); n > want {
		t.Errorf("%d events %q, want %d", n, kind, want)
	}
}

// A told subscription passes on its messages and events, as text.
type told struct {
	events chan string
	leave  context.CancelFunc
}

// startTold returns when the subscription to channel c is in force.
func startTold(t *testing.T, cache *xcache.Cache, options mixins.SubscribeOptions) *told {
	t.Helper()
	messages, err := mixins.NewPubSub[string](cache)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	l := &told{events: make(chan string), leave: leave}
	go func() {
		defer close(l.events)
		for m, err := range messages.Subscribe(ctx, options, "c") {
			switch {
			case errors.Is(err, context.Canceled):
				l.events <- "canceled"
			case err != nil:
				l.events <- err.Error()
			case m.Event != mixins.Published:
				l.events <- m.Event.String()
			default:
				l.events <- m.Value
			}
		}
	}()
	l.want(t, "subscribed")
	return l
}

func (l *told) next(t *testing.T) string {
	t.Helper()
	select {
	case event, ok := <-l.events:
		if !ok {
			return "the end"
		}
		return event
	case <-time.After(waitTimeout):
		return "nothing"
	}
}

func (l *told) want(t *testing.T, want ...string) {
	t.Helper()
	for _, event := range want {
		if got := l.next(t); got != event {
			t.Fatalf("the subscription yields %s, want %s", got, event)
		}
	}
}

// stop ends the subscription. The test fails if the end takes longer than a moment.
func (l *told) stop(t *testing.T) {
	t.Helper()
	watch := stopwatch.Start()
	l.leave()
	l.want(t, "canceled", "the end")
	if took := watch.Stop(); took > time.Second {
		t.Errorf("the subscription has ended %v after its context", took)
	}
}

// publishText publishes texts on channel c of a cache. Nobody else publishes there.
func publishText(t *testing.T, cache *xcache.Cache, texts ...string) {
	t.Helper()
	messages, err := mixins.NewPubSub[string](cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if n, err := messages.Publish(t.Context(), "c", text); err != nil || n == 0 {
			t.Errorf("Publish: %d, %v", n, err)
		}
	}
}

// downForAWhile stops the server, and starts the server again. One subscription ends
// meanwhile.
func downForAWhile(t *testing.T, cache *xcache.Cache, events *events, server *servertest.Server) {
	stays, leaves := startTold(t, cache, mixins.SubscribeOptions{}), startTold(t, cache, mixins.SubscribeOptions{})
	server.Kill(t)
	events.awaitCount(t, driver.SubscriptionLost, 2)
	stopwatch.Rest(200 * time.Millisecond) // some attempts have failed
	leaves.stop(t)
	messages, err := mixins.NewPubSub[string](cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range messages.Subscribe(t.Context(), mixins.SubscribeOptions{}, "c") {
		WantErr(t, err, driver.NotApplied, xcache.ErrUnavailable) // this subscription could not begin
	}
	server.Start(t)
	stays.want(t, "gap")
	events.awaitCount(t, driver.SubscriptionRestored, 1)
	publishText(t, cache, "after")
	stays.want(t, "after")
	events.awaitCount(t, driver.SubscriptionLost, 2)
	stays.stop(t)
}

// hungUpOnASlowLoop leaves messages at the server until the server hangs up.
func hungUpOnASlowLoop(t *testing.T, cache *xcache.Cache, server *servertest.Server) {
	server.Do(t, "CONFIG", "SET", "client-output-buffer-limit", "pubsub 1048576 0 0")
	slow := startTold(t, cache, mixins.SubscribeOptions{Buffer: 1, WhenFull: mixins.Wait})
	large := strings.Repeat("x", 32<<10)
	messages, err := mixins.NewPubSub[string](cache)
	if err != nil {
		t.Fatal(err)
	}
	published, reached := 0, 1
	for ; reached > 0 && published < 2000; published++ { // until the sockets are full, too
		if reached, err = messages.Publish(t.Context(), "c", fmt.Sprint(published, large)); err != nil {
			t.Fatal(err)
		}
	}
	if reached > 0 {
		t.Fatal("the server does not hang up")
	}
	yielded := 0
	for event := slow.next(t); event != "gap"; event = slow.next(t) {
		if want := fmt.Sprint(yielded, large); event != want {
			t.Fatalf("the subscription yields %.20s…, want %.20s… or a gap", event, want)
		}
		yielded++
	}
	t.Logf("%d of %d messages were yielded before the gap", yielded, published)
	publishText(t, cache, "after")
	slow.want(t, "after")
	slow.stop(t)
}

// noticesAFrozenServer freezes the server until a subscription counts as lost, though the
// connection of the subscription is still open.
func noticesAFrozenServer(t *testing.T, cache *xcache.Cache, events *events, server *servertest.Server) {
	subscription := startTold(t, cache, mixins.SubscribeOptions{})
	leaves := startTold(t, cache, mixins.SubscribeOptions{})
	server.Freeze(t)
	events.awaitCount(t, driver.SubscriptionLost, 2)
	leaves.stop(t)
	server.Thaw(t)
	subscription.want(t, "gap")
	publishText(t, cache, "after")
	subscription.want(t, "after")
	subscription.stop(t)
}
