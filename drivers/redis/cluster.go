package redis

import (
	"errors"
	"runtime"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/clustered"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// NewClusterStore returns a store on a cluster with a client of the program for each node.
// The clients' options and hooks hold. The seeds are some nodes of the cluster, as host or
// host:port: the store learns the others. NewClusterStore does no I/O, and calls client
// first when a call needs a node.
//
// client makes the client for the node at an address (host:port), which is the only server
// of that client. The store closes the client when the node has left the cluster, and in
// Close. client is called once for each node, and again for a node that comes back. client
// is called concurrently, and must not block. A nil client is an error of the calls that
// need the node.
//
// The store routes commands, follows redirects and waits for failovers, as a store from a
// DSN with +cluster does. MaxRetries of the clients has no effect. All reads go to
// primaries. A call without a deadline takes at most 3 seconds; the core adds a deadline of
// its own. A command whose caller has left holds its connection until the client's
// ReadTimeout. NewClusterStore panics if client is nil, if there is no seed, and for a
// malformed seed.
func NewClusterStore(client func(addr string) *goredis.Client, seeds ...string) *Store {
	return newClusterStoreWith(defaultStoreOptions(), client, seeds)
}

func newClusterStoreWith(o storeOptions, client func(addr string) *goredis.Client, seeds []string) *Store {
	if client == nil {
		panic("xcache: redis.NewClusterStore of nil")
	}
	cluster, err := settings.NewCluster(name, o.callTimeout, o.maxValue, seeds)
	if err != nil {
		panic("xcache: redis.NewClusterStore: " + err.Error())
	}
	return &Store{openCluster(cluster, func(addr string) clientSource {
		return &madeClient{addr: addr, make: client}
	})}
}

// openCluster returns a store on a cluster. source finds the client for the node at an
// address.
func openCluster(cluster *settings.Cluster, source func(addr string) clientSource) *clustered.Store {
	return clustered.OpenPrimaries(cluster, func(s *settings.Settings) nodes.Node {
		w := &clientWire{addr: s.Addr, source: source(s.Addr)}
		return &serverStore{
			engine: exchange.NewStore(w, exchange.NewClock(s.OpTimeout, w.Watch), exchange.Options{
				Driver: name, OpTimeout: s.OpTimeout, MaxValue: s.MaxValue,
				Detached: true, Unbounded: true, Workers: perCPU * runtime.GOMAXPROCS(0), Probes: true,
			}),
			addr: s.Addr, wire: w,
		}
	})
}

// A clusterStore is a store on the nodes of go-redis' client for a cluster.
type clusterStore struct {
	*clustered.Store
	client *goredis.ClusterClient
	nodes  *clusterNodes
	owned  bool
}

func newStoreOfCluster(client *goredis.ClusterClient, o storeOptions) *clusterStore {
	switch options := client.Options(); {
	case options.ClusterSlots != nil:
		panic("xcache: redis.NewStore of a ClusterClient with ClusterSlots, whose servers are no cluster; give it a client by NewFailoverClient for sentinels")
	case options.ReadOnly:
		panic("xcache: redis.NewStore of a ClusterClient that reads from replicas; give it one without ReadOnly, RouteByLatency and RouteRandomly, or open a DSN with read=prefer-replica")
	}
	cluster, err := settings.NewCluster(name, o.callTimeout, o.maxValue, client.Options().Addrs)
	if err != nil {
		panic("xcache: redis.NewStore of a ClusterClient: " + err.Error())
	}
	found := newClusterNodes(client)
	return &clusterStore{
		Store:  openCluster(cluster, func(addr string) clientSource { return clusterNode{found, addr} }),
		client: client, nodes: found, owned: o.closeClient,
	}
}

// Caps implements driver.Capable. The nodes use the program's clients, which have no
// connections to give away.
func (s *clusterStore) Caps() driver.Caps {
	caps := driver.DetectCaps(s)
	caps.Exclusive = nil
	return caps
}

// Disconnect implements driver.Disconnector. The calls in flight stay with go-redis.
func (s *clusterStore) Disconnect() {
	s.Store.Disconnect()
	s.nodes.discovery.Disconnect()
	if s.owned {
		_ = s.client.Close()
	}
}

// Close implements driver.Store.
func (s *clusterStore) Close() error {
	var closing error
	if s.owned { // Close of the client ends the calls that stayed with it
		closing = closed(s.client.Close())
	}
	s.nodes.discovery.Disconnect() // calls wait for the attempts
	defer s.nodes.discovery.Close()
	return errors.Join(s.Store.Close(), closing)
}
