package settings

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Cluster is what a DSN says about a cluster.
type Cluster struct {
	// Seeds are the nodes that the DSN names, of which any knows the others.
	// There is at least one.
	Seeds []string
	// Reads says where reads go.
	Reads Reads
	// OwnClients tells that the nodes are reached by clients of the program's.
	OwnClients bool

	node *Settings
}

// ReadCluster is Read for drivers that do clusters. The hosts of dsn are nodes
// of the cluster, any of them. Whether the cluster has other databases than 0, as
// with Valkey 9, the nodes will say.
func ReadCluster(dsn *driver.DSN) (*Cluster, error) {
	c := &Cluster{Reads: Reads(dsn.Word("read", string(Primary), string(Primary), string(Replica), string(PreferReplica)))}
	s, addrs, err := read(dsn, driver.Cluster)
	if err != nil {
		return nil, err
	}
	c.Seeds, c.node = addrs, s
	return c, nil
}

// NewCluster returns what is said of a cluster whose nodes are reached by clients of
// the program's. A call without a deadline takes as long as timeout; seeds are a host or host:port each.
func NewCluster(name string, timeout time.Duration, maxValue int, seeds []string) (*Cluster, error) {
	c := &Cluster{
		Reads: Primary, OwnClients: true,
		node: &Settings{Driver: name, Network: "tcp", OpTimeout: timeout, DialTimeout: defaultDialTimeout, MaxValue: maxValue},
	}
	for _, seed := range seeds {
		addr, ok := parseAddr(seed, defaultPort)
		if !ok {
			return nil, errors.New("a seed must be host or host:port, with [ ] around an IPv6 address")
		}
		c.Seeds = append(c.Seeds, addr)
	}
	if len(seeds) == 0 {
		return nil, errors.New("there is no seed")
	}
	return c, nil
}

// Shared returns what the settings of all nodes have in common.
func (c *Cluster) Shared() *Settings { return c.node }

// At returns the settings for the node at an address, as a replica that reads are
// served from or else for all.
func (c *Cluster) At(addr string, reader bool) *Settings {
	s := c.node.at(addr)
	s.ReadOnly = reader
	return s
}
