package health

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
	_ "github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
)

func open(t *testing.T, dsn string) *xcache.Cache {
	t.Helper()
	cache, err := xcache.OpenDSN(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	return cache
}

// ask asks for the status once, as a monitor does.
func ask(t *testing.T, cache *xcache.Cache) int {
	t.Helper()
	answer := httptest.NewRecorder()
	Status(cache)(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/status/cache", nil))
	return answer.Code
}

// check starts a service, and returns what it logs.
func check(t *testing.T, cache *xcache.Cache) (logged string, err error) {
	t.Helper()
	var log bytes.Buffer
	err = Check(t.Context(), cache, slog.New(slog.NewTextHandler(&log, nil)))
	return log.String(), err
}

func TestMemoryAlwaysAnswers(t *testing.T) {
	cache := open(t, "memory://")
	require.Equal(t, http.StatusOK, ask(t, cache))
	logged, err := check(t, cache)
	require.NoError(t, err)
	require.Empty(t, logged)
}

func TestAServerThatGoesAndComes(t *testing.T) {
	for _, driver := range []string{"redis", "valkey"} {
		t.Run(driver, func(t *testing.T) {
			server := servertest.Redis(t, servertest.Release(driver))
			cache := open(t, driver+"://"+server.Addr)
			require.Equal(t, http.StatusOK, ask(t, cache))

			server.Freeze(t)
			require.Equal(t, http.StatusServiceUnavailable, ask(t, cache))
			logged, err := check(t, cache)
			require.NoError(t, err, "the service starts")
			require.Contains(t, logged, "starting without the cache")
			server.Thaw(t)
			require.Equal(t, http.StatusOK, ask(t, cache), "nothing needs a restart")

			server.Kill(t)
			require.Equal(t, http.StatusServiceUnavailable, ask(t, cache))
			logged, err = check(t, cache)
			require.NoError(t, err, "the service starts")
			require.Contains(t, logged, "starting without the cache")
			server.Start(t)
			require.Equal(t, http.StatusOK, ask(t, cache), "nothing needs a restart")
		})
	}
}

func TestAWrongPasswordStopsTheStart(t *testing.T) {
	server := servertest.Redis(t, servertest.Password("right"))
	for _, driver := range []string{"redis", "valkey"} {
		_, err := check(t, open(t, driver+"://:wrong@"+server.Addr))
		require.ErrorIs(t, err, xcache.ErrAuth)
		_, err = check(t, open(t, driver+"://:right@"+server.Addr))
		require.NoError(t, err)
	}
}

func TestOnePrimaryOfAClusterThatIsDownIsTold(t *testing.T) {
	cluster := servertest.Cluster(t, servertest.Config("cluster-replica-no-failover", "yes"))
	cache := open(t, "redis+cluster://"+strings.Join(cluster.Addrs(), ","))
	require.Equal(t, http.StatusOK, ask(t, cache))
	cluster.Nodes[0].Freeze(t)
	require.Equal(t, http.StatusServiceUnavailable, ask(t, cache))
	cluster.Nodes[0].Thaw(t)
}

func TestAReplicaThatIsDownIsNotTold(t *testing.T) {
	replicated, sentinels := servertest.Replicated(t, 1), servertest.Sentinel(t)
	for dsn, servers := range map[string][]*servertest.Server{
		"redis://" + strings.Join(replicated.Addrs(), ","):                                                                 {replicated.Primary, replicated.Replicas[0]},
		"redis+sentinel://" + strings.Join(sentinels.Addrs(), ",") + "?read=prefer-replica&master=" + sentinels.MasterName: sentinels.Servers,
	} {
		cache := open(t, dsn)
		for _, replica := range servers[1:] {
			replica.Kill(t)
		}
		require.Equal(t, http.StatusOK, ask(t, cache))
		servers[0].Kill(t)
		require.Equal(t, http.StatusServiceUnavailable, ask(t, cache))
	}
}
