package drivertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/xcachetest"
)

// Surroundings tests a driver when something outside the driver and the server is
// short: names, descriptors, bandwidth, memory. The test fails if existing connections
// do not go on, or if an error does not say what is missing. The test also fails if
// calls do not succeed when the shortage is over.
func (s *Subject) Surroundings(t *testing.T) {
	t.Run("names that do not resolve", s.namesThatDoNotResolve)
	t.Run("no descriptor left", s.noDescriptorLeft)
	t.Run("slow link", s.slowLink)
	t.Run("eviction", s.eviction)
}

// A name server that fails is no reason to lose existing connections. The next call asks the
// name server again.
func (s *Subject) namesThatDoNotResolve(t *testing.T) {
	server := s.Standalone(t)
	names := serveNames(t)
	dsn := fmt.Sprintf("%s://cache.example:%d", s.Scheme, server.Port)
	names.answer(found)
	warm := s.open(t, dsn)
	put := func(store serverStore) error { return Put(t, store, Key(t, "k"), "v") }
	if err := put(warm); err != nil {
		t.Fatal(err)
	}
	for _, failure := range []nameAnswer{noSuchName, serverFailure} {
		names.answer(failure)
		cold := s.open(t, dsn)
		asked := names.asked.Load()
		err := put(cold)
		WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
		if err != nil && !strings.Contains(err.Error(), "cache.example") {
			t.Errorf("%v does not say which name", err)
		}
		if names.asked.Load() == asked {
			t.Error("no name was asked for")
		}
		if err := put(warm); err != nil {
			t.Errorf("a call on a connection that is there: %v", err)
		}
		names.answer(found)
		if err := put(cold); err != nil {
			t.Errorf("the name resolves again: %v", err)
		}
	}
}

// Without a descriptor there are no new connections, and existing connections go on.
func (s *Subject) noDescriptorLeft(t *testing.T) {
	server := s.Standalone(t)
	warm, cold := s.open(t, s.Scheme+"://"+server.Addr), s.open(t, s.Scheme+"://"+server.Addr)
	k := Key(t, "k")
	if err := Put(t, warm, k, "v"); err != nil {
		t.Fatal(err)
	}
	release := takeDescriptors(t)
	for range 5 {
		err := Put(t, cold, k, "w")
		WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
		if err != nil && !strings.Contains(err.Error(), "too many open files") {
			t.Errorf("%v does not say why", err)
		}
	}
	if got, err := Get(t, warm, k); string(got) != "v" || err != nil {
		t.Errorf("a call on a connection that is there: %q, %v", got, err)
	}
	release()
	if err := Put(t, cold, k, "w"); err != nil {
		t.Errorf("there are descriptors again: %v", err)
	}
}

// On a slow link calls take their time, and callers with less time leave in time.
func (s *Subject) slowLink(t *testing.T) {
	const delay, pause = 30 * time.Millisecond, 100 * time.Microsecond
	proxy := xcachetest.NewProxy(t, s.Standalone(t).Addr)
	store := s.open(t, withLongTimeouts(s.Scheme+"://"+proxy.Addr()))
	k, value := Key(t, "k"), strings.Repeat("v", 100)
	if err := Put(t, store, k, value); err != nil {
		t.Fatal(err)
	}
	proxy.Delay(delay)
	proxy.Trickle(pause)
	for range 3 {
		start := time.Now()
		got, err := Get(t, store, k)
		if took := time.Since(start); string(got) != value || err != nil || took < delay+time.Duration(len(value))*pause {
			t.Errorf("%q, %v after %v", got, err, took)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), delay/3)
	defer cancel()
	WantPrompt(t, "a caller with less time", ctx, func() error { return store.Get(ctx, []string{k}, make([]driver.Value, 1)) }, context.DeadlineExceeded)
	proxy.Delay(0)
	proxy.Trickle(0)
	if got, err := Get(t, store, k); string(got) != value || err != nil {
		t.Errorf("the link is fast again: %q, %v", got, err)
	}
}

// A server that evicts keys takes all writes. An evicted key is a miss, and the value of any
// other key is whole.
func (s *Subject) eviction(t *testing.T) {
	server := s.StartServer(t)
	store := s.open(t, s.Scheme+"://"+server.Addr)
	field := func(section, name string) int {
		_, rest, _ := strings.Cut(server.Do(t, "INFO", section).(string), "\r\n"+name+":")
		n, _ := strconv.Atoi(rest[:max(0, strings.IndexByte(rest, '\r'))])
		return n
	}
	server.Do(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	server.Do(t, "CONFIG", "SET", "maxmemory", strconv.Itoa(field("memory", "used_memory")+1<<20))
	const keys, size = 400, 10_000
	for i := range keys {
		if err := Put(t, store, fmt.Sprint("k", i), strings.Repeat(string(rune('a'+i%26)), size)); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	there := 0
	for i := range keys {
		got, err := Get(t, store, fmt.Sprint("k", i))
		switch {
		case errors.Is(err, driver.ErrNotFound):
		case err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte('a' + i%26)}, size)):
			t.Errorf("k%d: %d bytes, %v", i, len(got), err)
		default:
			there++
		}
	}
	evicted := field("stats", "evicted_keys")
	t.Attr("measured", fmt.Sprintf("of %d keys of 10 kB %d were found whole and the others missed; the server evicted %d", keys, there, evicted))
	if evicted == 0 || there == 0 {
		t.Error("was there an eviction?")
	}
}
