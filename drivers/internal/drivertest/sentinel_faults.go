package drivertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/stopwatch"
	"github.com/xcache-go/xcache/xcachetest"
)

// proxied returns proxies in front of sentinels, and a DSN that names the proxies.
func (s *Subject) proxied(t testing.TB, servers *servertest.SentinelServers, query string) ([]*xcachetest.Proxy, string) {
	t.Helper()
	var proxies []*xcachetest.Proxy
	var addrs []string
	for _, addr := range servers.Addrs() {
		proxy := xcachetest.NewProxy(t, addr)
		proxies = append(proxies, proxy)
		addrs = append(addrs, proxy.Addr())
	}
	return proxies, s.Scheme + "+sentinel://" + strings.Join(addrs, ",") + "/?master=" + servers.MasterName + query
}

// SentinelDemotedPrimary demotes a primary while the store cannot reach the
// sentinels, and while connections to the primary live on. Calls wait for an answer
// of the sentinels as long as the calls have time. The test fails if a call
// succeeds at the old primary, or if a write does not reach the new primary when
// the sentinels can be asked again.
func (s *Subject) SentinelDemotedPrimary(t *testing.T) {
	servers := s.StartSentinel(t)
	proxies, dsn := s.proxied(t, servers, "")
	cache := s.OpenCache(t, dsn)
	v := xcache.For[string](cache)
	put(t, v, "k", "old")
	for _, p := range proxies {
		// The store must know first that the proxies and the sentinels' own addresses
		// lead to the same sentinels.
		Eventually(t, func() bool { return p.Stats().RoundTrips >= 8 }, func() string { return "a sentinel is not asked" })
	}
	for _, p := range proxies {
		p.Refuse()
		p.Cut()
	}
	primary := servers.Failover(t)
	servers.AwaitOK(t)

	// The old primary refuses the write, and nobody can name the new primary.
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	watch := stopwatch.Start()
	err := v.Set(ctx, "k", "lost")
	WantErr(t, err, driver.NotApplied, context.DeadlineExceeded)
	if took := watch.Stop(); took > 5*time.Second {
		t.Errorf("a call with a deadline of 500ms took %v", took)
	}
	_, err = v.Get(t.Context(), "k") // the old primary has old values, and is known not to be the primary
	WantErr(t, err, driver.NotApplied, xcache.ErrUnavailable)

	back := time.AfterFunc(300*time.Millisecond, func() {
		for _, p := range proxies {
			if err := p.Accept(); err != nil {
				t.Error(err)
			}
		}
	})
	defer back.Stop()
	start := time.Now()
	put(t, v.With(xcache.WithOpTimeout(longTimeout)), "k", "new")
	t.Logf("written after %v, of which nobody could be asked for 300ms", time.Since(start).Round(time.Millisecond))
	if got := primary.Do(t, "GET", ":1:k"); got != `"new"` {
		t.Errorf("the new primary has %v", got)
	}
}

// SentinelsDown kills or freezes all sentinels. The test fails if calls of a
// store in use fail or take long. The test also fails unless the first call of
// a new store fails with ErrUnavailable, and succeeds when the sentinels are
// back.
func (s *Subject) SentinelsDown(t *testing.T) {
	for _, fault := range failovers {
		t.Run(fault.name, func(t *testing.T) {
			servers := s.StartSentinel(t)
			v := s.openSentinel(t, servers, "&op_timeout=10s")
			put(t, v, "k", "v")
			primary := servers.Primary(t)
			for _, sentinel := range servers.Sentinels {
				fault.begin(sentinel, t)
			}
			bystander := startBystander(t, primary)
			for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
				watch := stopwatch.Start()
				wantValue(t, v, "k", "v")
				put(t, v, "k", "v")
				if took, waited := watch.Stop(), bystander.waited(); took > time.Second+waited {
					t.Errorf("a read and a write took %v, and a PING at most %v", took, waited)
				}
				if t.Failed() {
					return
				}
			}
			// A lost connection is no reason to doubt the primary for long.
			var got string
			err := WhenQuick(func() (err error) {
				servers.Servers[0].Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
				got, err = v.Get(t.Context(), "k")
				return err
			})
			if got != "v" || err != nil {
				t.Errorf("Get after the connections were closed = %q, %v", got, err)
			}

			unborn := s.openSentinel(t, servers, "&op_timeout=1s")
			_, err = unborn.Get(t.Context(), "k")
			WantErr(t, err, driver.NotApplied, xcache.ErrUnavailable)
			t.Logf("without sentinels: %v", err)
			for _, sentinel := range servers.Sentinels {
				fault.end(sentinel, t)
			}
			Eventually(t, func() bool {
				_, err = unborn.Get(t.Context(), "k")
				return err == nil
			}, func() string { return fmt.Sprintf("sentinels are back, but: %v", err) })
		})
	}
}

// SentinelFrozen freezes one of three sentinels. The test fails if the first
// call takes long, or if writes do not succeed soon after a failover.
func (s *Subject) SentinelFrozen(t *testing.T) {
	servers := s.StartSentinel(t)
	servers.Sentinels[0].Freeze(t)
	v := s.openSentinel(t, servers, "&ttl=none&op_timeout=20s&dial_timeout=10s")
	watch := stopwatch.Start()
	put(t, v, "k", "v")
	took := watch.Stop()
	t.Logf("the first call took %v", took)
	if took > 5*time.Second {
		t.Errorf("the first call took %v, with two of three sentinels well", took)
	}
	w := startWriters(t, v, 4)
	w.awaitProgress(t)
	took = w.lose(t, servers, servers.Primary(t), (*servertest.Server).Kill)
	w.stop()
	w.report(t, v, took)
	servers.Sentinels[0].Thaw(t)
}

// SentinelsLearnt opens a store with a DSN that names one sentinel, and then
// kills this sentinel. The store has heard of the other sentinels from the
// first sentinel. The test fails if the store does not follow the next
// failover.
func (s *Subject) SentinelsLearnt(t *testing.T) {
	servers := s.StartSentinel(t)
	v := xcache.For[string](s.OpenCache(t, s.Scheme+"+sentinel://"+servers.Addrs()[0]+"?client_name=learning&master="+servers.MasterName))
	put(t, v, "k", "v")
	for _, other := range servers.Sentinels[1:] {
		Eventually(t, func() bool { return strings.Contains(fmt.Sprint(other.Do(t, "CLIENT", "LIST")), "name=learning") },
			func() string { return "another sentinel is not asked" })
	}
	servers.Sentinels[0].Kill(t)
	servers.AwaitReplicas(t)
	old := servers.Primary(t)
	old.Kill(t)
	servers.AwaitFailover(t, old)
	var err error
	Eventually(t, func() bool {
		err = v.Set(t.Context(), "k", "w")
		return err == nil
	}, func() string { return fmt.Sprint("no write succeeds: ", err) })
}

// SentinelHealed brings an old primary back after a failover. The old primary is
// a primary for a moment, and must not get the calls again. The test fails if a
// write that was acknowledged after the failover is lost.
func (s *Subject) SentinelHealed(t *testing.T) {
	servers := s.StartSentinel(t)
	v := s.openSentinel(t, servers, "&ttl=none")
	const tries = 5
	for try := range tries {
		old := servers.Primary(t)
		old.Freeze(t)
		primary := servers.AwaitFailover(t, old)
		Eventually(t, func() bool { return v.Set(t.Context(), "k", "w") == nil }, func() string { return "no write succeeds" })
		if try > 0 { // the keys of the try before
			if _, err := v.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w := startWriters(t, v, 8)
		w.awaitProgress(t)
		old.Thaw(t)
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			w.awaitProgress(t)
		}
		servers.AwaitOK(t)
		w.stop()
		lost := w.report(t, v, 0)
		if servers.Primary(t) != primary {
			continue // the machine was too busy for the primary, and another failover may lose writes
		}
		if lost > 0 {
			t.Errorf("%d writes were lost after the failover was over", lost)
		}
		return
	}
	t.Error("the sentinels replace each new primary")
}

// SentinelScan replaces the primary during a loop over the keys. The test fails
// unless the loop ends with ErrUnavailable, and unless a new loop finds all
// keys.
func (s *Subject) SentinelScan(t *testing.T) {
	servers := s.StartSentinel(t)
	v := xcache.For[string](s.OpenCache(t, withLongTimeouts(s.sentinelDSN(servers, ""))))
	const n = 5000 // several pages
	values := make(map[string]string, n)
	for i := range n {
		values[fmt.Sprint(i)] = "v"
	}
	if err := v.SetMany(t.Context(), values); err != nil {
		t.Fatal(err)
	}
	servers.AwaitReplicas(t)
	found, last := 0, error(nil)
	for _, err := range v.Keys(t.Context(), "*") {
		if last = err; err != nil {
			break
		}
		if found++; found == 10 {
			servers.Failover(t)
			Eventually(t, func() bool {
				put(t, v, "followed", "v")
				return servers.Primary(t).Do(t, "EXISTS", ":1:followed") == int64(1)
			}, func() string { return "the store does not follow" })
		}
	}
	WantErr(t, last, driver.NotApplied, xcache.ErrUnavailable)
	if found >= n {
		t.Errorf("the loop went on over %d keys", found)
	}
	found = 0
	for _, err := range v.Keys(t.Context(), "*") {
		if err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != n+1 {
		t.Errorf("a new loop found %d keys of %d", found, n+1)
	}
}

// SentinelUnknownMaster opens a store with a name that the sentinels do not
// know. The test fails unless the first call fails at once. The error must have
// the parameter, the unknown name, and the name that the sentinels know.
func (s *Subject) SentinelUnknownMaster(t *testing.T) {
	servers := s.Sentinel(t)
	v := xcache.For[string](s.OpenCache(t, s.Scheme+"+sentinel://"+strings.Join(servers.Addrs(), ",")+"?master=nobody&op_timeout=30s"))
	watch := stopwatch.Start()
	_, err := v.Get(t.Context(), "k")
	took := watch.Stop()
	WantErr(t, err, driver.NotApplied, xcache.ErrUnavailable)
	for _, want := range []string{"parameter master", "nobody", servers.MasterName} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	if took > 10*time.Second {
		t.Errorf("the error came after %v", took)
	}
}

// SentinelCredentials tests sentinels and servers with different credentials,
// all through TLS. The test fails if right credentials do not work, if wrong
// credentials have a wrong error, or if a text shows a password.
func (s *Subject) SentinelCredentials(t *testing.T) {
	servers := s.StartSentinel(t, servertest.TLS(),
		servertest.Password("data-canary"),
		servertest.User("limited", "limited-canary", "~*", "+@all", "-@dangerous", "+hello"),
		servertest.Sentinels(
			servertest.Password("watch-canary"),
			servertest.User("asker", "asker-canary", "+sentinel|get-master-addr-by-name"),
		))
	tls := "&tls_ca=" + servers.Servers[0].Certificates.CAFile
	dsn := func(user, query string) string {
		return s.Scheme + "s+sentinel://" + user + "@" + strings.Join(servers.Addrs(), ",") + "/?master=" + servers.MasterName + tls + query
	}
	for name, text := range map[string]string{
		"default users":                  dsn(":data-canary", "&sentinel_password=watch-canary"),
		"users with few permissions":     dsn("limited:limited-canary", "&sentinel_user=asker&sentinel_password=asker-canary"),
		"reads from replicas, if asked":  dsn(":data-canary", "&sentinel_password=watch-canary&read=prefer-replica"),
		"replicas that nobody will name": dsn(":data-canary", "&sentinel_user=asker&sentinel_password=asker-canary&read=prefer-replica"),
	} {
		v := xcache.For[string](s.OpenCache(t, text))
		put(t, v, "k", "v")
		servers.AwaitReplicas(t)
		wantValue(t, v, "k", "v")
		if shown := fmt.Sprintf("%v %+v %#v %s", v.Store(), v.Store(), v.Store(), Parse(t, text)); strings.Contains(shown, "canary") {
			t.Errorf("%s: shown as %s", name, shown)
		}
	}
	for name, tt := range map[string]struct {
		dsn   string
		wants []error
		says  string
	}{
		"no password for sentinels":    {dsn(":data-canary", ""), []error{xcache.ErrAuth}, "sentinel_password"},
		"that of the servers":          {dsn(":data-canary", "&sentinel_password=data-canary"), []error{xcache.ErrAuth}, "sentinel_password"},
		"an unknown user of sentinels": {dsn(":data-canary", "&sentinel_user=nobody&sentinel_password=canary"), []error{xcache.ErrAuth}, "sentinel_user"},
		"no password for servers":      {strings.Replace(dsn("", "&sentinel_password=watch-canary"), "@", "", 1), []error{xcache.ErrAuth}, ""},
		"a wrong one":                  {dsn(":canary", "&sentinel_password=watch-canary"), []error{xcache.ErrAuth}, ""},
		"no TLS": {
			strings.Replace(strings.Replace(dsn(":data-canary", "&sentinel_password=watch-canary&op_timeout=1s"), "s+", "+", 1), tls, "", 1),
			[]error{xcache.ErrUnavailable}, servers.Addrs()[0],
		},
	} {
		v := xcache.For[string](s.OpenCache(t, tt.dsn))
		_, err := v.Get(t.Context(), "k")
		WantErr(t, err, driver.NotApplied, tt.wants...)
		t.Logf("%s: %v", name, err)
		if text := fmt.Sprint(err); strings.Contains(text, "canary") || !strings.Contains(text, tt.says) || strings.Contains(text, "\n") {
			t.Errorf("%s: the error is %s", name, text)
		}
	}
}

// SentinelBadDSNs opens bad DSNs. The test fails unless the error of OpenDSN says
// what is wrong, and shows no password.
func (s *Subject) SentinelBadDSNs(t *testing.T) {
	for _, tt := range []struct{ rest, says string }{
		{":canary@h", "master"},
		{":canary@h?master=", "master"},
		{":canary@h?master=m&masters=n", "unknown parameter masters; did you mean master?"},
		{"h?master=m&sentinel_pasword=canary", "did you mean sentinel_password?"},
		{"h?master=m&sentinel_user=canary", "sentinel_user"},
		{"h?master=m&sentinel_password=canary&sentinel_password_file=/nonexistent", "sentinel_password_file"},
		{"h?master=m&sentinel_password=canary&sentinel_password=canary", "sentinel_password"},
		{"h?master=m&sentinel_password=can@ry", "%40"},
		{":canary@h?master=m&read=nearest", "read"},
		{":canary@h/x?master=m", "db"},
		{":canary@h?master=m&tls_ca=/x", s.Scheme + "s://"},
	} {
		cache, err := xcache.OpenDSN(s.Scheme + "+sentinel://" + tt.rest)
		if err == nil {
			_ = cache.Close()
		}
		if text := fmt.Sprint(err); err == nil || strings.Contains(text, "canary") || strings.Contains(text, "can@ry") || !strings.Contains(text, tt.says) {
			t.Errorf("%s: got %v, want it to say %s", tt.rest, err, tt.says)
		}
	}
}

// SentinelClose closes stores in every state of the servers. The test fails if
// Close leaves a goroutine or a connection behind, or waits for servers that do
// not answer.
func (s *Subject) SentinelClose(t *testing.T) {
	for _, fault := range []struct {
		name  string
		begin func(t testing.TB, servers *servertest.SentinelServers)
	}{
		{"unused", nil},
		{"all is well", func(testing.TB, *servertest.SentinelServers) {}},
		{"primary killed", func(t testing.TB, servers *servertest.SentinelServers) { servers.Servers[0].Kill(t) }},
		{"primary frozen", func(t testing.TB, servers *servertest.SentinelServers) { servers.Servers[0].Freeze(t) }},
		{"sentinels killed", func(t testing.TB, servers *servertest.SentinelServers) {
			each(t, servers.Sentinels, (*servertest.Server).Kill)
		}},
		{"all frozen", func(t testing.TB, servers *servertest.SentinelServers) {
			each(t, servers.Servers, (*servertest.Server).Freeze)
			each(t, servers.Sentinels, (*servertest.Server).Freeze)
		}},
		{"replaced", func(t testing.TB, servers *servertest.SentinelServers) {
			servers.Servers[0].Freeze(t)
			servers.AwaitFailover(t, servers.Servers[0])
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			servers := s.StartSentinel(t)
			for _, query := range []string{"", "&read=prefer-replica"} {
				v := s.openSentinel(t, servers, query)
				late := s.openSentinel(t, servers, query) // this store is still looking for the primary
				if fault.begin == nil {
					continue
				}
				if query == "" {
					put(t, v, "k", "v")
					fault.begin(t, servers)
				}
				for _, view := range []*xcache.View[string]{v, late} {
					for range 4 {
						ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
						err := view.Set(ctx, "k", "v")
						if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, xcache.ErrUnavailable) {
							t.Error(err)
						}
						cancel()
					}
					watch := stopwatch.Start()
					if err := view.Close(); err != nil {
						t.Error(err)
					}
					if took := watch.Stop(); took > 5*time.Second {
						t.Errorf("Close took %v", took)
					}
					if _, err := view.Get(t.Context(), "k"); !errors.Is(err, xcache.ErrClosed) {
						t.Errorf("Get after Close: %v", err)
					}
				}
			}
		})
	}
}

func each(t testing.TB, servers []*servertest.Server, do func(*servertest.Server, testing.TB)) {
	t.Helper()
	for _, server := range servers {
		do(server, t)
	}
}

// SentinelPartition cuts a primary off from the sentinels and from its replicas, but
// not from the driver. The driver must leave the old primary for the new primary,
// and must not go back when the old primary is back. The test fails if the new
// primary gets no writes, or if a write after the failover is lost.
func (s *Subject) SentinelPartition(t *testing.T) {
	proxies := map[string]*xcachetest.Proxy{} // by the address behind the proxy
	direct := map[string]string{}
	servers := s.StartSentinel(t, servertest.Announce(func(listening string) string {
		proxy := xcachetest.NewProxy(t, listening)
		proxies[listening], direct[proxy.Addr()] = proxy, listening
		return proxy.Addr()
	}))
	store := s.openSentinelStore(t, servers, func(ctx context.Context, network, addr string) (net.Conn, error) {
		if past, ok := direct[addr]; ok {
			addr = past
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	})
	cache, err := xcache.New(store, xcache.WithTTL(xcache.NoExpiry))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the proxies have connections that come and go
		if err := cache.Close(); err != nil {
			t.Error(err)
		}
		s.AwaitNoGoroutines(t)
	})
	v := xcache.For[string](cache)
	const tries = 5
	for range tries {
		w := startWriters(t, v, 4)
		w.awaitProgress(t)
		old := servers.Primary(t)
		proxies[old.Addr].Refuse()
		proxies[old.Addr].Cut()
		primary := servers.AwaitFailover(t, old)
		before := timesRun(t, primary, "set")
		Eventually(t, func() bool { return timesRun(t, primary, "set") > before+10 }, func() string { return "the new primary gets no writes" })
		w.stop()
		lost := w.report(t, v, 0)

		w = startWriters(t, v, 4)
		w.awaitProgress(t)
		if err := proxies[old.Addr].Accept(); err != nil {
			t.Fatal(err)
		}
		servers.AwaitOK(t)
		w.awaitProgress(t)
		w.stop()
		again := w.report(t, v, 0)
		if servers.Primary(t) != primary {
			continue // the machine was too busy for the primary, and another failover may lose writes
		}
		if again > 0 {
			t.Errorf("%d writes were lost after the failover, %d before", again, lost)
		}
		return
	}
	t.Error("the sentinels replace each new primary")
}
