package drivertest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/drivers/internal/sentinel"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/internal/servertest"
)

// SentinelFailoverOnDemand lets the sentinels replace a primary that is well. The
// store hears of the new primary from the sentinels. The store asks the sentinels
// nothing meanwhile, so that no answer to a question can tell of the new primary.
// The test fails if a write fails, or if the store never leaves the old primary
// before the old primary is a replica.
func (s *Subject) SentinelFailoverOnDemand(t *testing.T) {
	servers := s.StartSentinel(t)
	v := s.openListening(t, servers)
	w := startWriters(t, v, 8)
	w.awaitProgress(t)
	for _, one := range servers.Sentinels {
		Eventually(t, func() bool { return strings.Contains(clients(one), " sub=2 ") }, func() string { return "a sentinel is not listened to" })
	}
	// On a busy machine the old primary may be a replica before this test looks.
	// Then the calls at the old primary may have told the store. So the test tries
	// several times.
	const tries = 8
	heard := false
	for try := 0; try < tries && !heard; try++ {
		servers.AwaitOK(t)
		old := servers.Primary(t)
		ctx, cancel := context.WithCancel(t.Context())
		found := make(chan bool)
		go func() { found <- leavesPrimary(ctx, servers, old) }()
		servers.Failover(t)
		w.awaitProgress(t)
		cancel()
		heard = <-found
	}
	if !heard {
		t.Errorf("in %d failovers the old primary was used until it was a replica", tries)
	}
	servers.AwaitOK(t)
	w.awaitProgress(t)
	w.stop()
	w.report(t, v, 0)
	if n := len(w.failed); n > 0 {
		t.Errorf("%d writes failed", n)
	}
}

// listening is the name of the connections of openListening.
const listening = "listening"

// openListening opens a cache on a store that asks the sentinels once. Later
// the store asks only after news from a sentinel, or after calls that fail.
func (s *Subject) openListening(t *testing.T, servers *servertest.SentinelServers) *xcache.View[string] {
	t.Helper()
	read, err := settings.ReadSentinel(Parse(t, withLongTimeouts(s.sentinelDSN(servers, "&client_name="+listening))))
	if err != nil {
		t.Fatal(err)
	}
	read.Period = time.Hour
	cache, err := xcache.New(sentinel.Open(read, s.Node), xcache.WithTTL(xcache.NoExpiry), xcache.WithOpTimeout(longTimeout))
	if err != nil {
		t.Fatal(err)
	}
	s.begin()
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.end(t)
	})
	return xcache.For[string](cache)
}

// leavesPrimary reports whether a store of openListening goes over to another
// server while the old primary is still a primary.
func leavesPrimary(ctx context.Context, servers *servertest.SentinelServers, old *servertest.Server) bool {
	for ctx.Err() == nil {
		for _, server := range servers.Servers {
			if server != old && strings.Contains(clients(server), "name="+listening) {
				role, err := old.Try("ROLE")
				return err == nil && strings.HasPrefix(fmt.Sprint(role), "[master")
			}
		}
	}
	return false
}

// clients returns the list of a server's clients, or nothing if the server does not answer.
func clients(server *servertest.Server) string {
	list, err := server.Try("CLIENT", "LIST")
	if err != nil {
		return ""
	}
	return fmt.Sprint(list)
}
