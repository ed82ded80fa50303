package valkey

import (
	"context"
	"sync/atomic"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

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
	return listeningNode{node{newStore(s, dial)}, s, dial}
}

// Query runs a command that changes nothing, and need not be in the table.
func (n node) Query(ctx context.Context, words ...string) (driver.Reply, error) {
	return n.query(ctx, words...)
}

// Now returns the time that bounds calls.
func (n node) Now() time.Time { return n.clock.now().time }

// Disconnect closes all connections, also those that calls wait on.
func (n node) Disconnect() { n.pool.close() }

// Listen hears what the server publishes, over a connection of its own. That speaks
// version 3 of RESP, or valkey-go would want a second one to hear anything by.
func (n listeningNode) Listen(ctx context.Context, hear func(message string), channels ...string) error {
	s := *n.settings
	s.Protocol = 3
	l, err := openLink(ctx, &s, n.dial)
	if err != nil {
		return err
	}
	defer l.client.Close()
	defer l.kill(valkeygo.ErrClosing)
	defer context.AfterFunc(ctx, func() { l.kill(ctx.Err()) })()
	var missing atomic.Int32            // channels that are not confirmed
	missing.Store(int32(len(channels))) //nolint:gosec // a few
	confirmed := valkeygo.WithOnSubscriptionHook(ctx, func(valkeygo.PubSubSubscription) {
		if missing.Add(-1) == 0 {
			hear("")
		}
	})
	subscribe := l.client.B().Subscribe().Channel(channels...).Build()
	return l.client.Receive(confirmed, subscribe, func(m valkeygo.PubSubMessage) { hear(m.Message) })
}
