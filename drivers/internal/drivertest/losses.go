package drivertest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/mixins"
)

// SentinelLosses tests waiting callers, subscriptions and consumers while a primary is killed,
// frozen or demoted. All of them go on at the successor of the primary. The test fails if an
// element does not reach a caller or comes twice, or if a caller hears of a failure that has
// changed nothing. The test fails if a subscription misses a message without a Gap. The test
// also fails if an entry of a stream is not handled once at least.
func (s *Subject) SentinelLosses(t *testing.T) {
	servers := s.StartSentinel(t)
	cache := s.OpenCache(t, s.sentinelDSN(servers, "&op_timeout=30s"))
	for _, loss := range failovers {
		t.Run(loss.name, func(t *testing.T) {
			servers.AwaitOK(t)
			primary := servers.Primary(t)
			s.survivesLoss(t, cache, "", func() {
				loss.begin(primary, t)
			}, func() { servers.AwaitFailover(t, primary) })
			loss.end(primary, t)
		})
	}
	t.Run("demoted", func(t *testing.T) {
		servers.AwaitOK(t)
		s.survivesLoss(t, cache, "", func() {}, func() { servers.Failover(t) })
	})
}

// ClusterLosses is SentinelLosses for the primary of a slot, and for a slot that moves.
func (s *Subject) ClusterLosses(t *testing.T) {
	servers := s.StartCluster(t)
	cache := s.OpenCache(t, s.Scheme+"+cluster://"+servers.Addrs()[0]+"?op_timeout=30s")
	tagAt := func(node *servertest.Server) string { return "{" + tagOf(t, servers, node) + "}" }
	for _, loss := range failovers {
		t.Run(loss.name, func(t *testing.T) {
			servers.AwaitOK(t)
			servers.AwaitReplicas(t)
			primary := servers.Primaries(t)[0]
			s.survivesLoss(t, cache, tagAt(primary), func() {
				loss.begin(primary, t)
			}, func() { servers.AwaitFailover(t, primary) })
			loss.end(primary, t)
		})
	}
	t.Run("demoted", func(t *testing.T) {
		servers.AwaitOK(t)
		servers.AwaitReplicas(t)
		primary := servers.Primaries(t)[0]
		s.survivesLoss(t, cache, tagAt(primary), func() {}, func() { servers.Failover(t, primary) })
	})
	t.Run("slot on its way", func(t *testing.T) {
		servers.AwaitOK(t)
		from, to := servers.Primaries(t)[0], servers.Primaries(t)[1]
		tag := tagAt(from)
		crew := startCrew(t, cache, tag+"list", 20)
		defer crew.leave()
		audience := s.startAudience(t, cache, tag)
		workforce := startWorkforce(t, cache, Key(t, tag+"stream"))
		defer workforce.leave()
		unaware := s.OpenCache(t, withLongTimeouts(s.Scheme+"+cluster://"+servers.Addrs()[0]))
		put(t, xcache.For[string](unaware), tag+"k", "v")
		migration := servers.StartMigration(t, from, to, int(from.Do(t, "CLUSTER", "KEYSLOT", tag).(int64)))
		crew.wantAll(t, "while the slot is on its way ", 50)
		migration.Finish(t)
		// A store that does not know of the move yet hears of the move from the old server.
		popping := startPop(t.Context(), unaware, 0, tag+"other")
		heard := s.startAudience(t, unaware, tag+"others:")
		crew.wantAll(t, "after that ", 50)
		server := servers.Primary(t, tag)
		server.Do(t, "RPUSH", fullKey(tag+"other"), `"element"`)
		wantPopped(t, popping, "element")
		heard.end(t)
		audience.end(t)
		workforce.end(t)
		if n := crew.end(t); n > 0 {
			t.Errorf("%d callers were told of a failure, though every server has answered", n)
		}
	})
}

// survivesLoss starts callers that wait, listen and consume. lose then takes a primary away,
// and await waits for the successor.
func (s *Subject) survivesLoss(t *testing.T, cache *xcache.Cache, tag string, lose, await func()) {
	t.Helper()
	crew := startCrew(t, cache, tag+"list", 20)
	defer crew.leave()
	crew.wantAll(t, "before ", 20)
	audience := s.startAudience(t, cache, tag)
	workforce := startWorkforce(t, cache, Key(t, tag+"stream"))
	defer workforce.leave()
	lose()
	late := startCrew(t, cache, tag+"late", 3) // callers who come while there is no primary
	defer late.leave()
	await()
	crew.wantAll(t, "after ", 100)
	late.wantAll(t, "late ", 10)
	audience.end(t)
	workforce.end(t)
	crew.end(t)
	late.end(t)
}

// An audience has subscriptions of every kind, and speakers that publish numbers to the
// subscriptions.
type audience struct {
	listeners []*numbersHeard
	speakers  []*speaker
	cluster   bool
}

const shardChannel = "shard channel"

// relayedLate is how many messages a node of a cluster may have acknowledged, and not sent to
// the others yet.
const relayedLate = 10

// startAudience returns when all subscriptions are in force.
func (s *Subject) startAudience(t *testing.T, cache *xcache.Cache, tag string) *audience {
	t.Helper()
	messages, err := mixins.NewPubSub[int](cache)
	if err != nil {
		t.Fatal(err)
	}
	a := &audience{cluster: tag != ""}
	options := mixins.SubscribeOptions{}
	channel := startSpeaker(t.Context(), func(ctx context.Context, n int) error {
		_, err := messages.Publish(ctx, tag+"channel", n)
		return err
	})
	a.speakers = append(a.speakers, channel)
	for range 2 { // at servers that differ, perhaps
		a.listen(t, channel, "channel", func(ctx context.Context) numbers { return messages.Subscribe(ctx, options, tag+"channel") })
	}
	a.listen(t, channel, "pattern", func(ctx context.Context) numbers { return messages.PSubscribe(ctx, options, tag+"chann*") })
	if s.Release != "redis-6.0" {
		shard := startSpeaker(t.Context(), func(ctx context.Context, n int) error {
			_, err := messages.SPublish(ctx, tag+"shard", n)
			return err
		})
		a.speakers = append(a.speakers, shard)
		a.listen(t, shard, shardChannel, func(ctx context.Context) numbers { return messages.SSubscribe(ctx, options, tag+"shard") })
	}
	return a
}

// end waits until each listener has heard a new number, and then stops everybody. The test
// fails if a listener has missed a number without a gap.
func (a *audience) end(t *testing.T) {
	t.Helper()
	for _, l := range a.listeners {
		from := l.speaker.next()
		Eventually(t, func() bool { return l.last() >= from }, func() string { return "the " + l.name + " delivers nothing any more" })
	}
	for _, speaker := range a.speakers {
		speaker.stop()
	}
	for _, l := range a.listeners {
		l.leave()
		if err := <-l.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the subscription to the %s ends with %v", l.name, err)
		}
		l.wantNothingMissed(t)
	}
}

// A speaker publishes the numbers from 0 on.
type speaker struct {
	cancel  context.CancelFunc
	stopped chan struct{}

	mu           sync.Mutex // guards the fields below
	acknowledged []bool     // by number
}

func startSpeaker(ctx context.Context, publish func(ctx context.Context, n int) error) *speaker {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	s := &speaker{cancel: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(s.stopped)
		for n := 0; ctx.Err() == nil; n++ {
			s.mu.Lock()
			s.acknowledged = append(s.acknowledged, false)
			s.mu.Unlock()
			short, cancel := context.WithTimeout(ctx, 500*time.Millisecond) // at a frozen server
			err := publish(short, n)
			cancel()
			s.mu.Lock()
			s.acknowledged[n] = err == nil
			s.mu.Unlock()
			time.Sleep(2 * time.Millisecond)
		}
	}()
	return s
}

// next returns a number that is not published yet.
func (s *speaker) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acknowledged)
}

func (s *speaker) stop() {
	s.cancel()
	<-s.stopped
}

type numbers = iter.Seq2[mixins.Message[int], error]

// gap stands for a Gap in the place of a number.
const gap = -1

// numbersHeard has the numbers and gaps that a subscription has heard.
type numbersHeard struct {
	name    string
	speaker *speaker
	relayed bool // by nodes of a cluster, which answer before the other nodes have the number
	from    int  // the first number that the subscription must hear of
	leave   context.CancelFunc
	ended   chan error

	mu    sync.Mutex
	heard []int
}

// listen returns when the subscription is in force.
func (a *audience) listen(t *testing.T, speaker *speaker, name string, subscribe func(context.Context) numbers) {
	t.Helper()
	ctx, leave := context.WithTimeout(t.Context(), 2*time.Minute)
	l := &numbersHeard{name: name, speaker: speaker, relayed: a.cluster && name != shardChannel, leave: leave, ended: make(chan error, 1)}
	a.listeners = append(a.listeners, l)
	began := make(chan struct{})
	go func() {
		for m, err := range subscribe(ctx) {
			switch {
			case err != nil:
				l.ended <- err
			case m.Event == mixins.Subscribed:
				l.from = speaker.next()
				close(began)
			case m.Event == mixins.Gap:
				l.add(gap)
			default:
				l.add(m.Value)
			}
		}
	}()
	select {
	case <-began:
	case <-time.After(waitTimeout):
		t.Fatalf("the subscription to the %s does not begin", name)
	}
}

func (l *numbersHeard) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, n)
}

func (l *numbersHeard) last() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.heard) == 0 {
		return gap
	}
	return l.heard[len(l.heard)-1]
}

// wantNothingMissed fails the test if an acknowledged number is missing without a gap in its
// place, or if a number comes twice.
func (l *numbersHeard) wantNothingMissed(t *testing.T) {
	t.Helper()
	heard, gaps, last := make(map[int]bool), 0, gap
	for _, n := range l.heard {
		if n == gap {
			gaps++
			continue
		}
		if heard[n] {
			t.Errorf("the %s delivers %d twice", l.name, n)
		}
		heard[n] = true
		last = max(last, n)
	}
	for n, acknowledged := range l.speaker.acknowledged {
		if soon := l.speaker.acknowledged[n:min(n+relayedLate, len(l.speaker.acknowledged))]; l.relayed && slices.Contains(soon, false) {
			continue // the node may have been lost before the other nodes had the number
		}
		if acknowledged && !heard[n] && l.from <= n && n < last && !l.isToldOf(n) {
			t.Errorf("the %s has missed %d, which was acknowledged, without a gap", l.name, n)
		}
	}
	t.Logf("the %s has heard %d messages and %d gaps", l.name, len(l.heard)-gaps, gaps)
}

// isToldOf reports whether there is a gap between the numbers below n and the numbers
// above n. Numbers that nodes of a cluster publish one after the other may be heard in
// another order.
func (l *numbersHeard) isToldOf(n int) bool {
	before, behind := -1, len(l.heard) // the last number below n, the first one above
	for i, m := range l.heard {
		switch {
		case m == gap:
		case m < n:
			before = i
		case behind == len(l.heard):
			behind = i
		}
	}
	from, to := min(before, behind), max(before, behind)
	return slices.Contains(l.heard[max(0, from):min(to, len(l.heard))], gap)
}
