package servertest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	clusterPrimaries = 3
	clusterSlots     = 16384
)

// ClusterServers is a cluster of three primaries and a replica of each. A
// primary and its replica are a shard. In a failover the two servers of a
// shard swap their roles; a server never goes to another shard.
//
// With the servers' default settings a cluster answers CLUSTERDOWN for all slots
// while any slot is without primary; Config("cluster-require-full-coverage",
// "no") keeps the other slots up.
type ClusterServers struct {
	*group
	// Nodes are the servers, at the start first the primaries and then, in the
	// same order, their replicas.
	Nodes []*Server

	ids map[*Server]string // the names of the nodes, which never change
}

// Cluster starts a cluster and waits until every node knows all nodes and the
// replicas are online. Every node gets the options. The end of the test stops
// all nodes, and shows their logs if the test failed.
func Cluster(t testing.TB, opts ...Option) *ClusterServers {
	t.Helper()
	c, err := openCluster(opts)
	if err != nil {
		unavailable(t, err)
	}
	stopAtEnd(t, c.group)
	return c
}

// Addrs returns the addresses of all nodes for clients.
func (c *ClusterServers) Addrs() []string { return addrs(c.Nodes) }

// Partner returns the other server of the shard.
func (c *ClusterServers) Partner(s *Server) *Server {
	i := slices.Index(c.Nodes, s)
	return c.Nodes[(i+clusterPrimaries)%len(c.Nodes)]
}

// Primaries returns the nodes that have slots now, in the order of their shards.
func (c *ClusterServers) Primaries(t testing.TB) []*Server {
	t.Helper()
	view, err := c.view()
	check(t, err)
	primaries := make([]*Server, clusterPrimaries)
	for i := range primaries {
		primaries[i] = c.Nodes[i]
		if view[c.ids[c.Nodes[i]]].slots == nil {
			primaries[i] = c.Partner(c.Nodes[i])
		}
	}
	return primaries
}

// Primary returns the node that has the slot of a key now.
func (c *ClusterServers) Primary(t testing.TB, key string) *Server {
	t.Helper()
	up, err := running(c.Nodes)
	check(t, err)
	slot := int(up[0].Do(t, "CLUSTER", "KEYSLOT", key).(int64))
	view, err := c.view()
	check(t, err)
	for _, s := range c.Nodes {
		if slices.ContainsFunc(view[c.ids[s]].slots, func(r slotRange) bool { return r.first <= slot && slot <= r.last }) {
			return s
		}
	}
	t.Fatalf("servertest: no node has slot %d", slot)
	return nil
}

// AwaitOK waits until every running node says that the cluster is well, all
// running nodes agree on the owner of every slot, and every slot is at a
// running node.
func (c *ClusterServers) AwaitOK(t testing.TB) {
	t.Helper()
	check(t, c.awaitOK())
}

// AwaitReplicas waits until every running node without slots is an online
// replica of its partner and has all that the partner had when AwaitReplicas was
// called.
func (c *ClusterServers) AwaitReplicas(t testing.TB) {
	t.Helper()
	for _, primary := range c.Primaries(t) {
		if primary.running() {
			check(t, awaitReplicas(primary, []*Server{c.Partner(primary)}))
		}
	}
}

// Failover makes the replica of a primary take the primary's place without
// loss (CLUSTER FAILOVER). Failover returns the new primary when every running
// node knows of the change.
func (c *ClusterServers) Failover(t testing.TB, primary *Server) *Server {
	t.Helper()
	replica := c.Partner(primary)
	check(t, awaitReplicas(primary, []*Server{replica}))
	replica.Do(t, "CLUSTER", "FAILOVER")
	return c.AwaitFailover(t, primary)
}

// AwaitFailover waits until the partner of a primary has the primary's slots
// and every running node knows of the change, and returns the partner. The
// primary may be down or frozen.
func (c *ClusterServers) AwaitFailover(t testing.TB, primary *Server) *Server {
	t.Helper()
	successor := c.Partner(primary)
	check(t, await(func() error {
		view, err := c.view()
		if err == nil && view[c.ids[successor]].slots == nil {
			err = fmt.Errorf("node at %s has no slots", successor.Addr)
		}
		return err
	}))
	check(t, c.awaitOK())
	return successor
}

// clusterNode makes a node find failures quickly. If the machine is busy for
// longer than the timeout, a node also reports failures of healthy nodes.
var clusterNode = [][]string{
	{"cluster-enabled", "yes"},
	{"cluster-node-timeout", "1000"},
}

func asClusterNode(s *settings) { s.cluster = true }

func openCluster(opts []Option) (*ClusterServers, error) {
	g, err := newGroup(opts)
	if err != nil {
		return nil, err
	}
	c := &ClusterServers{group: g, ids: map[*Server]string{}}
	if err := c.form(opts); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return c, nil
}

func (c *ClusterServers) form(opts []Option) error {
	var err error
	if c.Nodes, err = c.start(2*clusterPrimaries, append(slices.Clip(opts), asClusterNode)...); err != nil {
		return err
	}
	for i, s := range c.Nodes {
		id, err := s.Try("CLUSTER", "MYID")
		if err != nil {
			return err
		}
		c.ids[s] = id.(string)
		// With the same epoch at the start, the nodes would take time to agree.
		if _, err := s.Try("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
	}
	for i := range clusterPrimaries {
		add := []string{"CLUSTER", "ADDSLOTS"}
		for slot := i * clusterSlots / clusterPrimaries; slot < (i+1)*clusterSlots/clusterPrimaries; slot++ {
			add = append(add, strconv.Itoa(slot))
		}
		if _, err := c.Nodes[i].Try(add...); err != nil {
			return err
		}
	}
	if err := c.introduce(); err != nil {
		return err
	}
	for _, primary := range c.Nodes[:clusterPrimaries] {
		err := await(func() error { // the replica must have heard of its primary
			_, err := c.Partner(primary).Try("CLUSTER", "REPLICATE", c.ids[primary])
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := c.awaitOK(); err != nil {
		return err
	}
	for _, primary := range c.Nodes[:clusterPrimaries] {
		if err := awaitReplicas(primary, []*Server{c.Partner(primary)}); err != nil {
			return err
		}
	}
	return nil
}

// introduce makes every node known to every other node. To know one node each
// would be enough, but gossip takes longer.
func (c *ClusterServers) introduce() error {
	for i, a := range c.Nodes {
		for _, b := range c.Nodes[i+1:] {
			ip, port, err := net.SplitHostPort(b.Announced)
			if err != nil {
				return err
			}
			_, busPort, err := net.SplitHostPort(b.announcedBus)
			if err != nil {
				return err
			}
			if _, err := a.Try("CLUSTER", "MEET", ip, port, busPort); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *ClusterServers) awaitOK() error {
	return await(func() error {
		nodes, err := running(c.Nodes)
		if err != nil {
			return err
		}
		var first string
		for _, s := range nodes {
			info, err := s.info("CLUSTER", "INFO")
			if err != nil {
				return err
			}
			if state := info["cluster_state"]; state != "ok" {
				return fmt.Errorf("node at %s says that the cluster's state is %s", s.Addr, state)
			}
			view, err := s.clusterView()
			if err != nil {
				return err
			}
			summary, err := c.summarize(view, nodes)
			if err != nil {
				return fmt.Errorf("node at %s sees %w", s.Addr, err)
			}
			if first == "" {
				first = summary
			}
			if summary != first {
				return fmt.Errorf("nodes at %s and %s do not agree: %s, %s", nodes[0].Addr, s.Addr, first, summary)
			}
		}
		return nil
	})
}

// summarize returns the given nodes in a view, as text. In the view all these
// nodes must be well, and must have all slots between them.
func (c *ClusterServers) summarize(view map[string]nodeView, nodes []*Server) (string, error) {
	var summary strings.Builder
	slots := 0
	for _, s := range nodes {
		node, ok := view[c.ids[s]]
		if !ok {
			return "", fmt.Errorf("no node at %s", s.Addr)
		}
		if node.failing {
			return "", fmt.Errorf("the node at %s fail", s.Addr)
		}
		if node.primary == "" == (node.slots == nil) {
			return "", fmt.Errorf("the node at %s with slots %v as replica of %q", s.Addr, node.slots, node.primary)
		}
		for _, r := range node.slots {
			slots += r.last - r.first + 1
		}
		fmt.Fprintf(&summary, "%s has %v and follows %q; ", s.Addr, node.slots, node.primary)
	}
	if slots != clusterSlots {
		return "", fmt.Errorf("%d slots at running nodes", slots)
	}
	return summary.String(), nil
}

// view returns how a running node sees the cluster, by the names of the nodes.
func (c *ClusterServers) view() (map[string]nodeView, error) {
	nodes, err := running(c.Nodes)
	if err != nil {
		return nil, err
	}
	return nodes[0].clusterView()
}

// nodeView is how one node sees another.
type nodeView struct {
	primary string // the primary of a replica, empty for any other node
	failing bool
	slots   []slotRange
}

type slotRange struct{ first, last int }

// clusterView returns how a node sees the cluster, by the names of the nodes.
func (s *Server) clusterView() (map[string]nodeView, error) {
	reply, err := s.Try("CLUSTER", "NODES")
	if err != nil {
		return nil, fmt.Errorf("node at %s: %w", s.Addr, err)
	}
	view := map[string]nodeView{}
	for line := range strings.Lines(reply.(string)) {
		// Name, address, flags, primary, ping, pong, epoch, link, slots.
		fields := strings.Fields(line)
		if len(fields) < 8 {
			return nil, fmt.Errorf("node at %s: CLUSTER NODES has the line %q", s.Addr, line)
		}
		// A replica that is told not to take its primary's place says nofailover.
		node := nodeView{failing: strings.Contains(strings.ReplaceAll(fields[2], "nofailover", ""), "fail")}
		if fields[3] != "-" {
			node.primary = fields[3]
		}
		for _, slots := range fields[8:] {
			if strings.HasPrefix(slots, "[") {
				continue // on its way to another node
			}
			first, last, isRange := strings.Cut(slots, "-")
			if !isRange {
				last = first
			}
			var r slotRange
			var errFirst, errLast error
			r.first, errFirst = strconv.Atoi(first)
			r.last, errLast = strconv.Atoi(last)
			if err := errors.Join(errFirst, errLast); err != nil {
				return nil, err
			}
			node.slots = append(node.slots, r)
		}
		view[fields[0]] = node
	}
	return view, nil
}
