package redis

import "github.com/xcache-go/xcache/driver"

// Inspect implements driver.Inspector. The connections are all that is known about a client
// of the program.
func (s *serverStore) Inspect() driver.Inspection {
	server := s.wire.inspect()
	server.Addr, server.Role = s.addr, driver.RolePrimary
	return driver.Inspection{
		Driver:   name,
		Topology: driver.Standalone,
		Database: s.database,
		Servers:  []driver.InspectedServer{server},
	}
}

func (p *pool) inspect() driver.InspectedServer {
	server := p.dialer.Settings.Status.Inspect()
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := len(p.idle)
	server.Connections = &driver.Connections{InUse: len(p.sessions) - idle, Idle: idle}
	return server
}

func (w *clientWire) inspect() driver.InspectedServer {
	client := w.source.known()
	if client == nil {
		return driver.InspectedServer{State: driver.StateUnused}
	}
	stats := client.PoolStats()
	idle := int(stats.IdleConns)
	return driver.InspectedServer{
		State:       driver.StateUp,
		Connections: &driver.Connections{InUse: max(0, int(stats.TotalConns)-idle), Idle: idle},
	}
}
