package valkey

import (
	"context"
	"net"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/topology"
)

// name is that of the driver.
const name = "valkey"

// A Driver opens stores for DSNs whose scheme is valkey, valkeys or valkey+unix, or
// valkey+cluster and valkey+sentinel and their forms with TLS. The zero value is the one
// that is registered under the name valkey.
type Driver struct {
	// Dial, if set, makes the connections in place of a net.Dialer: through a
	// tunnel, or to a server inside the process. TLS is added to what it
	// returns.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Credentials, if set, is what WithCredentials takes.
	Credentials func(ctx context.Context) (Credentials, error)
}

// dialFunc is net.Dialer.DialContext, or what takes its place.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// Name implements driver.Named.
func (Driver) Name() string { return name }

// Open implements driver.Driver. The package comment lists the parameters.
func (d Driver) Open(dsn *driver.DSN) (driver.Store, error) {
	if dsn != nil && d.Credentials != nil {
		dsn.Credentials = d.Credentials
	}
	return topology.Server{
		Driver: name,
		Store: func(s *settings.Settings) driver.Store {
			store := newStore(s, d.Dial)
			store.events = s.Events
			return &Store{store}
		},
		Node: func(s *settings.Settings) nodes.Node { return newNode(s, d.Dial) },
	}.Open(dsn)
}

// A node is a store that can make one more connection to its server, to listen: the
// Node and the Listener of package drivers/internal/node.
type node struct {
	*serverStore
	dialer *connection.Dialer
}

// newNode returns the node of the server that the settings name. It does no I/O.
func newNode(s *settings.Settings, dial dialFunc) node {
	return node{newStore(s, dial), &connection.Dialer{Settings: s, Dial: dial}}
}

// Listen hears what the server publishes, over a connection of its own, and without
// valkey-go: that would end the process over messages out of order.
func (n node) Listen(ctx context.Context, hear func(message string), channels ...string) error {
	return n.dialer.Listen(ctx, hear, channels...)
}
