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

// A clientSource has the client of one server, which a program has made.
type clientSource interface {
	// client returns the client, which may have to be found. Its error is Call.Err of a
	// call of which nothing was sent.
	client(c *exchange.Call) (*knownClient, error)
	// known returns the client if there is one, or nil.
	known() *knownClient
	// dropped tells that a client was found closed, and reports whether no other one
	// will take its place.
	dropped(client *knownClient) bool
	// close closes the client if it is the store's to close.
	close()
}

// A knownClient is one that a source has returned.
type knownClient struct {
	valkeygo.Client
	// suspect tells that the one before was found closed, and this one has answered
	// nothing yet.
	suspect atomic.Bool
}

// answered tells that a call got its replies.
func (k *knownClient) answered() {
	if k.suspect.Load() {
		k.suspect.Store(false)
	}
}

// A fixedClient is one client, which the program owns unless it gives it up.
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

// clusterNodes are the nodes that valkey-go's client for a cluster knows. Their clients
// are valkey-go's to make and to close.
type clusterNodes struct {
	cluster valkeygo.Client
	seeds   []string
}

// at returns a client for the node at an address, or nil. For a seed, which the cluster
// may have left, any node will do: it is asked who has which slots.
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

// discover has valkey-go ask for a key of a call, so that it is redirected to the node
// that has the key, and knows that node from then on. A call without a key asks for any:
// its next try asks for another one.
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
	// Whatever the answer is: the node is known then, or it is not.
	_ = n.cluster.Do(ctx, n.cluster.B().Arbitrary("PTTL").Keys(key).Build())
}

// A clusterNode is one of the nodes.
type clusterNode struct {
	nodes *clusterNodes
	addr  string

	mu    sync.Mutex
	found *knownClient
	// lost tells that the client before was found closed. valkey-go closes that of a node
	// only when Nodes does not return it any more, or all of them: two in a row.
	lost   bool
	closed bool // all of them
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

// seedsOf returns the addresses of the nodes that a client for a cluster knows.
func seedsOf(cluster valkeygo.Client) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(cluster.Nodes())), func(addr string) bool { return addr == "" })
}
