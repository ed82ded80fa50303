package servertest_test

import (
	"crypto/tls"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

func TestSentinelFailover(t *testing.T) {
	onBoth(t, func(t *testing.T, product servertest.Option) {
		s := servertest.Sentinel(t, product)
		require.Same(t, s.Servers[0], s.Primary(t), "primary at the start")
		s.Primary(t).Do(t, "SET", "key", "value")
		s.AwaitReplicas(t)

		for _, step := range []struct {
			name     string
			failover func(old *servertest.Server) *servertest.Server
			repair   func(old *servertest.Server)
		}{
			{"on demand", func(*servertest.Server) *servertest.Server {
				return s.Failover(t)
			}, func(*servertest.Server) {}},
			{"by kill", func(old *servertest.Server) *servertest.Server {
				old.Kill(t)
				return s.AwaitFailover(t, old)
			}, func(old *servertest.Server) { old.Start(t) }},
		} {
			old := s.Primary(t)
			primary := step.failover(old)
			require.NotSame(t, old, primary, "%s: primary %s, after %s", step.name, primary.Addr, old.Addr)
			require.Same(t, s.Primary(t), primary, "%s: primary %s, after %s", step.name, primary.Addr, old.Addr)
			require.False(t, slices.Contains(s.Replicas(t), primary), "%s: primary %s, after %s", step.name, primary.Addr, old.Addr)
			primary.Do(t, "SET", step.name, "written")
			require.Equal(t, "value", primary.Do(t, "GET", "key"), "%s: GET at the new primary", step.name)
			step.repair(old)
			s.AwaitOK(t)
			s.AwaitReplicas(t)
			require.Equal(t, "written", old.Do(t, "GET", step.name), "%s: GET at the old primary, now a replica", step.name)
		}
	})
}

func TestSentinelCredentials(t *testing.T) {
	onBoth(t, func(t *testing.T, product servertest.Option) {
		sentinels := []servertest.Option{servertest.Password("watch")}
		if os.Getenv(release.RedisEnv) != release.Redis60.Name {
			sentinels = append(sentinels, servertest.User("ann", "secret", "+sentinel|get-master-addr-by-name"))
		}
		s := servertest.Sentinel(t, product,
			servertest.TLS(),
			servertest.Password("data"),
			servertest.Sentinels(sentinels...),
		)
		for _, test := range []struct {
			name    string
			addr    string
			login   string
			command string
			want    string
		}{
			{"server", s.Servers[0].Addr, "AUTH data", "PING", "+PONG"},
			{"server with a sentinel's password", s.Servers[0].Addr, "AUTH watch", "PING", "-NOAUTH"},
			{"sentinel", s.Addrs()[0], "AUTH watch", "PING", "+PONG"},
			{"sentinel with a server's password", s.Addrs()[0], "AUTH data", "PING", "-NOAUTH"},
			{"sentinel's user", s.Addrs()[2], "AUTH ann secret", "SENTINEL GET-MASTER-ADDR-BY-NAME " + s.MasterName, "*2"},
			{"sentinel's user, forbidden", s.Addrs()[2], "AUTH ann secret", "SENTINEL FAILOVER " + s.MasterName, "-NOPERM"},
		} {
			if strings.HasPrefix(test.login, "AUTH ann") && len(sentinels) == 1 {
				continue // sentinels of Redis 6.0 have no users
			}
			conn, err := tls.Dial("tcp", test.addr, s.Servers[0].Certificates.Config())
			require.NoError(t, err)
			defer conn.Close()
			exchange(t, conn, test.login)
			got := exchange(t, conn, test.command)
			require.True(t, strings.HasPrefix(got, test.want), "%s: %s answers %q, want %q", test.name, test.command, got, test.want)
		}
	})
}
