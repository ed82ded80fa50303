package drivertest

import (
	"context"
	"crypto/tls"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/xcachetest"
)

// An OwnCluster is a way to have a store on a cluster with clients of the program's own.
type OwnCluster struct {
	Name string
	// Connects tells that the clients connect in Open. Open then fails if a client
	// cannot connect.
	Connects bool
	// Open returns a store that closes the clients. Options of the clients that are
	// not given are the defaults, or less careful.
	Open func(options ClientOptions, seeds []string) (driver.Store, error)
}

// ClientOptions are the options that tests give to clients of the program's own.
type ClientOptions struct {
	Dial Dial // nil for that of the client
	// Timeout is the longest time for a reply, and for a call without a deadline.
	Timeout  time.Duration
	TLS      *tls.Config
	Password string
}

// An ownClusterDriver opens stores with clients of the program's own, for DSNs of
// clusters with reads from primaries. The driver opens all other stores.
type ownClusterDriver struct {
	driver.Driver
	own  OwnCluster
	dial Dial
}

func (d ownClusterDriver) Open(dsn *driver.DSN) (driver.Store, error) {
	store, err := d.Driver.Open(dsn) // for its errors
	if err != nil || dsn.Topology != driver.Cluster || dsn.Text("read", "primary") != "primary" {
		return store, err
	}
	if err := store.Close(); err != nil {
		return nil, err
	}
	seeds := dsn.List("addr")
	for _, host := range dsn.Hosts {
		seeds = append(seeds, host.Addr("6379"))
	}
	timeout := dsn.OpTimeout
	if timeout <= 0 {
		timeout = 3 * time.Second
	}
	return d.own.Open(ClientOptions{Dial: d.dial, Timeout: dsn.Duration("op_timeout", timeout)}, seeds)
}

// with returns a subject with the servers of s. The stores of this subject on
// clusters have clients of the program's own.
func (s *Subject) with(own OwnCluster) *Subject {
	return &Subject{
		Scheme: s.Scheme, Release: s.Release, Node: s.Node, Packages: s.Packages, NewStore: s.NewStore,
		ServerError: s.ServerError, Pipelines: s.Pipelines,
		Driver:     func(dial Dial) driver.Driver { return ownClusterDriver{s.Driver(dial), own, dial} },
		standalone: s.standalone, replicated: s.replicated, cluster: s.cluster, sentinel: s.sentinel, of: s.counting(),
	}
}

// OwnClustersOf tests stores on clusters with clients of the program's own. The routing
// is that of the driver. So each way must pass the tests that depend on the origin of the
// clients, and the last way must pass the conformance suite, too.
func (s *Subject) OwnClustersOf(t *testing.T) {
	// Each of the two clusters needs seconds until the node serves its slots.
	encrypted := s.startClusterOfOne(t, servertest.TLS(), servertest.Password("secret"))
	alone := s.startClusterOfOne(t, servertest.Config("cluster-require-full-coverage", "no"))
	newcomer := s.StartServer(t, servertest.Config("cluster-enabled", "yes"), servertest.Config("cluster-require-full-coverage", "no"), servertest.Config("cluster-node-timeout", "500"))
	var subjects []*Subject
	for _, own := range s.OwnClusters {
		subjects = append(subjects, s.with(own))
	}
	last := subjects[len(subjects)-1]
	t.Run("conformance", func(t *testing.T) {
		harness := last.clusterHarness(t, last.Cluster(t))
		harness.Lacks = append(harness.Lacks, "Exclusive") // the connections are the client's
		for _, row := range driver.Commands() {
			if row.Blocking { // a blocking command needs a connection of the caller's own
				harness.LacksCommands = append(harness.LacksCommands, row.Name)
			}
		}
		harness.MaxValue = 1 << 20
		harness.Skip = map[string]string{}
		for _, check := range xcachetest.Checks() {
			if strings.HasPrefix(check.Name, "cache") {
				harness.Skip[check.Name] = "a cache on the store does not see whose the clients are"
			}
		}
		xcachetest.Run(t, harness)
	})
	t.Run("lost replies apply nothing twice", subjects[0].doubleApplyOnCluster)
	awaitSlots(t, encrypted)
	awaitSlots(t, alone)
	t.Run("a node that joins", func(t *testing.T) { s.ownClusterNewcomer(t, alone, newcomer) })
	servers := s.StartCluster(t, servertest.Config("cluster-require-full-coverage", "no"))
	for i, own := range s.OwnClusters {
		t.Run(own.Name, func(t *testing.T) {
			t.Run("round trips", subjects[i].ClusterRoundTrips)
			if !own.Connects {
				t.Run("across slots", subjects[i].ClusterCrossSlot)
			}
			t.Run("TLS and password", func(t *testing.T) { s.ownClusterTLS(t, own, encrypted) })
			t.Run("a server that is frozen", func(t *testing.T) { s.ownClusterFrozen(t, own, servers) })
			t.Run("a slot that moves", func(t *testing.T) { subjects[i].clusterMigration(t, servers) })
		})
	}
	t.Run("scan while slots and primaries change", func(t *testing.T) { clusterScan(t, servers, 150, subjects...) })
	servers.AwaitReplicas(t)
	t.Run("a successor that the clients have not seen", func(t *testing.T) { s.ownClusterSuccessor(t, servers) })
	t.Run("failover by freeze", func(t *testing.T) { clusterFailover(t, servers, failovers[1], subjects...) })
}

// openOwnCluster returns a store that is closed at the end of the test.
func (s *Subject) openOwnCluster(t testing.TB, own OwnCluster, options ClientOptions, seeds ...string) serverStore {
	t.Helper()
	s.begin()
	store, err := own.Open(options, seeds)
	if err != nil {
		s.end(t)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.end(t)
	})
	return store.(serverStore)
}

func (s *Subject) ownClusterTLS(t *testing.T, own OwnCluster, node *servertest.Server) {
	config := node.Certificates.Config()
	open := func(password string, config *tls.Config) driver.Store {
		return s.openOwnCluster(t, own, ClientOptions{Timeout: longTimeout, TLS: config, Password: password}, node.Addr)
	}
	store := open("secret", config)
	if err := Put(t, store, "k", "v"); err != nil {
		t.Error(err)
	}
	if got, err := Get(t, store, "k"); string(got) != "v" || err != nil {
		t.Errorf("Get = %q, %v", got, err)
	}
	wantHidden(t, "the store", store)
	if own.Connects { // wrong options are an error of Open
		return
	}
	WantErr(t, Put(t, open("other", config), "k", "v"), driver.NotApplied, driver.ErrAuth)
	WantErr(t, Put(t, open("secret", &tls.Config{MinVersion: tls.VersionTLS12}), "k", "v"), driver.NotApplied, driver.ErrUnavailable)
}

// ownClusterNewcomer moves a slot to a node that the clients do not know.
func (s *Subject) ownClusterNewcomer(t *testing.T, first, second *servertest.Server) {
	var stores []serverStore
	for _, own := range s.OwnClusters {
		stores = append(stores, s.openOwnCluster(t, own, ClientOptions{Timeout: longTimeout}, first.Addr))
		if err := Put(t, stores[len(stores)-1], "k", "v"); err != nil {
			t.Fatal(err)
		}
	}
	// Nodes with the same epoch would get new epochs at their meeting, and the first node
	// could take the slot back.
	first.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", "1")
	second.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", "2")
	first.Do(t, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(second.Port))
	firstID, secondID := first.Do(t, "CLUSTER", "MYID").(string), second.Do(t, "CLUSTER", "MYID").(string)
	Eventually(t, func() bool {
		known, _ := first.Do(t, "CLUSTER", "NODES").(string)
		knows, _ := second.Do(t, "CLUSTER", "NODES").(string)
		return strings.Contains(known, secondID) && strings.Contains(knows, firstID+" 127.0.0.1")
	}, func() string { return "the nodes do not meet" })
	slot := strconv.FormatInt(first.Do(t, "CLUSTER", "KEYSLOT", "{moved}").(int64), 10)
	second.Do(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", firstID)
	first.Do(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", secondID)
	second.Do(t, "CLUSTER", "SETSLOT", slot, "NODE", secondID)
	first.Do(t, "CLUSTER", "SETSLOT", slot, "NODE", secondID)
	awaitSlots(t, second)
	for i, store := range stores {
		key := "{moved}" + strconv.Itoa(i)
		if err := Put(t, store, key, "v"); err != nil {
			t.Errorf("%s: %v", s.OwnClusters[i].Name, err)
		}
		if got := second.Do(t, "GET", key); got != "v" {
			t.Errorf("%s: the new node has %v", s.OwnClusters[i].Name, got)
		}
		if err := store.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", s.OwnClusters[i].Name, err)
		}
	}
}

// ownClusterSuccessor freezes a primary whose replica was down when the clients learnt the
// topology. A client that asks the frozen primary for its successor waits in vain.
func (s *Subject) ownClusterSuccessor(t *testing.T, servers *servertest.ClusterServers) {
	victim := servers.Primaries(t)[2]
	replica, tag := servers.Partner(victim), tagOf(t, servers, victim)
	servers.NoticeFailures(t)
	replica.Kill(t)
	for _, primary := range servers.Primaries(t) {
		Eventually(t, func() bool {
			return !strings.Contains(fmt.Sprint(primary.Do(t, "CLUSTER", "SLOTS")), " "+strconv.Itoa(replica.Port)+" ")
		}, func() string { return "a primary does not notice that a replica is down" })
	}
	stores := make([]serverStore, len(s.OwnClusters))
	for i, own := range s.OwnClusters {
		stores[i] = s.openOwnCluster(t, own, ClientOptions{Timeout: longTimeout}, servers.Addrs()...)
		if err := Put(t, stores[i], taggedKey(t, tag, own.Name), "before"); err != nil {
			t.Fatal(err)
		}
	}
	replica.Start(t)
	servers.AwaitOK(t)
	servers.AwaitReplicas(t)
	victim.Freeze(t)
	servers.AwaitFailover(t, victim)
	for i, store := range stores {
		key := taggedKey(t, tag, s.OwnClusters[i].Name)
		watch := stopwatch.Start()
		if got, err := Get(t, store, key); string(got) != "before" || err != nil { // a write would not be sent again
			t.Errorf("%s: Get = %q, %v", s.OwnClusters[i].Name, got, err)
		}
		if err := Put(t, store, key, "after"); err != nil {
			t.Errorf("%s: %v", s.OwnClusters[i].Name, err)
		}
		if took := watch.Stop(); took > longTimeout/2 {
			t.Errorf("%s: a read and a write of what the successor has took %v", s.OwnClusters[i].Name, took)
		}
	}
	victim.Thaw(t)
	servers.AwaitOK(t)
	servers.AwaitReplicas(t)
}

// ownClusterFrozen makes calls at a frozen server, without and with a deadline. The calls
// must end soon after the timeout of the client, or after the deadline.
func (s *Subject) ownClusterFrozen(t *testing.T, own OwnCluster, servers *servertest.ClusterServers) {
	const timeout = 6 * time.Second
	store := s.openOwnCluster(t, own, ClientOptions{Timeout: timeout}, servers.Addrs()...)
	if limit := driver.CapsOf(store).Limits.CallTimeout; limit != 0 {
		t.Errorf("CallTimeout is %v, which is for the core to set", limit)
	}
	node := servers.Nodes[2]
	key := taggedKey(t, tagOf(t, servers, node), "k")
	for _, w := range Writes() {
		if err := w.Run(t.Context(), store, key); err != nil {
			t.Fatal(err)
		}
	}
	node.Freeze(t)
	defer node.Thaw(t)
	watch := stopwatch.Start()
	err := store.Set(context.Background(), []driver.Entry{{Key: key, TTL: time.Minute}})
	WantErr(t, err, driver.Unknown, driver.ErrUnavailable)
	if took := watch.Stop(); took > 2*timeout {
		t.Errorf("a call without a deadline took %v", took)
	}
	for _, w := range Writes() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		WantPrompt(t, w.Name, ctx, func() error { return w.Run(ctx, store, key) }, context.DeadlineExceeded)
		cancel()
	}
}
