package drivertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/servertest"
)

// textsSayWhatToDo tests errors whose text must name the way out, because the
// server's own words do not.
func (s *Subject) textsSayWhatToDo(t *testing.T) {
	says := func(t *testing.T, err error, parts ...string) {
		t.Helper()
		if err == nil {
			t.Error("it succeeded")
			return
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not say %s", err, part)
			}
		}
		if strings.Contains(err.Error(), "secret") || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%q shows a password, or is not one line", err)
		}
	}
	t.Run("in the clear to TLS", func(t *testing.T) {
		server := s.StartServer(t, servertest.TLS())
		for range 3 {
			store := s.open(t, s.Scheme+"://:secret@"+server.Addr)
			says(t, Put(t, store, "k", "v"), "TLS", s.Scheme+"s://")
			_, err := Get(t, store, "k")
			says(t, err, "TLS", s.Scheme+"s://")
		}
	})
	t.Run("TLS to a server without", func(t *testing.T) {
		store := s.open(t, s.Scheme+"s://:secret@"+s.Standalone(t).Addr)
		says(t, Put(t, store, "k", "v"), "TLS", s.Scheme+"://")
	})
	t.Run("plain DSN on a cluster", func(t *testing.T) {
		var store serverStore
		for _, node := range s.StartCluster(t).Nodes {
			store = s.open(t, s.Scheme+"://"+node.Addr)
			for i := range 100 {
				err := Put(t, store, fmt.Sprint("k", i), "v")
				if err == nil {
					continue // the slot of the key is here
				}
				says(t, err, "MOVED", s.Scheme+"+cluster://")
				WantErr(t, err, driver.NotApplied, driver.ErrUnavailable)
			}
		}
		err := store.Get(t.Context(), []string{"a", "b", "c"}, make([]driver.Value, 3))
		says(t, err, "CROSSSLOT", s.Scheme+"+cluster://")
	})
}

// repliesOfAWrongShape answers calls with replies that are no answer to the command.
// The error must be ErrUnavailable, with an unknown outcome if the command may have
// changed something.
func (s *Subject) repliesOfAWrongShape(t *testing.T) {
	entry := func(ttl time.Duration, cond driver.Cond) []driver.Entry {
		return []driver.Entry{{Key: "k", Value: []byte("v"), TTL: ttl, Cond: cond}}
	}
	set := func(store driver.Store, entries []driver.Entry) error {
		return errors.Join(store.Set(context.Background(), entries), entries[0].Err)
	}
	for _, test := range []struct {
		name, reply string
		outcome     driver.Outcome
		call        func(serverStore) error
	}{
		{"bytes to Incr", "$3\r\nabc\r\n", driver.Unknown, func(store serverStore) error { _, err := store.Incr(t.Context(), "k", 1); return err }},
		{"an array to IncrInit", "*1\r\n:1\r\n", driver.Unknown, func(store serverStore) error {
			_, err := store.IncrInit(t.Context(), "k", 1, 0, time.Minute)
			return err
		}},
		{"bytes to Delete", "$3\r\nabc\r\n", driver.Unknown, func(store serverStore) error { _, err := store.Delete(t.Context(), []string{"k"}); return err }},
		{"a number to Set if absent", ":5\r\n", driver.Unknown, func(store serverStore) error { return set(store, entry(time.Minute, driver.IfAbsent)) }},
		{"bytes to Set with an expired TTL", "$1\r\nx\r\n", driver.Unknown, func(store serverStore) error { return set(store, entry(-1, driver.Always)) }},
		{"bytes to CompareAndSwap", "$1\r\nx\r\n", driver.Unknown, func(store serverStore) error {
			_, err := store.CompareAndSwap(t.Context(), &entry(time.Minute, driver.Always)[0], []byte("v"))
			return err
		}},
		{"a number to CompareAndDelete", ":7\r\n", driver.Unknown, func(store serverStore) error {
			_, err := store.CompareAndDelete(t.Context(), "k", []byte("v"))
			return err
		}},
		{"an array to Swap", "*0\r\n", driver.Unknown, func(store serverStore) error {
			var old driver.Value
			return errors.Join(store.Swap(t.Context(), &entry(time.Minute, driver.Always)[0], &old), old.Err)
		}},
		{"a number to Rename", ":1\r\n", driver.Unknown, func(store serverStore) error { return store.Rename(t.Context(), "k", "l") }},
		{"bytes to RenameNX", "$1\r\nx\r\n", driver.Unknown, func(store serverStore) error { _, err := store.RenameNX(t.Context(), "k", "l"); return err }},
		{"a number to Flush", ":1\r\n", driver.Unknown, func(store serverStore) error { return store.Flush(t.Context()) }},
		{"bytes to Expire", "$1\r\nx\r\n", driver.Unknown, func(store serverStore) error {
			entries := entry(time.Minute, driver.Always)
			return errors.Join(store.Expire(t.Context(), entries), entries[0].Err)
		}},
		{"bytes to TTL", "$1\r\nx\r\n", driver.NotApplied, func(store serverStore) error {
			dst := make([]driver.Value, 1)
			return errors.Join(store.TTL(t.Context(), []string{"k"}, dst), dst[0].Err)
		}},
		{"an array to Ping", "*0\r\n", driver.NotApplied, func(store serverStore) error { return store.Ping(t.Context()) }},
		{"a number to Scan", ":1\r\n", driver.NotApplied, func(store serverStore) error {
			for _, err := range store.Scan(t.Context(), "*") {
				return err
			}
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := serveScript(t, func(_ int, words []string) said {
				if greeting, ok := handshake(words); ok {
					return greeting
				}
				return said{text: test.reply}
			})
			store := s.open(t, s.Scheme+"://"+server.addr)
			err := test.call(store)
			if err == nil {
				t.Fatal("it succeeded")
			}
			WantErr(t, err, test.outcome, driver.ErrUnavailable)
		})
	}
}
