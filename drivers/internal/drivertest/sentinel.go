package drivertest

import (
	"context"
	"strings"
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

// A failover is a way in which a primary is lost, and comes back.
type failover struct {
	name       string
	begin, end func(*servertest.Server, testing.TB)
}

// failovers are the ways in which a primary is lost.
var failovers = []failover{
	{"kill", (*servertest.Server).Kill, (*servertest.Server).Start},
	{"freeze", (*servertest.Server).Freeze, (*servertest.Server).Thaw},
}

// lose takes the primary from the writers, and returns the time until a write
// succeeds again. The test fails if this time is longer than recoveryAfter
// allows.
func (w *writers) lose(t testing.TB, servers *servertest.SentinelServers, primary *servertest.Server, begin func(*servertest.Server, testing.TB)) time.Duration {
	t.Helper()
	start := time.Now()
	begin(primary, t)
	time.Sleep(200 * time.Millisecond) // writes on their way have arrived
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
	t.Logf("the sentinels agreed on another primary after %v", replaced.Round(time.Millisecond))
	if limit := recoveryAfter(replaced); took > limit {
		t.Errorf("the first write succeeded after %v, want at most %v", took, limit)
	}
	return took
}
