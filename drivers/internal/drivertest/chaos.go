package drivertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// ChaosStandalone has a server fail under a load: it is killed and started again,
// and stands still for a while. Its log of writes keeps what it has acknowledged,
// so nothing may be lost.
func (s *Subject) ChaosStandalone(t *testing.T) {
	// The log is written before the replies are, and the kernel keeps what a killed
	// process has written: no disk need be waited for. With "everysec", writes are
	// put off while the disk is slow.
	server := s.StartServer(t, servertest.Config("appendonly", "yes"), servertest.Config("appendfsync", "no"))
	t.Run("kill and restart", func(t *testing.T) {
		l := startLoad(t, s.Open(t, s.Scheme+"://"+server.Addr), loadWriters, loadTags())
		server.Kill(t)
		time.Sleep(outage)
		server.Start(t)
		l.faultBegan(nil)
		l.awaitRecovery(t, recoveryLimit)
		l.awaitProgress(t)
		r := l.finish(t, server)
		r.want(t, outage, lossless)
		r.wantRead(t)
	})
	t.Run("freeze and thaw", func(t *testing.T) {
		// Calls end before the server goes on, and it finds their requests then. With
		// a connection for each caller, some of them are writes.
		dsn := fmt.Sprintf("%s://%s?pool_size=%d", s.Scheme, server.Addr, 2*loadWriters)
		l := startLoad(t, s.openFor(t, dsn, outage/2, nil), loadWriters, loadTags())
		server.Freeze(t)
		time.Sleep(outage)
		server.Thaw(t)
		l.faultBegan(nil)
		l.awaitRecovery(t, recoveryLimit)
		l.awaitProgress(t)
		r := l.finish(t, server)
		r.want(t, outage, lossless)
		r.wantRead(t)
		if r.unknown == 0 {
			t.Error("a server that stands still left no write unknown")
		}
	})
}

// ChaosReplicas has one replica fail, and then the other, under a load that reads
// from them. Reads go on.
func (s *Subject) ChaosReplicas(t *testing.T) {
	servers := s.StartReplicated(t, 2)
	for _, fault := range failovers {
		t.Run("replica down by "+fault.name, func(t *testing.T) {
			dsn := s.Scheme + "://" + strings.Join(servers.Addrs(), ",")
			l := startLoad(t, s.Open(t, dsn), loadWriters, loadTags())
			for _, replica := range servers.Replicas {
				before := timesRun(t, replica, "get")
				Eventually(t, func() bool { return timesRun(t, replica, "get") > before }, func() string { return "nothing is read from the replica" })
				fault.begin(replica, t)
				time.Sleep(outage)
				l.awaitProgress(t)
			}
			for _, replica := range servers.Replicas {
				fault.end(replica, t)
			}
			servers.AwaitReplicas(t)
			before := timesRun(t, servers.Replicas[0], "get")
			Eventually(t, func() bool { return timesRun(t, servers.Replicas[0], "get") > before }, func() string { return "nothing is read from a replica that is back" })
			r := l.finish(t, servers.Primary)
			r.want(t, 0, lossless)
			r.wantNoErrors(t)
		})
	}
}

// openFor is Open for a store whose calls take no longer than timeout, or than they
// do by default if it is 0. dial may be nil.
func (s *Subject) openFor(t testing.TB, text string, timeout time.Duration, dial Dial) driver.Store {
	t.Helper()
	dsn := Parse(t, text)
	dsn.OpTimeout = timeout
	return s.OpenDSN(t, dsn, dial)
}

const (
	// outage is how long a server is away at least.
	outage = 500 * time.Millisecond
	// recoveryLimit is how long after the end of an outage, or the beginning of
	// one that ends in a failover, a write must have succeeded.
	recoveryLimit = 5 * time.Second
)

// recoveryAfter returns the limit for a failover that took the servers some time:
// on a busy machine, more than the limit.
func recoveryAfter(replaced time.Duration) time.Duration {
	return max(recoveryLimit, replaced+recoveryLimit/2)
}

// What may be lost.
const (
	lossless     = false
	asynchronous = true // what was not replicated yet
)

// want fails the test unless writes stood still for a time at least, and nothing
// is lost that must not be.
func (r loadResult) want(t testing.TB, gap time.Duration, mayLose bool) {
	t.Helper()
	if r.longestGap < gap {
		t.Errorf("the longest time without a write was %v, want at least %v: was there a fault?", r.longestGap, gap)
	}
	if r.lost > 0 && !mayLose {
		t.Errorf("%d acknowledged writes are lost", r.lost)
	}
}

// wantRead fails the test if a read missed what was stored. It is for reads from
// the primary that has everything.
func (r loadResult) wantRead(t testing.TB) {
	t.Helper()
	if r.missing > 0 {
		t.Errorf("%d reads missed what was stored", r.missing)
	}
}

// wantNoErrors fails the test if a call failed.
func (r loadResult) wantNoErrors(t testing.TB) {
	t.Helper()
	if n := r.unknown + r.failed + r.unread; n > 0 {
		t.Errorf("%d calls failed", n)
	}
}
