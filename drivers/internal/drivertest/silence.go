package drivertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/xcachetest"
)

// Silence tests connections that die without a word, as when a firewall forgets
// the connections. Packets are swallowed, and new connections work. The test
// fails if calls do not succeed again soon, if a call does not end with its
// context, or if connections that answer are closed.
func (s *Subject) Silence(t *testing.T) {
	t.Run("callers with far deadlines have left", s.callersWithFarDeadlinesHaveLeft)
	t.Run("idle connections are as dead", s.idleConnectionsAreAsDead)
	t.Run("a late reply behind an idle time", s.aLateReplyBehindAnIdleTime)
	t.Run("a call with a far deadline is waited for", s.aCallWithAFarDeadlineIsWaitedFor)
	t.Run("a call that has connected for long ends with its context", s.aCallThatHasConnectedForLong)
	if !s.Pipelines { // else a connection carries many calls, and there are few connections
		t.Run("idle connections are as dead for callers with little time", s.idleConnectionsAreAsDeadForShortCalls)
	}
	if !s.Pipelines { // else the other calls wait behind the call that takes long
		t.Run("connections that answer are kept", s.connectionsThatAnswerAreKept)
	}
}

// A silencer makes connections, and can make all existing connections silent at once.
type silencer struct {
	t      *testing.T
	target string

	mu      sync.Mutex
	current *xcachetest.Proxy
	silent  []*xcachetest.Proxy
}

func newSilencer(t *testing.T, target string) *silencer {
	return &silencer{t: t, target: target, current: xcachetest.NewProxy(t, target)}
}

func (s *silencer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock()
	addr := s.current.Addr()
	s.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// silence swallows the packets of all existing connections. New connections work.
func (s *silencer) silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.Stall()
	s.silent = append(s.silent, s.current)
	s.current = xcachetest.NewProxy(s.t, s.target)
}

// end closes the silent connections. A test calls end before the store is
// closed, because then no connection of the store may be left.
func (s *silencer) end() {
	for _, proxy := range s.silent {
		proxy.Close()
	}
}

// open returns a store with as many connections as pool says. All these connections have
// answered once.
func (s *silencer) open(subject *Subject, opTimeout time.Duration, pool int) serverStore {
	s.t.Helper()
	dsn := Parse(s.t, fmt.Sprintf("%s://%s?pool_size=%d", subject.Scheme, s.target, pool))
	dsn.OpTimeout = opTimeout
	store := subject.OpenDSN(s.t, dsn, s.dial).(serverStore)
	Eventually(s.t, func() bool {
		var calls sync.WaitGroup
		for range 4 * pool {
			calls.Go(func() {
				if err := pingInTime(s.t, store); err != nil {
					s.t.Error(err)
				}
			})
		}
		calls.Wait()
		return s.current.OpenConnections() == pool
	}, func() string { return "there are not as many connections as there can be" })
	return store
}

// pingInTime is Ping with waitTimeout.
func pingInTime(t testing.TB, store driver.Pinger) error {
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	return store.Ping(ctx)
}

// wantSoon fails the test unless a call succeeds after at most mayFail calls that fail.
func (s *silencer) wantSoon(store serverStore, mayFail int) {
	s.t.Helper()
	start := time.Now()
	for failed := 0; ; failed++ {
		err := Put(s.t, store, Key(s.t, "after"), "v")
		if err == nil {
			s.t.Logf("a call succeeds after %v, and %d calls that fail", time.Since(start), failed)
			break
		}
		if failed == mayFail {
			s.t.Fatalf("%d calls have failed: %v", failed+1, err)
		}
	}
	for range 20 {
		if err := Put(s.t, store, Key(s.t, "after"), "v"); err != nil {
			s.t.Fatalf("after one that has succeeded: %v", err)
		}
	}
}

func (s *Subject) callersWithFarDeadlinesHaveLeft(t *testing.T) {
	const opTimeout, pool = 6 * time.Second, 4
	silencer := newSilencer(t, s.Standalone(t).Addr)
	store := silencer.open(s, opTimeout, pool)
	silencer.silence()
	defer silencer.end()
	var calls sync.WaitGroup
	for i := range 4 * pool {
		calls.Go(func() {
			far, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			time.AfterFunc(100*time.Millisecond, cancel)
			entries := []driver.Entry{{Key: Key(t, fmt.Sprint(i)), Value: []byte("v"), TTL: time.Minute}}
			if err := errors.Join(store.Set(far, entries), entries[0].Err); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	calls.Wait()
	silencer.wantSoon(store, 3)
}

// One call finds a dead connection. Later calls do not find the other dead connections one by
// one.
func (s *Subject) idleConnectionsAreAsDead(t *testing.T) {
	const opTimeout, pool = 6 * time.Second, 8
	silencer := newSilencer(t, s.Standalone(t).Addr)
	store := silencer.open(s, opTimeout, pool)
	time.Sleep(opTimeout / 2) // the connections have been idle for a while
	silencer.silence()
	defer silencer.end()
	silencer.wantSoon(store, 3)
}

// The same holds if no call has the time of op_timeout.
func (s *Subject) idleConnectionsAreAsDeadForShortCalls(t *testing.T) {
	const pool, most = 32, 16
	silencer := newSilencer(t, s.Standalone(t).Addr)
	store := silencer.open(s, longTimeout, pool)
	time.Sleep(50 * time.Millisecond) // the connections have been idle for a while
	silencer.silence()
	defer silencer.end()
	for failed := range most {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := Do(ctx, store, "INCRBY", driver.Key(Key(t, "n")), driver.Int(1))
		cancel()
		if err == nil {
			t.Logf("%d calls have failed", failed)
			return
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	t.Errorf("%d calls have failed, at %d connections", most, pool)
}

// The first call after a time without calls gets a late reply. Only the call's own time is a
// time without a reply.
func (s *Subject) aLateReplyBehindAnIdleTime(t *testing.T) {
	const most = 8 * time.Second
	for _, bounded := range []bool{false, true} {
		for opTimeout := time.Second; ; opTimeout *= 2 {
			query := ""
			if bounded {
				query = fmt.Sprintf("&read_timeout=%v", opTimeout)
			}
			proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
			store, e := s.listen(t, fmt.Sprintf("%s://%s?pool_size=1&op_timeout=%v%s", s.Scheme, proxy.Addr(), opTimeout, query))
			if err := Put(t, store, Key(t, "k"), "v"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2*opTimeout + 500*time.Millisecond) // all that the store does for calls has ended
			proxy.Delay(opTimeout / 8)
			start := time.Now()
			err := Do(t.Context(), store, "INCRBY", driver.Key(Key(t, "n")), driver.Int(1))
			late := time.Since(start) > opTimeout/2
			proxy.Delay(0)
			if late && opTimeout < most {
				continue // the machine is busy
			}
			if err == nil {
				err = Put(t, store, Key(t, "k"), "v")
			}
			if err != nil {
				t.Errorf("%s: %v", query, err)
			}
			if n, seen := proxy.Stats().Connections, e.all(); n != 1 || len(seen) > 0 {
				t.Errorf("%s: %d connections, and the events %+v", query, n, seen)
			}
			break
		}
	}
}

func (s *Subject) aCallWithAFarDeadlineIsWaitedFor(t *testing.T) {
	const opTimeout = 300 * time.Millisecond
	silencer := newSilencer(t, s.Standalone(t).Addr)
	store, proxy := silencer.open(s, opTimeout, 2), silencer.current
	proxy.StallReplies()
	patient := make(chan error, 1)
	go func() {
		far, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		patient <- Do(far, store, "INCRBY", driver.Key(Key(t, "n")), driver.Int(1))
	}()
	// Another caller leaves meanwhile.
	far, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := Do(far, store, "INCRBY", driver.Key(Key(t, "m")), driver.Int(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	time.AfterFunc(4*opTimeout, proxy.Resume)
	if err := <-patient; err != nil {
		t.Error(err)
	}
}

// A call that takes long says nothing about connections with answers since the
// beginning of the call.
func (s *Subject) connectionsThatAnswerAreKept(t *testing.T) {
	const opTimeout, pool = 6 * time.Second, 4
	server := s.StartServer(t)
	proxy := xcachetest.NewProxy(t, server.Addr)
	dsn := Parse(t, fmt.Sprintf("%s://%s?pool_size=%d", s.Scheme, proxy.Addr(), pool))
	dsn.OpTimeout = opTimeout
	store := s.OpenDSN(t, dsn, nil).(serverStore)
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range pool - 1 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := pingInTime(t, store); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	before := proxy.Stats().Connections
	server.Do(t, "CLIENT", "PAUSE", fmt.Sprint((3 * opTimeout).Milliseconds()), "WRITE") // longer than op_timeout, for writes
	WantErr(t, Put(t, store, "k", "v"), driver.Unknown, driver.ErrUnavailable)
	close(stop)
	others.Wait()
	if n := proxy.Stats().Connections - before; n > 2 {
		t.Errorf("%d connections were made anew", n)
	}
}

// aCallThatHasConnectedForLong cancels a call while the server is silent. Connecting has
// taken longer than op_timeout, and nobody else has called the store meanwhile.
func (s *Subject) aCallThatHasConnectedForLong(t *testing.T) {
	asked, connecting, connect := make(chan struct{}), make(chan struct{}), make(chan struct{})
	tellAsked, tellConnecting := sync.OnceFunc(func() { close(asked) }), sync.OnceFunc(func() { close(connecting) })
	server := serveScript(t, func(_ int, words []string) said {
		if greeting, ok := handshake(words); ok {
			return greeting
		}
		tellAsked()
		return said{}
	})
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		tellConnecting()
		select {
		case <-connect:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	store := s.OpenDSN(t, Parse(t, s.Scheme+"://"+server.addr+"?pool_size=1&op_timeout=50ms&dial_timeout=1m"), dial)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- store.Set(ctx, []driver.Entry{{Key: "k", Value: []byte("v"), TTL: driver.NoExpiry}}) }()
	<-connecting
	time.Sleep(time.Second) // twenty times op_timeout: all that the store does for calls has ended
	close(connect)
	<-asked
	cancel()
	select {
	case err := <-ended:
		WantErr(t, err, driver.Unknown, context.Canceled, driver.ErrUnknownOutcome)
	case <-time.After(waitTimeout):
		t.Fatal("the call goes on after the end of its context")
	}
}
