package replicated

import (
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// Inspect implements driver.Inspector, if the primary's store does: it shows what
// that shows, and the replicas.
func (s *Store) Inspect() driver.Inspection {
	var inspection driver.Inspection
	if s.caps.Inspector != nil {
		inspection = s.caps.Inspector.Inspect()
	}
	replicas := s.InspectReplicas()
	at := 0 // primaries, then replicas, then sentinels
	for at < len(inspection.Servers) && inspection.Servers[at].Role == driver.RolePrimary {
		at++
	}
	servers := append([]driver.InspectedServer(nil), inspection.Servers[:at]...)
	servers = append(servers, replicas...)
	inspection.Servers = append(servers, inspection.Servers[at:]...)
	return inspection
}

// InspectReplicas shows the replicas alone.
func (s *Store) InspectReplicas() []driver.InspectedServer {
	var replicas []driver.InspectedServer
	for _, replica := range *s.replicas.Load() {
		replicas = append(replicas, replica.inspect())
	}
	return replicas
}

func (s *server) inspect() driver.InspectedServer {
	server := driver.InspectedServer{Addr: s.addr, State: driver.StateUnused}
	if c := s.opened.Load(); c != nil {
		server = status.Of(c.store, s.addr)
	}
	if s.status != nil { // with what reads have noticed
		known := s.status.Inspect()
		server.LastError, server.LastErrorAt = known.LastError, known.LastErrorAt
	}
	server.Role = driver.RoleReplica
	server.Calls, _ = s.gate.Calls()
	if until := s.health.cooldownUntil.Load(); until != 0 {
		server.State, server.Since = driver.StateCooldown, time.Time{}
	}
	return server
}
