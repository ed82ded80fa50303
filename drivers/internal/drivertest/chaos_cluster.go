package drivertest

import (
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// ChaosCluster makes the nodes of a cluster fail, move slots and restart under
// a load. The test fails if calls on healthy servers fail, if other calls do
// not succeed again in time, or if an acknowledged write is lost. Only the
// failover of a lost primary may lose writes.
func (s *Subject) ChaosCluster(t *testing.T) {
	servers := s.StartCluster(t, servertest.Config("cluster-require-full-coverage", "no"))
	t.Run("live reshard", func(t *testing.T) { s.reshard(t, servers) })
	for _, fault := range failovers {
		t.Run("failover by "+fault.name, func(t *testing.T) { clusterFailover(t, servers, fault, s) })
	}
	t.Run("partition between client and primary", func(t *testing.T) {
		// Calls on the other servers have the same timeout, and need some of the time on a busy
		// machine.
		const timeout = longTimeout / 2
		front := newFront(t, servers.Addrs()...)
		victim := servers.Primaries(t)[1]
		theirs, others := s.startLoads(t, servers, victim, loadWriters/2, timeout, front.dial)
		front[victim.Announced].Stall()
		Eventually(t, theirs.hasFailedWrites, func() string { return "no write fails" })
		front[victim.Announced].Resume()
		theirs.faultBegan(nil)
		theirs.awaitRecovery(t, recoveryLimit)
		theirs.awaitProgress(t)
		r := theirs.finish(t, servers.Primaries(t)...)
		r.want(t, outage, lossless)
		r.wantRead(t)
		if r.unknown+r.failed == 0 {
			t.Error("no write failed")
		}
		r = others.finish(t, servers.Primaries(t)...)
		r.want(t, 0, lossless)
		r.wantRead(t)
		r.wantNoErrors(t)
	})
	t.Run("replica down", func(t *testing.T) {
		l := startLoad(t, s.Open(t, withLongTimeouts(s.clusterDSN(servers, "?read=prefer-replica"))), loadWriters, loadTags())
		replica := servers.Partner(servers.Primaries(t)[0])
		before := timesRun(t, replica, "get")
		Eventually(t, func() bool { return timesRun(t, replica, "get") > before }, func() string { return "nothing is read from the replica" })
		replica.Kill(t)
		time.Sleep(outage)
		l.awaitProgress(t)
		replica.Start(t)
		servers.AwaitOK(t)
		servers.AwaitReplicas(t)
		r := l.finish(t, servers.Primaries(t)...)
		r.want(t, 0, lossless)
		r.wantNoErrors(t)
	})
	t.Run("rolling restart", func(t *testing.T) {
		// A node that has just started may take seconds to be elected, and its
		// primary holds writes back until then.
		l := startLoad(t, s.Open(t, withLongTimeouts(s.clusterDSN(servers, ""))), loadWriters, loadTags())
		for _, primary := range servers.Primaries(t) {
			servers.Partner(primary).Restart(t)
			servers.AwaitOK(t)
			servers.Failover(t, primary)
			primary.Restart(t)
			servers.AwaitOK(t)
			servers.AwaitReplicas(t)
		}
		l.awaitProgress(t)
		r := l.finish(t, servers.Primaries(t)...)
		r.want(t, 0, lossless)
		r.wantRead(t)
		if r.failed > 0 {
			t.Errorf("%d writes failed that changed nothing, and could have been repeated", r.failed)
		}
	})
}

// clusterFailover takes a primary away under loads of some subjects. Calls on the lost
// primary must wait for the failover. Calls on the other servers must go on as before.
func clusterFailover(t *testing.T, servers *servertest.ClusterServers, fault failover, subjects ...*Subject) {
	primaries := servers.Primaries(t)
	victim := primaries[0]
	var theirs, others []*load
	for _, s := range subjects {
		own, rest := s.startLoads(t, servers, victim, loadWriters/2/len(subjects), longTimeout, nil)
		theirs, others = append(theirs, own), append(others, rest)
	}
	healthy := time.Now()
	time.Sleep(4 * outage)
	fault.begin(victim, t)
	for _, l := range theirs {
		l.faultBegan(nil)
	}
	began := time.Now()
	bystander := startBystander(t, primaries[1:]...)
	servers.AwaitFailover(t, victim)
	replaced := time.Since(began)
	for _, l := range theirs {
		took := l.awaitRecovery(t, recoveryAfter(replaced))
		t.Logf("first success %v after the fault, of which the cluster took %v", took.Round(time.Millisecond), replaced.Round(time.Millisecond))
	}
	ended, waited := time.Now(), bystander.waited()
	for i, s := range subjects {
		theirs[i].awaitProgress(t) // no call waits at the lost primary any more
		s.openAmidFault(t, servers, victim)
	}
	fault.end(victim, t)
	servers.AwaitOK(t)
	for i := range subjects {
		theirs[i].awaitProgress(t)
		others[i].awaitProgress(t)
	}
	servers.AwaitReplicas(t)
	for i := range subjects {
		r := theirs[i].finish(t, servers.Primaries(t)...)
		r.want(t, outage, asynchronous)
		if r.unread > 0 {
			t.Errorf("%d reads failed, which may be repeated", r.unread)
		}
		if r.longestCall > replaced+longTimeout/2 {
			t.Errorf("a call took %v", r.longestCall)
		}
		r = others[i].finish(t, servers.Primaries(t)...)
		r.want(t, 0, lossless)
		r.wantRead(t)
		r.wantNoErrors(t)
		wantAsFast(t, others[i].callsBetween(healthy, began), others[i].callsBetween(began, ended), waited)
	}
}

// longTimeout is an op_timeout that nobody wants to wait for.
const longTimeout = 20 * time.Second

// openAmidFault opens a new store while a server is not well and the successor of
// the server is known. The first call of the store must succeed soon.
func (s *Subject) openAmidFault(t *testing.T, servers *servertest.ClusterServers, victim *servertest.Server) {
	t.Helper()
	store := s.openFor(t, s.clusterDSN(servers, ""), longTimeout, nil)
	watch := stopwatch.Start()
	if err := Put(t, store, taggedKey(t, tagOf(t, servers, servers.Partner(victim)), "fresh"), "v"); err != nil {
		t.Errorf("Set by a store that was opened during the fault: %v", err)
	}
	if took := watch.Stop(); took > longTimeout/2 {
		t.Errorf("the first call of a store that was opened during the fault took %v", took)
	}
}

// reshard moves slots with keys under a load. The test fails if a call fails, or
// if a call takes much longer than before.
func (s *Subject) reshard(t *testing.T, servers *servertest.ClusterServers) {
	primaries := servers.Primaries(t)
	l := startLoad(t, s.openFor(t, s.clusterDSN(servers, ""), longTimeout, nil), loadWriters, loadTags())
	before, _ := s.tagsOf(t, servers, primaries[0])
	asked := sumOfErrors(t, servers, "MOVED") + sumOfErrors(t, servers, "ASK")
	healthy := time.Now()
	time.Sleep(4 * outage)
	bystander := startBystander(t, primaries...)
	began := time.Now()
	servers.Reshard(t, primaries[0], primaries[1], reshardedSlots)
	ended, waited := time.Now(), bystander.waited()
	after, _ := s.tagsOf(t, servers, primaries[0])
	l.awaitProgress(t)
	r := l.finish(t, primaries...)
	r.want(t, 0, lossless)
	r.wantRead(t)
	r.wantNoErrors(t)
	// On a busy machine a call takes long now and then, with and without slots that move, and so does
	// a call of the bystander.
	was, is := l.callsBetween(healthy, began), l.callsBetween(began, ended)
	if longest, limit := is[len(is)-1], max(time.Second, 4*was[len(was)-1])+waited; longest > limit {
		t.Errorf("a call took %v while slots moved, want at most %v: the longest of %d before took %v", longest, limit, len(was), was[len(was)-1])
	}
	asked = sumOfErrors(t, servers, "MOVED") + sumOfErrors(t, servers, "ASK") - asked
	t.Logf("%d slots moved, with %d of %d tags in use; nodes sent clients elsewhere %d times", reshardedSlots, len(before)-len(after), len(before), asked)
	if len(after) == len(before) || asked == 0 {
		t.Error("nobody noticed")
	}
}

const reshardedSlots = 2000

// startLoads starts two loads through one store: own on the keys of a server,
// others on all other keys. callers is the number of callers of each load.
func (s *Subject) startLoads(t *testing.T, servers *servertest.ClusterServers, server *servertest.Server, callers int, timeout time.Duration, dial Dial) (own, others *load) {
	t.Helper()
	store := s.openFor(t, s.clusterDSN(servers, "?dial_timeout="+longTimeout.String()), timeout, dial)
	theirs, rest := s.tagsOf(t, servers, server)
	own, others = startLoad(t, store, callers, theirs), startLoad(t, store, callers, rest)
	own.keys, others.keys = "keys of that server", "all other keys"
	return own, others
}

// wantAsFast compares calls on healthy servers before a fault of another server,
// and during the fault. On a busy machine any call is slow now and then, and so are
// the calls of a bystander, who has waited at most this long during the fault. A call
// that waits for the failed server takes seconds.
func wantAsFast(t testing.TB, healthy, during []time.Duration, waited time.Duration) {
	t.Helper()
	const tolerance = time.Second / 4
	was, is := percentile99(healthy), percentile99(during)
	t.Logf("99 of 100 calls on other servers took at most %v before, of %d, and %v during the fault, of %d", was, len(healthy), is, len(during))
	if len(during) == 0 || is > max(2*was, was+tolerance)+waited {
		t.Error("calls on other servers are slower, or there are none")
	}
}

// tagsOf returns the tags of loads in two groups: own are the tags whose slots a server has,
// and others are the rest.
func (s *Subject) tagsOf(t testing.TB, servers *servertest.ClusterServers, server *servertest.Server) (own, others []string) {
	t.Helper()
	conn := server.Dial(t)
	var has [][2]int64
	for _, entry := range conn.Do(t, "CLUSTER", "SLOTS").([]any) {
		fields := entry.([]any) // first, last, primary, replicas
		primary := fields[2].([]any)
		if net.JoinHostPort(fmt.Sprint(primary[0]), strconv.FormatInt(primary[1].(int64), 10)) == server.Announced {
			has = append(has, [2]int64{fields[0].(int64), fields[1].(int64)})
		}
	}
	for _, tag := range loadTags() {
		slot := conn.Do(t, "CLUSTER", "KEYSLOT", tag).(int64)
		isOwn := false
		for _, slots := range has {
			isOwn = isOwn || slots[0] <= slot && slot <= slots[1]
		}
		if isOwn {
			own = append(own, tag)
		} else {
			others = append(others, tag)
		}
	}
	if len(own) == 0 {
		t.Fatal("the server has none of the slots that are used")
	}
	return own, others
}
