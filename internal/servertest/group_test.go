package servertest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

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
		outcome, message := outcomeOf(t, start)
		require.Equal(t, "failed", outcome, "%s: test %s with message %q, want it failed", name, outcome, message)
		requireEmpty(t, dir)
	}
}

func TestClusterAnnouncesProxies(t *testing.T) {
	t.Parallel()
	front := startProxies(t)
	c := servertest.Cluster(t, servertest.Announce(front.proxy))
	for i, addr := range c.Addrs() {
		s := c.Nodes[i]
		want := front.of(s.Addr).addr()
		require.Equal(t, want, addr, "clients are told of %s and %s, want the proxy at %s", addr, s.Announced, want)
		require.Equal(t, want, s.Announced, "clients are told of %s and %s, want the proxy at %s", addr, s.Announced, want)
		require.NotZero(t, front.of(s.BusAddr()).connections(), "no node came to %s through its proxy", s.BusAddr())
		for _, node := range c.Nodes {
			// Every line names one node.
			require.Contains(t, node.Do(t, "CLUSTER", "NODES").(string), " "+addr+"@", "node at %s does not know %s", node.Addr, addr)
		}
	}
}

func TestProxiesPartAPrimary(t *testing.T) {
	t.Parallel()
	front := startProxies(t)
	s := servertest.Sentinel(t, servertest.Announce(front.proxy))
	got, want := s.Addrs()[0], front.of(s.Sentinels[0].Addr).addr()
	require.Equal(t, want, got, "clients are told of the sentinel")
	old := s.Primary(t)
	old.Do(t, "SET", "key", "value")
	s.AwaitReplicas(t)

	front.of(old.Addr).cut()
	primary := s.AwaitFailover(t, old)
	require.Equal(t, "value", primary.Do(t, "GET", "key"), "GET at the new primary")
	require.Equal(t, "master", old.Do(t, "ROLE").([]any)[0], "the old primary, which nobody can reach")
	front.of(old.Addr).mend()
	s.AwaitOK(t)
	s.AwaitReplicas(t)
}
