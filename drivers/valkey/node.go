package valkey

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
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

// Listen hears what the server publishes, over a connection of its own, and without
// valkey-go: that would end the process over messages out of order.
func (n listeningNode) Listen(ctx context.Context, hear func(message string), channels ...string) error {
	dialer := connection.Dialer{Settings: n.settings, Dial: n.dial, Native: nativeError}
	return dialer.Listen(ctx, hear, channels...)
}
