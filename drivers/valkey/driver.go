package valkey

import (
	"context"
	"fmt"
	"net"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/clustered"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
	"github.com/xcache-go/xcache/drivers/internal/sentinel"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A Driver opens stores for DSNs whose scheme is valkey, valkeys or valkey+unix.
// The zero value is the one that is registered under the name valkey.
type Driver struct {
	// Dial, if set, makes the connections in place of a net.Dialer: through a
	// tunnel, or to a server inside the process. TLS is added to what it
	// returns.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Open implements driver.Driver. The package comment lists the parameters.
func (d Driver) Open(dsn *driver.DSN) (driver.Store, error) {
	if dsn == nil {
		return nil, fmt.Errorf("xcache: valkey: Open of a nil DSN")
	}
	switch dsn.Topology {
	case driver.Cluster:
		return d.openCluster(dsn)
	case driver.Sentinel:
		return d.openSentinel(dsn)
	}
	servers, err := settings.ReadServers(dsn)
	if err != nil {
		return nil, err
	}
	return replicated.Open(servers, func(s *settings.Settings) driver.Store {
		return newNode(s, d.Dial).Store
	}), nil
}

func (d Driver) openCluster(dsn *driver.DSN) (driver.Store, error) {
	s, err := settings.ReadCluster(dsn)
	if err != nil {
		return nil, err
	}
	return clustered.Open(s, d.openNode), nil
}

func (d Driver) openSentinel(dsn *driver.DSN) (driver.Store, error) {
	s, err := settings.ReadSentinel(dsn)
	if err != nil {
		return nil, err
	}
	return sentinel.Open(s, d.openNode), nil
}

func (d Driver) openNode(s *settings.Settings) nodes.Node { return newNode(s, d.Dial) }
