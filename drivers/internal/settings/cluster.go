package settings

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Cluster holds the settings of a cluster.
type Cluster struct {
	// Seeds are the nodes in the DSN, from which the others are learnt. There is at least
	// one.
	Seeds []string
	// Reads tells which servers serve reads.
	Reads Reads
	// OwnClients tells that the program makes the clients of the nodes.
	OwnClients bool

	node *Settings
}

// ReadCluster is Read for drivers with clusters. The hosts of dsn are some nodes of the
// cluster. The nodes themselves refuse a database other than 0, except nodes of Valkey 9
// with several databases.
func ReadCluster(dsn *driver.DSN) (*Cluster, error) {
	c := &Cluster{Reads: Reads(dsn.Word("read", string(Primary), string(Primary), string(Replica), string(PreferReplica)))}
	s, addrs, err := read(dsn, driver.Cluster)
	if err != nil {
		return nil, err
	}
	c.Seeds, c.node = addrs, s
	return c, nil
}

// NewCluster returns the settings of a cluster whose clients the program makes. timeout is
// the time-out of a call without a deadline. Each seed is a host or host:port.
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

// Shared returns the settings that all nodes have in common.
func (c *Cluster) Shared() *Settings { return c.node }

// At returns the settings of the node at an address. reader tells that the node is a
// replica that serves reads.
func (c *Cluster) At(addr string, reader bool) *Settings {
	s := c.node.at(addr)
	s.ReadOnly = reader
	return s
}
