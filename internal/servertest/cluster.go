package servertest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	clusterPrimaries = 3
	clusterSlots     = 16384
)

// ClusterServers is a cluster of three primaries and a replica of each. A
// primary and its replica are a shard. In a failover the two servers of a
// shard swap their roles; a server never goes to another shard.
//
// The nodes take a node for failed after a minute, so a failover needs Failover,
// AwaitFailover or NoticeFailures.
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

// Cluster starts a cluster and waits until every node names all nodes to clients and
// the replicas are online. Every node gets the options. The end of the test stops
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
	primaries, err := c.primaries()
	check(t, err)
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
// running node. From then on a node is taken for failed after a minute.
func (c *ClusterServers) AwaitOK(t testing.TB) {
	t.Helper()
	check(t, c.awaitOK())
	check(t, c.setFailureTimeout(failureTimeout))
}

// AwaitReplicas waits until every running node without slots is an online
// replica of its partner and has all that the partner had when AwaitReplicas was
// called, and until every running node names all of them to clients. If a shard fails over meanwhile, the replica must have all that the new
// primary had when AwaitReplicas first saw the change.
func (c *ClusterServers) AwaitReplicas(t testing.TB) {
	t.Helper()
	offsets := map[*Server]int64{} // of the primaries
	check(t, await(func() error {
		primaries, err := c.primaries()
		if err != nil {
			return err
		}
		for _, primary := range primaries {
			if !primary.running() {
				continue
			}
			offset, known := offsets[primary]
			if !known {
				if offset, err = primary.replicationOffset(); err != nil {
					return err
				}
				offsets[primary] = offset
			}
			replica := c.Partner(primary)
			if !replica.running() {
				continue
			}
			if err := replica.follows(primary, offset); err != nil {
				return err
			}
		}
		return c.named()
	}))
}

// NoticeFailures makes the running nodes take a node for failed that is silent for a
// second, until the next AwaitOK, Failover or AwaitFailover is over. A test needs
// NoticeFailures, before it kills or freezes a node, only if the failure is to be noticed
// before AwaitFailover: AwaitFailover itself makes the nodes notice.
func (c *ClusterServers) NoticeFailures(t testing.TB) {
	t.Helper()
	check(t, c.setFailureTimeout(shortFailureTimeout))
}

// Failover makes the replica of a primary take the primary's place without
// loss (CLUSTER FAILOVER). Failover returns the new primary when every running
// node knows of the change.
func (c *ClusterServers) Failover(t testing.TB, primary *Server) *Server {
	t.Helper()
	replica := c.Partner(primary)
	check(t, awaitReplicas(primary, []*Server{replica}))
	var asked time.Time
	return c.awaitSuccessor(t, replica, func() {
		if time.Since(asked) < manualFailover {
			return
		}
		// A replica that is the primary already refuses, and is seen to be the primary soon.
		if _, err := replica.Try("CLUSTER", "FAILOVER"); err == nil {
			asked = time.Now()
		}
	})
}

// AwaitFailover waits until the partner of a primary has the primary's slots
// and every running node knows of the change, and returns the partner. The
// primary may be down or frozen.
func (c *ClusterServers) AwaitFailover(t testing.TB, primary *Server) *Server {
	t.Helper()
	return c.awaitSuccessor(t, c.Partner(primary), func() {})
}

// awaitSuccessor calls ask until a replica has become a primary, and returns the replica
// when every running node knows of the change. With the long time-out, nodes would also vote
// for a shard only once in two minutes.
func (c *ClusterServers) awaitSuccessor(t testing.TB, replica *Server, ask func()) *Server {
	t.Helper()
	check(t, c.withShortFailureTimeout(func() error {
		err := await(func() error {
			view, err := replica.clusterView()
			if err == nil && view[c.ids[replica]].slots == nil {
				err = fmt.Errorf("node at %s has no slots", replica.Addr)
				ask()
			}
			return err
		})
		if err != nil {
			return err
		}
		return c.awaitOK()
	}))
	return replica
}

// manualFailover is longer than a replica tries a CLUSTER FAILOVER, which is five
// seconds. A second command before that would begin anew.
const manualFailover = 6 * time.Second

// withShortFailureTimeout calls a function while the nodes take a node for failed that is
// silent for a second. At other times a minute must pass.
func (c *ClusterServers) withShortFailureTimeout(do func() error) error {
	if err := c.setFailureTimeout(shortFailureTimeout); err != nil {
		return err
	}
	return errors.Join(do(), c.setFailureTimeout(failureTimeout))
}

func (c *ClusterServers) setFailureTimeout(milliseconds string) error {
	return tell(c.Nodes, "CONFIG", "SET", "cluster-node-timeout", milliseconds)
}

// clusterNode makes a server a node of a cluster. A replica takes the place of its primary
// even if the primary has been away for long.
var clusterNode = [][]string{
	{"cluster-enabled", "yes"},
	{"cluster-node-timeout", failureTimeout},
	{"cluster-replica-validity-factor", "0"},
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
	// With the short time-out, nodes also exchange their news more often.
	if err := c.withShortFailureTimeout(c.join); err != nil {
		return err
	}
	// A primary that stood still in the meantime has lost its role.
	primaries, err := c.primaries()
	if err != nil {
		return err
	}
	for i, primary := range primaries {
		replica := c.Partner(primary)
		c.Nodes[i], c.Nodes[i+clusterPrimaries] = primary, replica
		if err := awaitReplicas(primary, []*Server{replica}); err != nil {
			return err
		}
	}
	return nil
}

// join makes the nodes one cluster, with the last half of the nodes as replicas.
func (c *ClusterServers) join() error {
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
	return await(c.named)
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

// named returns an error unless every running node names all running nodes in CLUSTER
// SLOTS. A node that knows a replica does not name the replica until the replica has
// told that node of data, in a message that may come seconds after the data.
func (c *ClusterServers) named() error {
	nodes, err := running(c.Nodes)
	if err != nil {
		return err
	}
	for _, asked := range nodes {
		reply, err := asked.Try("CLUSTER", "SLOTS")
		if err != nil {
			return fmt.Errorf("node at %s: %w", asked.Addr, err)
		}
		names := map[string]bool{}
		for _, slots := range reply.([]any) {
			for _, node := range slots.([]any)[2:] { // after the first and last slot
				names[node.([]any)[2].(string)] = true // after the host and port
			}
		}
		for _, s := range nodes {
			if !names[c.ids[s]] {
				return fmt.Errorf("node at %s does not name the node at %s", asked.Addr, s.Addr)
			}
		}
	}
	return nil
}

// primaries returns the nodes that have slots now, in the order of their shards.
func (c *ClusterServers) primaries() ([]*Server, error) {
	view, err := c.view()
	if err != nil {
		return nil, err
	}
	primaries := slices.Clone(c.Nodes[:clusterPrimaries])
	for i, s := range primaries {
		if view[c.ids[s]].slots == nil {
			primaries[i] = c.Partner(s)
		}
	}
	return primaries, nil
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
