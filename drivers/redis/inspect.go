package redis

import (
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// Inspect implements driver.Inspector. Of a client of the program's it knows the
// connections alone.
func (s *Store) Inspect() driver.Inspection {
	options, pool := s.client.Options(), s.client.PoolStats()
	server := driver.InspectedServer{State: driver.StateUp}
	if n := s.client.network; n != nil {
		server = n.settings.Status.Inspect()
	}
	server.Addr, server.Role = options.Addr, driver.RolePrimary
	idle := int(pool.IdleConns)
	server.Connections = &driver.Connections{InUse: max(0, int(pool.TotalConns)-idle), Idle: idle}
	return driver.Inspection{
		Driver:   "redis",
		Topology: driver.Standalone,
		Database: options.DB,
		Servers:  []driver.InspectedServer{server},
	}
}

// dialFailed notes that a connection could not be made, unless the caller was in more of
// a hurry than dial_timeout.
func (n *network) dialFailed(err error, callerLeft bool, took time.Duration) {
	if !callerLeft || took >= n.settings.DialTimeout-2*tick {
		n.settings.Status.Lost(err)
	}
}

// welcome notes what the server said first that was no error.
func (c *conn) welcome(reply []byte) {
	c.welcomed = true
	c.network.settings.Status.Said(status.VersionIn(reply))
	c.network.settings.Status.Connected()
}

// lost notes that the connection was lost under an exchange, unless it was closed
// here. What was silent is noted by network.timedOut.
func (c *conn) lost(err error) {
	if c.ctx.Err() == nil && c.due.left() > 0 && !failure.IsTimeout(err) {
		c.network.settings.Status.Lost(err)
	}
}
