package valkey

import (
	"maps"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// Inspect implements driver.Inspector. Of a client of the program's it knows the
// addresses alone.
func (s *Store) Inspect() driver.Inspection {
	inspection := driver.Inspection{Driver: "valkey", Topology: driver.Standalone, Database: s.database}
	if s.client != nil {
		for _, addr := range slices.Sorted(maps.Keys(s.client.client.Nodes())) {
			server := driver.InspectedServer{Addr: addr, Role: driver.RolePrimary, State: driver.StateUp}
			inspection.Servers = append(inspection.Servers, server)
		}
		return inspection
	}
	server := s.pool.status.Inspect()
	server.Addr, server.Role, server.Connections = s.addr, driver.RolePrimary, s.pool.connections()
	inspection.Servers = []driver.InspectedServer{server}
	return inspection
}

// connections counts the connections that new calls may use, or wait for.
func (p *pool) connections() *driver.Connections {
	var c driver.Connections
	for s := range p.places() {
		l := s.link.Load()
		switch {
		case l == nil || l.conn.dead.Load():
		case l.load() > 0:
			c.InUse++
		default:
			c.Idle++
		}
	}
	return &c
}

// lost notes that the connection was lost under calls, unless it was closed here. A
// call that reads its own reply has op_timeout at least.
func (c *conn) lost(err error) {
	if c.dead.Load() || c.due() == 0 {
		return
	}
	if failure.IsTimeout(err) {
		err = errSilent
	}
	c.pool.status.Lost(err)
}
