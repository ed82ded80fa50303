package valkey_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cancellable, cancel := context.WithCancel(t.Context())
	defer cancel()
	const size = 100
	store, _, server := openFake(t)
	value := make([]byte, size)
	server.Set("key", value)
	keys, missing, values := []string{"key"}, []string{"missing"}, make([]driver.Value, 1)
	entries := []driver.Entry{{Key: "key", Value: value, TTL: time.Minute}}
	forever := []driver.Entry{{Key: "key", Value: value, TTL: driver.NoExpiry}}
	for _, tt := range []struct {
		name   string
		budget float64
		call   func() error
	}{
		// valkey-go itself: 1 for a hit, 1 for Set with a TTL.
		{"Get", 1, func() error { return store.Get(context.Background(), keys, values) }},
		{"Get, cancellable", 1, func() error { return store.Get(cancellable, keys, values) }},
		{"Get of a miss", 0, func() error { return store.Get(context.Background(), missing, values) }},
		{"Set", 0, func() error { return store.Set(context.Background(), entries) }},
		{"Set, cancellable", 0, func() error { return store.Set(cancellable, entries) }},
		{"Set without TTL", 0, func() error { return store.Set(context.Background(), forever) }},
	} {
		got := testing.AllocsPerRun(1000, func() {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
		})
		if got > tt.budget {
			t.Errorf("%s: %v allocations, at most %v", tt.name, got, tt.budget)
		}
	}
}

func TestBatchesAreOneRoundTrip(t *testing.T) {
	store, _, server := openFake(t)
	if err := store.Ping(t.Context()); err != nil { // connects
		t.Fatal(err)
	}
	keys, entries := make([]string, many), make([]driver.Entry, many)
	for i := range keys {
		keys[i] = fmt.Sprint("key", i)
		entries[i] = driver.Entry{Key: keys[i], Value: make([]byte, 1024), TTL: time.Minute}
	}
	for name, call := range map[string]func() error{
		"Get":    func() error { return store.Get(t.Context(), keys, make([]driver.Value, many)) },
		"Set":    func() error { return store.Set(t.Context(), entries) },
		"Delete": func() error { _, err := store.Delete(t.Context(), keys); return err },
	} {
		before := server.RoundTrips()
		if err := call(); err != nil {
			t.Fatal(err)
		}
		if n := server.RoundTrips() - before; n != 1 {
			t.Errorf("%s: %d round trips", name, n)
		}
	}
}
