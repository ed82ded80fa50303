// Package topology opens the store that a DSN asks for: of one server, of a primary
// and its replicas, of a cluster, or of a primary that sentinels watch. All are made
// of what a driver has for one server.
package topology

import (
	"fmt"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/clustered"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
	"github.com/xcache-go/xcache/drivers/internal/sentinel"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A Server makes what a driver has for the server that settings name. It does no
// I/O.
type Server struct {
	// Driver is the name for errors.
	Driver string
	// Store makes the store of a server that is named by the DSN.
	Store func(*settings.Settings) driver.Store
	// Node makes a server of a cluster, or one that sentinels know.
	Node func(*settings.Settings) node.Node
}

// Open returns the store of a DSN. It does no I/O. An error names the parameter
// that is wrong.
func (s Server) Open(dsn *driver.DSN) (driver.Store, error) {
	if dsn == nil {
		return nil, fmt.Errorf("xcache: %s: Open of a nil DSN", s.Driver)
	}
	switch dsn.Topology {
	case driver.Cluster:
		nodes, err := settings.ReadCluster(dsn)
		if err != nil {
			return nil, err
		}
		return clustered.Open(nodes, s.Node), nil
	case driver.Sentinel:
		sentinels, err := settings.ReadSentinel(dsn)
		if err != nil {
			return nil, err
		}
		return sentinel.Open(sentinels, s.Node), nil
	}
	servers, err := settings.ReadServers(dsn)
	if err != nil {
		return nil, err
	}
	return replicated.Open(servers, s.Store), nil
}
