package drivertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/xcachetest"
)

// AddressMoved tests connections to a server whose address leads elsewhere by now. The
// test fails if a write does not reach the server that is now at the address, or if a
// server that stays read-only is dialed too often.
func (s *Subject) AddressMoved(t *testing.T) {
	t.Run("a name that leads to another primary", s.nameThatLeadsToAnotherPrimary)
	t.Run("a server that is read-only for good", s.readOnlyForGood)
	t.Run("a node that has moved to its own address", s.nodeThatHasMovedToItsOwnAddress)
}

// The old primary lives on as a replica of the new one, and keeps its connections.
func (s *Subject) nameThatLeadsToAnotherPrimary(t *testing.T) {
	servers := s.StartReplicated(t, 1)
	old, successor := servers.Primary, servers.Replicas[0]
	var current atomic.Pointer[string]
	current.Store(&old.Addr)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, *current.Load())
	}
	store := s.OpenDSN(t, Parse(t, s.Scheme+"://primary.example?pool_size=3"), dial)
	write := func() { // over all connections
		var callers sync.WaitGroup
		for i := range 30 {
			callers.Go(func() {
				for j, w := range Writes() {
					if err := WhenQuick(func() error { return w.Run(t.Context(), store, Key(t, fmt.Sprint(i, j))) }); err != nil {
						t.Errorf("%s: %v", w.Name, err)
					}
				}
			})
		}
		callers.Wait()
	}
	write()
	for range 2 {
		successor.Do(t, "REPLICAOF", "NO", "ONE")
		current.Store(&successor.Addr)
		old.Do(t, "REPLICAOF", successor.Host, fmt.Sprint(successor.Port))
		write()
		old, successor = successor, old
		time.Sleep(100 * time.Millisecond) // the next round is another failover
	}
}

// AddressMovedWhileCallsWait is for a driver whose connections carry one call at a time. A
// call that is told READONLY gives up its connection, and no waiting call may get that
// connection. The test fails if a call fails, or if the old primary refuses more than one
// call.
func (s *Subject) AddressMovedWhileCallsWait(t *testing.T) {
	servers := s.StartReplicated(t, 1)
	old, successor := servers.Primary, servers.Replicas[0]
	proxy := xcachetest.NewProxy(t, old.Addr)
	var current atomic.Pointer[string]
	addr := proxy.Addr()
	current.Store(&addr)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, *current.Load())
	}
	store := s.OpenDSN(t, Parse(t, s.Scheme+"://primary.example?pool_size=1"), dial)
	if err := Put(t, store, "k", "v"); err != nil {
		t.Fatal(err)
	}
	successor.Do(t, "REPLICAOF", "NO", "ONE")
	current.Store(&successor.Addr)
	old.Do(t, "REPLICAOF", successor.Host, fmt.Sprint(successor.Port))

	proxy.StallReplies()
	var callers sync.WaitGroup
	call := func() {
		if err := WhenQuick(func() error { return Put(t, store, "k", "v") }); err != nil {
			t.Error(err)
		}
	}
	callers.Go(call)
	Eventually(t, func() bool { return errorReplies(t, old, "READONLY") == 1 }, func() string { return "the old primary was not asked" })
	for range 9 {
		callers.Go(call)
	}
	time.Sleep(100 * time.Millisecond) // by then the callers wait; a later caller finds no connection to the old primary
	proxy.Resume()
	callers.Wait()
	if told := errorReplies(t, old, "READONLY"); told != 1 {
		t.Errorf("%d calls were told READONLY, want 1", told)
	}
}

// The server stays a replica. The driver dials again, because the address may lead to another
// server by now, but only a few times for each call.
func (s *Subject) readOnlyForGood(t *testing.T) {
	server := s.StartServer(t)
	server.Do(t, "REPLICAOF", "127.0.0.1", "1")
	var dials atomic.Int32
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	store := s.OpenDSN(t, Parse(t, s.Scheme+"://"+server.Addr+"?pool_size=1"), dial)
	start := time.Now()
	calls := 0
	for ; calls < 20; calls++ {
		WantErr(t, Put(t, store, "k", "v"), driver.NotApplied, driver.ErrReadOnly)
	}
	if n, most := int(dials.Load()), 3*calls; n > most {
		t.Errorf("%d connections for %d calls within %v", n, calls, time.Since(start))
	}
	if _, err := Get(t, store, "k"); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("a read: %v", err)
	}
}

// The first connection leads to a node that has moved. The address of this node has gone to
// another server, and new connections lead there.
func (s *Subject) nodeThatHasMovedToItsOwnAddress(t *testing.T) {
	var moved atomic.Bool
	var self *scripted
	ready := make(chan struct{})
	self = serveScript(t, func(number int, words []string) said {
		<-ready
		if a, ok := handshake(words); ok {
			return a
		}
		host, port, _ := net.SplitHostPort(self.addr)
		switch {
		case words[0] == "CLUSTER" && words[1] == "SLOTS":
			return said{text: fmt.Sprintf("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$%d\r\n%s\r\n:%s\r\n", len(host), host, port)}
		case moved.Load() && number == 1:
			return said{text: "-MOVED 1 " + self.addr + "\r\n"}
		case words[0] == "SET":
			return said{text: "+OK\r\n"}
		}
		return said{text: "-ERR unknown command\r\n"}
	})
	close(ready)
	for _, topology := range []string{"", "+cluster"} {
		t.Run("redis"+topology, func(t *testing.T) {
			moved.Store(false)
			self.connections.Store(0)
			store := s.Open(t, s.Scheme+topology+"://"+self.addr+"?pool_size=1")
			if err := Put(t, store, "k", "v"); err != nil {
				t.Fatal(err)
			}
			moved.Store(true)
			for range 5 {
				if err := Put(t, store, "k", "v"); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
