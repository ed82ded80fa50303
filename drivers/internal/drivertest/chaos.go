package drivertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// ChaosStandalone makes a server fail under a load. The server is killed and
// started again, and in a second test stands still for a while. The server has a
// log of its writes. So the test fails if an acknowledged write is lost, and also
// if writes do not succeed again in time.
func (s *Subject) ChaosStandalone(t *testing.T) {
	// The server writes its log before the replies, and the kernel keeps the writes
	// of a killed process. So the server need not wait for the disk. With
	// "everysec", the server puts off writes while the disk is slow.
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
		// Calls end before the server goes on, and the server finds the requests of
		// these calls then. With a connection for each caller, some of the requests are
		// writes.
		dsn := fmt.Sprintf("%s://%s?pool_size=%d", s.Scheme, server.Addr, 2*loadWriters)
		l := startLoad(t, s.openFor(t, dsn, outage/2, nil), loadWriters, loadTags())
		server.Freeze(t)
		// A caller on a busy machine notes a success some time after the reply.
		Eventually(t, func() bool { return l.silence() >= outage }, func() string { return "writes succeed at a frozen server" })
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

// ChaosReplicas makes one replica fail, and then the other, under a load with
// reads from replicas. The test fails if a call fails, or if a replica that is
// back gets no reads.
func (s *Subject) ChaosReplicas(t *testing.T) {
	servers := s.StartReplicated(t, 2)
	for _, fault := range failovers {
		t.Run("replica down by "+fault.name, func(t *testing.T) {
			// A read may wait at both frozen replicas, and needs time for the primary behind that.
			dsn := s.Scheme + "://" + strings.Join(servers.Addrs(), ",")
			l := startLoad(t, s.openFor(t, dsn, longTimeout, nil), loadWriters, loadTags())
			for _, replica := range servers.Replicas {
				before := timesRun(t, replica, "get")
				Eventually(t, func() bool { return timesRun(t, replica, "get") > before }, func() string { return "nothing is read from the replica" })
				fault.begin(replica, t)
				time.Sleep(outage)
				l.awaitProgress(t)
			}
			atPrimary := timesRun(t, servers.Primary, "get")
			Eventually(t, func() bool { return timesRun(t, servers.Primary, "get") > atPrimary }, func() string { return "nothing is read from the primary" })
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

// openFor is Open with a limit for the time of a call. A timeout of 0 leaves the
// default limit of the driver. dial may be nil.
func (s *Subject) openFor(t testing.TB, text string, timeout time.Duration, dial Dial) driver.Store {
	t.Helper()
	dsn := Parse(t, text)
	dsn.OpTimeout = timeout
	return s.OpenDSN(t, dsn, dial)
}

const (
	// outage is the shortest time for which a server is away.
	outage = 500 * time.Millisecond
	// recoveryLimit is the time within which a write must succeed again. The time
	// begins with the end of an outage, or with the beginning of an outage that
	// ends in a failover.
	recoveryLimit = 5 * time.Second
)

// recoveryAfter returns the time within which a write must succeed again after a
// failover. replaced is the time that the servers took for the failover. On a
// busy machine replaced can be more than recoveryLimit.
func recoveryAfter(replaced time.Duration) time.Duration {
	return max(recoveryLimit, replaced+recoveryLimit/2)
}

// These are the values of mayLose.
const (
	lossless     = false
	asynchronous = true // writes that are not replicated yet may be lost
)

// want fails the test if the longest time without a write is shorter than gap.
// Unless mayLose is set, want also fails the test if an acknowledged write is
// lost.
func (r loadResult) want(t testing.TB, gap time.Duration, mayLose bool) {
	t.Helper()
	if r.longestGap < gap {
		t.Errorf("the longest time without a write was %v, want at least %v: was there a fault?", r.longestGap, gap)
	}
	if r.lost > 0 && !mayLose {
		t.Errorf("%d acknowledged writes are lost", r.lost)
	}
}

// wantRead fails the test if a read missed a stored value. wantRead is for reads
// from a primary that has all values.
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
