package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

// What "go test -json" prints, but for times.
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
	if err != nil {
		t.Fatal(err)
	}
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
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReadOfPackageThatDoesNotBuild(t *testing.T) {
	outcomes, err := read(strings.NewReader(`{"Action":"output","Package":"m/drivers/redis","Output":"FAIL\n"}
{"Action":"fail","Package":"m/drivers/redis"}`), io.Discard)
	if err != nil || len(outcomes) != 1 || outcomes[0].action != "fail" {
		t.Errorf("got %+v, %v, want one failure", outcomes, err)
	}
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
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "run elsewhere") {
		t.Errorf("a check that passed is said not to have run:\n%s", text)
	}
	if failed := r.failed(""); len(failed) != 1 {
		t.Errorf("%d failures: %q", len(failed), failed)
	}
}

// The page is what the table of the drivers says, whenever it was tested last.
func TestPageIsUpToDate(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", page))
	if err != nil {
		t.Fatal(err)
	}
	if string(renew(text)) != string(text) {
		t.Errorf("%s is not what the drivers know: run go generate ./...", page)
	}
}

func TestChoose(t *testing.T) {
	if all, err := choose(""); err != nil || len(all) != len(release.All) {
		t.Errorf("no names: %v, %v", all, err)
	}
	if some, err := choose("valkey-9,redis-6.0"); err != nil || len(some) != 2 || some[0].Name != "valkey-9" {
		t.Errorf("two names: %v, %v", some, err)
	}
	if _, err := choose("redis-6.0,redis-1"); err == nil || !strings.Contains(err.Error(), "redis-1") {
		t.Errorf("an unknown name: %v", err)
	}
}
