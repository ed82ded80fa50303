package drivertest

import (
	"strings"
	"testing"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/internal/conformance"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
	"github.com/xcache-go/xcache/xcachetest"
)

// Conformance runs the suite on one server of each release: the subject's
// release and the other releases.
func (s *Subject) Conformance(t *testing.T) {
	for _, release := range s.releases(t) {
		t.Run(release, func(t *testing.T) {
			server := servertest.Redis(t, servertest.Release(release)) // a server of its own, because the suite empties the server
			xcachetest.Run(t, xcachetest.Harness{
				Open:      shared(t, func(t testing.TB) driver.Store { return s.unchecked(t, withLongTimeouts(s.Scheme+"://"+server.Addr)) }),
				OpenAt:    func(t testing.TB, addr string) driver.Store { return s.unchecked(t, s.Scheme+"://"+addr) },
				Addr:      server.Addr,
				Exclusive: true,
				Release:   driver.Release,
				Lacks:     []string{"Subscriber", "Tracker", "Replicated"},

				ServerLacks:       lackedBy(t, server),
				ServerLacksFields: fieldsLackedBy(t, server),
				Report:            conformance.ReportPath(s.Scheme, "standalone", release),
			})
		})
	}
}

// withLongTimeouts returns a DSN whose store waits for longer than usual: a busy machine may stop
// a server or the test for seconds. A store keeps the time-outs of users if a test waits for
// the end of the time-outs, as with a frozen server.
func withLongTimeouts(dsn string) string {
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	return dsn + separator + longQuery
}

// longQuery has the parameters of withLongTimeouts.
const longQuery = "op_timeout=20s&dial_timeout=20s"

// lackedBy returns the commands that a server is too old for. Commands with a script in
// their place are left out.
func lackedBy(t testing.TB, server *servertest.Server) []string {
	t.Helper()
	var names []string
	version := versionOf(t, server)
	for _, form := range dialect.Forms() {
		if form.With == "" && form.Script == "" && !form.In(version) {
			names = append(names, form.Command)
		}
	}
	return names
}

// fieldsLackedBy returns the fields of XINFO's replies that a server is too old for.
func fieldsLackedBy(t testing.TB, server *servertest.Server) []string {
	t.Helper()
	if version := versionOf(t, server); version.Valkey || version.Major >= 7 {
		return nil
	}
	return []string{"max-deleted-entry-id", "entries-added", "recorded-first-entry-id", "entries-read", "lag"}
}

// releases returns the subject's release and the other releases. A name is left
// out if the environment makes the name mean an earlier release of the list.
func (s *Subject) releases(t testing.TB) []string {
	t.Helper()
	var names []string
	seen := make(map[string]bool)
	for _, name := range append([]string{s.Release}, s.Others...) {
		found, err := release.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if !seen[found.Name] {
			seen[found.Name] = true
			names = append(names, name)
		}
	}
	return names
}

// ConformanceOfReplicas runs the suite on a primary and its replicas.
//
// The suite wants a read to see the last write. Replicas do not promise that. So a read
// waits here until the replicas have the writes, as a [replication] does. Nothing else
// differs. The test also fails if no replica is read from with read=prefer-replica, or
// if a replica is read from with read=primary.
func (s *Subject) ConformanceOfReplicas(t *testing.T) {
	for _, read := range []string{"prefer-replica", "primary"} {
		t.Run(read, func(t *testing.T) {
			servers := s.StartReplicated(t, 2)
			dsn := withLongTimeouts(s.Scheme + "://" + strings.Join(servers.Addrs(), ",") + "?read=" + read)
			replicas := replicationOf(t, servers.Primary, len(servers.Replicas))
			harness := xcachetest.Harness{
				Open: shared(t, func(t testing.TB) driver.Store {
					store := s.unchecked(t, dsn)
					if read == "primary" {
						return store
					}
					return replicas.store(store)
				}),
				Exclusive: true,
				Release:   driver.Release,
				Lacks:     []string{"Subscriber", "Tracker"},

				ServerLacks:       lackedBy(t, servers.Primary),
				ServerLacksFields: fieldsLackedBy(t, servers.Primary),
			}
			if read == "primary" {
				harness.Lacks = append(harness.Lacks, "Replicated")
			}
			xcachetest.Run(t, harness)
			fromReplicas := timesRun(t, servers.Replicas[0], "get") + timesRun(t, servers.Replicas[1], "get")
			t.Logf("GET: %d at the replicas, %d at the primary", fromReplicas, timesRun(t, servers.Primary, "get"))
			if (read == "primary") != (fromReplicas == 0) {
				t.Errorf("%d reads at the replicas", fromReplicas)
			}
		})
	}
}
