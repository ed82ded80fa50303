package drivertest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// Replicas tests a store on a primary and its replicas, also when some servers do
// not answer. The test fails if a call goes to the wrong server, or if reads do
// not go on when a server is lost.
func (s *Subject) Replicas(t *testing.T) {
	t.Run("replicas share the reads", s.replicasShareTheReads)
	t.Run("writes go to the primary", s.writesGoToThePrimary)
	t.Run("scan stays at the primary", s.scanStaysAtThePrimary)
	t.Run("ReadPrimary sees what replicas lack", s.readPrimarySeesWhatReplicasLack)
	t.Run("reads survive a replica", s.readsSurviveAReplica)
	t.Run("replica that serves nothing", s.replicaThatServesNothing)
	t.Run("no replica answers", s.noReplicaAnswers)
	t.Run("reads survive the primary", s.readsSurviveThePrimary)
	t.Run("Close leaves no replica connected", s.closeLeavesNoReplicaConnected)
	t.Run("store hides the password", s.replicatedStoreHidesThePassword)
}

// freshReplicas returns the servers that tests share. The servers are empty,
// and the counts of [timesRun] are 0.
func (s *Subject) freshReplicas(t testing.TB) *servertest.ReplicatedServers {
	t.Helper()
	servers := s.Replicated(t)
	servers.Primary.Do(t, "FLUSHALL")
	servers.AwaitReplicas(t)
	for _, server := range everyServer(servers) {
		server.Do(t, "CONFIG", "RESETSTAT")
	}
	return servers
}

// lag keeps later writes from the replicas, until the test calls resume, or
// until the end of the test.
func lag(t testing.TB, servers *servertest.ReplicatedServers) (resume func()) {
	t.Helper()
	resume = func() {
		for _, replica := range servers.Replicas {
			replica.ResumeReplication(t)
		}
		servers.AwaitReplicas(t)
	}
	t.Cleanup(resume)
	for _, replica := range servers.Replicas {
		replica.PauseReplication(t)
	}
	return resume
}

// openReplicated returns a view of a cache on servers. The cache is closed at
// the end of the test. The test fails if a goroutine or a connection is left
// then.
func (s *Subject) openReplicated(t testing.TB, servers *servertest.ReplicatedServers, query string) *xcache.View[string] {
	t.Helper()
	cache := s.OpenCache(t, s.Scheme+"://"+strings.Join(servers.Addrs(), ",")+"?"+query)
	return xcache.For[string](cache)
}

// setAndAwait stores a value, and waits until the replicas of servers have the
// value. Without servers, setAndAwait does not wait.
func setAndAwait(t testing.TB, v *xcache.View[string], key, value string, servers ...*servertest.ReplicatedServers) {
	t.Helper()
	if err := v.Set(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
	for _, server := range servers {
		server.AwaitReplicas(t)
	}
}

// everyServer returns the primary and its replicas.
func everyServer(servers *servertest.ReplicatedServers) []*servertest.Server {
	return append([]*servertest.Server{servers.Primary}, servers.Replicas...)
}

// readMany does n reads of a key by several callers at once, and returns the time
// of the slowest read.
func readMany(t testing.TB, v *xcache.View[string], key, want string, n int) (slowest time.Duration) {
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

func (s *Subject) replicasShareTheReads(t *testing.T) {
	servers := s.freshReplicas(t)
	v := s.openReplicated(t, servers, longQuery)
	setAndAwait(t, v, "k", "v", servers)
	for _, server := range everyServer(servers) {
		server.Do(t, "CONFIG", "RESETSTAT")
	}
	const n = 800
	readMany(t, v, "k", "v", n)
	a, b := timesRun(t, servers.Replicas[0], "get"), timesRun(t, servers.Replicas[1], "get")
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
		if got := timesRun(t, servers.Primary, command); got != 0 {
			t.Errorf("the primary ran %s %d times", command, got)
		}
		if timesRun(t, servers.Replicas[0], command)+timesRun(t, servers.Replicas[1], command) == 0 {
			t.Errorf("no replica ran %s", command)
		}
	}
}

// A write that went to a replica would fail there.
func (s *Subject) writesGoToThePrimary(t *testing.T) {
	servers := s.freshReplicas(t)
	v := s.openReplicated(t, servers, longQuery)
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
	if got := timesRun(t, servers.Primary, "ping"); got < 30 {
		t.Errorf("the primary was pinged %d times", got)
	}
}

func (s *Subject) scanStaysAtThePrimary(t *testing.T) {
	servers := s.freshReplicas(t)
	v := s.openReplicated(t, servers, longQuery)
	const n = 3000 // several pages
	values := make(map[string]string, n)
	for i := range n {
		values[strconv.Itoa(i)] = "v"
	}
	lag(t, servers)
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
	if got := timesRun(t, servers.Primary, "scan"); got < 4 {
		t.Errorf("the primary ran scan %d times", got)
	}
	for i, replica := range servers.Replicas {
		if got := timesRun(t, replica, "scan"); got != 0 {
			t.Errorf("replica %d ran scan %d times", i, got)
		}
	}
}

func (s *Subject) readPrimarySeesWhatReplicasLack(t *testing.T) {
	servers := s.freshReplicas(t)
	v := s.openReplicated(t, servers, longQuery)
	own := v.With(xcache.ReadPrimary())
	setAndAwait(t, v, "k", "old", servers)
	resume := lag(t, servers)
	setAndAwait(t, v, "k", "new")
	setAndAwait(t, v, "other process", "winner")
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
	primary := timesRun(t, servers.Primary, "get")

	// The replica does not have the value that another process has stored. So the
	// load is for nothing, and GetOrSet finds the value at the primary.
	loads := 0
	got, err := v.GetOrSet(t.Context(), "other process", func(context.Context) (string, error) { loads++; return "loser", nil })
	if got != "winner" || err != nil || loads != 1 {
		t.Errorf("GetOrSet = %q, %v after %d loads", got, err, loads)
	}
	const times = 2 // by the script of the lease, and to find the winner
	if after := timesRun(t, servers.Primary, "get"); after != primary+times {
		t.Errorf("the primary was read %d times, want %d", after-primary, times)
	}

	resume()
	wantValue(t, v, "k", "new")
}

func (s *Subject) readsSurviveAReplica(t *testing.T) {
	// After half of opTimeout a read is sent to another server, even if only the
	// machine is slow.
	const opTimeout = longTimeout
	for _, fault := range []struct {
		name        string
		begin, end  func(*servertest.Server, testing.TB)
		longestCall time.Duration // shortest time of the slowest call, to show that the fault happened
	}{
		{"killed", (*servertest.Server).Kill, (*servertest.Server).Start, 0},
		{"frozen", (*servertest.Server).Freeze, (*servertest.Server).Thaw, opTimeout * 2 / 5},
	} {
		t.Run(fault.name, func(t *testing.T) {
			servers := s.StartReplicated(t, 2)
			v := s.openReplicated(t, servers, "op_timeout="+opTimeout.String())
			setAndAwait(t, v, "k", "v", servers)
			readMany(t, v, "k", "v", 400)
			broken, other := servers.Replicas[0], servers.Replicas[1]
			if timesRun(t, broken, "get") == 0 {
				t.Error("the replica was not read while it was well")
			}

			fault.begin(broken, t)
			before, primary := timesRun(t, other, "get"), timesRun(t, servers.Primary, "get")
			const n = 4000
			start := time.Now()
			slowest := readMany(t, v, "k", "v", n)
			took := time.Since(start)
			atOther := timesRun(t, other, "get") - before
			atPrimary := timesRun(t, servers.Primary, "get") - primary
			t.Logf("%d reads in %v, the slowest %v: %d at the other replica, %d at the primary", n, took, slowest, atOther, atPrimary)
			if atOther+atPrimary != n || atOther < n/2 {
				t.Errorf("%d reads were answered %d times by the other replica, %d times by the primary", n, atOther, atPrimary)
			}
			if slowest < fault.longestCall {
				t.Errorf("the slowest read took %v: was the replica asked at all?", slowest)
			}

			fault.end(broken, t)
			servers.AwaitReplicas(t)
			back := timesRun(t, broken, "get")
			Eventually(t, func() bool {
				wantValue(t, v, "k", "v")
				return timesRun(t, broken, "get") > back+10
			}, func() string { return "the replica is not read again" })
		})
	}
}

func (s *Subject) replicaThatServesNothing(t *testing.T) {
	servers := s.StartReplicated(t, 1, servertest.Config("replica-serve-stale-data", "no"))
	prefers := s.openReplicated(t, servers, longQuery)
	insists := s.openReplicated(t, servers, longQuery+"&read=replica")
	setAndAwait(t, prefers, "k", "v", servers)
	servers.Replicas[0].PauseReplication(t)
	readMany(t, prefers, "k", "v", 80)
	if got := timesRun(t, servers.Primary, "get"); got != 80 {
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

func (s *Subject) noReplicaAnswers(t *testing.T) {
	servers := s.StartReplicated(t, 2)
	prefers := s.openReplicated(t, servers, "op_timeout="+longTimeout.String())
	insists := s.openReplicated(t, servers, "op_timeout=1s&read=replica")
	setAndAwait(t, prefers, "k", "v", servers)
	healthy := readMany(t, prefers, "k", "v", 400)
	servers.Replicas[0].Kill(t)
	servers.Replicas[1].Freeze(t)

	const n = 400
	before := timesRun(t, servers.Primary, "get")
	slowest := readMany(t, prefers, "k", "v", n)
	if got := timesRun(t, servers.Primary, "get") - before; got != n {
		t.Errorf("the primary answered %d of %d reads", got, n)
	}
	t.Logf("%d reads at the primary, the slowest took %v, with replicas %v", n, slowest, healthy)

	before = timesRun(t, servers.Primary, "get")
	watch := stopwatch.Start()
	_, err := insists.Get(t.Context(), "k")
	took := watch.Stop()
	t.Logf("read=replica: %v after %v", err, took)
	if !errors.Is(err, xcache.ErrUnavailable) || timesRun(t, servers.Primary, "get") != before {
		t.Errorf("read=replica: %v, %d reads at the primary", err, timesRun(t, servers.Primary, "get")-before)
	}
	if took > 3*time.Second {
		t.Errorf("read=replica: the error came after %v, op_timeout is 1s", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), longTimeout)
	defer cancel()
	if err := insists.Set(ctx, "k", "w"); err != nil {
		t.Errorf("read=replica: %v", err)
	}

	// A deadline of the caller's own holds, too: a replica has no time of op_timeout.
	ctx, cancel = context.WithTimeout(t.Context(), longTimeout*2/5)
	defer cancel()
	if got, err := prefers.Get(ctx, "k"); got != "w" || err != nil {
		t.Errorf("Get with a deadline = %q, %v", got, err)
	}

	servers.Replicas[1].Thaw(t)
	Eventually(t, func() bool {
		_, err := insists.Get(t.Context(), "k")
		return err == nil
	}, func() string { return "read=replica: a replica that is back is not read" })
}

func (s *Subject) readsSurviveThePrimary(t *testing.T) {
	servers := s.StartReplicated(t, 2)
	v := s.openReplicated(t, servers, longQuery)
	setAndAwait(t, v, "k", "v", servers)
	servers.Primary.Kill(t)
	readMany(t, v, "k", "v", 400)
	v = v.With(xcache.WithOpTimeout(time.Second))
	if err := v.Set(t.Context(), "k", "w"); !errors.Is(err, xcache.ErrUnavailable) {
		t.Errorf("Set = %v", err)
	}
	if _, err := v.With(xcache.ReadPrimary()).Get(t.Context(), "k"); !errors.Is(err, xcache.ErrUnavailable) {
		t.Errorf("Get at the primary = %v", err)
	}
}

func (s *Subject) closeLeavesNoReplicaConnected(t *testing.T) {
	const clientName = "to-be-closed"
	servers := s.freshReplicas(t)
	connected := func() (n int) {
		for _, server := range everyServer(servers) {
			list, _ := server.Do(t, "CLIENT", "LIST").(string)
			n += strings.Count(list, "name="+clientName)
		}
		return n
	}
	cache, err := xcache.OpenDSN(s.Scheme + "://" + strings.Join(servers.Addrs(), ",") + "?client_name=" + clientName)
	if err != nil {
		t.Fatal(err)
	}
	if n := connected(); n != 0 {
		t.Errorf("%d connections before the first call", n)
	}
	v := xcache.For[string](cache)
	setAndAwait(t, v, "k", "v", servers)
	readMany(t, v, "k", "v", 80)
	if n := connected(); n < 3 {
		t.Errorf("%d connections to three servers", n)
	}
	if err := cache.Close(); err != nil {
		t.Error(err)
	}
	Eventually(t, func() bool { return connected() == 0 }, func() string { return fmt.Sprintf("%d connections after Close", connected()) })
	s.AwaitNoGoroutines(t)
	if _, err := v.Get(t.Context(), "k"); !errors.Is(err, xcache.ErrClosed) {
		t.Errorf("Get after Close = %v", err)
	}
}

func (s *Subject) replicatedStoreHidesThePassword(t *testing.T) {
	store := s.unchecked(t, s.Scheme+"://:canary@one,two")
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
