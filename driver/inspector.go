package driver

import "time"

// An Inspector tells an operator what a store is connected to, and how that is.
type Inspector interface {
	// Inspect returns what the store knows at this moment. It does no I/O, and
	// waits for no server and no call. It may be called at any time, also
	// concurrently, while calls hang, and after Close. What it returns is the
	// caller's.
	Inspect() Inspection
}

// An Inspection is what a store knows of its servers, or of what it holds itself. Its
// JSON is for people and their tools: names of fields stay, and further ones may
// come. It holds no key, no value and no password.
type Inspection struct {
	// Driver is the driver's name: redis, valkey, memory. It is "" for a store that
	// does not know.
	Driver string `json:"driver,omitempty"`
	// Topology says what kind of installation the servers are; it is "" for a store
	// inside the process.
	Topology Topology `json:"topology,omitempty"`
	// Database is the number of the database.
	Database int `json:"database,omitempty"`

	// Learnt is when the store last learnt which servers there are and who is the
	// primary of what, and LearntFrom the address of the server that told it. They
	// are zero before that, and where the DSN alone says so.
	Learnt     time.Time `json:"learnt,omitzero"`
	LearntFrom string    `json:"learnt_from,omitempty"`
	// LearnError is why the last attempt to learn that failed, or "".
	LearnError string `json:"learn_error,omitempty"`

	// Servers are the servers that the store knows, primaries first.
	Servers []InspectedServer `json:"servers,omitempty"`
	// Circuits are those of the circuit breaker, one for each server that was called. The
	// core adds Circuits to the Inspection of a store.
	Circuits []InspectedCircuit `json:"circuits,omitempty"`
	// Contents is what a store inside the process holds; nil for others.
	Contents *Contents `json:"contents,omitempty"`
	// Details are figures of a driver's own, by names in lower case.
	Details map[string]string `json:"details,omitempty"`
}

// An InspectedServer is a server as a store knows it.
type InspectedServer struct {
	// Addr is host:port, or the path of a socket.
	Addr string `json:"addr"`
	// Role is what the store uses the server for.
	Role ServerRole `json:"role,omitempty"`
	// State is what the store thinks of the server, and Since when it began to, if
	// the store knows.
	State ServerState `json:"state,omitempty"`
	Since time.Time   `json:"since,omitzero"`

	// Connections are those of the store to the server; nil if it does not know.
	Connections *Connections `json:"connections,omitempty"`
	// Calls is how many calls are in flight there, as the store counts them for its
	// routing; stores that do not route count none.
	Calls int `json:"calls,omitempty"`
	// Slots are those of a cluster that the server has, in ascending order, and
	// SlotCount how many that are.
	Slots     []SlotRange `json:"slots,omitempty"`
	SlotCount int         `json:"slot_count,omitempty"`
	// Version is what the server said that it is: "redis 7.0.15". It is "" if the
	// server did not say.
	Version string `json:"version,omitempty"`

	// LastError is why a connection was last lost or could not be made, or why the
	// server was last left alone, and LastErrorAt when that was. They stay when the
	// server is well again.
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`

	// Details are figures of a driver's own, by names in lower case.
	Details map[string]string `json:"details,omitempty"`
}

// ServerRole says what a store uses a server for.
type ServerRole string

// The roles of servers.
const (
	// RolePrimary: what writes goes there. So it is with a DSN's only server.
	RolePrimary ServerRole = "primary"
	// RoleReplica: the server follows a primary. Reads go there if the DSN says so.
	RoleReplica ServerRole = "replica"
	// RoleSentinel: the server tells who the primary is.
	RoleSentinel ServerRole = "sentinel"
)

// ServerState says what a store thinks of a server. There may be further ones.
type ServerState string

// The states of servers.
const (
	// StateUnused: no connection was needed so far.
	StateUnused ServerState = "unused"
	// StateUp: nothing is known against the server.
	StateUp ServerState = "up"
	// StateFailing: the server refuses calls, as while it loads its data.
	StateFailing ServerState = "failing"
	// StateSilent: calls are in flight there, and none is answered.
	StateSilent ServerState = "silent"
	// StateCooldown: the server failed reads, and gets none for a while.
	StateCooldown ServerState = "cooldown"
	// StateUnreachable: the latest connection was lost, or could not be made. The
	// next call tries again.
	StateUnreachable ServerState = "unreachable"
	// StateLeaving: the server is not used any more, and closed when the last call
	// there has returned.
	StateLeaving ServerState = "leaving"
)

// An InspectedCircuit is the circuit of one server in the circuit breaker, with the bound
// on calls in flight. The counts are those since the store was opened.
type InspectedCircuit struct {
	// Server is the address of the server, or "" if the store does not tell it.
	Server string `json:"server,omitempty"`
	// Replicas tells that the circuit is that of reads which may go to replicas of Server.
	Replicas bool `json:"replicas,omitempty"`
	// State is the state of the circuit.
	State CircuitState `json:"state"`
	// Failures is the number of failures in a row.
	Failures int `json:"failures,omitempty"`
	// InFlight is the number of calls in flight, if max_in_flight bounds them.
	InFlight int `json:"in_flight,omitempty"`
	// Opened is how often the circuit has opened.
	Opened uint64 `json:"opened,omitempty"`
	// Rejected is how many calls the open circuit has failed.
	Rejected uint64 `json:"rejected,omitempty"`
	// Overflowed is how many calls failed because max_in_flight calls were in flight.
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
	// InUse is how many have calls in flight, and Idle how many have none.
	InUse int `json:"in_use"`
	Idle  int `json:"idle"`
	// Exclusive is how many belong to one caller each: those of sessions. They are in
	// neither of the others.
	Exclusive int `json:"exclusive,omitempty"`
}

// A SlotRange is consecutive slots of a cluster, with both ends.
type SlotRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

// Contents is what a store inside the process holds, and what it gave up.
type Contents struct {
	// Entries is the number of keys, which may include some that have expired, and
	// Bytes what they count in the store's bound in bytes.
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
	// MaxEntries and MaxBytes are the bounds; 0 is none.
	MaxEntries int   `json:"max_entries,omitempty"`
	MaxBytes   int64 `json:"max_bytes,omitempty"`
	// Evictions is how many keys went to make room, and Expirations how many went
	// because their time was up, since the store was made.
	Evictions   uint64 `json:"evictions"`
	Expirations uint64 `json:"expirations"`
}
