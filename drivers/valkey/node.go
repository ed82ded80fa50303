package valkey

import (
	"context"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A node is a store on one server with what routing over several needs besides:
// the Node of package drivers/internal/node.
type node struct{ *Store }

// newNode returns the node of the server that the settings name. It does no I/O.
func newNode(s *settings.Settings, dial dialFunc) node { return node{newStore(s, dial)} }

// Query runs a command that changes nothing, and need not be in the table.
func (n node) Query(ctx context.Context, words ...string) (driver.Reply, error) {
	r := &request{commands: []command{{args: slices.Clone(words), readOnly: true}}}
	if err := n.run(ctx, r); err != nil {
		return driver.Reply{}, err
	}
	var c driver.Cmd
	r.commands[0].fill(&c)
	return c.Reply, c.Err
}

// Now returns the time that bounds calls.
func (n node) Now() time.Time { return n.clock.now().time }

// Disconnect closes all connections, also those that calls wait on.
func (n node) Disconnect() { n.pool.close() }
