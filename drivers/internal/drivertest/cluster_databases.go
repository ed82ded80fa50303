package drivertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// ClusterDatabases tests clusters with several databases, which Valkey has since
// version 9. Other clusters must refuse a DSN with another database than 0. The
// test fails if databases share keys, or if calls do not fail at once with the
// refusal.
func (s *Subject) ClusterDatabases(t *testing.T) {
	t.Run("numbered databases are apart", s.numberedDatabasesAreApart)
	t.Run("a database that the cluster lacks", s.databaseThatTheClusterLacks)
}

// valkey9 names the first release with several databases in a cluster.
func valkey9() servertest.Option { return servertest.Release(release.Valkey9.Name) }

func (s *Subject) numberedDatabasesAreApart(t *testing.T) {
	servers := servertest.Cluster(t, valkey9(), servertest.Config("cluster-databases", "3"))
	zero, one := s.openCluster(t, servers, "?"+longQuery), s.openCluster(t, servers, "/1?"+longQuery)
	names := make([]string, 60) // in the slots of all primaries
	for i := range names {
		names[i] = Key(t, fmt.Sprint(i))
		for text, store := range map[string]driver.Store{"zero": zero, "one": one} {
			if err := Put(t, store, names[i], text); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(store driver.Store, key, want string) {
		t.Helper()
		if got, err := Get(t, store, key); string(got) != want || err != nil {
			t.Errorf("Get(%s) = %q, %v; want %q", key, got, err, want)
		}
	}
	wantKeys := func(store serverStore, want int) {
		t.Helper()
		found := map[string]bool{}
		for key, err := range store.Scan(t.Context(), "*") {
			if err != nil {
				t.Error(err)
			}
			found[key] = true
		}
		if len(found) != want {
			t.Errorf("a scan found %d keys, want %d", len(found), want)
		}
	}
	for _, key := range names {
		want(zero, key, "zero")
		want(one, key, "one")
	}
	// A rename between slots is a copy within the database of the value.
	if err := one.Rename(t.Context(), names[0], Key(t, "renamed")); err != nil {
		t.Error(err)
	}
	want(one, Key(t, "renamed"), "one")
	want(zero, names[0], "zero")
	if _, err := Get(t, zero, Key(t, "renamed")); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("the renamed key in database 0: %v", err)
	}
	replicas := s.Open(t, s.clusterDSN(servers, "/1?read=replica"))
	servers.AwaitReplicas(t)
	want(replicas, names[1], "one")

	// ASKING and MOVED are followed into the same database.
	from, to := servers.Nodes[0], servers.Nodes[1]
	tag := tagOf(t, servers, from)
	key := taggedKey(t, tag, "moving")
	for text, store := range map[string]driver.Store{"zero": zero, "one": one} {
		if err := Put(t, store, key, text); err != nil {
			t.Fatal(err)
		}
	}
	migration := servers.StartMigration(t, from, to, int(from.Do(t, "CLUSTER", "KEYSLOT", key).(int64)))
	migration.MoveKeys(t)
	asked := errorReplies(t, from, "ASK")
	want(zero, key, "zero")
	want(one, key, "one")
	s.wantErrorReplies(t, from, "ASK", asked+1)
	migration.Finish(t)
	want(zero, key, "zero")
	want(one, key, "one")
	ttl := []driver.Entry{{Key: key, TTL: time.Hour}}
	if err := errors.Join(one.Expire(t.Context(), ttl), ttl[0].Err); err != nil {
		t.Error(err)
	}

	wantKeys(one, len(names)+1)
	if err := one.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	wantKeys(one, 0)
	wantKeys(zero, len(names)+1)
	WantErr(t, Put(t, s.openCluster(t, servers, "/3"), "k", "v"), driver.NotApplied, errors.ErrUnsupported)
}

// The server itself refuses the database. Calls fail with the refusal, and at
// once.
func (s *Subject) databaseThatTheClusterLacks(t *testing.T) {
	servers := s.Cluster(t)
	for _, query := range []string{"/1", "/?db=7", "/1?read=prefer-replica"} {
		store := s.Open(t, s.clusterDSN(servers, query))
		before := connectionsReceived(t, servers.Nodes)
		const calls = 10
		for range calls {
			err := Put(t, store, "k", "v")
			WantErr(t, err, driver.NotApplied, errors.ErrUnsupported)
			if err == nil || strings.Contains(err.Error(), "without +cluster") || !strings.Contains(err.Error(), "cluster-databases") {
				t.Fatalf("%s: %v", query, err)
			}
			_, err = Get(t, store, "k")
			WantErr(t, err, driver.NotApplied, errors.ErrUnsupported)
		}
		// A call must not ask the nodes again and again. The limit is two connections
		// to each node for each call.
		if n := connectionsReceived(t, servers.Nodes) - before; n > 4*calls*len(servers.Nodes) {
			t.Errorf("%s: %d connections for %d calls", query, n, 2*calls)
		}
	}
}

// connectionsReceived returns how many connections were made to servers so far.
func connectionsReceived(t *testing.T, servers []*servertest.Server) (n int) {
	t.Helper()
	for _, server := range servers {
		info, _ := server.Do(t, "INFO", "stats").(string)
		lines := slices.Collect(strings.Lines(info))
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "total_connections_received:") })
		if at < 0 {
			t.Fatal("no count of connections")
		}
		var here int
		if _, err := fmt.Sscanf(lines[at], "total_connections_received:%d", &here); err != nil {
			t.Fatal(err)
		}
		n += here
	}
	return n
}
