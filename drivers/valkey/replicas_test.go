package valkey_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
)

// openReplicated returns a cache on servers that is closed at the end of the
// test, which fails if anything of it is left then.
func openReplicated(t testing.TB, servers *servertest.ReplicatedServers, query string) *xcache.View[string] {
	t.Helper()
	cache, err := xcache.OpenDSN("valkey://" + strings.Join(servers.Addrs(), ",") + "?client_name=" + clientName + "&" + query)
	if err != nil {
		t.Fatal(err)
	}
	openStores.Add(1)
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if openStores.Add(-1) == 0 {
			awaitNoGoroutines(t)
		}
	})
	return xcache.For[string](cache)
}

const clientName = "replicas-test"

// set stores a value, and waits until the replicas have it if they are to.
func set(t testing.TB, v *xcache.View[string], key, value string, servers ...*servertest.ReplicatedServers) {
	t.Helper()
	if err := v.Set(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
	for _, s := range servers {
		s.AwaitReplicas(t)
	}
}

func wantValue(t testing.TB, v *xcache.View[string], key, want string) {
	t.Helper()
	if got, err := v.Get(t.Context(), key); got != want || err != nil {
		t.Errorf("Get = %q, %v, want %q", got, err, want)
	}
}

// all returns the primary and its replicas.
func all(servers *servertest.ReplicatedServers) []*servertest.Server {
	return append([]*servertest.Server{servers.Primary}, servers.Replicas...)
}

// calls returns how often a server ran a command.
func calls(t testing.TB, s *servertest.Server, command string) int {
	t.Helper()
	stats, _ := s.Do(t, "INFO", "commandstats").(string)
	match := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+)`).FindStringSubmatch(stats)
	if match == nil {
		return 0
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// reads does n reads of a key by several callers at once, and returns how long
// the slowest took.
func reads(t testing.TB, v *xcache.View[string], key, want string, n int) (slowest time.Duration) {
	t.Helper()
	const callers = 8
	var longest atomic.Int64
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for range n / callers {
				start := time.Now()
				wantValue(t, v, key, want)
				for took := int64(time.Since(start)); ; {
					before := longest.Load()
					if took <= before || longest.CompareAndSwap(before, took) {
						break
					}
				}
			}
		})
	}
	running.Wait()
	return time.Duration(longest.Load())
}

func TestReplicasShareTheReads(t *testing.T) {
	servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
	v := openReplicated(t, servers, "")
	set(t, v, "k", "v", servers)
	for _, s := range all(servers) {
		s.Do(t, "CONFIG", "RESETSTAT")
	}
	const n = 800
	reads(t, v, "k", "v", n)
	a, b := calls(t, servers.Replicas[0], "get"), calls(t, servers.Replicas[1], "get")
	t.Logf("%d reads: %d and %d at the replicas", n, a, b)
	if a+b != n || min(a, b) < n/3 {
		t.Errorf("%d reads: %d and %d at the replicas", n, a, b)
	}

	ctx := t.Context()
	ops := map[string]func() error{
		"get many": func() error { _, err := v.GetMany(ctx, []string{"k", "none"}); return err },
		"has":      func() error { _, err := v.Has(ctx, "k"); return err },
		"ttl":      func() error { _, err := v.TTL(ctx, "k"); return err },
		"type":     func() error { _, err := v.Type(ctx, "k"); return err },
		"pipeline of reads": func() error {
			p := v.Pipeline()
			p.Has("k")
			v.In(p).Get("k")
			return p.ExecAtomic(ctx)
		},
	}
	for name, op := range ops {
		for range 20 {
			if err := op(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, command := range []string{"get", "mget", "pttl", "exists", "type", "multi"} {
		if got := calls(t, servers.Primary, command); got != 0 {
			t.Errorf("the primary ran %s %d times", command, got)
		}
		if calls(t, servers.Replicas[0], command)+calls(t, servers.Replicas[1], command) == 0 {
			t.Errorf("no replica ran %s", command)
		}
	}
}

// A write that went to a replica would fail there.
func TestWritesGoToThePrimary(t *testing.T) {
	servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
	v := openReplicated(t, servers, "")
	ctx := t.Context()
	for i := range 30 {
		key := strconv.Itoa(i)
		p := v.Pipeline()
		v.In(p).Set("pipelined", key)
		pipelined := v.In(p).Get("pipelined")
		_, addErr := v.Add(ctx, key, "1")
		_, swapErr := v.Swap(ctx, key, "2")
		swapped, casErr := v.CompareAndSwap(ctx, key, "2", "3")
		_, touchErr := v.Touch(ctx, key)
		_, versionErr := v.IncrVersion(ctx, key, 1)
		count, incrErr := v.IncrInit(ctx, "n", 1, 0)
		err := errors.Join(addErr, swapErr, casErr, touchErr, versionErr, incrErr, p.Exec(ctx), v.Ping(ctx))
		if got, _ := pipelined.Value(); err != nil || !swapped || count != int64(i+1) || got != key {
			t.Fatalf("round %d: swapped %v, count %d, pipelined %q, %v", i, swapped, count, got, err)
		}
	}
	if got := calls(t, servers.Primary, "ping"); got < 30 {
		t.Errorf("the primary was pinged %d times", got)
	}
}

func TestScanStaysAtThePrimary(t *testing.T) {
	servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
	v := openReplicated(t, servers, "")
	const n = 3000 // several pages
	values := make(map[string]string, n)
	for i := range n {
		values[strconv.Itoa(i)] = "v"
	}
	for _, replica := range servers.Replicas {
		replica.PauseReplication(t)
	}
	if err := v.SetMany(t.Context(), values); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, err := range v.Keys(t.Context(), "*") {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != n {
		t.Errorf("Keys found %d of %d keys", found, n)
	}
	if got, err := v.Clear(t.Context()); got != n || err != nil {
		t.Errorf("Clear = %d, %v, want %d", got, err, n)
	}
	if got := calls(t, servers.Primary, "scan"); got < 4 {
		t.Errorf("the primary ran scan %d times", got)
	}
	for i, replica := range servers.Replicas {
		if got := calls(t, replica, "scan"); got != 0 {
			t.Errorf("replica %d ran scan %d times", i, got)
		}
	}
}

func TestReadPrimarySeesWhatReplicasLack(t *testing.T) {
	servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
	v := openReplicated(t, servers, "")
	own := v.With(xcache.ReadPrimary())
	set(t, v, "k", "old", servers)
	for _, replica := range servers.Replicas {
		replica.PauseReplication(t)
	}
	set(t, v, "k", "new")
	set(t, v, "other process", "winner")
	for range 20 {
		wantValue(t, v, "k", "old")
		wantValue(t, own, "k", "new")
		if has, err := own.Has(t.Context(), "other process"); !has || err != nil {
			t.Errorf("Has = %v, %v", has, err)
		}
		p := own.Pipeline()
		got := own.In(p).Get("k")
		if err := p.Exec(t.Context()); err != nil {
			t.Error(err)
		}
		if value, err := got.Value(); value != "new" || err != nil {
			t.Errorf("in a pipeline: %q, %v", value, err)
		}
	}
	primary := calls(t, servers.Primary, "get")

	// The replica has not got the value that another process stored: the load is
	// for nothing, and what was there is found at the primary.
	loads := 0
	got, err := v.GetOrSet(t.Context(), "other process", func(context.Context) (string, error) { loads++; return "loser", nil })
	if got != "winner" || err != nil || loads != 1 {
		t.Errorf("GetOrSet = %q, %v after %d loads", got, err, loads)
	}
	if after := calls(t, servers.Primary, "get"); after != primary+1 {
		t.Errorf("the primary was read %d times", after-primary)
	}

	servers.Replicas[0].ResumeReplication(t)
	servers.Replicas[1].ResumeReplication(t)
	servers.AwaitReplicas(t)
	wantValue(t, v, "k", "new")
}

func TestReadsSurviveAReplica(t *testing.T) {
	for _, fault := range []struct {
		name        string
		begin, end  func(*servertest.Server, testing.TB)
		longestCall time.Duration // that it costs at least, to show that it happened
	}{
		{"killed", (*servertest.Server).Kill, (*servertest.Server).Start, 0},
		{"frozen", (*servertest.Server).Freeze, (*servertest.Server).Thaw, 200 * time.Millisecond},
	} {
		t.Run(fault.name, func(t *testing.T) {
			servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
			v := openReplicated(t, servers, "op_timeout=500ms")
			set(t, v, "k", "v", servers)
			reads(t, v, "k", "v", 400)
			broken, other := servers.Replicas[0], servers.Replicas[1]
			if calls(t, broken, "get") == 0 {
				t.Error("the replica was not read while it was well")
			}

			fault.begin(broken, t)
			before, primary := calls(t, other, "get"), calls(t, servers.Primary, "get")
			const n = 4000
			start := time.Now()
			slowest := reads(t, v, "k", "v", n)
			took := time.Since(start)
			atOther := calls(t, other, "get") - before
			atPrimary := calls(t, servers.Primary, "get") - primary
			t.Logf("%d reads in %v, the slowest %v: %d at the other replica, %d at the primary", n, took, slowest, atOther, atPrimary)
			if atOther+atPrimary != n || atOther < n/2 {
				t.Errorf("%d reads were answered %d times by the other replica, %d times by the primary", n, atOther, atPrimary)
			}
			if slowest < fault.longestCall {
				t.Errorf("the slowest read took %v: was the replica asked at all?", slowest)
			}

			fault.end(broken, t)
			servers.AwaitReplicas(t)
			back := calls(t, broken, "get")
			eventually(t, func() bool {
				wantValue(t, v, "k", "v")
				return calls(t, broken, "get") > back+10
			}, func() string { return "the replica is not read again" })
		})
	}
}

func TestReplicaThatServesNothing(t *testing.T) {
	servers := servertest.Replicated(t, 1, servertest.Release("valkey"), servertest.Config("replica-serve-stale-data", "no"))
	prefers := openReplicated(t, servers, "")
	insists := openReplicated(t, servers, "read=replica")
	set(t, prefers, "k", "v", servers)
	servers.Replicas[0].PauseReplication(t)
	reads(t, prefers, "k", "v", 80)
	if got := calls(t, servers.Primary, "get"); got != 80 {
		t.Errorf("the primary answered %d reads", got)
	}
	_, err := insists.Get(t.Context(), "k")
	if !errors.Is(err, xcache.ErrUnavailable) || !strings.Contains(err.Error(), "MASTERDOWN") {
		t.Errorf("Get = %v, want what MASTERDOWN is", err)
	}
	if _, err := insists.TTL(t.Context(), "k"); !errors.Is(err, xcache.ErrUnavailable) {
		t.Errorf("TTL = %v", err)
	}
	p := prefers.Pipeline()
	has, got := p.Has("k"), prefers.In(p).Get("k")
	if err := p.ExecAtomic(t.Context()); err != nil {
		t.Error(err)
	}
	if value, err := got.Value(); value != "v" || err != nil {
		t.Errorf("in a transaction: %q, %v", value, err)
	}
	if value, err := has.Value(); !value || err != nil {
		t.Errorf("in a transaction: %v, %v", value, err)
	}
}

func TestNoReplicaAnswers(t *testing.T) {
	servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
	prefers := openReplicated(t, servers, "op_timeout=1s")
	insists := openReplicated(t, servers, "op_timeout=1s&read=replica")
	set(t, prefers, "k", "v", servers)
	servers.Replicas[0].Kill(t)
	servers.Replicas[1].Freeze(t)

	const n = 400
	slowest := reads(t, prefers, "k", "v", n)
	if got := calls(t, servers.Primary, "get"); got != n {
		t.Errorf("the primary answered %d of %d reads", got, n)
	}
	t.Logf("%d reads at the primary, the slowest took %v", n, slowest)

	before := calls(t, servers.Primary, "get")
	start := time.Now()
	_, err := insists.Get(t.Context(), "k")
	t.Logf("read=replica: %v after %v", err, time.Since(start))
	if !errors.Is(err, xcache.ErrUnavailable) || calls(t, servers.Primary, "get") != before {
		t.Errorf("read=replica: %v, %d reads at the primary", err, calls(t, servers.Primary, "get")-before)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("read=replica: the error came after %v, op_timeout is 1s", took)
	}
	if err := insists.Set(t.Context(), "k", "w"); err != nil {
		t.Errorf("read=replica: %v", err)
	}

	// A deadline of the caller's own holds, too.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if got, err := prefers.Get(ctx, "k"); got != "w" || err != nil {
		t.Errorf("Get with a deadline = %q, %v", got, err)
	}

	servers.Replicas[1].Thaw(t)
	eventually(t, func() bool {
		_, err := insists.Get(t.Context(), "k")
		return err == nil
	}, func() string { return "read=replica: a replica that is back is not read" })
}

func TestReadsSurviveThePrimary(t *testing.T) {
	servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
	v := openReplicated(t, servers, "op_timeout=1s")
	set(t, v, "k", "v", servers)
	servers.Primary.Kill(t)
	reads(t, v, "k", "v", 400)
	if err := v.Set(t.Context(), "k", "w"); !errors.Is(err, xcache.ErrUnavailable) {
		t.Errorf("Set = %v", err)
	}
	if _, err := v.With(xcache.ReadPrimary()).Get(t.Context(), "k"); !errors.Is(err, xcache.ErrUnavailable) {
		t.Errorf("Get at the primary = %v", err)
	}
}

func TestCloseLeavesNoReplicaConnected(t *testing.T) {
	servers := servertest.Replicated(t, 2, servertest.Release("valkey"))
	connected := func() (n int) {
		for _, s := range all(servers) {
			list, _ := s.Do(t, "CLIENT", "LIST").(string)
			n += strings.Count(list, "name="+clientName)
		}
		return n
	}
	cache, err := xcache.OpenDSN("valkey://" + strings.Join(servers.Addrs(), ",") + "?client_name=" + clientName)
	if err != nil {
		t.Fatal(err)
	}
	if n := connected(); n != 0 {
		t.Errorf("%d connections before the first call", n)
	}
	v := xcache.For[string](cache)
	set(t, v, "k", "v", servers)
	reads(t, v, "k", "v", 80)
	if n := connected(); n < 3 {
		t.Errorf("%d connections to three servers", n)
	}
	if err := cache.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return connected() == 0 }, func() string { return fmt.Sprintf("%d connections after Close", connected()) })
	awaitNoGoroutines(t)
	if _, err := v.Get(t.Context(), "k"); !errors.Is(err, xcache.ErrClosed) {
		t.Errorf("Get after Close = %v", err)
	}
}

func TestReplicatedStoreHidesThePassword(t *testing.T) {
	store, err := valkey.Driver{}.Open(parse(t, "valkey://:canary@one,two"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		if text := fmt.Sprintf(verb, store); strings.Contains(text, "canary") || !strings.Contains(text, "one:6379") {
			t.Errorf("%s shows %s", verb, text)
		}
	}
	if driver.CapsOf(store).Replicated == nil {
		t.Error("the store is not replicated")
	}
}
