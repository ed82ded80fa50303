package clustered

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/replicated"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A router knows the servers of a cluster, and which server has which slots.
type router struct {
	store    *Store // on all primaries
	settings *settings.Cluster
	open     node.Open
	timeout  time.Duration // of a call without a deadline
	epoch    time.Time
	// clock is a node that never connects. The router reads the time from the clock,
	// and the limits and commands of all nodes.
	clock node.Node

	topology atomic.Pointer[topology] // nil before the first is learnt
	// learnt is the time of the last attempt to learn the topology, in nanoseconds
	// since epoch.
	learnt atomic.Int64

	// watched tells that a goroutine looks for silent servers.
	watched atomic.Bool
	// tended tells that other nodes are asked about the servers with sessions.
	tended atomic.Bool

	mu sync.Mutex
	// servers get commands. The keys are their addresses.
	servers map[string]*server
	// left are servers without slots, whose last calls are still under way.
	left map[*server]struct{}
	// readers read from the replicas of a primary. The keys are the addresses of the
	// primaries. The reader of a server that is a primary no more stays, without
	// replicas.
	readers    map[string]*replicated.Store
	refreshing *refreshing   // nil while no refresh is under way
	refreshed  time.Time     // the end of the last refresh
	interval   time.Duration // the least time from one refresh to the next
	lastErr    error         // of the last refresh
	// source is the address of the server that told the topology, at installed.
	source    string
	installed time.Time

	closing context.Context // ends with the store
	close   context.CancelFunc
	running sync.WaitGroup // goroutines
}

func newRouter(s *settings.Cluster, open node.Open) *router {
	r := &router{
		settings: s,
		open:     open,
		epoch:    time.Now(),
		servers:  make(map[string]*server),
		left:     make(map[*server]struct{}),
		readers:  make(map[string]*replicated.Store),
	}
	r.closing, r.close = context.WithCancel(context.Background())
	r.clock = open(s.At(s.Seeds[0], false))
	r.timeout = r.clock.Limits().CallTimeout
	return r
}

// now returns the time, cheaply.
func (r *router) now() time.Time { return r.clock.Now() }

// at returns the server at an address. r.mu is held.
func (r *router) at(addr string) *server {
	s := r.servers[addr]
	if s == nil {
		settings := r.settings.At(addr, false)
		s = &server{addr: addr, status: settings.Status, node: r.open(settings), gate: node.NewGate()}
		r.servers[addr] = s
		if r.closing.Err() != nil {
			s.node.Disconnect()
		}
	}
	return s
}

// enter returns the primary of a slot, or nil if no primary is known. The call is
// counted at the primary, until server.leave.
func (r *router) enter(slot uint16) *server {
	t := r.topology.Load()
	if t == nil {
		return nil
	}
	if s := t.primary(slot); s != nil && s.gate.Enter() {
		r.ensureWatch()
		return s
	}
	return nil
}

// enterAt is enter for the server at an address.
func (r *router) enterAt(addr string) *server {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.at(addr)
	s.gate.Enter() // the gate is open: servers leave the map before their gates shut
	if !r.watched.Load() && r.watched.CompareAndSwap(false, true) {
		r.running.Go(r.watch)
	}
	return s
}

// await is enter, but learns an unknown topology first, and waits for the result.
func (r *router) await(ctx context.Context, slot uint16) (*server, error) {
	if _, err := r.known(ctx); err != nil {
		return nil, err
	}
	for r.topology.Load().primary(slot) != nil {
		if s := r.enter(slot); s != nil {
			return s, nil
		}
		// The primary lost its slots between the two lines.
	}
	r.refresh()
	return nil, driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("no node of the cluster has slot %d", slot)).Retryable()
}

// moved notes the new place of a slot, after a redirect of the server at from.
func (r *router) moved(to *servererror.RedirectError, from string) {
	r.refresh()
	if to.Host == "?" {
		return
	}
	addr := to.Address(from)
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.topology.Load()
	if old == nil {
		return
	}
	if s := old.primary(to.Slot); s != nil && s.addr == addr {
		return
	}
	t := *old
	i := slices.IndexFunc(t.shards, func(s *shard) bool { return s.primary != nil && s.primary.addr == addr })
	if i < 0 {
		i = len(t.shards)
		t.shards = append(slices.Clip(t.shards), r.shardOf(addr, nil))
	}
	t.slots[to.Slot] = uint16(i)
	r.topology.Store(&t)
	r.endMisplaced(&t)
}

// install makes a new topology of the view of a node, and leaves the servers without
// slots. The result tells whether the view differs from the topology before.
func (r *router) install(v view, from *server) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.source, r.installed = from.addr, time.Now()
	t := &topology{shards: []*shard{{reader: r.readerOf("", nil)}}}
	index := make(map[string]uint16)
	for _, at := range v {
		i, ok := index[at.primary]
		if !ok {
			i = uint16(len(t.shards))
			index[at.primary] = i
			t.shards = append(t.shards, r.shardOf(at.primary, at.replicas))
		}
		for slot := int(at.first); slot <= int(at.last); slot++ {
			t.slots[slot] = i
		}
	}
	old := r.topology.Load()
	if old != nil && old.equal(t) {
		return false
	}
	r.topology.Store(t)
	r.endMisplaced(t)
	if old != nil {
		t.notify(old, from)
	}
	used := make(map[*server]bool)
	for _, shard := range t.shards[1:] {
		used[shard.primary] = true
	}
	r.leave(used)
	for primary, reader := range r.readers {
		if index[primary] == 0 && primary != "" {
			reader.SetReplicas(nil)
		}
	}
	return true
}

// shardOf returns a primary with its replicas. r.mu is held.
func (r *router) shardOf(primary string, replicas []string) *shard {
	return &shard{primary: r.at(primary), replicas: replicas, reader: r.readerOf(primary, replicas)}
}

// equal reports whether two topologies have the same servers for each slot.
func (t *topology) equal(other *topology) bool {
	for slot := range uint16(slots) {
		a, b := t.shards[t.slots[slot]], other.shards[other.slots[slot]]
		if a.primary != b.primary || !slices.Equal(a.replicas, b.replicas) {
			return false
		}
	}
	return true
}

// disconnectAll ends all calls under way, for good.
func (r *router) disconnectAll() {
	r.mu.Lock()
	r.close() // from here on, every new node is disconnected at once
	servers := slices.AppendSeq(slices.Collect(maps.Keys(r.left)), maps.Values(r.servers))
	readers := slices.Collect(maps.Values(r.readers))
	r.mu.Unlock()
	for _, s := range servers {
		s.node.Disconnect()
	}
	for _, reader := range readers {
		reader.Disconnect()
	}
}

// leave closes the servers that are not used, each after its last call has returned.
// The calls on a server that fails or is silent end at once. r.mu is held.
func (r *router) leave(used map[*server]bool) {
	now := time.Now()
	for addr, s := range r.servers {
		if used[s] {
			continue
		}
		delete(r.servers, addr)
		idle := s.gate.Shut()
		r.left[s] = struct{}{} // the server may fall silent before its last call returns
		if s.failing.Load() != 0 || s.silence.lasted(now) > 0 {
			r.disconnect(s)
		}
		r.running.Go(func() {
			<-idle
			r.mu.Lock()
			delete(r.left, s)
			r.mu.Unlock()
			_ = s.node.Close() // no caller is left who could be told
		})
	}
}
