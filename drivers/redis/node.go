package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A node is a store on one server with what routing over several needs besides:
// the Node of package drivers/internal/node.
type node struct{ *Store }

// A listeningNode is a node that can make one more connection to its server, to
// listen: the Listener of package drivers/internal/node.
type listeningNode struct {
	node
	settings *settings.Settings
	dial     dialFunc
}

// newNode returns the node of the server that the settings name. It does no I/O.
func newNode(s *settings.Settings, dial dialFunc) listeningNode {
	clock := newClock(s.OpTimeout)
	store := newStore(newClient(newNetwork(s, dial, clock)), clock, s.MaxValue)
	store.opTimeout, store.ownClient, store.noHello = s.OpTimeout, true, s.NoHello
	return listeningNode{node{store}, s, dial}
}

// Query runs a command that changes nothing, and need not be in the table.
func (n node) Query(ctx context.Context, words ...string) (driver.Reply, error) {
	return n.query(ctx, words...)
}

// Now returns the time that bounds calls.
func (n node) Now() time.Time { return n.clock.now().start }

// Listen hears what the server publishes, over a connection of its own.
func (n listeningNode) Listen(ctx context.Context, hear func(message string), channels ...string) error {
	once := &singleDial{dial: n.dial, ctx: ctx}
	network := newNetwork(n.settings, once.connect, n.clock)
	network.listening = true
	client := newClient(network)
	defer func() { _ = client.Close() }() // what it has not closed is closed below
	stop := context.AfterFunc(ctx, once.close)
	defer stop()
	defer once.close()
	err := listen(ctx, client, n.settings.DialTimeout, hear, channels)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// listen subscribes within a time, and hears messages until the connection is lost.
func listen(ctx context.Context, client *client, timeout time.Duration, hear func(string), channels []string) (err error) {
	defer func() { // go-redis trusts the form of messages
		if p := recover(); p != nil {
			err = fmt.Errorf("a malformed message: %v", p)
		}
	}()
	subscription := client.Subscribe(ctx)
	defer func() { _ = subscription.Close() }()
	soon, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := subscription.Subscribe(soon, channels...); err != nil {
		return err
	}
	for range channels {
		if _, err := subscription.ReceiveTimeout(ctx, timeout); err != nil {
			return err
		}
	}
	hear("")
	for {
		message, err := subscription.ReceiveMessage(ctx)
		if err != nil {
			return err
		}
		hear(message.Payload)
	}
}

// A singleDial makes one connection, which is closed when its context ends.
// go-redis would make another one in the place of one that is lost, and does not
// listen to contexts while it reads.
type singleDial struct {
	dial dialFunc
	ctx  context.Context

	mu   sync.Mutex
	used bool
	conn net.Conn
}

var errSingle = errors.New("the connection was lost")

func (d *singleDial) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	d.mu.Lock()
	used := d.used
	d.used = true
	d.mu.Unlock()
	if used {
		return nil, errSingle
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	dial := d.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx.Err() != nil {
		return nil, errors.Join(d.ctx.Err(), conn.Close())
	}
	d.conn = conn
	return conn, nil
}

func (d *singleDial) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		_ = d.conn.Close() // by go-redis, too
	}
}
