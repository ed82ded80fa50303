package drivertest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// ChaosSentinel makes the primary fail under a load, and the sentinels replace the
// primary. The old primary is killed, stands still, or is cut off from everybody
// until there is a new primary. The test fails if writes do not succeed at the new
// primary within seconds. The test also fails if a writer was told a lie: only
// writes that were not replicated yet may be lost.
func (s *Subject) ChaosSentinel(t *testing.T) {
	servers := s.StartSentinel(t)
	for _, fault := range failovers {
		t.Run("failover by "+fault.name, func(t *testing.T) {
			// A caller who waits at the old primary must not wait there until the op_timeout is over.
			store := s.openFor(t, s.sentinelDSN(servers, ""), 4*recoveryLimit, nil)
			old := servers.Primary(t)
			failOver(t, store, servers, func() { fault.begin(old, t) }, func() { fault.end(old, t) })
		})
	}
	t.Run("failover by partition", func(t *testing.T) {
		proxies := map[string]*xcachetest.Proxy{}
		servers := s.StartSentinel(t, servertest.Announce(func(listening string) string {
			proxy := xcachetest.NewProxy(t, listening)
			proxies[proxy.Addr()] = proxy
			return proxy.Addr()
		}))
		// The proxies have connections of their own, so the test counts the connections of the driver.
		var opened connections
		dsn := Parse(t, s.sentinelDSN(servers, ""))
		dsn.OpTimeout = 4 * recoveryLimit
		store, err := s.Driver(opened.dial).Open(dsn)
		if err != nil {
			t.Fatal(err)
		}
		closeStore := sync.OnceValue(store.Close)
		defer func() { _ = closeStore() }() // also if the test ends here, or other tests find the goroutines of the store
		proxy := proxies[servers.Primary(t).Announced]
		failOver(t, store, servers, proxy.Stall, proxy.Resume)
		if err := closeStore(); err != nil {
			t.Error(err)
		}
		s.AwaitNoGoroutines(t)
		if n := opened.open.Load(); n != 0 {
			t.Errorf("%d connections are left open", n)
		}
	})
}

// failOver runs a load while a fault makes the primary unavailable until another
// server has taken its place.
func failOver(t *testing.T, store driver.Store, servers *servertest.SentinelServers, begin, end func()) {
	t.Helper()
	l := startLoad(t, store, loadWriters, loadTags())
	old := servers.Primary(t)
	begin()
	began := time.Now()
	l.faultBegan(nil)
	successor := servers.AwaitFailover(t, old)
	replaced := time.Since(began)
	took := l.awaitRecovery(t, recoveryAfter(replaced))
	end()
	servers.AwaitOK(t)
	l.awaitProgress(t)
	servers.AwaitReplicas(t)
	primary := servers.Primary(t)
	l.finish(t, primary).want(t, outage, asynchronous)
	if primary != successor {
		// Then the writes that the first successor took in the meantime are lost.
		t.Log("sentinels replaced the new primary, too, when the old one was back")
	}
	t.Logf("first success %v after the fault, of which the sentinels took %v until all agreed", took.Round(time.Millisecond), replaced.Round(time.Millisecond))
}

// connections counts the open connections that dial has made.
type connections struct{ open atomic.Int64 }

func (c *connections) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return &countedConn{Conn: conn, open: &c.open}, nil
}

type countedConn struct {
	net.Conn
	open   *atomic.Int64
	closed sync.Once
}

func (c *countedConn) Close() error {
	c.closed.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}
