package drivertest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// ClusterAddresses tests a client that is elsewhere. The nodes announce addresses
// that are useless there, such as 127.0.0.1. The test fails if the store dials
// such an address, or does not reach a node.
func (s *Subject) ClusterAddresses(t *testing.T) {
	t.Run("nodes that announce a loopback address", func(t *testing.T) {
		s.announcedAddresses(t, servertest.Config("cluster-announce-ip", "127.0.0.1"))
	})
	t.Run("nodes whose endpoint is unknown", func(t *testing.T) {
		if s.Release == "redis-6.0" {
			t.Skip("it always has an endpoint")
		}
		s.announcedAddresses(t, servertest.Config("cluster-preferred-endpoint-type", "unknown-endpoint"))
	})
	t.Run("forms of an address", s.formsOfAnAddress)
}

// A farNetwork is the way to servers that are elsewhere. A client reaches the ports
// of this machine by the name cache.example, and by no other name.
type farNetwork struct {
	mu     sync.Mutex
	dialed []string
}

const farHost = "cache.example"

func (n *farNetwork) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, addr)
	n.mu.Unlock()
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host != farHost {
		return nil, fmt.Errorf("no way to %s", addr)
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}

// wantHosts fails the test if the client dialed another host than farHost, or
// did not dial one of the ports.
func (n *farNetwork) wantHosts(t *testing.T, ports ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, addr := range n.dialed {
		if !strings.HasPrefix(addr, farHost+":") {
			t.Errorf("a connection to %s was tried", addr)
		}
	}
	for _, port := range ports {
		if !slices.Contains(n.dialed, net.JoinHostPort(farHost, port)) {
			t.Errorf("no connection to port %s; those that were made: %q", port, n.dialed)
		}
	}
}

// announcedAddresses uses a cluster from elsewhere, also while slots move.
func (s *Subject) announcedAddresses(t *testing.T, opts ...servertest.Option) {
	servers := s.StartCluster(t, opts...)
	var far farNetwork
	var ports []string
	for _, node := range servers.Nodes[:3] {
		ports = append(ports, fmt.Sprint(node.Port))
	}
	open := func(query string) driver.Store {
		t.Helper()
		return s.OpenDSN(t, Parse(t, s.Scheme+"+cluster://"+net.JoinHostPort(farHost, ports[0])+query), far.dial)
	}
	store := open("")
	for i := range 60 {
		if err := Put(t, store, Key(t, fmt.Sprint(i)), "v"); err != nil {
			t.Fatal(err)
		}
	}
	far.wantHosts(t, ports...)

	from, to := servers.Nodes[0], servers.Nodes[1]
	key := taggedKey(t, tagOf(t, servers, from), "moving")
	if err := Put(t, store, key, "v"); err != nil {
		t.Fatal(err)
	}
	migration := servers.StartMigration(t, from, to, int(from.Do(t, "CLUSTER", "KEYSLOT", key).(int64)))
	migration.MoveKeys(t)
	asked, moved := errorReplies(t, from, "ASK"), errorReplies(t, from, "MOVED")
	get := func() {
		t.Helper()
		if got, err := Get(t, store, key); string(got) != "v" || err != nil {
			t.Errorf("Get = %q, %v", got, err)
		}
	}
	get()
	s.wantErrorReplies(t, from, "ASK", asked)
	migration.Finish(t)
	get()
	s.wantErrorReplies(t, from, "MOVED", moved)

	reads := open("?read=replica")
	servers.AwaitReplicas(t)
	for i := range 60 {
		if got, err := Get(t, reads, Key(t, fmt.Sprint(i))); string(got) != "v" || err != nil {
			t.Errorf("a read from a replica: %q, %v", got, err)
		}
	}
	far.wantHosts(t, fmt.Sprint(servers.Nodes[3].Port))
}

// formsOfAnAddress serves a scripted node that names another node, in every form of
// an address. Only the other node has the key.
func (s *Subject) formsOfAnAddress(t *testing.T) {
	for _, tt := range []struct {
		name string
		host string // host of the other node in CLUSTER SLOTS, in the form of the wire
		more string
		lost bool // the other node cannot be found
	}{
		{name: "its own host", host: "$9\r\n127.0.0.1\r\n"},
		{name: "a loopback address", host: "$9\r\n127.1.2.3\r\n"},
		{name: "an empty host", host: "$0\r\n\r\n"},
		{name: "no host", host: "$-1\r\n"},
		{name: "an unknown name with an address", host: "$1\r\n?\r\n", more: "*2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n"},
		{name: "an unknown name", host: "$1\r\n?\r\n", more: "*0\r\n", lost: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var port string
			script := func(_ int, words []string) said {
				if a, ok := handshake(words); ok {
					return a
				}
				switch {
				case words[0] == "CLUSTER" && words[1] == "SLOTS":
					more := tt.more
					if more == "" {
						more = "*0\r\n"
					}
					return said{text: fmt.Sprintf("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n%s:%s\r\n$4\r\nname\r\n%s", tt.host, port, more)}
				case words[0] == "SET":
					return said{text: "+OK\r\n"}
				}
				return said{text: "-ERR unknown command\r\n"}
			}
			seed := serveScript(t, script)
			owner := serveScript(t, func(_ int, words []string) said {
				if a, ok := handshake(words); ok {
					return a
				}
				return said{text: "+OK\r\n"}
			})
			var seedPort string
			_, seedPort, _ = net.SplitHostPort(seed.addr)
			_, port, _ = net.SplitHostPort(owner.addr)
			var far farNetwork
			store := s.OpenDSN(t, Parse(t, s.Scheme+"+cluster://"+net.JoinHostPort(farHost, seedPort)+"?op_timeout=1s"), far.dial)
			err := Put(t, store, "k", "v")
			if tt.lost {
				WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			far.wantHosts(t, port)
		})
	}
}
