package redis

import (
	"context"
	"net"

	"github.com/xcache-go/xcache/driver"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/topology"
)

// A Driver opens stores for DSNs whose scheme is redis, rediss or redis+unix, or
// redis+cluster and redis+sentinel and their forms with TLS. The zero value is the one
// that is registered under the name redis.
type Driver struct {
	// Dial, if set, makes the connections in place of a net.Dialer: through a
	// tunnel, or to a server inside the process. TLS is added to what it
	// returns.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Name implements driver.Named.
func (Driver) Name() string { return "redis" }

// Open implements driver.Driver. The package comment lists the parameters.
func (d Driver) Open(dsn *driver.DSN) (driver.Store, error) {
	return topology.Server{
		Driver: "redis",
		Store: func(s *settings.Settings) driver.Store {
			store := newNode(s, d.Dial).Store
			store.events = s.Events
			return store
		},
		Node: func(s *settings.Settings) nodes.Node { return newNode(s, d.Dial) },
	}.Open(dsn)
}
