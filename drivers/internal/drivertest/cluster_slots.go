package drivertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// wantErrorReplies fails the test unless a server has answered with more errors of
// the word than before. On Redis 6.0, which has no such counts, wantErrorReplies
// does not fail.
func (s *Subject) wantErrorReplies(t testing.TB, server *servertest.Server, word string, before int) {
	t.Helper()
	if after := errorReplies(t, server, word); after <= before && s.Release != "redis-6.0" {
		t.Errorf("the server at %s did not answer %s", server.Addr, word)
	}
}

// asksWithoutPermission uses a key of a slot on its way, as a user without permission for
// ASKING. The redirects of both servers lead to each other. The refusal must come at
// once, because the refusal will not pass.
func (s *Subject) asksWithoutPermission(t *testing.T) {
	servers := s.StartCluster(t, servertest.User("ann", "hers", "~*", "+@all", "-asking"))
	dsn := s.Scheme + "+cluster://ann:hers@" + strings.Join(servers.Addrs(), ",")
	store := s.open(t, withLongTimeouts(dsn))
	from, to := servers.Nodes[0], servers.Nodes[1]
	key := taggedKey(t, tagOf(t, servers, from), "moving")
	if err := Put(t, store, key, "v"); err != nil {
		t.Fatal(err)
	}
	migration := servers.StartMigration(t, from, to, int(from.Do(t, "CLUSTER", "KEYSLOT", key).(int64)))
	migration.MoveKeys(t)
	for name, how := range map[string]driver.How{"plain": driver.Plain, "transaction": driver.Atomic} {
		t.Run(name, func(t *testing.T) {
			asked := errorReplies(t, from, "ASK")
			get := driver.NewCmd("GET", driver.Key(key))
			set := driver.NewCmd("SET", driver.Key(key), driver.Val([]byte("w")))
			_ = store.Do(t.Context(), []*driver.Cmd{get, set}, how)
			for _, cmd := range []*driver.Cmd{get, set} {
				WantErr(t, cmd.Err, driver.NotApplied, driver.ErrAuth)
				if cmd.Err != nil && !strings.Contains(cmd.Err.Error(), "asking") {
					t.Errorf("%s: the error does not name the command that is refused: %v", cmd.Name, cmd.Err)
				}
			}
			if after := errorReplies(t, from, "ASK"); after > asked+2 {
				t.Errorf("%d redirects for two commands", after-asked)
			}
		})
	}
	migration.Finish(t)
	if got, err := Get(t, store, key); string(got) != "v" || err != nil {
		t.Errorf("after the move: %q, %v", got, err)
	}
}

// ClusterMigration uses keys of a slot while the slot is on its way, and after. The test fails
// if a call fails or has a wrong result, or if calls still go to the old server after the
// move.
func (s *Subject) ClusterMigration(t *testing.T) {
	t.Run("ASKING is refused", s.asksWithoutPermission)
	s.clusterMigration(t, s.StartCluster(t))
}

func (s *Subject) clusterMigration(t *testing.T, servers *servertest.ClusterServers) {
	store := s.open(t, withLongTimeouts(s.clusterDSN(servers, "")))
	from, to := servers.Nodes[0], servers.Nodes[1]
	tag := tagOf(t, servers, from)
	key := func(name string) string { return taggedKey(t, tag, name) }
	slot := int(from.Do(t, "CLUSTER", "KEYSLOT", key("")).(int64))
	names := []string{"a", "b", "c", "d"}
	for _, name := range names {
		if err := Put(t, store, key(name), name); err != nil {
			t.Fatal(err)
		}
	}
	migration := servers.StartMigration(t, from, to, slot)
	migration.MoveKeys(t, key("b"), key("d"))

	asked, tried, moved := errorReplies(t, from, "ASK"), errorReplies(t, from, "TRYAGAIN"), errorReplies(t, from, "MOVED")
	wantHeld := func(k, want string) {
		t.Helper()
		if got, err := Get(t, store, k); string(got) != want || err != nil {
			t.Errorf("Get(%s) = %q, %v; want %q", k, got, err, want)
		}
	}
	for _, name := range names {
		wantHeld(key(name), name)
	}
	s.wantErrorReplies(t, from, "ASK", asked)
	// One command has keys of both servers, and a missing key.
	values := make([]driver.Value, 5)
	if err := store.Get(t.Context(), []string{key("a"), key("b"), key("c"), key("d"), key("none")}, values); err != nil {
		t.Error(err)
	}
	for i, v := range values {
		if i < 4 && (string(v.Data) != names[i] || v.Err != nil) || i == 4 && !errors.Is(v.Err, driver.ErrNotFound) {
			t.Errorf("Get of all: %d is %q, %v", i, v.Data, v.Err)
		}
	}
	s.wantErrorReplies(t, from, "TRYAGAIN", tried)
	mget, exists := driver.NewCmd("MGET"), driver.NewCmd("EXISTS")
	for _, name := range []string{"d", "none", "a", "b"} {
		mget.Args = append(mget.Args, driver.Key(key(name)))
		exists.Args = append(exists.Args, driver.Key(key(name)))
	}
	if err := store.Do(t.Context(), []*driver.Cmd{mget, exists}, driver.Plain); err != nil || mget.Err != nil || exists.Err != nil {
		t.Error(err, mget.Err, exists.Err)
	}
	if items := mget.Reply.Items; len(items) != 4 || string(items[0].Data) != "d" || !items[1].IsNil() || string(items[2].Data) != "a" || string(items[3].Data) != "b" {
		t.Errorf("MGET = %+v", items)
	}
	if n, err := exists.Reply.AsInt(); n != 3 || err != nil {
		t.Errorf("EXISTS = %d, %v", n, err)
	}
	// There are writes of a key that has moved, of a key that has not moved, and of a new key.
	entries := []driver.Entry{
		{Key: key("a"), Value: []byte("a2"), TTL: driver.NoExpiry},
		{Key: key("b"), Value: []byte("b1"), TTL: driver.NoExpiry},
		{Key: key("new"), Value: []byte("n"), TTL: driver.NoExpiry, Cond: driver.IfAbsent},
		{Key: key("b"), Value: []byte("b2"), TTL: driver.NoExpiry, Cond: driver.IfPresent},
		{Key: key("new"), Value: []byte("no"), TTL: driver.NoExpiry, Cond: driver.IfAbsent},
	}
	if err := store.Set(t.Context(), entries); err != nil {
		t.Error(err)
	}
	for i, e := range entries {
		if (i < 4 && e.Err != nil) || i == 4 && !errors.Is(e.Err, driver.ErrNotStored) {
			t.Errorf("Set: entry %d: %v", i, e.Err)
		}
	}
	wantHeld(key("a"), "a2")
	wantHeld(key("b"), "b2")
	wantHeld(key("new"), "n")
	for want := range int64(3) {
		if n, err := store.IncrInit(t.Context(), key("counter"), 1, 0, time.Hour); n != want+1 || err != nil {
			t.Errorf("IncrInit = %d, %v", n, err)
		}
	}
	for want := range 3 {
		push, length := driver.NewCmd("RPUSH", driver.Key(key("list")), driver.Val([]byte("x"))), driver.NewCmd("LLEN", driver.Key(key("list")))
		if err := store.Do(t.Context(), []*driver.Cmd{push, length}, driver.Atomic); err != nil || length.Reply.Int != int64(want+1) {
			t.Errorf("transaction: %v, LLEN = %d", err, length.Reply.Int)
		}
	}
	if err := store.Rename(t.Context(), key("a"), key("renamed")); err != nil {
		t.Errorf("Rename: %v", err)
	}
	wantHeld(key("renamed"), "a2")
	if ok, err := store.RenameNX(t.Context(), key("c"), key("b")); ok || err != nil {
		t.Errorf("RenameNX onto another key = %v, %v", ok, err)
	}
	if n, err := store.Delete(t.Context(), []string{key("a"), key("c"), key("d"), key("none")}); n != 2 || err != nil {
		t.Errorf("Delete = %d, %v", n, err)
	}

	// The target does not know the script yet, and has one of the two keys of the first run,
	// which waits for the end of the move. The second run does not need the first.
	source := driver.Literal("return redis.call('GET', KEYS[1])")
	runs := []*driver.Cmd{
		driver.NewCmd("EVAL", source, driver.Int(2), driver.Key(key("b")), driver.Key(key("none"))),
		driver.NewCmd("EVAL", source, driver.Int(1), driver.Key(key("new"))),
	}
	tried = errorReplies(t, to, "TRYAGAIN")
	ran := make(chan error)
	go func() { ran <- store.Do(t.Context(), runs, driver.Plain) }()
	if s.Release != "redis-6.0" { // which counts no errors
		Eventually(t, func() bool { return errorReplies(t, to, "TRYAGAIN") > tried }, func() string { return "the target runs a script on keys that are not there" })
	}
	migration.Finish(t)
	if err := <-ran; err != nil || runs[0].Err != nil || runs[1].Err != nil || string(runs[0].Reply.Data) != "b2" || string(runs[1].Reply.Data) != "n" {
		t.Errorf("scripts during the move: %v, %v, %v", err, runs[0].Err, runs[1].Err)
	}
	s.wantErrorReplies(t, from, "ASK", asked)
	before := errorReplies(t, from, "MOVED")
	wantHeld(key("b"), "b2")
	s.wantErrorReplies(t, from, "MOVED", moved)
	for range 20 {
		wantHeld(key("new"), "n")
		wantHeld(key("renamed"), "a2")
	}
	if n := errorReplies(t, from, "MOVED") - before; n > 1 {
		t.Errorf("%d calls went to the server that had the slot before, want one at most", n)
	}
	values = make([]driver.Value, 1)
	if err := store.GetTTL(t.Context(), []string{key("counter")}, values); err != nil || string(values[0].Data) != "3" || values[0].TTL < time.Minute {
		t.Errorf("GetTTL = %q, %v, %v, %v", values[0].Data, values[0].TTL, values[0].Err, err)
	}
}

// ClusterReshard moves slots under calls of many kinds, also on several keys at once. The test
// fails if a call fails, or if an increment is lost or done twice. The log has the time of the
// slowest call. ChaosCluster moves more slots, under a load of simple calls.
func (s *Subject) ClusterReshard(t *testing.T) {
	servers := s.StartCluster(t)
	v := xcache.For[string](s.OpenCache(t, withLongTimeouts(s.clusterDSN(servers, ""))))
	counters := xcache.For[int64](s.OpenCache(t, withLongTimeouts(s.clusterDSN(servers, ""))))
	const callers, keys = 16, 50
	var calls, errs, slowest atomic.Int64
	var first sync.Once
	done := make(chan struct{})
	var running sync.WaitGroup
	check := func(what string, do func() error) {
		start := time.Now()
		err := do()
		if took := int64(time.Since(start)); took > slowest.Load() {
			slowest.Store(took)
		}
		calls.Add(1)
		if err != nil {
			errs.Add(1)
			first.Do(func() { t.Errorf("%s: %v", what, err) })
		}
	}
	incremented := make([][keys]int64, callers)
	for caller := range callers {
		running.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				ctx := context.Background()
				i := n % keys
				check("IncrInit", func() error {
					_, err := counters.IncrInit(ctx, fmt.Sprint("counter", caller, "-", i), 1, 0)
					incremented[caller][i]++
					return err
				})
				mine := fmt.Sprint("value", caller, "-", i)
				check("Set", func() error { return v.Set(ctx, mine, "v") })
				check("Get", func() error { _, err := v.Get(ctx, mine); return err })
				if i == 0 {
					many := map[string]string{}
					var names []string
					for j := range 20 {
						names = append(names, fmt.Sprint("many", caller, "-", j))
						many[names[j]] = fmt.Sprint(n)
					}
					check("SetMany", func() error { return v.SetMany(ctx, many) })
					check("GetMany", func() error {
						found, err := v.GetMany(ctx, names)
						if err == nil && (len(found) != len(names) || found[names[7]] != fmt.Sprint(n)) {
							err = fmt.Errorf("found %d, %q", len(found), found[names[7]])
						}
						return err
					})
					check("Rename", func() error { return v.Rename(ctx, names[0], names[1]) })
				}
			}
		})
	}
	servers.Reshard(t, servers.Nodes[0], servers.Nodes[1], 200)
	servers.Reshard(t, servers.Nodes[1], servers.Nodes[2], 200)
	close(done)
	running.Wait()
	t.Logf("%d calls, %d of them failed, the slowest took %v; nodes answered MOVED %d times, ASK %d times, TRYAGAIN %d times", calls.Load(), errs.Load(), time.Duration(slowest.Load()).Round(time.Millisecond),
		sumOfErrors(t, servers, "MOVED"), sumOfErrors(t, servers, "ASK"), sumOfErrors(t, servers, "TRYAGAIN"))
	if errs.Load() > 0 {
		return
	}
	for caller := range callers {
		for i, want := range incremented[caller] {
			got, err := counters.GetOr(t.Context(), fmt.Sprint("counter", caller, "-", i), 0)
			if got != want || err != nil {
				t.Errorf("counter %d-%d is %d, %v; want %d", caller, i, got, err, want)
			}
		}
	}
}

func sumOfErrors(t testing.TB, servers *servertest.ClusterServers, word string) (n int) {
	t.Helper()
	for _, node := range servers.Nodes {
		n += errorReplies(t, node, word)
	}
	return n
}
