package drivertest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
)

// sentinelDSN returns a DSN for the primary that sentinels watch. query follows
// the parameter master.
func (s *Subject) sentinelDSN(servers *servertest.SentinelServers, query string) string {
	return s.Scheme + "+sentinel://" + strings.Join(servers.Addrs(), ",") + "/?master=" + servers.MasterName + query
}

// openSentinel returns a view of a cache on the primary that sentinels watch.
func (s *Subject) openSentinel(t testing.TB, servers *servertest.SentinelServers, query string) *xcache.View[string] {
	t.Helper()
	return xcache.For[string](s.OpenCache(t, s.sentinelDSN(servers, query)))
}

// failovers are the ways in which a primary is lost.
var failovers = []struct {
	name       string
	begin, end func(*servertest.Server, testing.TB)
}{
	{"kill", (*servertest.Server).Kill, (*servertest.Server).Start},
	{"freeze", (*servertest.Server).Freeze, (*servertest.Server).Thaw},
}

// firstSuccess is how long after the loss of a primary writes must succeed again:
// the sentinels take a second to believe it, and about one more to act.
const firstSuccess = 5 * time.Second

// SentinelFailover holds the driver to this: when the primary is lost, calls
// succeed again on another one within seconds, without a restart, and nobody is
// told that a write succeeded which the servers do not have, unless replication
// lost it.
func (s *Subject) SentinelFailover(t *testing.T) {
	for _, fault := range failovers {
		t.Run(fault.name, func(t *testing.T) {
			servers := s.StartSentinel(t)
			// Those that wait at the old primary must not wait until their time is up.
			v := s.openSentinel(t, servers, "&ttl=none&op_timeout=20s")
			w := startWriters(t, v, 8)
			w.awaitProgress(t)
			old := servers.Primary(t)
			took := w.lose(t, servers, old, fault.begin)
			fault.end(old, t)
			servers.AwaitOK(t)
			w.awaitProgress(t)
			w.stop()
			w.report(t, v, took)
		})
	}
}

// writers write keys of their own, one after the other, as fast as they can.
type writers struct {
	view    *xcache.View[string]
	cancel  context.CancelFunc
	running sync.WaitGroup

	succeeded atomic.Int64
	unknown   atomic.Int64 // writes with an unknown outcome
	refused   atomic.Int64 // writes that failed, and changed nothing
	slowest   atomic.Int64

	mu           sync.Mutex
	acknowledged []string
	failed       []string // that were not applied
	errs         map[string]int
}

var ports = regexp.MustCompile(`:\d+`)

func startWriters(t testing.TB, v *xcache.View[string], n int) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &writers{view: v, cancel: cancel, errs: map[string]int{}}
	for i := range n {
		w.running.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				w.write(fmt.Sprintf("%d-%d", i, j))
			}
		})
	}
	t.Cleanup(w.stop)
	return w
}

// write writes one key. It has no deadline but op_timeout.
func (w *writers) write(key string) {
	start := time.Now()
	err := w.view.Set(context.Background(), key, key)
	took := int64(time.Since(start))
	for {
		before := w.slowest.Load()
		if took <= before || w.slowest.CompareAndSwap(before, took) {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.succeeded.Add(1)
		w.acknowledged = append(w.acknowledged, key)
	case errors.Is(err, xcache.ErrUnknownOutcome):
		w.unknown.Add(1)
	default:
		w.refused.Add(1)
		w.failed = append(w.failed, key)
	}
	var failure *xcache.OpError
	if errors.As(err, &failure) {
		w.errs[ports.ReplaceAllString(failure.Err.Error(), ":…")]++
	}
}

// stop ends the writers and waits for them.
func (w *writers) stop() {
	w.cancel()
	w.running.Wait()
}

// awaitProgress waits for some writes that succeed.
func (w *writers) awaitProgress(t testing.TB) {
	t.Helper()
	from := w.succeeded.Load()
	Eventually(t, func() bool { return w.succeeded.Load() > from+100 }, func() string { return "writes do not succeed" })
}

// lose takes the primary from the writers, and returns how long it took until one
// of them succeeded again. That may be no longer than firstSuccess, or than it took the
// sentinels, who sometimes vote in vain the first time.
func (w *writers) lose(t testing.TB, servers *servertest.SentinelServers, primary *servertest.Server, begin func(*servertest.Server, testing.TB)) time.Duration {
	t.Helper()
	start := time.Now()
	begin(primary, t)
	time.Sleep(200 * time.Millisecond) // what was on its way has arrived
	from := w.succeeded.Load()
	measured := make(chan time.Duration, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for w.succeeded.Load() == from && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		measured <- time.Since(start)
	}()
	servers.AwaitFailover(t, primary)
	replaced := time.Since(start)
	took := <-measured
	if limit := max(firstSuccess, replaced+firstSuccess/2); took > limit {
		t.Errorf("the first write succeeded after %v, want at most %v", took, limit)
	}
	return took
}

// report counts what became of the writes. Those that are said to have failed
// must not be there. It returns how many of those that succeeded are not.
func (w *writers) report(t testing.TB, v *xcache.View[string], took time.Duration) (lost int) {
	t.Helper()
	there := func(keys []string) (n int) {
		for len(keys) > 0 {
			some := keys[:min(1000, len(keys))]
			keys = keys[len(some):]
			found, err := v.GetMany(t.Context(), some)
			if err != nil {
				t.Fatal(err)
			}
			n += len(found)
		}
		return n
	}
	lost = len(w.acknowledged) - there(w.acknowledged)
	t.Logf("first success after %v, slowest call %v: %d writes acknowledged, %d of them lost to replication, %d of unknown outcome, %d failed",
		took.Round(time.Millisecond), time.Duration(w.slowest.Load()).Round(time.Millisecond), len(w.acknowledged), lost, w.unknown.Load(), len(w.failed))
	for text, n := range w.errs {
		t.Logf("%6d × %s", n, text)
	}
	if lied := there(w.failed); lied > 0 {
		t.Errorf("%d writes are said to have changed nothing, and have", lied)
	}
	return lost
}

// put stores a value, or ends the test.
func put(t testing.TB, v *xcache.View[string], key, value string) {
	t.Helper()
	if err := v.Set(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
}

// wantValue fails the test unless a key has a value.
func wantValue(t testing.TB, v *xcache.View[string], key, want string) {
	t.Helper()
	if got, err := v.Get(t.Context(), key); got != want || err != nil {
		t.Errorf("Get = %q, %v, want %q", got, err, want)
	}
}
