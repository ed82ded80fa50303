package drivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A replication makes stores whose reads see every earlier write, though replicas answer.
// A read waits until the replicas have the writes that any of the stores has made since
// the last wait. Several writes in a row cost one wait, and reads in a row cost no wait.
//
// Only a read that a replica may answer waits. A write that reads first, a scan, and the
// store of the primary must see every write without a wait.
type replication struct {
	primaries []watchedPrimary
	writes    atomic.Int64 // writes that have returned

	mu      sync.Mutex
	awaited int64 // how many of the writes all replicas have
}

// A watchedPrimary is a primary, and a write that leaves nothing behind for the suite to
// find. WAIT waits for this write, and so for all earlier writes.
type watchedPrimary struct {
	conn     *servertest.Conn
	write    []string
	replicas int
}

// replicationOf returns the replication of one primary.
func replicationOf(t testing.TB, primary *servertest.Server, replicas int) *replication {
	t.Helper()
	conn := primary.Dial(t)
	conn.Do(t, "SELECT", "1") // the suite empties database 0
	return &replication{primaries: []watchedPrimary{{conn, []string{"INCR", "waits"}, replicas}}}
}

// clusterReplicationOf returns the replication of a cluster. Each primary has one database
// and one replica.
func clusterReplicationOf(t testing.TB, servers *servertest.ClusterServers) *replication {
	t.Helper()
	r := &replication{}
	for _, primary := range servers.Primaries(t) {
		key := "{" + tagOf(t, servers, primary) + "}waits"
		write := []string{"EVAL", "redis.call('SET', KEYS[1], '') return redis.call('DEL', KEYS[1])", "1", key}
		r.primaries = append(r.primaries, watchedPrimary{primary.Dial(t), write, 1})
	}
	return r
}

// store returns a store that reads from replicas and misses no write.
func (r *replication) store(store driver.Store) driver.Store {
	caps := driver.CapsOf(store)
	if caps.Replicated != nil {
		primary := caps.Replicated.Primary()
		caps.Replicated = replicatedOver{&replicatedStore{primary, r.writing(driver.CapsOf(primary)), r}}
	}
	caps = r.writing(caps)
	caps.Expirer = caughtUpExpirer{caps.Expirer, r}
	caps.Commander = caughtUpCommander{caps.Commander, r}
	return caughtUpStore{&replicatedStore{store, caps, r}}
}

// wrote is called when a write has returned, whatever its outcome.
func (r *replication) wrote() { r.writes.Add(1) }

// await waits until all replicas have the writes that have returned.
func (r *replication) await() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	writes := r.writes.Load()
	if writes == r.awaited {
		return nil
	}
	errs := make([]error, len(r.primaries))
	var waits sync.WaitGroup
	for i := range r.primaries {
		waits.Go(func() { errs[i] = r.primaries[i].await() })
	}
	waits.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.awaited = writes
	return nil
}

func (p *watchedPrimary) await() error {
	replies, err := p.conn.Pipeline(p.write, []string{"WAIT", strconv.Itoa(p.replicas), "5000"})
	if err != nil {
		return err
	}
	if _, isNumber := replies[0].(int64); !isNumber || replies[1] != int64(p.replicas) {
		return fmt.Errorf("%v, and %v of %d replicas have the write", replies[0], replies[1], p.replicas)
	}
	return nil
}

// writing returns the capabilities of a store whose writes are counted.
func (r *replication) writing(caps driver.Caps) driver.Caps {
	caps.Commander = countedCommander{caps.Commander, r}
	caps.Expirer = countedExpirer{caps.Expirer, r}
	caps.Counter = countedCounter{caps.Counter, r}
	caps.Swapper = countedSwapper{caps.Swapper, r}
	caps.Mover = countedMover{caps.Mover, r}
	caps.Flusher = countedFlusher{caps.Flusher, r}
	caps.Exclusive = countedExclusive{caps.Exclusive, r}
	return caps
}

// A replicatedStore counts its writes. The reads do not wait, because reads from a primary
// need no wait.
type replicatedStore struct {
	driver.Store
	caps driver.Caps
	r    *replication
}

func (s *replicatedStore) Caps() driver.Caps { return s.caps }

func (s *replicatedStore) Set(ctx context.Context, entries []driver.Entry) error {
	defer s.r.wrote()
	return s.Store.Set(ctx, entries)
}

func (s *replicatedStore) Delete(ctx context.Context, keys []string) (int, error) {
	defer s.r.wrote()
	return s.Store.Delete(ctx, keys)
}

type replicatedOver struct{ primary driver.Store }

func (r replicatedOver) Primary() driver.Store { return r.primary }

// A caughtUpStore waits for the replicas before each read.
type caughtUpStore struct{ *replicatedStore }

func (s caughtUpStore) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if err := s.r.await(); err != nil {
		return err
	}
	return s.Store.Get(ctx, keys, dst)
}

type caughtUpExpirer struct {
	driver.Expirer
	r *replication
}

func (e caughtUpExpirer) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	if err := e.r.await(); err != nil {
		return err
	}
	return e.Expirer.GetTTL(ctx, keys, dst)
}

func (e caughtUpExpirer) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	if err := e.r.await(); err != nil {
		return err
	}
	return e.Expirer.TTL(ctx, keys, dst)
}

// A caughtUpCommander waits before commands if a replica may answer one of the commands.
type caughtUpCommander struct {
	driver.Commander
	r *replication
}

func (c caughtUpCommander) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if slices.ContainsFunc(cmds, func(cmd *driver.Cmd) bool { return cmd.Command().AtReplica() }) {
		if err := c.r.await(); err != nil {
			return err
		}
	}
	return c.Commander.Do(ctx, cmds, how)
}

// These types count writes, by capability.

type countedCommander struct {
	driver.Commander
	r *replication
}

func (c countedCommander) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if slices.ContainsFunc(cmds, func(cmd *driver.Cmd) bool { return !cmd.Command().ReadOnly }) {
		defer c.r.wrote()
	}
	return c.Commander.Do(ctx, cmds, how)
}

type countedExpirer struct {
	driver.Expirer
	r *replication
}

func (e countedExpirer) Expire(ctx context.Context, entries []driver.Entry) error {
	defer e.r.wrote()
	return e.Expirer.Expire(ctx, entries)
}

type countedCounter struct {
	driver.Counter
	r *replication
}

func (c countedCounter) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	defer c.r.wrote()
	return c.Counter.Incr(ctx, key, delta)
}

func (c countedCounter) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	defer c.r.wrote()
	return c.Counter.IncrInit(ctx, key, delta, init, ttl)
}

type countedSwapper struct {
	driver.Swapper
	r *replication
}

func (s countedSwapper) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	defer s.r.wrote()
	return s.Swapper.Swap(ctx, e, old)
}

func (s countedSwapper) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	defer s.r.wrote()
	return s.Swapper.CompareAndSwap(ctx, e, old)
}

func (s countedSwapper) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	defer s.r.wrote()
	return s.Swapper.CompareAndDelete(ctx, key, old)
}

type countedMover struct {
	driver.Mover
	r *replication
}

func (m countedMover) Rename(ctx context.Context, from, to string) error {
	defer m.r.wrote()
	return m.Mover.Rename(ctx, from, to)
}

func (m countedMover) RenameNX(ctx context.Context, from, to string) (bool, error) {
	defer m.r.wrote()
	return m.Mover.RenameNX(ctx, from, to)
}

type countedFlusher struct {
	driver.Flusher
	r *replication
}

func (f countedFlusher) Flush(ctx context.Context) error {
	defer f.r.wrote()
	return f.Flusher.Flush(ctx)
}

type countedExclusive struct {
	sessions driver.Exclusive
	r        *replication
}

func (e countedExclusive) Exclusive(ctx context.Context, keys ...string) (driver.Session, error) {
	session, err := e.sessions.Exclusive(ctx, keys...)
	if err != nil {
		return nil, err
	}
	return countedSession{session, e.r}, nil
}

// A countedSession counts as writes all calls of Do and all received replies of a session.
// Nobody knows whether a received reply is the reply to a write.
type countedSession struct {
	driver.Session
	r *replication
}

func (s countedSession) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	defer s.r.wrote()
	return s.Session.Do(ctx, cmds, how)
}

func (s countedSession) Receive(ctx context.Context) (driver.Incoming, error) {
	defer s.r.wrote()
	return s.Session.Receive(ctx)
}
