package valkey

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/discovery"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
)

// probeTimeout is the time after which nobody waits for a probe any more.
const probeTimeout = 3 * time.Second

// clusterNodes are the nodes that valkey-go's client for a cluster knows. valkey-go makes
// and closes their clients.
type clusterNodes struct {
	cluster   valkeygo.Client
	discovery *discovery.Discovery
}

func newClusterNodes(cluster valkeygo.Client) *clusterNodes {
	n := &clusterNodes{cluster: cluster}
	n.discovery = discovery.New(probeTimeout, n.probe)
	return n
}

// seedsOf returns the addresses of the nodes that a cluster client knows.
func seedsOf(cluster valkeygo.Client) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(cluster.Nodes())), func(addr string) bool { return addr == "" })
}

// at returns the client for the node at an address, or nil.
func (n *clusterNodes) at(addr string) valkeygo.Client { return n.cluster.Nodes()[addr] }

// standIn returns the client for some node, or nil, for a question that any node answers.
// The node that was to be asked is a seed, which may have left the cluster.
func (n *clusterNodes) standIn() valkeygo.Client {
	for addr, client := range n.cluster.Nodes() {
		if addr != "" {
			return client
		}
	}
	return nil
}

// probe sends a PTTL of a key to some node that valkey-go knows. If another node has the
// key, the reply is a redirect: valkey-go follows the redirect, knows that node from then
// on, and learns the whole topology within a second.
//
// The key is not given as a key. valkey-go would send the command to the node that had the
// key when valkey-go last learnt the topology, and that node may be frozen.
func (n *clusterNodes) probe(ctx context.Context, key string) error {
	// The reply does not matter: afterwards valkey-go knows the node, or does not.
	_ = n.cluster.Do(ctx, n.cluster.B().Arbitrary("PTTL").Args(key).Build())
	return nil
}

// keyOf returns a key of a call. A call without a key gets a random key, and its next
// attempt another random key.
func keyOf(c *exchange.Call) string {
	for i := range c.Commands {
		args := c.Commands[i].Args
		if j := slices.IndexFunc(args, func(arg driver.Arg) bool { return arg.Role == driver.RoleKey }); j >= 0 {
			return args[j].String()
		}
	}
	return strconv.FormatUint(rand.Uint64(), 36)
}
