package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
)

// A clientSource has the client of one server that a program has made.
type clientSource interface {
	// client returns the client, which may have to be made or found. Its error is that
	// of a call: nothing was applied.
	client(ctx context.Context) (*goredis.Client, error)
	// known returns the client if there is one, or nil.
	known() *goredis.Client
	// dropped tells that a client was found closed, and reports whether another one
	// may take its place.
	dropped(client *goredis.Client) bool
	// close closes the client if it is the store's to close.
	close() error
}

// A fixedClient is one client, which the program owns unless it gives it up.
type fixedClient struct {
	*goredis.Client
	owned bool
}

func (f fixedClient) client(context.Context) (*goredis.Client, error) { return f.Client, nil }
func (f fixedClient) known() *goredis.Client                          { return f.Client }
func (f fixedClient) dropped(*goredis.Client) bool                    { return false }

func (f fixedClient) close() error {
	if !f.owned {
		return nil
	}
	return closeClient(f.Client)
}

func closeClient(client *goredis.Client) error {
	if err := client.Close(); err != nil && !errors.Is(err, goredis.ErrClosed) {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	return nil
}

// A madeClient is made by the program when the first call needs it, and closed by the
// store.
type madeClient struct {
	addr string
	make func(addr string) *goredis.Client

	mu     sync.Mutex
	made   *goredis.Client
	closed bool
}

func (m *madeClient) client(context.Context) (*goredis.Client, error) {
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
	return closeClient(m.made)
}

// clusterNodes are the clients that go-redis' client for a cluster has for its nodes.
// They are go-redis' to make and to close.
type clusterNodes struct {
	cluster *goredis.ClusterClient
	seeds   map[string]bool

	mu     sync.Mutex
	byAddr map[string]*goredis.Client
}

func newClusterNodes(cluster *goredis.ClusterClient, seeds []string) *clusterNodes {
	n := &clusterNodes{cluster: cluster, seeds: make(map[string]bool), byAddr: make(map[string]*goredis.Client)}
	for _, seed := range seeds {
		n.seeds[seed] = true
	}
	cluster.OnNewNode(n.add)
	return n
}

func (n *clusterNodes) add(client *goredis.Client) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.byAddr[client.Options().Addr] = client
}

// at returns the client for an address, or nil. For a seed, which go-redis may know by
// another name only, any will do: it is asked who has which slots.
func (n *clusterNodes) at(addr string) *goredis.Client {
	n.mu.Lock()
	defer n.mu.Unlock()
	if client := n.byAddr[addr]; client != nil || !n.seeds[addr] {
		return client
	}
	for _, client := range n.byAddr {
		return client
	}
	return nil
}

// look has go-redis look at the cluster, for nodes that it has not told of.
func (n *clusterNodes) look(ctx context.Context) error {
	return n.cluster.ForEachShard(ctx, func(_ context.Context, client *goredis.Client) error {
		n.add(client)
		return nil
	})
}

// A clusterNode is one of the nodes.
type clusterNode struct {
	nodes *clusterNodes
	addr  string
}

func (c clusterNode) client(ctx context.Context) (*goredis.Client, error) {
	if client := c.known(); client != nil {
		return client, nil
	}
	err := c.nodes.look(ctx)
	if client := c.known(); client != nil {
		return client, nil
	}
	switch {
	case errors.Is(err, goredis.ErrClosed):
		return nil, errClosed()
	case err == nil:
		c.nodes.cluster.ReloadState(ctx)
		err = fmt.Errorf("go-redis does not know the node at %s yet", c.addr)
	}
	return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
}

func (c clusterNode) known() *goredis.Client { return c.nodes.at(c.addr) }

func (c clusterNode) dropped(client *goredis.Client) bool {
	c.nodes.mu.Lock()
	defer c.nodes.mu.Unlock()
	for addr, other := range c.nodes.byAddr {
		if other == client {
			delete(c.nodes.byAddr, addr)
		}
	}
	return true // go-redis says when all of them are closed
}

func (clusterNode) close() error { return nil }
