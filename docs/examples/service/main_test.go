package main

import (
	"bytes"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
)

var cluster = servertest.NewSharedCluster()

func TestMain(m *testing.M) { servertest.Main(m, cluster) }

func TestServesFromTheCacheUntilAUserChanges(t *testing.T) {
	for _, dsn := range []string{"memory://", "redis+cluster://" + strings.Join(cluster.Servers(t).Addrs(), ",")} {
		var queries bytes.Buffer
		log.SetOutput(&queries)
		cache, err := xcache.OpenDSN(dsn, xcache.WithPrefix("service"))
		require.NoError(t, err)
		service := handler(newDatabase(), cache)
		ask := func(method, path, body string) (int, string) {
			answer := httptest.NewRecorder()
			service.ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
			return answer.Code, answer.Body.String()
		}
		for range 3 {
			status, name := ask(http.MethodGet, "/users/42", "")
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, "Ann\n", name)
		}
		require.Equal(t, 1, strings.Count(queries.String(), "reads user 42"), dsn)

		status, _ := ask(http.MethodPut, "/users/42", "Anna")
		require.Equal(t, http.StatusOK, status)
		_, name := ask(http.MethodGet, "/users/42", "")
		require.Equal(t, "Anna\n", name)
		require.Equal(t, 2, strings.Count(queries.String(), "reads user 42"), dsn)

		status, _ = ask(http.MethodGet, "/users/43", "")
		require.Equal(t, http.StatusNotFound, status)
		require.NoError(t, cache.Close())
	}
}

func TestSaysThatTheCacheIsAway(t *testing.T) {
	cache, err := xcache.OpenDSN("redis://127.0.0.1:1") // nobody listens there
	require.NoError(t, err)
	defer cache.Close()
	answer := httptest.NewRecorder()
	handler(newDatabase(), cache).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/users/42", http.NoBody))
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
}
