package valkey

import (
	"maps"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// Inspect implements driver.Inspector. The addresses are all that is known about a client
// of the program.
func (s *serverStore) Inspect() driver.Inspection {
	inspection := driver.Inspection{Driver: "valkey", Topology: driver.Standalone, Database: s.database}
	if s.client != nil {
		inspection.Servers = s.client.inspect(s.addr)
		return inspection
	}
	server := s.pool.status.Inspect()
	server.Addr, server.Role, server.Connections = s.addr, driver.RolePrimary, s.pool.connections()
	inspection.Servers = []driver.InspectedServer{server}
	return inspection
}

// inspect returns the servers of the client, or the server at addr.
func (w *clientWire) inspect(addr string) (servers []driver.InspectedServer) {
	client := w.source.known()
	switch {
	case client == nil:
		return []driver.InspectedServer{{Addr: addr, Role: driver.RolePrimary, State: driver.StateUnused}}
	case addr != "":
		return []driver.InspectedServer{{Addr: addr, Role: driver.RolePrimary, State: driver.StateUp}}
	}
	for _, addr := range slices.Sorted(maps.Keys(client.Nodes())) {
		servers = append(servers, driver.InspectedServer{Addr: addr, Role: driver.RolePrimary, State: driver.StateUp})
	}
	return servers
}

// connections counts the connections for new calls.
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

// lost reports a connection that was lost while replies were due, unless the driver has
// closed it. A timeout means a silent server: a call that reads its own reply waits for at
// least op_timeout.
func (c *conn) lost(err error) {
	if c.dead.Load() || c.due() == 0 {
		return
	}
	if failure.IsTimeout(err) {
		err = errSilent
	}
	c.status.Lost(err)
}
