package drivertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// ClusterScan scans while slots and primaries change. The test fails if a scan misses a key or
// returns an error.
func (s *Subject) ClusterScan(t *testing.T) { clusterScan(t, s.StartCluster(t), 700, s) }

func clusterScan(t *testing.T, servers *servertest.ClusterServers, slots int, subjects ...*Subject) {
	var stores []serverStore
	for _, s := range subjects {
		stores = append(stores, s.open(t, withLongTimeouts(s.clusterDSN(servers, ""))))
	}
	store := stores[0]
	const keys = 3000
	entries := make([]driver.Entry, keys)
	for i := range entries {
		entries[i] = driver.Entry{Key: fmt.Sprint("key", i), Value: []byte("v"), TTL: driver.NoExpiry}
	}
	if err := store.Set(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	scan := func() {
		t.Helper()
		for i, store := range stores {
			found := map[string]bool{}
			for key, err := range store.Scan(t.Context(), "key*") {
				if err != nil {
					t.Errorf("store %d, after %d keys: %v", i, len(found), err)
					return
				}
				found[key] = true
			}
			if len(found) != keys {
				t.Errorf("store %d: %d of %d keys were found", i, len(found), keys)
			}
		}
	}
	scan()
	for _, change := range []struct {
		name string
		make func()
	}{
		{"reshard", func() {
			servers.Reshard(t, servers.Nodes[2], servers.Nodes[0], slots)
			servers.Reshard(t, servers.Nodes[0], servers.Nodes[2], slots)
		}},
		{"failover", func() { servers.Failover(t, servers.Nodes[1]) }},
		{"restart", func() { servers.Failover(t, servers.Nodes[0]); servers.Nodes[0].Restart(t); servers.AwaitOK(t) }},
	} {
		var changing atomic.Bool
		changing.Store(true)
		var running sync.WaitGroup
		running.Go(func() {
			defer changing.Store(false)
			change.make()
		})
		scans := 0
		for changing.Load() && !t.Failed() {
			scan()
			scans++
		}
		running.Wait()
		t.Logf("%s: %d scans", change.name, scans)
	}
	// A slot stays open: the keys of the slot have moved, and the slot has not.
	from, to := servers.Partner(servers.Nodes[0]), servers.Nodes[2]
	var slot int // a slot with a key
	for _, e := range entries {
		if servers.Primary(t, e.Key) == from {
			slot = int(from.Do(t, "CLUSTER", "KEYSLOT", e.Key).(int64))
			break
		}
	}
	migration := servers.StartMigration(t, from, to, slot)
	migration.MoveKeys(t)
	scan()
	migration.Finish(t)
	scan()
	for _, err := range store.Scan(t.Context(), "key*") {
		if err != nil {
			t.Error(err)
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range store.Scan(ctx, "key*") {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a scan whose context was cancelled ended with %v", last)
	}
}

// ClusterCrossSlot calls commands that no single server can run. The test fails if the store
// makes a connection for such a command, or if the error is not ErrCrossSlot. The test also
// fails if a server without cluster mode does not cause an error about the DSN.
func (s *Subject) ClusterCrossSlot(t *testing.T) {
	dialed := func(context.Context, string, string) (net.Conn, error) {
		t.Error("a connection was made")
		return nil, errors.New("not here")
	}
	store := s.OpenDSN(t, Parse(t, s.Scheme+"+cluster://127.0.0.1:1"), dialed).(serverStore)
	a, b := driver.Key("a"), driver.Key("b")
	for _, tt := range []struct {
		how  driver.How
		cmds []*driver.Cmd
	}{
		{driver.Plain, []*driver.Cmd{driver.NewCmd("RENAME", a, b)}},
		{driver.Plain, []*driver.Cmd{driver.NewCmd("RENAME", a, b), driver.NewCmd("RENAMENX", b, a)}},
		{driver.Plain, []*driver.Cmd{driver.NewCmd("EVAL", driver.Literal("return 1"), driver.Int(2), a, b)}},
		{driver.Atomic, []*driver.Cmd{driver.NewCmd("GET", a), driver.NewCmd("GET", b)}},
		{driver.Atomic, []*driver.Cmd{driver.NewCmd("MGET", a, b)}},
		{driver.Atomic, []*driver.Cmd{driver.NewCmd("GET", a), driver.NewCmd("FLUSHDB")}},
		{driver.Atomic, []*driver.Cmd{driver.NewCustomCmd("GETBIT", a, driver.Int(0)), driver.NewCustomCmd("GETBIT", b, driver.Int(0))}},
	} {
		err := store.Do(t.Context(), tt.cmds, tt.how)
		for _, c := range tt.cmds {
			if tt.how == driver.Plain {
				WantErr(t, c.Err, driver.NotApplied, driver.ErrCrossSlot)
			}
		}
		if tt.how == driver.Atomic {
			WantErr(t, err, driver.NotApplied, driver.ErrCrossSlot)
		}
	}
	server := s.Standalone(t)
	alone := s.open(t, s.Scheme+"+cluster://"+server.Addr)
	if err := Put(t, alone, "k", "v"); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "without +cluster") {
		t.Errorf("Set in what is no cluster: %v", err)
	}
}

// A writeCounter counts the writes to each address.
type writeCounter struct {
	mu     sync.Mutex
	writes map[string]int
}

func (c *writeCounter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, addr)
	return &writeConn{conn, c, addr}, err
}

type writeConn struct {
	net.Conn
	counter *writeCounter
	addr    string
}

func (c *writeConn) Write(p []byte) (int, error) {
	c.counter.mu.Lock()
	c.counter.writes[c.addr]++
	c.counter.mu.Unlock()
	return c.Conn.Write(p)
}

// awaitQuiet waits until nothing is written for a while. A client of the program's own
// connects in the background to all nodes that the client was told of.
func (c *writeCounter) awaitQuiet(t *testing.T) {
	t.Helper()
	for range 100 {
		before := c.total()
		stopwatch.Rest(300 * time.Millisecond)
		if c.total() == before {
			return
		}
	}
	t.Fatal("connections are written to without calls")
}

func (c *writeCounter) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for _, n := range c.writes {
		total += n
	}
	return total
}

// ClusterRoundTrips counts the round trips to each node of operations on keys in
// many slots. The test fails unless an operation costs one round trip to each
// primary.
func (s *Subject) ClusterRoundTrips(t *testing.T) {
	servers := s.Cluster(t)
	counter := &writeCounter{writes: map[string]int{}}
	store := s.OpenDSN(t, Parse(t, s.clusterDSN(servers, "?pool_size=1&"+longQuery)), counter.dial).(serverStore)
	var keys []string
	var entries []driver.Entry
	for i := range 100 {
		keys = append(keys, Key(t, fmt.Sprint(i)))
		entries = append(entries, driver.Entry{Key: keys[i], Value: []byte("v"), TTL: time.Hour})
	}
	if err := errors.Join(store.Set(t.Context(), entries), store.Ping(t.Context())); err != nil {
		t.Fatal(err)
	}
	counter.awaitQuiet(t)
	ctx := context.Background()
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"Get", func() error { return store.Get(ctx, keys, make([]driver.Value, len(keys))) }},
		{"GetTTL", func() error { return store.GetTTL(ctx, keys, make([]driver.Value, len(keys))) }},
		{"TTL", func() error { return store.TTL(ctx, keys, make([]driver.Value, len(keys))) }},
		{"Expire", func() error { return store.Expire(ctx, entries) }},
		{"Set", func() error { return store.Set(ctx, entries) }},
		{"Ping", func() error { return store.Ping(ctx) }},
		{"Delete", func() error {
			n, err := store.Delete(ctx, keys)
			if n != len(keys) {
				err = errors.Join(err, fmt.Errorf("%d were removed", n))
			}
			return err
		}},
	} {
		counter.mu.Lock()
		clear(counter.writes)
		counter.mu.Unlock()
		if err := op.do(); err != nil {
			t.Errorf("%s: %v", op.name, err)
		}
		counter.mu.Lock()
		if len(counter.writes) != 3 {
			t.Errorf("%s went to %d nodes", op.name, len(counter.writes))
		}
		for addr, n := range counter.writes {
			if n != 1 {
				t.Errorf("%s: %d round trips to %s", op.name, n, addr)
			}
		}
		counter.mu.Unlock()
	}
}

// ClusterRename renames keys from one server to another, also when one of the
// servers fails. The test fails if a value or its TTL is lost, or if RenameNX
// overwrites a key.
func (s *Subject) ClusterRename(t *testing.T) {
	servers := s.StartCluster(t, servertest.Config("cluster-require-full-coverage", "no"), servertest.Config("cluster-replica-no-failover", "yes"))
	front := newFront(t, servers.Addrs()...)
	store, short := s.openCluster(t, servers, "?"+longQuery), s.openCluster(t, servers, "?op_timeout=500ms")
	here, there := servers.Nodes[0], servers.Nodes[1]
	from, to := taggedKey(t, tagOf(t, servers, here), "from"), taggedKey(t, tagOf(t, servers, there), "to")
	held := func(key string) string {
		t.Helper()
		at := servers.Primary(t, key)
		reply, _ := at.Do(t, "GET", key).(string)
		return reply
	}
	reset := func(ttl time.Duration) {
		t.Helper()
		_, err := store.Delete(t.Context(), []string{to})
		entries := []driver.Entry{{Key: from, Value: []byte("v"), TTL: ttl}}
		if err := errors.Join(err, store.Set(t.Context(), entries), entries[0].Err); err != nil {
			t.Fatal(err)
		}
	}
	for _, ttl := range []time.Duration{driver.NoExpiry, time.Hour} {
		reset(ttl)
		if err := store.Rename(t.Context(), from, to); err != nil {
			t.Error(err)
		}
		values := make([]driver.Value, 2)
		if err := store.GetTTL(t.Context(), []string{from, to}, values); err != nil {
			t.Error(err)
		}
		if !errors.Is(values[0].Err, driver.ErrNotFound) || string(values[1].Data) != "v" || ttl-values[1].TTL > time.Minute || values[1].TTL > ttl {
			t.Errorf("after a rename: %v; %q with TTL %v", values[0].Err, values[1].Data, values[1].TTL)
		}
	}
	reset(driver.NoExpiry)
	if err := Put(t, store, to, "theirs"); err != nil {
		t.Error(err)
	}
	if ok, err := store.RenameNX(t.Context(), from, to); ok || err != nil || held(to) != "theirs" || held(from) != "v" {
		t.Errorf("RenameNX onto another key = %v, %v; %q, %q", ok, err, held(from), held(to))
	}
	WantErr(t, store.Rename(t.Context(), from+"none", to), driver.NotApplied, driver.ErrNotFound)

	// The other server is gone: the rename changes nothing. A call waits for the server until the end
	// of op_timeout.
	reset(driver.NoExpiry)
	there.Kill(t)
	WantErr(t, short.Rename(t.Context(), from, to), driver.NotApplied, driver.ErrUnavailable)
	if held(from) != "v" {
		t.Error("a rename that failed has lost the value")
	}
	there.Start(t)
	servers.AwaitOK(t)
	// The answer of the other server is lost: the value is at least in one place.
	reset(driver.NoExpiry)
	behind := s.OpenDSN(t, Parse(t, s.clusterDSN(servers, "?op_timeout=8s&dial_timeout=8s")), front.dial).(serverStore)
	if _, err := behind.Delete(t.Context(), []string{to, from + "none"}); err != nil { // connects
		t.Fatal(err)
	}
	front[there.Addr].StallReplies()
	WantErr(t, behind.Rename(t.Context(), from, to), driver.Unknown, driver.ErrUnavailable)
	front[there.Addr].Resume()
	if held(from) != "v" {
		t.Error("a rename whose outcome is unknown has lost the value")
	}
}

// ClusterTLS reads and writes through TLS as a user with a password, at primaries
// and replicas. The test fails if a store shows the password. The test also fails
// unless a wrong password is ErrAuth, and an unknown certificate authority is
// ErrUnavailable.
func (s *Subject) ClusterTLS(t *testing.T) {
	servers := s.StartCluster(t, servertest.TLS(), servertest.Password("secret"))
	c := servers.Nodes[0].Certificates
	addrs := strings.Join(servers.Addrs()[:2], ",")
	for _, read := range []string{"primary", "prefer-replica"} {
		store := s.open(t, s.Scheme+"s+cluster://:secret@"+addrs+"?tls_ca="+c.CAFile+"&read="+read+"&"+longQuery)
		for i := range 30 {
			key := Key(t, fmt.Sprint(i))
			if err := Put(t, store, key, "v"); err != nil {
				t.Fatal(err)
			}
			if _, err := Get(t, store, key); err != nil && !errors.Is(err, driver.ErrNotFound) {
				t.Error(err)
			}
		}
		if text := fmt.Sprintf("%v %+v %#v", store, store, store); strings.Contains(text, "secret") {
			t.Errorf("the password is shown: %s", text)
		}
	}
	wrong := s.open(t, s.Scheme+"s+cluster://:other@"+addrs+"?tls_ca="+c.CAFile)
	WantErr(t, Put(t, wrong, "k", "v"), driver.NotApplied, driver.ErrAuth)
	unknown := s.open(t, s.Scheme+"s+cluster://:secret@"+addrs+"?tls_ca="+c.OtherCAFile)
	WantErr(t, Put(t, unknown, "k", "v"), driver.NotApplied, driver.ErrUnavailable)
}
