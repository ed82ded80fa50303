package drivertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
)

// SentinelReplicas tests reads from the replicas that the sentinels know. The
// test fails if the replicas do not share the reads, or if any other call does
// not go to the primary.
func (s *Subject) SentinelReplicas(t *testing.T) {
	servers := s.StartSentinel(t)
	ctx := t.Context()
	for _, read := range []string{"prefer-replica", "replica"} {
		v := xcache.For[string](s.OpenCache(t, withLongTimeouts(s.sentinelDSN(servers, "&read="+read))))
		if _, err := v.Get(ctx, "none"); !errors.Is(err, xcache.ErrNotFound) {
			t.Errorf("read=%s: the first read: %v", read, err)
		}
		put(t, v, "k", "v")
		servers.AwaitReplicas(t)
		for _, server := range servers.Servers {
			server.Do(t, "CONFIG", "RESETSTAT")
		}
		const n = 200
		for range n {
			wantValue(t, v, "k", "v")
		}
		primary := servers.Primary(t)
		for _, replica := range servers.Replicas(t) {
			if got := timesRun(t, replica, "get"); got < n/5 {
				t.Errorf("read=%s: %d of %d reads at the replica %s", read, got, n, replica.Addr)
			}
		}
		if got := timesRun(t, primary, "get"); got != 0 {
			t.Errorf("read=%s: %d reads at the primary", read, got)
		}
		own := v.With(xcache.ReadPrimary())
		wantValue(t, own, "k", "v")
		for _, err := range v.Keys(ctx, "*") {
			if err != nil {
				t.Error(err)
			}
		}
		if timesRun(t, primary, "get") != 1 || timesRun(t, primary, "scan") == 0 {
			t.Errorf("read=%s: the primary ran GET %d times, SCAN %d times", read, timesRun(t, primary, "get"), timesRun(t, primary, "scan"))
		}
		_, incrErr := v.IncrInit(ctx, "n", 1, 0)
		if err := errors.Join(incrErr, v.Ping(ctx)); err != nil {
			t.Error(err)
		}
	}
}

// SentinelReplicaFailover loses a replica, and then the primary, under reads from
// replicas. The test fails if a read fails. The test also fails if the new primary
// still gets reads, or if the old primary gets no reads as a replica.
func (s *Subject) SentinelReplicaFailover(t *testing.T) {
	servers := s.StartSentinel(t)
	v := xcache.For[string](s.OpenCache(t, withLongTimeouts(s.sentinelDSN(servers, "&read=prefer-replica"))))
	put(t, v, "k", "v")
	servers.AwaitReplicas(t)
	lost, other := servers.Replicas(t)[0], servers.Replicas(t)[1]
	machine := startBystander(t, other)
	reads := startReaders(t, v, "k", "v", 4)
	reads.awaitProgress(t)

	lost.Kill(t)
	reads.awaitProgress(t)
	reads.mayMiss.Store(true) // a replica that has just started has nothing yet
	lost.Start(t)
	servers.AwaitOK(t)
	servers.AwaitReplicas(t)
	reads.awaitProgress(t)
	reads.mayMiss.Store(false)

	old := servers.Primary(t)
	old.Kill(t)
	reads.awaitProgress(t)
	servers.AwaitFailover(t, old)
	reads.mayMiss.Store(true)
	old.Start(t)
	servers.AwaitOK(t)
	reads.awaitProgress(t)
	Eventually(t, func() bool { return timesRun(t, old, "get") > 10 }, func() string { return "the old primary gets no reads as a replica" })
	primary := servers.Primary(t)
	var before int
	Eventually(t, func() bool {
		from := before
		before = timesRun(t, primary, "get")
		time.Sleep(50 * time.Millisecond)
		return from == before
	}, func() string { return "the new primary, once a replica, still gets reads" })
	reads.stop()
	slowest, bound := time.Duration(reads.slowest.Load()), machine.waited()+3*time.Second
	t.Logf("%d reads, the slowest %v", reads.done.Load(), slowest.Round(time.Millisecond))
	if slowest > bound {
		t.Errorf("the slowest read took %v, want at most %v", slowest, bound)
	}
}

// readers read one key over and over.
type readers struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	done    atomic.Int64
	slowest atomic.Int64
	mayMiss atomic.Bool // the key may be missing
}

func startReaders(t testing.TB, v *xcache.View[string], key, want string, n int) *readers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &readers{cancel: cancel}
	for range n {
		r.running.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				got, err := v.Get(context.Background(), key)
				if missed := errors.Is(err, xcache.ErrNotFound); missed && r.mayMiss.Load() {
					continue
				}
				if got != want || err != nil {
					t.Errorf("Get = %q, %v, want %q", got, err, want)
					return
				}
				if took := int64(time.Since(start)); took > r.slowest.Load() {
					r.slowest.Store(took)
				}
				r.done.Add(1)
			}
		})
	}
	t.Cleanup(r.stop)
	return r
}

func (r *readers) stop() {
	r.cancel()
	r.running.Wait()
}

func (r *readers) awaitProgress(t testing.TB) {
	t.Helper()
	from := r.done.Load()
	Eventually(t, func() bool { return r.done.Load() > from+500 }, func() string { return fmt.Sprintf("%d reads", r.done.Load()-from) })
}
