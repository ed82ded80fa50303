package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/internal/servertest"
)

var (
	server  = servertest.NewShared()
	cluster = servertest.NewSharedCluster()
)

func TestMain(m *testing.M) { servertest.Main(m, server, cluster) }

func TestEachStepRuns(t *testing.T) {
	one, several := server.Server(t), cluster.Servers(t)
	var out bytes.Buffer
	const longTimeouts = "?op_timeout=20s&dial_timeout=20s" // the machine may be slow
	all := steps("redis://"+one.Addr+longTimeouts, "redis+cluster://"+strings.Join(several.Addrs(), ",")+longTimeouts)
	require.NoError(t, run(t.Context(), &out, all, 100*time.Millisecond))
	require.Len(t, strings.Split(strings.TrimSpace(out.String()), "\n"), 1+len(all), out.String())
	require.NotContains(t, out.String(), "left out")
	require.EqualValues(t, 0, one.Do(t, "DBSIZE"), "the keys are deleted")
}

func TestStepsWithoutServersAreLeftOut(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, steps("", ""), 50*time.Millisecond))
	require.Equal(t, 3, strings.Count(out.String(), "left out"), out.String())
}
