package drivertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
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
	dsn := s.clusterDSN(s.Cluster(t), "")
	xcachetest.Run(t, xcachetest.Harness{
		Open:      func(t testing.TB) driver.Store { return s.unchecked(t, dsn) },
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker", "Replicated"},
	})
}

// taggedKey returns a key whose slot is that of the tag, and of this test's own.
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
