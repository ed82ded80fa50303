package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/internal/servertest/release"
)

// printed is the output of "go test -json" without times.
const printed = `
{"Action":"start","Package":"m/drivers/redis"}
{"Action":"run","Package":"m/drivers/redis","Test":"TestConformance"}
{"Action":"run","Package":"m/drivers/redis","Test":"TestConformance/keys"}
{"Action":"run","Package":"m/drivers/redis","Test":"TestConformance/keys/empty"}
{"Action":"output","Package":"m/drivers/redis","Test":"TestConformance/keys/empty","Output":"=== RUN   TestConformance/keys/empty\n"}
{"Action":"output","Package":"m/drivers/redis","Test":"TestConformance/keys/empty","Output":"--- PASS: TestConformance/keys/empty (0.00s)\n"}
{"Action":"pass","Package":"m/drivers/redis","Test":"TestConformance/keys/empty"}
{"Action":"pass","Package":"m/drivers/redis","Test":"TestConformance/keys"}
{"Action":"run","Package":"m/drivers/redis","Test":"TestConformance/long"}
{"Action":"output","Package":"m/drivers/redis","Test":"TestConformance/long","Output":"    xcachetest.go:33: any length will do\n"}
{"Action":"output","Package":"m/drivers/redis","Test":"TestConformance/long","Output":"--- SKIP: TestConformance/long (0.00s)\n"}
{"Action":"skip","Package":"m/drivers/redis","Test":"TestConformance/long"}
{"Action":"pass","Package":"m/drivers/redis","Test":"TestConformance"}
{"Action":"run","Package":"m/drivers/redis","Test":"TestClusterConformance"}
{"Action":"run","Package":"m/drivers/redis","Test":"TestClusterConformance/bad"}
{"Action":"output","Package":"m/drivers/redis","Test":"TestClusterConformance/bad","Output":"    x.go:1: 2, want 1\n"}
{"Action":"fail","Package":"m/drivers/redis","Test":"TestClusterConformance/bad"}
{"Action":"fail","Package":"m/drivers/redis","Test":"TestClusterConformance"}
{"Action":"fail","Package":"m/drivers/redis"}
{"Action":"run","Package":"m/drivers/valkey","Test":"TestConformanceOfReplicas"}
{"Action":"run","Package":"m/drivers/valkey","Test":"TestConformanceOfReplicas/primary/keys/fine"}
{"Action":"pass","Package":"m/drivers/valkey","Test":"TestConformanceOfReplicas/primary/keys/fine"}
{"Action":"output","Package":"m/drivers/valkey","Test":"TestConformanceOfReplicas","Output":"    x.go:1: none at the replicas\n"}
{"Action":"fail","Package":"m/drivers/valkey","Test":"TestConformanceOfReplicas"}
{"Action":"run","Package":"m/drivers/valkey","Test":"TestSentinelConformance"}
{"Action":"run","Package":"m/drivers/valkey","Test":"TestSentinelConformance/hangs"}
{"Action":"fail","Package":"m/drivers/valkey"}
`

func TestRead(t *testing.T) {
	outcomes, err := read(strings.NewReader(printed), io.Discard)
	require.NoError(t, err)
	var got []string
	for _, o := range outcomes {
		got = append(got, strings.Join([]string{o.driver, o.topology, o.check, o.action, o.reason}, " | "))
	}
	want := []string{
		"redis | standalone | keys/empty | pass | ",
		"redis | standalone | long | skip | any length will do",
		"redis | cluster | bad | fail | 2, want 1",
		"valkey | primary and replicas | TestConformanceOfReplicas | fail | none at the replicas",
		"valkey | primary and replicas | keys/fine | pass | ",
		"valkey | sentinel | hangs | fail | it did not end",
	}
	require.Equal(t, strings.Join(want, "\n"), strings.Join(got, "\n"))
}

func TestReadOfPackageThatDoesNotBuild(t *testing.T) {
	outcomes, err := read(strings.NewReader(`{"Action":"output","Package":"m/drivers/redis","Output":"FAIL\n"}
{"Action":"fail","Package":"m/drivers/redis"}`), io.Discard)
	require.NoError(t, err)
	require.Len(t, outcomes, 1)
	require.Equal(t, "fail", outcomes[0].action)
}

func TestSection(t *testing.T) {
	r := results{versions: make(map[string]string)}
	for _, on := range release.All {
		r.versions[on.Name] = on.Version + ".1"
		for _, driver := range drivers {
			r.outcomes = append(r.outcomes,
				outcome{on.Name, driver, "standalone", "a", "pass", ""},
				outcome{on.Name, driver, "standalone", "a", "skip", "run elsewhere"},
				outcome{on.Name, driver, "standalone", "b", "skip", "no network"},
				outcome{on.Name, driver, "standalone", "c", "skip", "no network"})
		}
	}
	r.outcomes = append(r.outcomes,
		outcome{"redis-6.0", "redis", "standalone", "d", "skip", "too old"},
		outcome{"valkey-9", "valkey", "cluster", "e", "fail", "2, want 1"})
	text := r.section()
	for _, want := range []string{
		"| Redis 6.0.1 | redis | 1 passed | not tested | not tested | not tested |\n",
		"| Valkey 9.1 | valkey | 1 passed | not tested | **1 failed**, 0 passed | not tested |\n",
		"* standalone\n  * no network: `b`, `c`\n  * too old (redis driver on redis-6.0): `d`\n",
		"* cluster\n  * 2, want 1 (valkey driver on valkey-9): `e`\n",
	} {
		require.Contains(t, text, want, "the page")
	}
	require.NotContains(t, text, "run elsewhere", "a check that passed is said not to have run")
	require.Len(t, r.failed(""), 1, "failures")
}

// The page has the table of the drivers.
func TestPageIsUpToDate(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", page))
	require.NoError(t, err)
	require.Equal(t, string(text), string(renew(text)), "%s is not what the drivers know: run go generate ./...", page)
}

func TestChoose(t *testing.T) {
	all, err := choose("")
	require.NoError(t, err, "no names")
	require.Len(t, all, len(release.All), "no names")
	some, err := choose("valkey-9,redis-6.0")
	require.NoError(t, err, "two names")
	require.Len(t, some, 2, "two names")
	require.Equal(t, "valkey-9", some[0].Name, "two names")
	_, err = choose("redis-6.0,redis-1")
	require.ErrorContains(t, err, "redis-1", "an unknown name")
}
