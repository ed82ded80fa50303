package clustered

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// Inspect implements driver.Inspector. The servers are the primaries with their slots,
// their replicas, and servers that have lost their slots but have calls under way.
func (s *Store) Inspect() driver.Inspection {
	r := s.router
	shared := r.settings.Shared()
	inspection := driver.Inspection{Driver: shared.Driver, Topology: driver.Cluster, Database: shared.DB}
	r.mu.Lock()
	defer r.mu.Unlock()
	inspection.Learnt, inspection.LearntFrom = r.installed, r.source
	if r.lastErr != nil {
		inspection.LearnError = strings.TrimPrefix(r.lastErr.Error(), "xcache: ")
	}
	slots, replicas := make(map[*server][]driver.SlotRange), []string(nil)
	if t := r.topology.Load(); t != nil {
		slots, replicas = t.ranges(), t.replicas()
	}
	now := time.Now()
	for _, server := range r.servers {
		inspection.Servers = append(inspection.Servers, r.inspect(server, slots[server], now))
	}
	for server := range r.left {
		left := r.inspect(server, nil, now)
		left.Role, left.State = "", driver.StateLeaving
		inspection.Servers = append(inspection.Servers, left)
	}
	known := make(map[string]driver.InspectedServer)
	for _, reader := range r.readers {
		for _, replica := range reader.InspectReplicas() {
			known[replica.Addr] = replica
		}
	}
	for _, addr := range replicas {
		replica, ok := known[addr]
		if !ok {
			replica = driver.InspectedServer{Addr: addr, Role: driver.RoleReplica, State: driver.StateUnused}
		}
		inspection.Servers = append(inspection.Servers, replica)
	}
	slices.SortFunc(inspection.Servers, func(a, b driver.InspectedServer) int {
		return cmp.Or(cmp.Compare(rank(a.Role), rank(b.Role)), cmp.Compare(a.Addr, b.Addr))
	})
	return inspection
}

// rank orders servers by their roles.
func rank(role driver.ServerRole) int {
	return slices.Index([]driver.ServerRole{driver.RolePrimary, driver.RoleReplica, ""}, role)
}

// inspect returns the state of a primary or of a seed. r.mu is held.
func (r *router) inspect(s *server, slots []driver.SlotRange, now time.Time) driver.InspectedServer {
	server := status.Of(s.node, s.addr)
	server.Calls, _ = s.gate.Calls()
	server.Role, server.Slots = "", slots
	if len(slots) > 0 {
		server.Role = driver.RolePrimary
	}
	for _, some := range slots {
		server.SlotCount += int(some.Last-some.First) + 1
	}
	if server.State == driver.StateUnreachable {
		return server
	}
	if failing := s.failing.Load(); failing != 0 {
		server.State, server.Since = driver.StateFailing, r.epoch.Add(time.Duration(failing))
	}
	if lasted := s.silence.lasted(now); lasted > 0 {
		server.State, server.Since = driver.StateSilent, s.silence.since
	}
	return server
}

// Inspect implements driver.Inspector.
func (r *replica) Inspect() driver.Inspection {
	return driver.Inspection{Servers: []driver.InspectedServer{status.Of(r.Node, r.addr)}}
}

// ServerAt returns the store of the server at an address, or nil if the cluster has no
// server there.
func (s *Store) ServerAt(addr string) driver.Store {
	r := s.router
	r.mu.Lock()
	defer r.mu.Unlock()
	if server := r.servers[addr]; server != nil {
		return server.node
	}
	for _, reader := range r.readers {
		if replica := reader.ReplicaAt(addr); replica != nil {
			return replica
		}
	}
	return nil
}

// ServerAt returns the node of the replica.
func (r *replica) ServerAt(string) driver.Store { return r.Node }

// ranges returns the slots of each server.
func (t *topology) ranges() map[*server][]driver.SlotRange {
	ranges := make(map[*server][]driver.SlotRange)
	for first := 0; first < slots; {
		last := first
		for last+1 < slots && t.slots[last+1] == t.slots[first] {
			last++
		}
		if s := t.primary(uint16(first)); s != nil {
			ranges[s] = append(ranges[s], driver.SlotRange{First: uint16(first), Last: uint16(last)})
		}
		first = last + 1
	}
	return ranges
}

// replicas returns the addresses of all replicas.
func (t *topology) replicas() []string {
	var all []string
	for _, s := range t.shards {
		all = append(all, s.replicas...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
