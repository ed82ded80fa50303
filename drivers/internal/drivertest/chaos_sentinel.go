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

// ChaosSentinel has the primary fail under a load, and the sentinels replace it:
// it is killed, stands still, or is cut off from everybody until there is another
// one. Calls succeed on that within seconds, and what writers were told is true but
// for what replication lost.
func (s *Subject) ChaosSentinel(t *testing.T) {
	servers := s.StartSentinel(t)
	for _, fault := range failovers {
		t.Run("failover by "+fault.name, func(t *testing.T) {
			// Who waits at the old primary must not do so until the time is up.
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
		// The proxies have connections of their own, so those of the driver are counted.
		var opened connections
		dsn := Parse(t, s.sentinelDSN(servers, ""))
		dsn.OpTimeout = 4 * recoveryLimit
		store, err := s.Driver(opened.dial).Open(dsn)
		if err != nil {
			t.Fatal(err)
		}
		closeStore := sync.OnceValue(store.Close)
		defer func() { _ = closeStore() }() // also if the test ends here, or others find its goroutines
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
		// Then what the first successor was told in the meantime is lost.
		t.Log("sentinels replaced the new primary, too, when the old one was back")
	}
	t.Logf("first success %v after the fault, of which the sentinels took %v until all agreed", took.Round(time.Millisecond), replaced.Round(time.Millisecond))
}

// connections are those that dial has made.
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
