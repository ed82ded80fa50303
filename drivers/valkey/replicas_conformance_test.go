package valkey_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/xcachetest"
)

// The suite wants that a read sees the write before it, which replicas do not
// promise. So here each write is followed by a WAIT for them, and all else is as
// it is without.
func TestConformanceOfReplicas(t *testing.T) {
	for _, read := range []string{"prefer-replica", "primary"} {
		t.Run(read, func(t *testing.T) {
			servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
			dsn := "valkey://" + strings.Join(servers.Addrs(), ",") + "?read=" + read
			waiter := newClient(t, valkeygo.ClientOption{InitAddress: []string{servers.Primary.Addr}, SelectDB: 1})
			t.Cleanup(waiter.Close)
			if err := settled(waiter, len(servers.Replicas)); err != nil { // connects before a check counts goroutines
				t.Fatal(err)
			}
			harness := xcachetest.Harness{
				Open: func(t testing.TB) driver.Store {
					store, err := valkey.Driver{}.Open(parse(t, dsn))
					if err != nil {
						t.Fatal(err)
					}
					if read == "primary" {
						return store
					}
					return &waitingStore{store, driver.CapsOf(store), func() error { return settled(waiter, len(servers.Replicas)) }}
				},
				Exclusive: true,
				Lacks:     []string{"Subscriber", "Tracker"},
			}
			if read == "primary" {
				harness.Lacks = append(harness.Lacks, "Replicated")
			}
			xcachetest.Run(t, harness)
			fromReplicas := calls(t, servers.Replicas[0], "get") + calls(t, servers.Replicas[1], "get")
			t.Logf("GET: %d at the replicas, %d at the primary", fromReplicas, calls(t, servers.Primary, "get"))
			if (read == "primary") != (fromReplicas == 0) {
				t.Errorf("%d reads at the replicas", fromReplicas)
			}
		})
	}
}

// settled waits until the replicas have all that was written so far. A write of
// its own, to another database, is what WAIT waits for.
func settled(c valkeygo.Client, replicas int) error {
	wait := c.B().Arbitrary("WAIT", strconv.Itoa(replicas), "5000").Build()
	results := c.DoMulti(context.Background(), c.B().Incr().Key("settled").Build(), wait)
	if n, err := results[1].ToInt64(); err != nil || n < int64(replicas) {
		return fmt.Errorf("%d of %d replicas have the write, %w", n, replicas, err)
	}
	return nil
}

// A waitingStore lets replicas catch up after each write.
type waitingStore struct {
	driver.Store
	caps driver.Caps
	wait func() error
}

func (s *waitingStore) Caps() driver.Caps {
	caps := s.caps
	caps.Commander = waitingCommander{caps.Commander, s.wait}
	caps.Expirer = waitingExpirer{caps.Expirer, s.wait}
	caps.Counter = waitingCounter{caps.Counter, s.wait}
	caps.Swapper = waitingSwapper{caps.Swapper, s.wait}
	caps.Mover = waitingMover{caps.Mover, s.wait}
	caps.Flusher = waitingFlusher{caps.Flusher, s.wait}
	return caps
}

func (s *waitingStore) Set(ctx context.Context, entries []driver.Entry) error {
	return both(s.Store.Set(ctx, entries), s.wait())
}

func (s *waitingStore) Delete(ctx context.Context, keys []string) (int, error) {
	n, err := s.Store.Delete(ctx, keys)
	return n, both(err, s.wait())
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

func (s waitingSwapper) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	return both(s.Swapper.Swap(ctx, e, old), s.wait())
}

func (s waitingSwapper) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	ok, err := s.Swapper.CompareAndSwap(ctx, e, old)
	return ok, both(err, s.wait())
}

func (s waitingSwapper) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	ok, err := s.Swapper.CompareAndDelete(ctx, key, old)
	return ok, both(err, s.wait())
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
