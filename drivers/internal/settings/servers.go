package settings

import "github.com/xcache-go/xcache/driver"

// Servers are what a DSN says about a primary and its replicas.
type Servers struct {
	// Each has the settings of each server, the primary's first. There is at
	// least one.
	Each []*Settings
	// Reads says where reads go.
	Reads Reads
}

// Reads says which servers may answer what changes nothing.
type Reads string

// Where reads go: the words of the parameter read.
const (
	// Primary alone; the replicas are not asked for anything.
	Primary Reads = "primary"
	// Replica alone: the primary is spared, also when no replica answers.
	Replica Reads = "replica"
	// PreferReplica is Replica, and the primary when no replica answers.
	PreferReplica Reads = "prefer-replica"
)

// ReadServers is Read for drivers that read from replicas: dsn may name several
// servers, of which the first is the primary.
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
