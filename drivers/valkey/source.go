package valkey

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
)

// A clientSource finds the program's client for one server.
type clientSource interface {
	// client returns the client. An error becomes Call.Err of a call of which nothing was
	// sent.
	client(c *exchange.Call) (*knownClient, error)
	// known returns the client if one has been found, or nil.
	known() *knownClient
	// dropped tells that a client was found closed, and reports whether no other client
	// will take its place.
	dropped(client *knownClient) bool
	// close closes the client if the store owns it.
	close()
}

// A knownClient is a client that a source has found.
type knownClient struct {
	valkeygo.Client
	// suspect tells that the client before was found closed, and that this client has
	// answered no call yet.
	suspect atomic.Bool
}

// answered tells that a call got its replies.
func (k *knownClient) answered() {
	if k.suspect.Load() {
		k.suspect.Store(false)
	}
}

// A fixedClient is one client. The program owns the client unless NewStore got
// CloseClient.
type fixedClient struct {
	knownClient
	owned bool
}

func (f *fixedClient) client(*exchange.Call) (*knownClient, error) { return &f.knownClient, nil }
func (f *fixedClient) known() *knownClient                         { return &f.knownClient }
func (f *fixedClient) dropped(*knownClient) bool                   { return false }

func (f *fixedClient) close() {
	if f.owned {
		f.Close()
	}
}

// clusterNodes are the nodes that valkey-go's client for a cluster knows. valkey-go makes
// and closes their clients.
type clusterNodes struct {
	cluster valkeygo.Client
	seeds   []string
}

// at returns a client for the node at an address, or nil. Any node can stand for a seed,
// which may have left the cluster: a seed is only asked for the topology.
func (n *clusterNodes) at(addr string) valkeygo.Client {
	found := n.cluster.Nodes()
	if client := found[addr]; client != nil || !slices.Contains(n.seeds, addr) {
		return client
	}
	for other, client := range found {
		if other != "" {
			return client
		}
	}
	return nil
}

// discover sends a PTTL of a key of the call through valkey-go's cluster client. The
// client follows the redirect to the node of the key, and knows that node from then on.
// A call without a key uses a random key, and its next attempt another random key.
func (n *clusterNodes) discover(c *exchange.Call) {
	key := strconv.FormatUint(rand.Uint64(), 36)
	for i := range c.Commands {
		args := c.Commands[i].Args
		if j := slices.IndexFunc(args, func(arg driver.Arg) bool { return arg.Role == driver.RoleKey }); j >= 0 {
			key = args[j].String()
			break
		}
	}
	ctx, cancel := context.WithDeadline(c.Context, c.Deadline)
	defer cancel()
	// The reply does not matter: afterwards valkey-go knows the node, or does not.
	_ = n.cluster.Do(ctx, n.cluster.B().Arbitrary("PTTL").Keys(key).Build())
}

// A clusterNode is the clientSource of one node.
type clusterNode struct {
	nodes *clusterNodes
	addr  string

	mu    sync.Mutex
	found *knownClient
	// lost tells that the client before was found closed. valkey-go closes the client of a
	// node when Nodes does not return the node any more, or with the whole cluster client.
	// Two closed clients in a row mean the whole.
	lost   bool
	closed bool // the whole cluster client is closed
}

func (n *clusterNode) client(c *exchange.Call) (*knownClient, error) {
	if client, err := n.lookUp(); client != nil || err != nil {
		return client, err
	}
	n.nodes.discover(c)
	if client, err := n.lookUp(); client != nil || err != nil {
		return client, err
	}
	return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("valkey-go does not know the node at %s yet", n.addr)).Retryable()
}

func (n *clusterNode) lookUp() (*knownClient, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, errClientClosed
	}
	if n.found == nil {
		if client := n.nodes.at(n.addr); client != nil {
			n.found = &knownClient{Client: client}
			n.found.suspect.Store(n.lost)
		}
	}
	return n.found, nil
}

func (n *clusterNode) known() *knownClient {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.found
}

func (n *clusterNode) dropped(client *knownClient) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.found == client {
		n.closed, n.found, n.lost = client.suspect.Load(), nil, true
	}
	return n.closed
}

func (*clusterNode) close() {}

// seedsOf returns the addresses of the nodes that a cluster client knows.
func seedsOf(cluster valkeygo.Client) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(cluster.Nodes())), func(addr string) bool { return addr == "" })
}
