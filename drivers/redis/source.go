package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/discovery"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
)

// A clientSource finds the program's client for one server.
type clientSource interface {
	// client returns the client. An error becomes Call.Err of a call of which nothing was
	// sent.
	client(c *exchange.Call) (*goredis.Client, error)
	// known returns the client if it exists, or nil.
	known() *goredis.Client
	// dropped tells that a client was found closed, and reports whether another client may
	// take its place.
	dropped(client *goredis.Client) bool
	// close closes the client if the store owns it.
	close() error
}

// A fixedClient is one client. The program owns the client unless NewStore got
// CloseClient.
type fixedClient struct {
	*goredis.Client
	owned bool
}

func (f fixedClient) client(*exchange.Call) (*goredis.Client, error) { return f.Client, nil }
func (f fixedClient) known() *goredis.Client                         { return f.Client }
func (f fixedClient) dropped(*goredis.Client) bool                   { return false }

func (f fixedClient) close() error {
	if !f.owned {
		return nil
	}
	return closed(f.Close())
}

// closed returns the error of Close of a client. ErrClosed is no error.
func closed(err error) error {
	if err == nil || errors.Is(err, goredis.ErrClosed) {
		return nil
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
}

// A madeClient is made by the program at the first call that needs the client, and is
// closed by the store.
type madeClient struct {
	addr string
	make func(addr string) *goredis.Client

	mu     sync.Mutex
	made   *goredis.Client
	closed bool
}

func (m *madeClient) client(*exchange.Call) (*goredis.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed()
	}
	if m.made == nil {
		if m.made = m.make(m.addr); m.made == nil {
			return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("the program has made no client for %s", m.addr))
		}
	}
	return m.made, nil
}

func (m *madeClient) known() *goredis.Client {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.made
}

func (m *madeClient) dropped(*goredis.Client) bool { return false }

func (m *madeClient) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.made == nil {
		return nil
	}
	return closed(m.made.Close())
}

// clusterNodes are the clients for the nodes in go-redis' client for a cluster. go-redis
// makes and closes them.
type clusterNodes struct {
	cluster   *goredis.ClusterClient
	discovery *discovery.Discovery

	mu     sync.Mutex
	byAddr map[string]*goredis.Client
	closed map[*goredis.Client]bool // clients that calls have found closed
}

func newClusterNodes(cluster *goredis.ClusterClient) *clusterNodes {
	n := &clusterNodes{
		cluster: cluster,
		byAddr:  make(map[string]*goredis.Client), closed: make(map[*goredis.Client]bool),
	}
	// The end of a context would let go-redis take all nodes for dead, and forget them.
	n.discovery = discovery.New(0, n.refresh)
	return n
}

// at returns the client for the node at an address, or nil. A node that does not know its
// own host announces its port alone, and go-redis takes that as the address.
func (n *clusterNodes) at(addr string) *goredis.Client {
	n.mu.Lock()
	defer n.mu.Unlock()
	if client := n.byAddr[addr]; client != nil {
		return client
	}
	_, port, _ := net.SplitHostPort(addr)
	return n.byAddr[":"+port]
}

// standIn returns the client for some node, or nil, for a question that any node answers.
// The node that was to be asked is a seed, which go-redis may know by another name.
func (n *clusterNodes) standIn() *goredis.Client {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, client := range n.byAddr {
		return client
	}
	return nil
}

// refresh lets go-redis ask the cluster for its nodes, and records their clients. go-redis
// uses its last topology if no node answers.
//
// go-redis closes the client of a node that has left the cluster, and forgets the client.
// If go-redis still has a closed client, the program has closed the cluster client.
func (n *clusterNodes) refresh(ctx context.Context, _ string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = malformed(p)
		}
	}()
	var mu sync.Mutex
	byAddr := make(map[string]*goredis.Client)
	err = n.cluster.ForEachShard(ctx, func(_ context.Context, client *goredis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		byAddr[client.Options().Addr] = client
		return nil
	})
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, client := range byAddr {
		if n.closed[client] {
			return goredis.ErrClosed
		}
	}
	n.byAddr = byAddr
	clear(n.closed)
	return nil
}

// A clusterNode is the clientSource of one node.
type clusterNode struct {
	nodes *clusterNodes
	addr  string
}

func (c clusterNode) client(call *exchange.Call) (*goredis.Client, error) {
	if client := c.find(call); client != nil {
		return client, nil
	}
	if err := c.nodes.discovery.Try(call.Context, call.Deadline, ""); err != nil {
		return nil, err
	}
	if client := c.find(call); client != nil {
		return client, nil
	}
	return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("go-redis does not know the node at %s yet", c.addr)).Retryable()
}

// find returns the client for the node, or for another node that can answer the call, or
// nil.
func (c clusterNode) find(call *exchange.Call) *goredis.Client {
	if client := c.known(); client != nil || !discovery.AnyNodeAnswers(call) {
		return client
	}
	return c.nodes.standIn()
}

func (c clusterNode) known() *goredis.Client { return c.nodes.at(c.addr) }

func (c clusterNode) dropped(client *goredis.Client) bool {
	n := c.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed[client] = true
	for addr, other := range n.byAddr {
		if other == client {
			delete(n.byAddr, addr)
		}
	}
	return true
}

func (clusterNode) close() error { return nil }
