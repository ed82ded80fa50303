package redis

import (
	"context"
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A node is a store on one server with what routing over several needs besides:
// the Node of package drivers/internal/node.
type node struct{ *Store }

// newNode returns the node of the server that the settings name. It does no I/O.
func newNode(s *settings.Settings, dial dialFunc) node {
	store := newStore(newClient(s, dial), s.OpTimeout)
	store.ownClient = true
	return node{store}
}

// Query runs a command that changes nothing, and need not be in the table.
func (n node) Query(ctx context.Context, words ...string) (driver.Reply, error) {
	var r request
	var c generalCommand
	args := make([]any, len(words))
	for i, word := range words {
		args[i] = word
	}
	c.init(&r, []byte(words[0]), args...)
	c.readOnly = true
	r.commands = []*command{&c.command}
	if err := n.run(ctx, &r); err != nil {
		return driver.Reply{}, err
	}
	return c.reader.reply, c.err
}

// Now returns the time that bounds calls.
func (n node) Now() time.Time { return n.clock.now().start }

// Disconnect closes all connections, also those that calls wait on.
func (n node) Disconnect() { _ = n.client.Close() }

// Close releases the node, which may have been disconnected.
func (n node) Close() error {
	if err := n.Store.Close(); !errors.Is(err, goredis.ErrClosed) {
		return err
	}
	return nil
}
