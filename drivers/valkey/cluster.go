package valkey

import (
	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/clustered"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A clusterStore is a store on the nodes of valkey-go's client for a cluster.
type clusterStore struct {
	*clustered.Store
	client valkeygo.Client
	nodes  *clusterNodes
	owned  bool
}

func newStoreOfCluster(client valkeygo.Client, o storeOptions) *clusterStore {
	cluster, err := settings.NewCluster(name, o.callTimeout, maxBulk, seedsOf(client))
	if err != nil {
		panic("xcache: valkey.NewStore of a client for a cluster: " + err.Error())
	}
	found := newClusterNodes(client)
	return &clusterStore{
		Store: clustered.OpenPrimaries(cluster, func(s *settings.Settings) nodes.Node {
			w := &clientWire{source: &clusterNode{nodes: found, addr: s.Addr}}
			return &serverStore{
				engine: exchange.NewStore(w, exchange.NewClock(s.OpTimeout, w.Watch), exchange.Options{
					Driver: name, OpTimeout: s.OpTimeout, MaxValue: s.MaxValue,
					Detached: true, Unbounded: true, Copies: true, Workers: maxIdle, Probes: true,
				}),
				client: w, addr: s.Addr,
			}
		}),
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

// Disconnect implements driver.Disconnector. The calls in flight stay with valkey-go.
func (s *clusterStore) Disconnect() {
	s.Store.Disconnect()
	s.nodes.discovery.Disconnect()
	if s.owned {
		s.client.Close()
	}
}

// Close implements driver.Store.
func (s *clusterStore) Close() error {
	if s.owned { // Close of the client ends the calls that stayed with it
		s.client.Close()
		// A call that connects during the first Close leaves an open connection.
		defer s.client.Close()
	}
	s.nodes.discovery.Disconnect() // calls wait for the attempts
	defer s.nodes.discovery.Close()
	return s.Store.Close()
}
