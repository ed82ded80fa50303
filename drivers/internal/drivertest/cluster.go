package drivertest

import (
	"strings"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/xcachetest"
)

// ClusterConformance runs the conformance suite on a cluster.
func (s *Subject) ClusterConformance(t *testing.T) {
	servers := s.Cluster(t)
	dsn := s.Scheme + "+cluster://" + strings.Join(servers.Addrs(), ",")
	xcachetest.Run(t, xcachetest.Harness{
		Open: func(t testing.TB) driver.Store {
			t.Helper()
			store, err := s.Driver(nil).Open(Parse(t, dsn))
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker", "Replicated"},
	})
}
