package settings

import "github.com/xcache-go/xcache/driver"

// Cluster is what a DSN says about a cluster.
type Cluster struct {
	// Seeds are the nodes that the DSN names, of which any knows the others.
	// There is at least one.
	Seeds []string
	// Reads says where reads go.
	Reads Reads

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

// Shared returns what the settings of all nodes have in common.
func (c *Cluster) Shared() *Settings { return c.node }

// At returns the settings for the node at an address, as a replica that reads are
// served from or else for all.
func (c *Cluster) At(addr string, reader bool) *Settings {
	s := c.node.at(addr)
	s.ReadOnly = reader
	return s
}
