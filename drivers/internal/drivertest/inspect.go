package drivertest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// Inspect tests what a store shows an operator of its servers, in every topology, and
// how the store is printed. The test fails if a server is missing or has the wrong
// role or state, or if a password is shown.
func (s *Subject) Inspect(t *testing.T) {
	t.Run("one server", s.inspectOneServer)
	t.Run("a server that answers on one of its connections", s.inspectAServerThatAnswers)
	t.Run("replicas", s.inspectReplicas)
	t.Run("cluster", s.inspectCluster)
	t.Run("sentinel", s.inspectSentinel)
	t.Run("client of the program's own", func(t *testing.T) {
		addr := s.Standalone(t).Addr
		store := s.openOwn(t, addr)
		if err := Put(t, store, Key(t, "k"), "v"); err != nil {
			t.Fatal(err)
		}
		wantServers(t, inspect(t, store), driver.RolePrimary, driver.StateUp, addr)
	})
	t.Run("printed stores", s.printedStores)
}

// inspect returns the Inspection of a store.
func inspect(t testing.TB, store driver.Store) driver.Inspection {
	t.Helper()
	inspector := driver.CapsOf(store).Inspector
	if inspector == nil {
		t.Fatalf("%v is no Inspector", store)
	}
	return inspector.Inspect()
}

// serversOf returns the servers that have a role.
func serversOf(i driver.Inspection, role driver.ServerRole) []driver.InspectedServer {
	return slices.DeleteFunc(slices.Clone(i.Servers), func(s driver.InspectedServer) bool { return s.Role != role })
}

// wantServers fails the test unless the servers of a role are exactly those at addrs,
// and unless all these servers are in the state.
func wantServers(t testing.TB, i driver.Inspection, role driver.ServerRole, state driver.ServerState, addrs ...string) {
	t.Helper()
	var found []string
	for _, server := range serversOf(i, role) {
		found = append(found, server.Addr)
		if server.State != state {
			t.Errorf("the %s %s is %s, want %s: %+v", role, server.Addr, server.State, state, server)
		}
	}
	slices.Sort(found)
	addrs = slices.Sorted(slices.Values(addrs))
	if !slices.Equal(found, addrs) {
		t.Errorf("the servers with role %s are %q, want %q", role, found, addrs)
	}
}

// awaitState waits until a store shows the server at addr in a state. awaitState runs
// the function meanwhile again and again.
func awaitState(t testing.TB, store driver.Store, addr string, state driver.ServerState, meanwhile func()) {
	t.Helper()
	Eventually(t, func() bool {
		meanwhile()
		return slices.ContainsFunc(inspect(t, store).Servers, func(server driver.InspectedServer) bool {
			return server.Addr == addr && server.State == state
		})
	}, func() string {
		return fmt.Sprintf("the server at %s is not %s: %+v", addr, state, inspect(t, store))
	})
}

// wantLastError fails the test unless the store shows a last error of the server, with its
// time.
func wantLastError(t testing.TB, store driver.Store, addr string) {
	t.Helper()
	for _, server := range inspect(t, store).Servers {
		if server.Addr == addr && (server.LastError == "" || time.Since(server.LastErrorAt) > time.Hour) {
			t.Errorf("no last error: %+v", server)
		}
	}
}

func (s *Subject) inspectOneServer(t *testing.T) {
	server := s.StartServer(t)
	store := s.open(t, s.Scheme+"://"+server.Addr+"/3?pool_size=2&op_timeout=6s&dial_timeout=6s")
	wantServers(t, inspect(t, store), driver.RolePrimary, driver.StateUnused, server.Addr)
	put := func() { _ = Put(t, store, "k", "v") }
	put()
	i := inspect(t, store)
	wantServers(t, i, driver.RolePrimary, driver.StateUp, server.Addr)
	if i.Driver != s.Scheme || i.Topology != driver.Standalone || i.Database != 3 {
		t.Errorf("driver %q, topology %q, database %d", i.Driver, i.Topology, i.Database)
	}
	if c := i.Servers[0].Connections; c == nil || c.InUse+c.Idle != 1 {
		t.Errorf("connections: %+v", c)
	}
	if want := server.Release.Product + " " + server.Release.Version; !strings.HasPrefix(i.Servers[0].Version, want) {
		t.Errorf("version %q, want %s", i.Servers[0].Version, want)
	}
	server.Kill(t)
	awaitState(t, store, server.Addr, driver.StateUnreachable, put)
	wantLastError(t, store, server.Addr)
	server.Start(t)
	awaitState(t, store, server.Addr, driver.StateUp, put)
	wantLastError(t, store, server.Addr)

	// A call in flight has its connection, and Inspect does not wait for the call.
	server.Freeze(t)
	call := make(chan error, 1)
	go func() { _, err := Get(t, store, "k"); call <- err }()
	Eventually(t, func() bool { return inspect(t, store).Servers[0].Connections.InUse > 0 }, func() string { return "no connection is in use" })
	awaitState(t, store, server.Addr, driver.StateUnreachable, func() { // the silence of the server has cost a connection
		if _, err := Get(t, store, "k"); !errors.Is(err, driver.ErrUnavailable) {
			t.Errorf("Get of a frozen server: %v", err)
		}
	})
	if err := <-call; !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("Get of a frozen server: %v", err)
	}
	server.Thaw(t)
	awaitState(t, store, server.Addr, driver.StateUp, put)
}

// inspectAServerThatAnswers has a store with one connection that works. Every other dial
// fails.
func (s *Subject) inspectAServerThatAnswers(t *testing.T) {
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	var dials atomic.Int32
	store := s.OpenDSN(t, Parse(t, s.Scheme+"://"+proxy.Addr()+"?pool_size=2"), func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			return nil, errors.New("no more")
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	})
	key := Key(t, "k")
	if err := Put(t, store, key, "v"); err != nil {
		t.Fatal(err)
	}
	proxy.StallReplies()
	defer proxy.Resume()
	var calls sync.WaitGroup
	calls.Go(func() { _, _ = Get(t, store, key) }) // has the connection
	Eventually(t, func() bool { return bytes.Contains(proxy.Transcript(), []byte("\r\nGET\r\n")) }, func() string { return "the call was not sent" })
	calls.Go(func() { _, _ = Get(t, store, key) }) // dials
	awaitState(t, store, proxy.Addr(), driver.StateUnreachable, func() {})
	proxy.Resume()
	calls.Wait()
	awaitState(t, store, proxy.Addr(), driver.StateUp, func() { _, _ = Get(t, store, key) })
	wantLastError(t, store, proxy.Addr())
}

func (s *Subject) inspectReplicas(t *testing.T) {
	servers := s.StartReplicated(t, 2)
	store := s.Open(t, s.Scheme+"://"+strings.Join(servers.Addrs(), ",")+"/1?read=prefer-replica")
	addrs := []string{servers.Replicas[0].Addr, servers.Replicas[1].Addr}
	wantServers(t, inspect(t, store), driver.RoleReplica, driver.StateUnused, addrs...)
	read := func() { _, _ = Get(t, store, "k") }
	for _, addr := range addrs {
		awaitState(t, store, addr, driver.StateUp, read)
	}
	i := inspect(t, store)
	wantServers(t, i, driver.RolePrimary, i.Servers[0].State, servers.Primary.Addr)
	if i.Servers[0].Role != driver.RolePrimary || i.Database != 1 {
		t.Errorf("%+v", i)
	}
	servers.Replicas[0].Kill(t)
	awaitState(t, store, addrs[0], driver.StateCooldown, read)
	wantLastError(t, store, addrs[0])
	servers.Replicas[0].Start(t)
	awaitState(t, store, addrs[0], driver.StateUp, read)
}

func (s *Subject) inspectCluster(t *testing.T) {
	servers := s.StartCluster(t, servertest.Config("cluster-replica-no-failover", "yes"))
	var primaries, replicas []string
	for i, node := range servers.Nodes {
		if i < 3 {
			primaries = append(primaries, node.Addr)
		} else {
			replicas = append(replicas, node.Addr)
		}
	}
	for _, query := range []string{"", "?read=prefer-replica"} {
		var i driver.Inspection
		open := func() {
			store := s.Open(t, withLongTimeouts(s.clusterDSN(servers, query)))
			if i := inspect(t, store); len(i.Servers) > 0 || !i.Learnt.IsZero() || i.Topology != driver.Cluster {
				t.Errorf("before the first call: %+v", i)
			}
			for n := range 60 {
				if err := Put(t, store, Key(t, fmt.Sprint(n)), "v"); err != nil {
					t.Fatal(err)
				}
				if _, err := Get(t, store, Key(t, fmt.Sprint(n))); err != nil && !errors.Is(err, driver.ErrNotFound) {
					t.Fatal(err)
				}
			}
			i = inspect(t, store)
		}
		// On a busy machine the nodes take each other for failed, and name no failed replica.
		Eventually(t, func() bool { open(); return len(serversOf(i, driver.RoleReplica)) == len(replicas) },
			func() string { return fmt.Sprintf("%+v, want the replicas %q", i, replicas) })
		wantServers(t, i, driver.RolePrimary, driver.StateUp, primaries...)
		state := driver.StateUnused
		if query != "" {
			state = driver.StateUp
		}
		wantServers(t, i, driver.RoleReplica, state, replicas...)
		slots := 0
		for _, server := range serversOf(i, driver.RolePrimary) {
			slots += server.SlotCount
			if len(server.Slots) != 1 || server.Connections == nil || server.Version == "" {
				t.Errorf("%+v", server)
			}
		}
		if slots != 16384 {
			t.Errorf("%d slots", slots)
		}
		if !slices.Contains(servers.Addrs(), i.LearntFrom) || time.Since(i.Learnt) > time.Hour || i.LearnError != "" {
			t.Errorf("learnt at %v from %q, %s", i.Learnt, i.LearntFrom, i.LearnError)
		}
	}

	store := s.Open(t, withLongTimeouts(s.clusterDSN(servers, "")))
	victim := servers.Nodes[0]
	key := taggedKey(t, tagOf(t, servers, victim), "k")
	put := func() { _ = Put(t, store, key, "v") }
	get := func() { // does not wait for a node that is down
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = store.Get(ctx, []string{key}, make([]driver.Value, 1))
	}
	put()
	victim.Freeze(t)
	call := make(chan struct{})
	go func() { put(); close(call) }()
	awaitState(t, store, victim.Addr, driver.StateSilent, func() {})
	for _, server := range inspect(t, store).Servers {
		if server.Addr == victim.Addr && server.Calls == 0 {
			t.Errorf("no call in flight: %+v", server)
		}
	}
	victim.Thaw(t)
	<-call
	servers.AwaitOK(t)
	awaitState(t, store, victim.Addr, driver.StateUp, put)
	victim.Kill(t)
	awaitState(t, store, victim.Addr, driver.StateUnreachable, get)
	wantLastError(t, store, victim.Addr)
}

func (s *Subject) inspectSentinel(t *testing.T) {
	servers := s.StartSentinel(t)
	store := s.Open(t, s.sentinelDSN(servers, "&read=prefer-replica"))
	i := inspect(t, store)
	wantServers(t, i, driver.RoleSentinel, driver.StateUnused, servers.Addrs()...)
	if i.Topology != driver.Sentinel || !i.Learnt.IsZero() {
		t.Errorf("before the first call: %+v", i)
	}
	primary := servers.Primary(t)
	put := func() { _ = Put(t, store, "k", "v") }
	put()
	awaitState(t, store, primary.Addr, driver.StateUp, put)
	for _, sentinel := range servers.Sentinels {
		awaitState(t, store, sentinel.Addr, driver.StateUp, put)
	}
	for _, replica := range servers.Replicas(t) {
		awaitState(t, store, replica.Addr, driver.StateUp, func() { _, _ = Get(t, store, "k") })
	}
	i = inspect(t, store)
	wantServers(t, i, driver.RolePrimary, driver.StateUp, primary.Addr)
	if !slices.Contains(servers.Addrs(), i.LearntFrom) || time.Since(i.Learnt) > time.Hour {
		t.Errorf("learnt at %v from %q", i.Learnt, i.LearntFrom)
	}
	servers.Sentinels[0].Kill(t)
	awaitState(t, store, servers.Sentinels[0].Addr, driver.StateUnreachable, put)
	servers.Sentinels[0].Start(t)
	successor := servers.Failover(t)
	Eventually(t, func() bool {
		put()
		now := serversOf(inspect(t, store), driver.RolePrimary)
		return len(now) == 1 && now[0].Addr == successor.Addr && now[0].State == driver.StateUp
	}, func() string { return fmt.Sprintf("the primary is not %s: %+v", successor.Addr, inspect(t, store)) })
}

// Every store prints its servers, and never the password, with every verb, before the
// first call and after the call.
func (s *Subject) printedStores(t *testing.T) {
	const secret = "canary"
	replicated, cluster, sentinels := s.Replicated(t), s.Cluster(t), s.Sentinel(t)
	login := "://:" + secret + "@"
	for _, tt := range []struct {
		name, dsn     string
		before, after []string
	}{
		{"one server", login + replicated.Primary.Addr + "/2", []string{replicated.Primary.Addr + "/2"}, nil},
		{
			"replicas", login + strings.Join(replicated.Addrs(), ",") + "/2",
			append([]string{replicated.Primary.Addr + "/2", "replicas"}, replicated.Addrs()...), nil,
		},
		{"cluster", "+cluster" + login + strings.Join(cluster.Addrs()[:2], ","), append([]string{"cluster", "database 0"}, cluster.Addrs()[:2]...), append([]string{"primaries"}, cluster.Addrs()[:3]...)},
		{"cluster's replicas", "+cluster" + login + cluster.Addrs()[0] + "?read=replica", []string{"cluster", cluster.Addrs()[0]}, cluster.Addrs()[:3]},
		{"sentinel", "+sentinel" + login + strings.Join(sentinels.Addrs(), ",") + "/2?master=" + sentinels.MasterName, append([]string{sentinels.MasterName, "database 2"}, sentinels.Addrs()...), []string{sentinels.Primary(t).Addr}},
		{"sentinel's replicas", "+sentinel" + login + sentinels.Addrs()[0] + "/2?read=prefer-replica&master=" + sentinels.MasterName, []string{sentinels.MasterName}, []string{sentinels.Replicas(t)[0].Addr, sentinels.Replicas(t)[1].Addr}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := s.Open(t, s.Scheme+tt.dsn)
			check := func(words []string) {
				t.Helper()
				stores := []driver.Store{store}
				if r := driver.CapsOf(store).Replicated; r != nil {
					stores = append(stores, r.Primary())
				}
				for _, shown := range stores {
					for _, verb := range verbs {
						text := fmt.Sprintf(verb, shown)
						inside := fmt.Sprintf(verb, struct{ Store driver.Store }{shown})
						for _, leak := range []string{secret, hex.EncodeToString([]byte(secret))} {
							if strings.Contains(text, leak) || strings.Contains(inside, leak) {
								t.Errorf("%s shows the password: %s, %s", verb, text, inside)
							}
						}
					}
				}
				for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
					text := fmt.Sprintf(verb, store)
					for _, word := range append(words, s.Scheme) {
						if !strings.Contains(text, word) {
							t.Errorf("%s does not show %s: %s", verb, word, text)
						}
					}
				}
			}
			check(tt.before)
			if err := Put(t, store, Key(t, "k"), "v"); err != nil {
				t.Fatal(err)
			}
			_, _ = Get(t, store, Key(t, "k"))
			check(tt.after)
			if text := fmt.Sprintf("%+v", inspect(t, store)); strings.Contains(text, secret) {
				t.Errorf("Inspect shows the password: %s", text)
			}
		})
	}
}
