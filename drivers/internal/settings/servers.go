package settings

import "github.com/xcache-go/xcache/driver"

// Servers holds the settings of a primary and its replicas.
type Servers struct {
	// Each has the settings of each server. The primary is the first. There is at least
	// one.
	Each []*Settings
	// Reads tells which servers serve reads.
	Reads Reads
}

// Reads tells which servers may serve commands that change nothing.
type Reads string

// The words of the parameter read.
const (
	// Primary lets the primary alone serve reads.
	Primary Reads = "primary"
	// Replica lets only replicas serve reads, even when no replica answers.
	Replica Reads = "replica"
	// PreferReplica lets replicas serve reads, and the primary when no replica answers.
	PreferReplica Reads = "prefer-replica"
)

// ReadServers is Read for drivers with replicas. dsn may have several servers: the first is
// the primary.
func ReadServers(dsn *driver.DSN) (*Servers, error) {
	word := dsn.Word("read", string(PreferReplica), string(Primary), string(Replica), string(PreferReplica))
	s, addrs, err := read(dsn, driver.Standalone)
	if err != nil {
		return nil, err
	}
	servers := &Servers{Reads: Reads(word)}
	for _, addr := range addrs {
		servers.Each = append(servers.Each, s.at(addr))
	}
	if servers.Reads == Replica && len(addrs) == 1 {
		dsn.Refuse("read", "can only be replica if the DSN names replicas: "+dsn.Scheme+"://primary,replica")
		return nil, dsn.Err()
	}
	return servers, nil
}
