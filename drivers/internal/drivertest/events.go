package drivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// Events tests the events about servers that fail and come back, in every
// topology. An operator hears of each change once, however many callers meet the
// change. The test fails if an event is missing or comes too often, or if an
// observer holds up a call.
func (s *Subject) Events(t *testing.T) {
	t.Run("a server that dies under ten thousand calls", s.serverThatDies)
	t.Run("a connection that is lost under a read", s.connectionLostUnderARead)
	t.Run("a server that refuses the password", s.serverThatRefusesThePassword)
	t.Run("replica", s.eventsOfAReplica)
	t.Run("cluster", s.eventsOfACluster)
	t.Run("sentinel", s.eventsOfSentinels)
	t.Run("observers that misbehave", s.observersThatMisbehave)
}

// events collects the events of a store.
type events struct {
	mu   sync.Mutex
	seen []driver.Event
}

func (e *events) notify(event driver.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, event)
}

func (e *events) all() []driver.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.seen)
}

// listen opens a store, and collects the events of the store.
func (s *Subject) listen(t testing.TB, dsn string) (driver.Store, *events) {
	t.Helper()
	var e events
	parsed := Parse(t, dsn)
	parsed.Notify = e.notify
	parsed.OpTimeout = parsed.Duration("op_timeout", longTimeout) // as the core does, with more time
	return s.OpenDSN(t, parsed, nil), &e
}

// count returns how many events there were of a kind about a server.
func (e *events) count(kind driver.EventKind, addr string) (n int) {
	for _, event := range e.all() {
		if event.Kind == kind && event.Server == addr {
			n++
		}
	}
	return n
}

// await waits for an event, and returns the event. await runs the function meanwhile again and
// again.
func (e *events) await(t testing.TB, kind driver.EventKind, addr string, meanwhile func()) (found driver.Event) {
	t.Helper()
	Eventually(t, func() bool {
		meanwhile()
		seen := e.all()
		i := slices.IndexFunc(seen, func(event driver.Event) bool { return event.Kind == kind && event.Server == addr })
		if i >= 0 {
			found = seen[i]
		}
		return i >= 0
	}, func() string { return fmt.Sprintf("no event %q about %s; there were %+v", kind, addr, e.all()) })
	return found
}

// wantFew fails the test if there were more than a few events for each server and
// each second since began.
func (e *events) wantFew(t testing.TB, began time.Time, servers int) {
	t.Helper()
	// The limit allows for each server: lost, restored, retried, and one event of another kind.
	if n, most := len(e.all()), 4*servers*(2+int(time.Since(began)/time.Second)); n > most {
		t.Errorf("%d events, want %d at most: %+v", n, most, e.all())
	}
}

// callers makes ten thousand calls, by a thousand callers at once.
func callers(ctx context.Context, store driver.Store, keys []string) {
	const callers, calls = 1000, 10
	var running sync.WaitGroup
	for i := range callers {
		running.Go(func() {
			for j := range calls {
				_ = store.Get(ctx, []string{keys[(i+j)%len(keys)]}, make([]driver.Value, 1))
			}
		})
	}
	running.Wait()
}

func (s *Subject) serverThatDies(t *testing.T) {
	server := s.StartServer(t)
	began := time.Now()
	store, e := s.listen(t, s.Scheme+"://"+server.Addr)
	get := func() { _, _ = Get(t, store, "k") }
	get()
	if seen := e.all(); len(seen) > 0 {
		t.Errorf("events while all is well: %+v", seen)
	}
	server.Kill(t)
	callers(t.Context(), store, []string{"k"})
	if lost := e.await(t, driver.ConnectionLost, server.Addr, get); lost.Err == nil {
		t.Error("the event does not say why")
	}
	e.wantFew(t, began, 1)
	server.Start(t)
	e.await(t, driver.ConnectionRestored, server.Addr, get)
	e.wantFew(t, began, 1)
}

// A read whose reply is lost is sent again, and an event tells of that. A write is not sent
// again.
func (s *Subject) connectionLostUnderARead(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.StartServer(t).Addr)
	store, e := s.listen(t, s.Scheme+"://"+proxy.Addr())
	if err := Put(t, store, "k", "v"); err != nil {
		t.Fatal(err)
	}
	proxy.CutReply(0)
	WantErr(t, Put(t, store, "k", "v"), driver.Unknown, driver.ErrUnavailable)
	if n := e.count(driver.CallsRetried, proxy.Addr()); n != 0 {
		t.Errorf("a write is sent again: %+v", e.all())
	}
	proxy.CutReply(0)
	if got, err := Get(t, store, "k"); string(got) != "v" || err != nil {
		t.Errorf("the read: %q, %v", got, err)
	}
	retried := e.await(t, driver.CallsRetried, proxy.Addr(), func() {})
	if !errors.Is(retried.Err, driver.ErrUnavailable) {
		t.Errorf("the cause is %v", retried.Err)
	}
	if n := e.count(driver.CallsRetried, proxy.Addr()); n != 1 {
		t.Errorf("%d events for one call that was sent again", n)
	}
}

func (s *Subject) serverThatRefusesThePassword(t *testing.T) {
	server := s.StartServer(t, servertest.Password("secret"))
	began := time.Now()
	store, e := s.listen(t, s.Scheme+"://:canary@"+server.Addr)
	callers(t.Context(), store, []string{"k"})
	e.wantFew(t, began, 1)
	for _, event := range e.all() {
		if text := fmt.Sprintf("%v %+v", event, event.Err); strings.Contains(text, "canary") {
			t.Errorf("an event shows the password: %s", text)
		}
	}
}

func (s *Subject) eventsOfAReplica(t *testing.T) {
	servers := s.StartReplicated(t, 1)
	began := time.Now()
	store, e := s.listen(t, s.Scheme+"://"+strings.Join(servers.Addrs(), ",")+"?read=prefer-replica")
	get := func() { _, _ = Get(t, store, "k") }
	get()
	replica := servers.Replicas[0]
	replica.Kill(t)
	callers(t.Context(), store, []string{"k"})
	if down := e.await(t, driver.ReplicaCooldown, replica.Addr, get); !errors.Is(down.Err, driver.ErrUnavailable) {
		t.Errorf("the cause is %v", down.Err)
	}
	e.await(t, driver.CallsRetried, replica.Addr, get)
	e.wantFew(t, began, 2)
	if n := e.count(driver.ReplicaCooldown, replica.Addr); n != 1 {
		t.Errorf("%d events for one replica that is down", n)
	}
	replica.Start(t)
	e.await(t, driver.ReplicaBack, replica.Addr, get)
}

func (s *Subject) eventsOfACluster(t *testing.T) {
	servers := s.StartCluster(t, servertest.Config("cluster-require-full-coverage", "no"))
	began := time.Now()
	store, e := s.listen(t, s.clusterDSN(servers, ""))
	victim := servers.Nodes[0]
	successor := servers.Partner(victim)
	key := taggedKey(t, tagOf(t, servers, victim), "k")
	keys := []string{key, taggedKey(t, tagOf(t, servers, servers.Nodes[1]), "k")}
	if err := Put(t, store, key, "v"); err != nil {
		t.Fatal(err)
	}
	get := func() { _, _ = Get(t, store, key) }
	victim.Kill(t)
	callers(t.Context(), store, keys)
	e.await(t, driver.ConnectionLost, victim.Addr, get)
	e.await(t, driver.CallsRetried, victim.Addr, get)
	servers.AwaitFailover(t, victim)
	if changed := e.await(t, driver.PrimaryChanged, successor.Addr, get); changed.Err == nil || !strings.Contains(changed.Err.Error(), victim.Addr) {
		t.Errorf("the event does not name the primary before: %v", changed.Err)
	}
	if !slices.ContainsFunc(e.all(), func(event driver.Event) bool { return event.Kind == driver.TopologyChanged }) {
		t.Errorf("no event about the topology: %+v", e.all())
	}
	if n := e.count(driver.PrimaryChanged, successor.Addr); n != 1 {
		t.Errorf("%d events about one change", n)
	}
	e.wantFew(t, began, len(servers.Nodes))

	victim.Start(t)
	servers.AwaitOK(t)
	successor.Freeze(t)
	put := func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = store.Get(ctx, []string{key}, make([]driver.Value, 1))
	}
	e.await(t, driver.ServerSilent, successor.Addr, put)
	successor.Thaw(t)
	servers.AwaitOK(t)
	e.wantFew(t, began, len(servers.Nodes))
}

func (s *Subject) eventsOfSentinels(t *testing.T) {
	servers := s.StartSentinel(t)
	began := time.Now()
	store, e := s.listen(t, s.sentinelDSN(servers, "&op_timeout=1s")) // ten thousand calls wait for the last primary
	put := func() { _ = Put(t, store, "k", "v") }
	Eventually(t, func() bool { return Put(t, store, "k", "v") == nil }, func() string { return "no write succeeds" })
	old := servers.Primary(t)
	successor := servers.Failover(t)
	if changed := e.await(t, driver.PrimaryChanged, successor.Addr, put); changed.Err == nil || !strings.Contains(changed.Err.Error(), old.Addr) {
		t.Errorf("the event does not name the primary before: %v", changed.Err)
	}
	if n := e.count(driver.PrimaryChanged, successor.Addr); n != 1 {
		t.Errorf("%d events about one change", n)
	}
	sentinel := servers.Sentinels[0]
	sentinel.Kill(t)
	e.await(t, driver.ListenerLost, sentinel.Addr, put)
	sentinel.Start(t)
	e.await(t, driver.ListenerBack, sentinel.Addr, put)
	servers.AwaitOK(t)

	primary := servers.Primary(t)
	primary.Kill(t)
	callers(t.Context(), store, []string{"k"})
	e.await(t, driver.ConnectionLost, primary.Addr, put)
	e.wantFew(t, began, 6)
}

// A badObserver does something with each event.
type badObserver struct {
	event func(xcache.Event)
	heard atomic.Int32
}

func (*badObserver) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }
func (*badObserver) End(context.Context, *xcache.Operation)                         {}
func (o *badObserver) Event(e xcache.Event) {
	o.heard.Add(1)
	o.event(e)
}

// An observer may call the cache. An observer that hangs or panics holds up no call,
// and ends no process.
func (s *Subject) observersThatMisbehave(t *testing.T) {
	release := make(chan struct{})
	var calls func()
	for name, event := range map[string]func(xcache.Event){
		"calls the cache": func(xcache.Event) { calls() },
		"panics":          func(xcache.Event) { panic("an observer's") },
		"hangs":           func(xcache.Event) { <-release },
	} {
		t.Run(name, func(t *testing.T) {
			servers := s.StartSentinel(t)
			observer := &badObserver{event: event}
			cache := s.OpenCache(t, s.sentinelDSN(servers, "&read=prefer-replica&op_timeout=20s"), xcache.WithObserver(observer))
			v := xcache.For[string](cache)
			var within atomic.Int32
			calls = func() {
				if err := v.Set(context.Background(), "of the observer", "v"); err == nil {
					within.Add(1)
				}
				if _, err := cache.Inspect(); err != nil {
					t.Errorf("Inspect: %v", err)
				}
			}
			if err := v.Set(t.Context(), "k", "v"); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				successor := servers.Failover(t)
				servers.AwaitOK(t)
				if err := v.Set(t.Context(), "k", "v"); err != nil {
					t.Errorf("Set after the failover to %s: %v", successor.Addr, err)
				}
			}
			Eventually(t, func() bool {
				_ = v.Set(t.Context(), "k", "v")
				return observer.heard.Load() > 0 && (name != "calls the cache" || within.Load() > 0)
			}, func() string { return "the observer has heard nothing, or its calls fail" })
			if name == "hangs" {
				close(release) // or Close would wait
			}
		})
	}
}
