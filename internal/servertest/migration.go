package servertest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
)

const (
	// slotBatch is how many slots Reshard has on their way at a time. keyBatch is how
	// many keys one MIGRATE takes; MIGRATE blocks both nodes.
	slotBatch = 50
	keyBatch  = 100
	// slotChunk is how many slots one connection sets. Valkey answers a
	// SETSLOT only when the replicas have the change, but waits for the
	// SETSLOTs of several connections together.
	slotChunk = 5
)

// Migration is slots on their way from one node to another. Until the
// migration ends, the source serves the keys that have not moved yet, and
// answers ASK for all other keys. Commands with keys on both sides get
// TRYAGAIN: in Redis 6.0 from the target, after an ASK.
type Migration struct {
	cluster  *ClusterServers
	from, to *Server
	slots    []string
}

// StartMigration begins to move slots between primaries. No key is moved yet.
// Finish ends the migration.
func (c *ClusterServers) StartMigration(t testing.TB, from, to *Server, slots ...int) *Migration {
	t.Helper()
	m, err := c.startMigration(from, to, slots)
	check(t, err)
	return m
}

// MoveKeys moves keys of the slots to the target. The target then serves these
// keys to clients that send ASKING. The given keys are keys of database 0; without
// keys MoveKeys moves all keys of every database.
func (m *Migration) MoveKeys(t testing.TB, keys ...string) {
	t.Helper()
	if len(keys) > 0 {
		conn, err := m.from.dial()
		check(t, err)
		defer conn.Close()
		check(t, m.move(conn, "0", keys))
		return
	}
	check(t, m.moveAll())
}

// Finish moves the keys that are left and gives the slots to the target, so that
// the source answers MOVED. Finish returns when every running node knows of the
// change.
func (m *Migration) Finish(t testing.TB) {
	t.Helper()
	check(t, m.finish())
	m.cluster.AwaitOK(t)
}

// Reshard moves the first slots of a primary to another primary, some at a time,
// with all their keys. Clients may use the slots meanwhile. Reshard returns when
// every running node knows of the change.
func (c *ClusterServers) Reshard(t testing.TB, from, to *Server, number int) {
	t.Helper()
	view, err := c.view()
	check(t, err)
	var slots []int
	for _, r := range view[c.ids[from]].slots {
		for slot := r.first; slot <= r.last && len(slots) < number; slot++ {
			slots = append(slots, slot)
		}
	}
	if len(slots) < number {
		t.Fatalf("servertest: node at %s has %d slots, not %d to give away", from.Addr, len(slots), number)
	}
	for batch := range slices.Chunk(slots, slotBatch) {
		m, err := c.startMigration(from, to, batch)
		check(t, err)
		check(t, m.finish())
	}
	c.AwaitOK(t)
}

func (c *ClusterServers) startMigration(from, to *Server, slots []int) (*Migration, error) {
	m := &Migration{cluster: c, from: from, to: to}
	for _, slot := range slots {
		m.slots = append(m.slots, strconv.Itoa(slot))
	}
	// The target comes first: after its own SETSLOT the source sends clients to the
	// target at once.
	if err := m.setSlots(to, "IMPORTING", from); err != nil {
		return nil, err
	}
	return m, m.setSlots(from, "MIGRATING", to)
}

func (m *Migration) finish() error {
	if err := m.moveAll(); err != nil {
		return err
	}
	view, err := m.cluster.view()
	if err != nil {
		return err
	}
	// The target comes first again: the source sends clients to the target at
	// once, and a target that does not own the slots yet sends the clients
	// back. The other primaries would learn of the change by gossip, but
	// later.
	nodes := []*Server{m.to, m.from}
	for _, s := range m.cluster.Nodes {
		if s != m.to && s != m.from && s.running() && view[m.cluster.ids[s]].slots != nil {
			nodes = append(nodes, s)
		}
	}
	for _, s := range nodes {
		if err := m.setSlots(s, "NODE", m.to); err != nil {
			return err
		}
	}
	return nil
}

func (m *Migration) moveAll() error {
	conn, err := m.from.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	databases, err := clusterDatabases(conn)
	if err != nil {
		return err
	}
	for database := range databases {
		if err := m.moveDatabase(conn, strconv.Itoa(database), databases > 1); err != nil {
			return err
		}
	}
	return nil
}

// clusterDatabases returns how many databases a node has.
func clusterDatabases(conn *Conn) (int, error) {
	reply, err := conn.Try("CONFIG", "GET", "cluster-databases")
	if err != nil {
		return 0, err
	}
	if pair := reply.([]any); len(pair) == 2 {
		return strconv.Atoi(pair[1].(string))
	}
	return 1, nil // before Valkey 9
}

// moveDatabase moves all keys of the slots in one database.
func (m *Migration) moveDatabase(conn *Conn, database string, selected bool) error {
	if selected {
		if _, err := conn.Try("SELECT", database); err != nil {
			return err
		}
	}
	for _, slot := range m.slots {
		for {
			reply, err := conn.Try("CLUSTER", "GETKEYSINSLOT", slot, strconv.Itoa(keyBatch))
			if err != nil {
				return err
			}
			var keys []string
			for _, key := range reply.([]any) {
				keys = append(keys, key.(string))
			}
			if len(keys) == 0 {
				break
			}
			if err := m.move(conn, database, keys); err != nil {
				return err
			}
		}
	}
	return nil
}

// move moves keys of the database that is selected on a connection to the source.
func (m *Migration) move(conn *Conn, database string, keys []string) error {
	migrate := []string{
		"MIGRATE", m.to.Host, strconv.Itoa(m.to.Port), "", database,
		strconv.FormatInt(doTimeout.Milliseconds(), 10), "AUTH2", inspector, "any", "KEYS",
	}
	_, err := conn.Try(append(migrate, keys...)...)
	return err
}

// setSlots sends a node CLUSTER SETSLOT for all slots.
func (m *Migration) setSlots(at *Server, state string, other *Server) error {
	chunks := slices.Collect(slices.Chunk(m.slots, slotChunk))
	errs := make([]error, len(chunks))
	var wait sync.WaitGroup
	for i, slots := range chunks {
		wait.Go(func() { errs[i] = at.setSlots(slots, state, m.cluster.ids[other]) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// setSlots tells a node where slots are, or go. Valkey refuses SETSLOT while
// the node's replicas are away. On a busy machine replicas may seem to be
// away.
func (s *Server) setSlots(slots []string, state, id string) error {
	return await(func() (err error) {
		slots, err = s.trySlots(slots, state, id)
		return err
	})
}

// trySlots returns the slots that were refused.
func (s *Server) trySlots(slots []string, state, id string) (refused []string, err error) {
	conn, err := s.dial()
	if err != nil {
		return slots, err
	}
	defer conn.Close()
	commands := make([][]string, len(slots))
	for i, slot := range slots {
		commands[i] = []string{"CLUSTER", "SETSLOT", slot, state, id}
	}
	replies, err := conn.Pipeline(commands...)
	if err != nil {
		return slots, err
	}
	for i, reply := range replies {
		if reason, isError := reply.(ServerError); isError {
			refused = append(refused, slots[i])
			err = fmt.Errorf("node at %s, slot %s %s: %w", s.Addr, slots[i], state, reason)
		}
	}
	return refused, err
}
