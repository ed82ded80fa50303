package drivertest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/conformance"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// clusterDSN returns the DSN of a cluster. query is "" or starts with a question
// mark.
func (s *Subject) clusterDSN(servers *servertest.ClusterServers, query string) string {
	return s.Scheme + "+cluster://" + strings.Join(servers.Addrs(), ",") + query
}

// openCluster is Open for a cluster.
func (s *Subject) openCluster(t testing.TB, servers *servertest.ClusterServers, query string) serverStore {
	t.Helper()
	return s.open(t, s.clusterDSN(servers, query))
}

// openClusterView is OpenCache for a view on a cluster.
func (s *Subject) openClusterView(t testing.TB, servers *servertest.ClusterServers, query string) *xcache.View[string] {
	t.Helper()
	return xcache.For[string](s.OpenCache(t, s.clusterDSN(servers, query)))
}

// ClusterConformance runs the conformance suite on a cluster.
func (s *Subject) ClusterConformance(t *testing.T) {
	harness := s.clusterHarness(t, s.Cluster(t))
	harness.Report = conformance.ReportPath(s.Scheme, "cluster", s.Release)
	xcachetest.Run(t, harness)
}

func (s *Subject) clusterHarness(t testing.TB, servers *servertest.ClusterServers) xcachetest.Harness {
	t.Helper()
	dsn := withLongTimeouts(s.clusterDSN(servers, ""))
	return xcachetest.Harness{
		ServerLacks:       lackedBy(t, servers.Nodes[0]),
		ServerLacksFields: fieldsLackedBy(t, servers.Nodes[0]),

		Release:   driver.Release,
		Open:      shared(t, func(t testing.TB) driver.Store { return s.unchecked(t, dsn) }),
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker", "Replicated"},
	}
}

// ClusterConformanceOfOneNode runs the suite on a cluster of one node. The suite
// can put a proxy in front of a single node. So the suite also checks faults,
// contexts that end in flight and numbers of round trips.
func (s *Subject) ClusterConformanceOfOneNode(t *testing.T) {
	node := s.startClusterOfOne(t)
	awaitSlots(t, node)
	dsn := s.Scheme + "+cluster://" + node.Addr
	openAt := func(t testing.TB, addr string) driver.Store {
		t.Helper()
		store, err := s.Driver(func(ctx context.Context, network, to string) (net.Conn, error) {
			if to == node.Addr {
				to = addr
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		}).Open(Parse(t, dsn))
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	xcachetest.Run(t, xcachetest.Harness{
		ServerLacks:       lackedBy(t, node),
		ServerLacksFields: fieldsLackedBy(t, node),

		Release:   driver.Release,
		Open:      shared(t, func(t testing.TB) driver.Store { return s.unchecked(t, withLongTimeouts(dsn)) }),
		OpenAt:    openAt,
		Addr:      node.Addr,
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker", "Replicated"},
	})
}

// startClusterOfOne starts a node that has all slots. The node serves the slots when
// awaitSlots has returned.
func (s *Subject) startClusterOfOne(t testing.TB, opts ...servertest.Option) *servertest.Server {
	t.Helper()
	node := s.StartServer(t, append(opts, servertest.Config("cluster-enabled", "yes"))...)
	addSlots := []string{"CLUSTER", "ADDSLOTS"}
	for slot := range 16384 {
		addSlots = append(addSlots, strconv.Itoa(slot))
	}
	node.Do(t, addSlots...)
	return node
}

func awaitSlots(t testing.TB, node *servertest.Server) {
	t.Helper()
	Eventually(t, func() bool {
		info, _ := node.Do(t, "CLUSTER", "INFO").(string)
		return strings.Contains(info, "cluster_state:ok")
	}, func() string { return "the cluster is not well" })
}

// taggedKey returns a key in the slot of the tag. No other test uses the key.
func taggedKey(t testing.TB, tag, name string) string { return "{" + tag + "}" + Key(t, name) }

// tagOf returns a hash tag whose slot a server has.
func tagOf(t testing.TB, servers *servertest.ClusterServers, server *servertest.Server) string {
	t.Helper()
	for i := range 1000 {
		if tag := fmt.Sprint("tag", i); servers.Primary(t, tag) == server {
			return tag
		}
	}
	t.Fatal("no tag was found")
	return ""
}
