package main

import (
	"bytes"
	_ "embed"
	"testing"

	"github.com/xcache-go/xcache/internal/servertest"
)

// golden is also what the README shows.
//
//go:embed output.txt
var golden string

var redis = servertest.NewShared()

func TestMain(m *testing.M) { servertest.Main(m, redis) }

func TestPrintsTheSameOnMemory(t *testing.T) {
	compare(t, "memory://")
	compare(t, "memory://quickstart?serializer=gob&compressor=gzip")
}

func TestPrintsTheSameOnARealServer(t *testing.T) {
	server := redis.Server(t)
	server.Do(t, "SET", "quickstart", "of somebody else")
	for range 2 { // it cleans up, so it can run again
		compare(t, "redis://"+server.Addr)
	}
	if left := server.Do(t, "DBSIZE"); left != int64(1) {
		t.Errorf("it left %v keys on the server, where there was 1 before", left)
	}
}

func compare(t *testing.T, dsn string) {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), &out, dsn); err != nil {
		t.Fatalf("on %s: %v", dsn, err)
	}
	if got := out.String(); got != golden {
		t.Errorf("on %s it printed\n%swant\n%s", dsn, got, golden)
	}
}
