// Package topology opens the store of a DSN: on one server, on a primary and its
// replicas, on a cluster, or on a primary that sentinels watch. All these stores are
// built on a driver's store on one server.
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

// A Server makes a driver's store on the server in settings. The functions do no I/O.
type Server struct {
	// Driver is the name of the driver, for errors.
	Driver string
	// Store makes the store on a server in the DSN.
	Store func(*settings.Settings) driver.Store
	// Node makes the node on a server of a cluster, or on a server that sentinels know.
	Node func(*settings.Settings) node.Node
}

// Open returns the store of a DSN. Open does no I/O. An error names the wrong parameter.
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
