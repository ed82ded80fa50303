package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
)

var cluster = servertest.NewSharedCluster()

func TestMain(m *testing.M) { servertest.Main(m, cluster) }

func Example() {
	main()
	// Output: Ann <nil>
}

func TestOneStringMakesItACluster(t *testing.T) {
	servers := cluster.Servers(t)
	t.Setenv("CACHE_DSN", "redis+cluster://"+strings.Join(servers.Addrs(), ","))
	main()
	stored := servers.Primary(t, ":1:user:42").Do(t, "GET", ":1:user:42")
	require.JSONEq(t, `{"Name":"Ann","Email":"ann@example.com"}`, stored.(string))
}
