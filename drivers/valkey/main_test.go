package valkey_test

import (
	"errors"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/servertest"
)

// standalone is the server of the tests that neither break nor configure it.
// Their keys begin with the test's name.
var standalone = servertest.NewShared(servertest.Release("valkey"))

func TestMain(m *testing.M) { servertest.Main(m, standalone) }

// startServer starts a server for one test.
func startServer(t testing.TB, opts ...servertest.Option) *servertest.Server {
	t.Helper()
	return servertest.Redis(t, append([]servertest.Option{servertest.Release("valkey")}, opts...)...)
}

// newClient returns a client of the program's.
func newClient(t testing.TB, option valkeygo.ClientOption) valkeygo.Client {
	t.Helper()
	option.ForceSingleClient, option.DisableCache = true, true
	client, err := valkeygo.NewClient(option)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// parse returns a DSN as the core hands it to the driver.
func parse(t testing.TB, text string) *driver.DSN {
	t.Helper()
	dsn, err := driver.ParseDSN(text)
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// openStores counts the stores of the running test.
var openStores atomic.Int32

// open returns a store that is closed at the end of the test, which fails if
// anything of its stores is left then.
func open(t testing.TB, dsn string) *valkey.Store {
	t.Helper()
	return openDSN(t, parse(t, dsn))
}

func openDSN(t testing.TB, dsn *driver.DSN) *valkey.Store {
	t.Helper()
	store, err := valkey.Driver{}.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	openStores.Add(1)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if openStores.Add(-1) == 0 {
			awaitNoGoroutines(t)
		}
	})
	return store.(*valkey.Store)
}

// awaitNoGoroutines fails the test if there are goroutines of the driver or of
// its client. A goroutine that has nothing left to do but to end is given the
// time for it.
func awaitNoGoroutines(t testing.TB) {
	t.Helper()
	var left []string
	eventually(t, func() bool {
		left = driverGoroutines()
		return len(left) == 0
	}, func() string { return "goroutines left behind:\n" + strings.Join(left, "\n\n") })
}

// driverGoroutines returns the stacks of all goroutines but those of tests that
// belong to the driver or to valkey-go.
func driverGoroutines() []string {
	buffer := make([]byte, 1<<20)
	buffer = buffer[:runtime.Stack(buffer, true)]
	var found []string
	for stack := range strings.SplitSeq(string(buffer), "\n\n") {
		if strings.Contains(stack, "testing.tRunner") {
			continue
		}
		if strings.Contains(stack, "drivers/valkey.") || strings.Contains(stack, "valkey-io/valkey-go") {
			found = append(found, stack)
		}
	}
	return found
}

// eventually fails the test with what complaint says unless ok holds soon.
func eventually(t testing.TB, ok func() bool, complaint func() string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Error(complaint())
			return
		}
	}
}

// key returns a key of this test's own.
func key(t testing.TB, name string) string { return t.Name() + ":" + name }

// silentAddr returns the address of a listener that never answers.
func silentAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// refusingAddr returns an address at which nobody listens.
func refusingAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// get reads one key.
func get(t testing.TB, s driver.Store, key string) ([]byte, error) {
	t.Helper()
	values := make([]driver.Value, 1)
	if err := s.Get(t.Context(), []string{key}, values); err != nil {
		return nil, err
	}
	return values[0].Data, values[0].Err
}

// put stores one key that never expires.
func put(t testing.TB, s driver.Store, key, value string) error {
	t.Helper()
	entries := []driver.Entry{{Key: key, Value: []byte(value), TTL: driver.NoExpiry}}
	if err := s.Set(t.Context(), entries); err != nil {
		return err
	}
	return entries[0].Err
}

// wantErr fails the test unless err matches every one of targets, and has the
// outcome that is expected.
func wantErr(t testing.TB, err error, outcome driver.Outcome, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("got %v, want %v", err, target)
		}
	}
	if unknown := errors.Is(err, driver.ErrUnknownOutcome); err != nil && unknown != (outcome == driver.Unknown) {
		t.Errorf("got %v, whose outcome is unknown: %v", err, unknown)
	}
}
