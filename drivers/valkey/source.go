package valkey

import (
	"fmt"
	"sync"
	"sync/atomic"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/discovery"
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
	if client, err := n.find(c); client != nil || err != nil {
		return client, err
	}
	if err := n.nodes.discovery.Try(c.Context, c.Deadline, keyOf(c)); err != nil {
		return nil, err
	}
	if client, err := n.find(c); client != nil || err != nil {
		return client, err
	}
	return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("valkey-go does not know the node at %s yet", n.addr)).Retryable()
}

// find returns the client for the node, or for another node that can answer the call, or
// nil.
func (n *clusterNode) find(c *exchange.Call) (*knownClient, error) {
	client, err := n.lookUp()
	if client != nil || err != nil || !discovery.AnyNodeAnswers(c) {
		return client, err
	}
	if other := n.nodes.standIn(); other != nil {
		return &knownClient{Client: other}, nil
	}
	return nil, nil
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
