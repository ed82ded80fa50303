package driver

import "time"

// An Inspector shows an operator the servers of a store, and their state.
type Inspector interface {
	// Inspect returns the knowledge of the store at this moment. Inspect does no I/O, and
	// waits for no server and no call. Inspect may be called at any time, also
	// concurrently, while calls hang, and after Close. The result belongs to the
	// caller.
	Inspect() Inspection
}

// An Inspection is the knowledge of a store about its servers, or about its own contents.
// The JSON is for people and their tools: names of fields stay, and further fields may
// come. An Inspection holds no key, no value and no password.
type Inspection struct {
	// Driver is the driver's name: redis, valkey, memory. Driver is "" for a store that
	// does not know the name.
	Driver string `json:"driver,omitempty"`
	// Topology is the kind of the installation; "" for a store inside the process.
	Topology Topology `json:"topology,omitempty"`
	// Database is the number of the database.
	Database int `json:"database,omitempty"`

	// Learnt is the time at which the store last learnt its servers and their roles, and
	// LearntFrom the address of the server that told the store. Both are zero before the store
	// has learnt anything, and where the DSN alone names the servers.
	Learnt     time.Time `json:"learnt,omitzero"`
	LearntFrom string    `json:"learnt_from,omitempty"`
	// LearnError is the failure of the last attempt to learn the servers, or "".
	LearnError string `json:"learn_error,omitempty"`

	// Servers are the servers that the store knows, primaries first.
	Servers []InspectedServer `json:"servers,omitempty"`
	// Circuits has a circuit of the circuit breaker for each server that was called. The
	// core adds Circuits to the Inspection of a store.
	Circuits []InspectedCircuit `json:"circuits,omitempty"`
	// Contents are the contents of a store inside the process; nil for other stores.
	Contents *Contents `json:"contents,omitempty"`
	// Details are figures of a driver's own, by names in lower case.
	Details map[string]string `json:"details,omitempty"`
}

// An InspectedServer is a server as a store knows it.
type InspectedServer struct {
	// Addr is host:port, or the path of a socket.
	Addr string `json:"addr"`
	// Role is the role in which the store uses the server.
	Role ServerRole `json:"role,omitempty"`
	// State is the state of the server as the store sees the server. Since is the time of
	// the last change of State, if the store knows the time.
	State ServerState `json:"state,omitempty"`
	Since time.Time   `json:"since,omitzero"`

	// Connections counts the store's connections to the server; nil if the store does not
	// know their number.
	Connections *Connections `json:"connections,omitempty"`
	// Calls is the number of calls in flight, as the store counts them for its routing. A
	// store that does not route counts none.
	Calls int `json:"calls,omitempty"`
	// Slots are the server's slots of a cluster, in ascending order, and SlotCount is the
	// number of slots.
	Slots     []SlotRange `json:"slots,omitempty"`
	SlotCount int         `json:"slot_count,omitempty"`
	// Version is the server's name and version, such as "redis 7.0.15". Version is "" if
	// the server told neither.
	Version string `json:"version,omitempty"`

	// LastError is the last reason why a connection was lost or could not be made, or why
	// the store stopped using the server for a while. LastErrorAt is the time of LastError.
	// Both stay when the server is well again.
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`

	// Details are figures of a driver's own, by names in lower case.
	Details map[string]string `json:"details,omitempty"`
}

// ServerRole is the role in which a store uses a server.
type ServerRole string

// The roles of servers.
const (
	// RolePrimary: the server takes the writes. The only server of a DSN is a primary.
	RolePrimary ServerRole = "primary"
	// RoleReplica: the server follows a primary, and takes reads if the DSN says so.
	RoleReplica ServerRole = "replica"
	// RoleSentinel: the server tells who the primary is.
	RoleSentinel ServerRole = "sentinel"
)

// ServerState is the state of a server as a store sees the server. Further states may come.
type ServerState string

// The states of servers.
const (
	// StateUnused: no connection was needed so far.
	StateUnused ServerState = "unused"
	// StateUp: nothing is known against the server.
	StateUp ServerState = "up"
	// StateFailing: the server refuses calls, as while it loads its data.
	StateFailing ServerState = "failing"
	// StateSilent: calls are in flight, and the server answers none.
	StateSilent ServerState = "silent"
	// StateCooldown: the server failed reads, and gets no reads for a while.
	StateCooldown ServerState = "cooldown"
	// StateUnreachable: a connection was lost, or could not be made, and the server has
	// answered nothing since. The next call tries again.
	StateUnreachable ServerState = "unreachable"
	// StateLeaving: the store does not use the server any more. The connections are closed
	// when the last call has returned.
	StateLeaving ServerState = "leaving"
)

// An InspectedCircuit is the circuit of one server in the circuit breaker, with the bound
// on calls in flight. The counts begin when the store is opened.
type InspectedCircuit struct {
	// Server is the address of the server, or "" if the store does not tell the address.
	Server string `json:"server,omitempty"`
	// Replicas tells that the circuit covers the reads that may go to replicas of Server.
	Replicas bool `json:"replicas,omitempty"`
	// State is the state of the circuit.
	State CircuitState `json:"state"`
	// Failures is the number of failures in a row.
	Failures int `json:"failures,omitempty"`
	// InFlight is the number of calls in flight, if max_in_flight bounds them.
	InFlight int `json:"in_flight,omitempty"`
	// Opened is the number of times that the circuit has opened.
	Opened uint64 `json:"opened,omitempty"`
	// Rejected is the number of calls that the open circuit has failed.
	Rejected uint64 `json:"rejected,omitempty"`
	// Overflowed is the number of calls that failed because max_in_flight calls were in flight.
	Overflowed uint64 `json:"overflowed,omitempty"`
	// LastError is the last failure that was counted, or "".
	LastError string `json:"last_error,omitempty"`
}

// CircuitState is the state of a circuit.
type CircuitState string

// The states of circuits.
const (
	// CircuitClosed: calls go to the server.
	CircuitClosed CircuitState = "closed"
	// CircuitOpen: calls fail at once.
	CircuitOpen CircuitState = "open"
	// CircuitHalfOpen: calls fail at once, and a probe asks the server.
	CircuitHalfOpen CircuitState = "half-open"
)

// Connections counts the connections to a server.
type Connections struct {
	// InUse is the number of connections with calls in flight, and Idle the number without.
	InUse int `json:"in_use"`
	Idle  int `json:"idle"`
	// Exclusive is the number of connections of sessions, which belong to one caller each.
	// Neither InUse nor Idle counts these connections.
	Exclusive int `json:"exclusive,omitempty"`
}

// A SlotRange is consecutive slots of a cluster, with both ends.
type SlotRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

// Contents are the figures of a store inside the process.
type Contents struct {
	// Entries is the number of keys, which may include expired keys. Bytes is their size as
	// the store's bound in bytes counts the size.
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
	// MaxEntries and MaxBytes are the bounds; 0 is no bound.
	MaxEntries int   `json:"max_entries,omitempty"`
	MaxBytes   int64 `json:"max_bytes,omitempty"`
	// Evictions is the number of keys that were removed to make room, and Expirations the
	// number of keys that have expired, since the store was made.
	Evictions   uint64 `json:"evictions"`
	Expirations uint64 `json:"expirations"`
}
