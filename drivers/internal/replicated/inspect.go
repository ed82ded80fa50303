package replicated

import (
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// Inspect implements driver.Inspector where the primary's store does. The result is that
// of the primary's store with the replicas.
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

// ServerAt returns the store of the replica at an address, or else the store of the
// primary, whatever its address.
func (s *Store) ServerAt(addr string) driver.Store {
	if replica := s.ReplicaAt(addr); replica != nil {
		return replica
	}
	return s.Primary()
}

// ReplicaAt returns the store of the replica at an address, or nil.
func (s *Store) ReplicaAt(addr string) driver.Store {
	for _, replica := range *s.replicas.Load() {
		if replica.addr == addr {
			return replica.connected().store
		}
	}
	return nil
}
