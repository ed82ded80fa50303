package drivertest

import (
	"context"
	"net"
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// Key returns a key that no other test uses.
func Key(t testing.TB, name string) string { return t.Name() + ":" + name }

// Get reads one key.
func Get(t testing.TB, s driver.Store, key string) ([]byte, error) {
	t.Helper()
	values := make([]driver.Value, 1)
	if err := s.Get(t.Context(), []string{key}, values); err != nil {
		return nil, err
	}
	return values[0].Data, values[0].Err
}

// Put stores one key that never expires.
func Put(t testing.TB, s driver.Store, key, value string) error {
	t.Helper()
	entries := []driver.Entry{{Key: key, Value: []byte(value), TTL: driver.NoExpiry}}
	if err := s.Set(t.Context(), entries); err != nil {
		return err
	}
	return entries[0].Err
}

// put stores a value, or ends the test.
func put(t testing.TB, v *xcache.View[string], key, value string) {
	t.Helper()
	if err := v.Set(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
}

// Do runs one command. Do returns the error of the call, or else that of the
// command.
func Do(ctx context.Context, s driver.Store, name string, args ...driver.Arg) error {
	c := driver.NewCmd(name, args...)
	if err := driver.CapsOf(s).Commander.Do(ctx, []*driver.Cmd{c}, driver.Plain); err != nil {
		return err
	}
	return c.Err
}

// SilentAddr returns the address of a listener that never answers.
func SilentAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// RefusingAddr returns an address at which nobody listens.
func RefusingAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
