package health

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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

// awaitAnswer asks until the cache answers. On a busy machine an answer may take longer than
// the status waits.
func awaitAnswer(t *testing.T, cache *xcache.Cache) {
	t.Helper()
	require.Eventually(t, func() bool { return ask(t, cache) == http.StatusOK }, time.Minute, 10*time.Millisecond)
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
	awaitAnswer(t, cache)
	require.Eventually(t, func() bool {
		logged, err := check(t, cache)
		require.NoError(t, err)
		return logged == ""
	}, time.Minute, 10*time.Millisecond)
}

func TestAServerThatGoesAndComes(t *testing.T) {
	for _, driver := range []string{"redis", "valkey"} {
		t.Run(driver, func(t *testing.T) {
			server := servertest.Redis(t, servertest.Release(driver))
			cache := open(t, driver+"://"+server.Addr)
			awaitAnswer(t, cache)

			server.Freeze(t)
			require.Equal(t, http.StatusServiceUnavailable, ask(t, cache))
			logged, err := check(t, cache)
			require.NoError(t, err, "the service starts")
			require.Contains(t, logged, "starting without the cache")
			server.Thaw(t)
			awaitAnswer(t, cache) // nothing needs a restart

			server.Kill(t)
			require.Equal(t, http.StatusServiceUnavailable, ask(t, cache))
			logged, err = check(t, cache)
			require.NoError(t, err, "the service starts")
			require.Contains(t, logged, "starting without the cache")
			server.Start(t)
			awaitAnswer(t, cache) // nothing needs a restart
		})
	}
}

func TestAWrongPasswordStopsTheStart(t *testing.T) {
	server := servertest.Redis(t, servertest.Password("right"))
	for _, driver := range []string{"redis", "valkey"} {
		wrong, right := open(t, driver+"://:wrong@"+server.Addr), open(t, driver+"://:right@"+server.Addr)
		require.Eventually(t, func() bool {
			_, err := check(t, wrong)
			return errors.Is(err, xcache.ErrAuth)
		}, time.Minute, 10*time.Millisecond)
		_, err := check(t, right)
		require.NoError(t, err)
	}
}

func TestOnePrimaryOfAClusterThatIsDownIsTold(t *testing.T) {
	cluster := servertest.Cluster(t)
	cache := open(t, "redis+cluster://"+strings.Join(cluster.Addrs(), ","))
	awaitAnswer(t, cache)
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
		awaitAnswer(t, cache)
		servers[0].Kill(t)
		require.Equal(t, http.StatusServiceUnavailable, ask(t, cache))
	}
}
