package drivertest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
	"github.com/xcache-go/xcache/xcachetest"
)

// Conformance runs the suite on one server, of the subject's release and of each
// of the others.
func (s *Subject) Conformance(t *testing.T) {
	for _, release := range s.releases(t) {
		t.Run(release, func(t *testing.T) {
			server := servertest.Redis(t, servertest.Release(release)) // of its own: the suite empties it
			open := func(t testing.TB, addr string) driver.Store {
				t.Helper()
				return s.unchecked(t, s.Scheme+"://"+addr)
			}
			xcachetest.Run(t, xcachetest.Harness{
				Open:      func(t testing.TB) driver.Store { return open(t, server.Addr) },
				OpenAt:    open,
				Addr:      server.Addr,
				Exclusive: true,
				Release:   driver.Release,
				Lacks:     []string{"Subscriber", "Tracker", "Replicated"},

				ServerLacks: lackedBy(t, server),
			})
		})
	}
}

// lackedBy returns the commands that a server is too old for, and that no script stands in
// for.
func lackedBy(t testing.TB, server *servertest.Server) []string {
	t.Helper()
	var names []string
	version := versionOf(t, server)
	for _, form := range dialect.Forms() {
		if form.With == "" && form.Script == "" && !form.In(version) {
			names = append(names, form.Command)
		}
	}
	return names
}

// releases returns the subject's release and the others, without those that the
// environment says to be one that is there already.
func (s *Subject) releases(t testing.TB) []string {
	t.Helper()
	var names []string
	seen := make(map[string]bool)
	for _, name := range append([]string{s.Release}, s.Others...) {
		found, err := release.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if !seen[found.Name] {
			seen[found.Name] = true
			names = append(names, name)
		}
	}
	return names
}

// ConformanceOfReplicas runs the suite on a primary and its replicas.
//
// The suite wants that a read sees the write before it, which replicas do not
// promise. So here each write is followed by a WAIT for them, and all else is as
// it is without.
func (s *Subject) ConformanceOfReplicas(t *testing.T) {
	for _, read := range []string{"prefer-replica", "primary"} {
		t.Run(read, func(t *testing.T) {
			servers := s.StartReplicated(t, 2)
			dsn := s.Scheme + "://" + strings.Join(servers.Addrs(), ",") + "?read=" + read
			waiter := newWaiter(t, servers)
			harness := xcachetest.Harness{
				Open: func(t testing.TB) driver.Store {
					store := s.unchecked(t, dsn)
					if read == "primary" {
						return store
					}
					return newWaitingStore(store, waiter.wait)
				},
				Exclusive: true,
				Release:   driver.Release,
				Lacks:     []string{"Subscriber", "Tracker"},

				ServerLacks: lackedBy(t, servers.Primary),
			}
			if read == "primary" {
				harness.Lacks = append(harness.Lacks, "Replicated")
			}
			xcachetest.Run(t, harness)
			fromReplicas := timesRun(t, servers.Replicas[0], "get") + timesRun(t, servers.Replicas[1], "get")
			t.Logf("GET: %d at the replicas, %d at the primary", fromReplicas, timesRun(t, servers.Primary, "get"))
			if (read == "primary") != (fromReplicas == 0) {
				t.Errorf("%d reads at the replicas", fromReplicas)
			}
		})
	}
}

// A waiter waits for replicas.
type waiter struct {
	replicas int

	mu      sync.Mutex
	primary *servertest.Conn
}

func newWaiter(t testing.TB, servers *servertest.ReplicatedServers) *waiter {
	t.Helper()
	primary := servers.Primary.Dial(t)
	primary.Do(t, "SELECT", "1")
	return &waiter{replicas: len(servers.Replicas), primary: primary}
}

// wait waits until the replicas have all that was written so far. A write of its
// own, to another database, is what WAIT waits for.
func (w *waiter) wait() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.primary.Try("INCR", "waits"); err != nil {
		return err
	}
	n, err := w.primary.Try("WAIT", strconv.Itoa(w.replicas), "5000")
	if err == nil && n != int64(w.replicas) {
		err = fmt.Errorf("%v of %d replicas have the write", n, w.replicas)
	}
	return err
}

// A waitingStore lets replicas catch up after each write, also after those that
// the core sends to Primary.
type waitingStore struct {
	driver.Store
	caps driver.Caps
	wait func() error
}

func newWaitingStore(store driver.Store, wait func() error) *waitingStore {
	waiting := &waitingStore{store, driver.CapsOf(store), wait}
	if replicated := waiting.caps.Replicated; replicated != nil {
		waiting.caps.Replicated = waitingReplicated{newWaitingStore(replicated.Primary(), wait)}
	}
	return waiting
}

type waitingReplicated struct{ primary driver.Store }

func (r waitingReplicated) Primary() driver.Store { return r.primary }

func (store *waitingStore) Caps() driver.Caps {
	caps := store.caps
	caps.Commander = waitingCommander{caps.Commander, store.wait}
	caps.Expirer = waitingExpirer{caps.Expirer, store.wait}
	caps.Counter = waitingCounter{caps.Counter, store.wait}
	caps.Swapper = waitingSwapper{caps.Swapper, store.wait}
	caps.Mover = waitingMover{caps.Mover, store.wait}
	caps.Flusher = waitingFlusher{caps.Flusher, store.wait}
	return caps
}

func (store *waitingStore) Set(ctx context.Context, entries []driver.Entry) error {
	return both(store.Store.Set(ctx, entries), store.wait())
}

func (store *waitingStore) Delete(ctx context.Context, keys []string) (int, error) {
	n, err := store.Store.Delete(ctx, keys)
	return n, both(err, store.wait())
}

type waitingCommander struct {
	driver.Commander
	wait func() error
}

func (c waitingCommander) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	return both(c.Commander.Do(ctx, cmds, how), c.wait())
}

type waitingExpirer struct {
	driver.Expirer
	wait func() error
}

func (e waitingExpirer) Expire(ctx context.Context, entries []driver.Entry) error {
	return both(e.Expirer.Expire(ctx, entries), e.wait())
}

type waitingCounter struct {
	driver.Counter
	wait func() error
}

func (c waitingCounter) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	n, err := c.Counter.Incr(ctx, key, delta)
	return n, both(err, c.wait())
}

func (c waitingCounter) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	n, err := c.Counter.IncrInit(ctx, key, delta, init, ttl)
	return n, both(err, c.wait())
}

type waitingSwapper struct {
	driver.Swapper
	wait func() error
}

func (store waitingSwapper) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	return both(store.Swapper.Swap(ctx, e, old), store.wait())
}

func (store waitingSwapper) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	ok, err := store.Swapper.CompareAndSwap(ctx, e, old)
	return ok, both(err, store.wait())
}

func (store waitingSwapper) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	ok, err := store.Swapper.CompareAndDelete(ctx, key, old)
	return ok, both(err, store.wait())
}

type waitingMover struct {
	driver.Mover
	wait func() error
}

func (m waitingMover) Rename(ctx context.Context, from, to string) error {
	return both(m.Mover.Rename(ctx, from, to), m.wait())
}

func (m waitingMover) RenameNX(ctx context.Context, from, to string) (bool, error) {
	ok, err := m.Mover.RenameNX(ctx, from, to)
	return ok, both(err, m.wait())
}

type waitingFlusher struct {
	driver.Flusher
	wait func() error
}

func (f waitingFlusher) Flush(ctx context.Context) error {
	return both(f.Flusher.Flush(ctx), f.wait())
}

// both returns the operation's own error as it is, or else that of the wait.
func both(own, wait error) error {
	if own != nil {
		return own
	}
	return wait
}
