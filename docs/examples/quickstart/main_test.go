package main

import (
	"bytes"
	_ "embed"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
)

// golden is also what the README shows.
//
//go:embed output.txt
var golden string

var (
	redis   = servertest.NewShared()
	valkey  = servertest.NewShared(servertest.Release("valkey"))
	cluster = servertest.NewSharedCluster(servertest.Release("valkey"))
)

func TestMain(m *testing.M) { servertest.Main(m, redis, valkey, cluster) }

func TestPrintsTheSameOnMemory(t *testing.T) {
	compare(t, "memory://")
	compare(t, "memory://quickstart?serializer=gob&compressor=gzip")
}

func TestPrintsTheSameOnARealServer(t *testing.T) {
	for product, shared := range map[string]*servertest.Shared{"redis": redis, "valkey": valkey} {
		for _, driver := range []string{"redis", "valkey"} {
			t.Run(product+"/"+driver, func(t *testing.T) {
				server := shared.Server(t)
				server.Do(t, "SET", "quickstart", "of somebody else")
				for range 2 { // it cleans up, so it can run again
					compare(t, driver+"://"+server.Addr)
				}
				require.EqualValues(t, 1, server.Do(t, "DBSIZE"), "it leaves what was there before, and nothing else")
			})
		}
	}
}

func TestPrintsTheSameOnACluster(t *testing.T) {
	addrs := strings.Join(cluster.Servers(t).Addrs(), ",")
	for _, driver := range []string{"redis", "valkey"} {
		t.Run(driver, func(t *testing.T) { compare(t, driver+"+cluster://"+addrs) })
	}
}

func compare(t *testing.T, dsn string) {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, dsn), dsn)
	require.Equal(t, golden, out.String(), dsn)
}
