package servertest_test

import (
	"strings"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest"
)

// onBoth runs a test with each product, both at the same time.
func onBoth(t *testing.T, test func(t *testing.T, product servertest.Option)) {
	t.Helper()
	t.Parallel()
	for _, product := range []string{"redis", "valkey"} {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			test(t, servertest.Release(product))
		})
	}
}

func TestGroupEndsWithItsTest(t *testing.T) {
	var servers []*servertest.Server
	t.Run("inner", func(t *testing.T) {
		s := servertest.Sentinel(t, servertest.TLS())
		servers = append(s.Servers, s.Sentinels...)
		servers[1].Kill(t)
		servers[2].Freeze(t)
	})
	if servers == nil {
		t.Skip("no server")
	}
	for _, s := range servers {
		requireRefused(t, s.Addr)
		requireRemoved(t, s.Dir)
		requireRemoved(t, s.Certificates.CAFile)
	}
}

func TestBrokenGroupLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	standalone.Server(t) // skips where there is none, and is not in dir
	t.Setenv("TMPDIR", dir)
	for name, start := range map[string]func(testing.TB){
		"cluster": func(tb testing.TB) { servertest.Cluster(tb, servertest.TLS(), servertest.Config("nonsense", "1")) },
		"sentinel": func(tb testing.TB) {
			servertest.Sentinel(tb, servertest.Sentinels(servertest.Config("sentinel", "nonsense")))
		},
	} {
		if outcome, message := outcomeOf(t, start); outcome != "failed" {
			t.Errorf("%s: test %s with message %q, want it failed", name, outcome, message)
		}
		requireEmpty(t, dir)
	}
}

func TestClusterAnnouncesProxies(t *testing.T) {
	t.Parallel()
	front := startProxies(t)
	c := servertest.Cluster(t, servertest.Announce(front.proxy))
	for i, addr := range c.Addrs() {
		s := c.Nodes[i]
		if want := front.of(s.Addr).addr(); addr != want || s.Announced != want {
			t.Errorf("clients are told of %s and %s, want the proxy at %s", addr, s.Announced, want)
		}
		if front.of(s.BusAddr()).connections() == 0 {
			t.Errorf("no node came to %s through its proxy", s.BusAddr())
		}
		for _, node := range c.Nodes {
			// Every line names one node.
			if nodes := node.Do(t, "CLUSTER", "NODES").(string); !strings.Contains(nodes, " "+addr+"@") {
				t.Errorf("node at %s does not know %s:\n%s", node.Addr, addr, nodes)
			}
		}
	}
}

func TestProxiesPartAPrimary(t *testing.T) {
	t.Parallel()
	front := startProxies(t)
	s := servertest.Sentinel(t, servertest.Announce(front.proxy))
	if got, want := s.Addrs()[0], front.of(s.Sentinels[0].Addr).addr(); got != want {
		t.Errorf("clients are told of the sentinel %s, want the proxy at %s", got, want)
	}
	old := s.Primary(t)
	old.Do(t, "SET", "key", "value")
	s.AwaitReplicas(t)

	front.of(old.Addr).cut()
	primary := s.AwaitFailover(t, old)
	if got := primary.Do(t, "GET", "key"); got != "value" {
		t.Errorf("GET at the new primary = %v", got)
	}
	if role := old.Do(t, "ROLE").([]any)[0]; role != "master" {
		t.Errorf("the old primary, which nobody can reach, is %s", role)
	}
	front.of(old.Addr).mend()
	s.AwaitOK(t)
	s.AwaitReplicas(t)
}
