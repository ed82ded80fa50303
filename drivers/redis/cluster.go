package redis

import (
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/clustered"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// openCluster opens a store on the cluster that a DSN names.
func (d Driver) openCluster(dsn *driver.DSN) (driver.Store, error) {
	cluster, err := settings.ReadCluster(dsn)
	if err != nil {
		return nil, err
	}
	return clustered.Open(cluster, func(s *settings.Settings) nodes.Node { return newNode(s, d.Dial) }), nil
}
