package drivertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/fakeserver"
	"github.com/xcache-go/xcache/internal/race"
)

// Allocations has the numbers of allocations that a call on a warm connection may
// make. The client's own allocations are included.
type Allocations struct {
	Hit, Miss float64 // of Get
	Set       float64
	SetMany   float64 // of 100 entries
}

// Allocations tests that single operations allocate no more than a budget, with
// and without a context that can be cancelled.
func (s *Subject) Allocations(t *testing.T, budget Allocations) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	cancellable, cancel := context.WithCancel(t.Context())
	defer cancel()
	store, server := s.openFake(t)
	value := make([]byte, 100)
	server.Set("key", value)
	keys, missing, values := []string{"key"}, []string{"missing"}, make([]driver.Value, 1)
	entries := []driver.Entry{{Key: "key", Value: value, TTL: time.Minute}}
	forever := []driver.Entry{{Key: "key", Value: value, TTL: driver.NoExpiry}}
	many := make([]driver.Entry, 100)
	for i := range many {
		many[i] = driver.Entry{Key: "key", Value: value, TTL: time.Minute}
	}
	for _, tt := range []struct {
		name   string
		budget float64
		call   func() error
	}{
		{"Get", budget.Hit, func() error { return store.Get(context.Background(), keys, values) }},
		{"Get, cancellable", budget.Hit, func() error { return store.Get(cancellable, keys, values) }},
		{"Get of a miss", budget.Miss, func() error { return store.Get(context.Background(), missing, values) }},
		{"Set", budget.Set, func() error { return store.Set(context.Background(), entries) }},
		{"Set, cancellable", budget.Set, func() error { return store.Set(cancellable, entries) }},
		{"Set without TTL", budget.Set, func() error { return store.Set(context.Background(), forever) }},
		{"Set of 100", budget.SetMany, func() error { return store.Set(context.Background(), many) }},
		{"Set of 100, cancellable", budget.SetMany, func() error { return store.Set(cancellable, many) }},
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

// RoundTrips tests that a batch of small values costs one round trip.
func (s *Subject) RoundTrips(t *testing.T) {
	const many = 100
	store, server := s.openFake(t)
	if err := driver.CapsOf(store).Pinger.Ping(t.Context()); err != nil { // connects
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
		if err := server.InOneRoundTrip(call); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// openFake returns a store on a server inside the process, which costs little and
// counts round trips.
func (s *Subject) openFake(t testing.TB) (driver.Store, *fakeserver.Server) {
	t.Helper()
	server := fakeserver.New()
	return s.OpenDSN(t, Parse(t, s.Scheme+"://fake"), server.Dial), server
}
