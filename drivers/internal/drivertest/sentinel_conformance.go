package drivertest

import (
	"context"
	"net"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/conformance"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// SentinelConformance runs the conformance suite on a primary that sentinels
// watch.
func (s *Subject) SentinelConformance(t *testing.T) {
	servers := s.StartSentinel(t) // servers of its own, because the suite empties the primary
	primary := servers.Primary(t)
	xcachetest.Run(t, xcachetest.Harness{
		ServerLacks:       lackedBy(t, primary),
		ServerLacksFields: fieldsLackedBy(t, primary),

		Release: driver.Release,
		Open:    shared(t, func(t testing.TB) driver.Store { return s.unchecked(t, withLongTimeouts(s.sentinelDSN(servers, ""))) }),
		// The sentinels say where the primary is, and the proxy stands in between.
		OpenAt: func(t testing.TB, addr string) driver.Store {
			return s.openSentinelStore(t, servers, func(ctx context.Context, network, to string) (net.Conn, error) {
				if to == primary.Addr {
					to = addr
				}
				return (&net.Dialer{}).DialContext(ctx, network, to)
			})
		},
		Report:    conformance.ReportPath(s.Scheme, "sentinel", s.Release),
		Addr:      primary.Addr,
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker", "Replicated"},
	})
}

// SentinelConformanceOfReplicas is SentinelConformance with reads from replicas. Reads
// wait for earlier writes as in ConformanceOfReplicas. The test also fails if no
// replica was read from.
func (s *Subject) SentinelConformanceOfReplicas(t *testing.T) {
	servers := s.StartSentinel(t)
	primary := servers.Primary(t)
	replicas := replicationOf(t, primary, len(servers.Replicas(t)))
	dsn := withLongTimeouts(s.sentinelDSN(servers, "&read=prefer-replica"))
	xcachetest.Run(t, xcachetest.Harness{
		ServerLacks:       lackedBy(t, primary),
		ServerLacksFields: fieldsLackedBy(t, primary),

		Release: driver.Release,
		Open: shared(t, func(t testing.TB) driver.Store {
			return replicas.store(s.unchecked(t, dsn))
		}),
		Exclusive: true,
		Lacks:     []string{"Subscriber", "Tracker"},
	})
	fromReplicas := 0
	for _, replica := range servers.Replicas(t) {
		fromReplicas += timesRun(t, replica, "get")
	}
	t.Logf("GET: %d at the replicas, %d at the primary", fromReplicas, timesRun(t, primary, "get"))
	if fromReplicas == 0 {
		t.Error("no reads at the replicas")
	}
}

// openSentinelStore opens a store. The caller closes the store.
func (s *Subject) openSentinelStore(t testing.TB, servers *servertest.SentinelServers, dial Dial) driver.Store {
	t.Helper()
	store, err := s.Driver(dial).Open(Parse(t, s.sentinelDSN(servers, "")))
	if err != nil {
		t.Fatal(err)
	}
	return store
}
