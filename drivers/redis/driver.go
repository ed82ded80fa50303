package redis

import (
	"context"
	"net"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/exclusive"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/topology"
)

// name is the name of the driver.
const name = "redis"

// A Driver opens stores for DSNs with the schemes redis, rediss, redis+unix, redis+cluster,
// redis+sentinel and the TLS forms of the last two. The zero value is registered under the
// name redis.
type Driver struct {
	// Dial, if set, makes the connections in place of a net.Dialer: through a tunnel, or to
	// a server inside the process. The driver adds TLS.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Credentials, if set, is the argument of WithCredentials.
	Credentials func(ctx context.Context) (Credentials, error)
}

// dialFunc is net.Dialer.DialContext, or the Dial of a Driver.
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
			server := newNode(s, d.Dial)
			server.events = s.Events
			return &Store{server}
		},
		Node: func(s *settings.Settings) nodes.Node { return newNode(s, d.Dial) },
	}.Open(dsn)
}

// sessions are the exclusive connections to a server.
type sessions = exclusive.Pool

// A node is the store on a server together with its exclusive connections: the Node and the
// Exclusive of package drivers/internal/node.
type node struct {
	*serverStore
	*sessions
}

// newNode returns the node of the server in the settings. newNode does no I/O.
func newNode(s *settings.Settings, dial dialFunc) node {
	return node{newStore(s, dial), exclusive.NewPool(connection.Dialer{Settings: s, Dial: dial, Native: nativeError})}
}

// Disconnect implements driver.Disconnector. Exclusive connections end, too.
func (n node) Disconnect() {
	n.sessions.Disconnect()
	n.serverStore.Disconnect()
}

// Close implements driver.Store.
func (n node) Close() error {
	n.sessions.Close()
	return n.serverStore.Close()
}

// Inspect implements driver.Inspector.
func (n node) Inspect() driver.Inspection {
	inspection := n.serverStore.Inspect()
	inspection.Servers[0].Connections.Exclusive = n.Sessions()
	return inspection
}
