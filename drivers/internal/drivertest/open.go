package drivertest

import (
	"testing"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/sockets"
)

// Parse returns the DSN of a text, in the form in which the core hands a DSN to
// the driver. The test ends if the text is no DSN.
func Parse(t testing.TB, text string) *driver.DSN {
	t.Helper()
	dsn, err := driver.ParseDSN(text)
	if err != nil {
		t.Fatal(err)
	}
	dsn.OpTimeout = dsn.Duration("op_timeout", 0) // the core reads this parameter for drivers
	return dsn
}

// Open returns a store that is closed at the end of the test. The test fails if
// a goroutine or a connection of the driver is left when all stores of the
// subject are closed. So a test that stalls a proxy must resume the proxy
// before the test ends.
func (s *Subject) Open(t testing.TB, dsn string) driver.Store {
	t.Helper()
	return s.OpenDSN(t, Parse(t, dsn), nil)
}

// OpenDSN is Open for a DSN that is parsed already. The driver makes its
// connections by dial, unless dial is nil.
func (s *Subject) OpenDSN(t testing.TB, dsn *driver.DSN, dial Dial) driver.Store {
	t.Helper()
	s.begin()
	store, err := s.Driver(dial).Open(dsn)
	if err != nil {
		s.end(t)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.end(t)
	})
	return store
}

// OpenCache is Open for a cache on a store.
func (s *Subject) OpenCache(t testing.TB, dsn string, opts ...xcache.Option) *xcache.Cache {
	t.Helper()
	s.begin()
	cache, err := xcache.OpenDSN(dsn, opts...)
	if err != nil {
		s.end(t)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cache.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.end(t)
	})
	return cache
}

// A serverStore is a driver's store on one server, with these capabilities.
type serverStore interface {
	driver.Store
	driver.Commander
	driver.Expirer
	driver.Counter
	driver.Swapper
	driver.Mover
	driver.Scanner
	driver.Flusher
	driver.Pinger
	driver.Limiter
}

// open is Open for a store on one server.
func (s *Subject) open(t testing.TB, dsn string) serverStore {
	t.Helper()
	return s.Open(t, dsn).(serverStore)
}

// unchecked returns a store that the caller closes.
func (s *Subject) unchecked(t testing.TB, dsn string) driver.Store {
	t.Helper()
	store, err := s.Driver(nil).Open(Parse(t, dsn))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// stores returns the ways to get a store on the server at an address: by the
// driver, and with a client of the program's own. Both stores must behave alike.
func (s *Subject) stores() []storeKind {
	return []storeKind{
		{"driver", func(t testing.TB, addr string) serverStore { return s.open(t, s.Scheme+"://"+addr) }},
		{"own client", s.openOwn},
	}
}

type storeKind struct {
	name string
	open func(t testing.TB, addr string) serverStore
}

// openOwn is open for a store with a client of the program's own.
func (s *Subject) openOwn(t testing.TB, addr string) serverStore {
	t.Helper()
	s.begin()
	store := s.NewStore(t, addr, "")
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		s.end(t)
	})
	return store.(serverStore)
}

// counting returns the subject that counts the stores of s.
func (s *Subject) counting() *Subject {
	if s.of != nil {
		return s.of
	}
	return s
}

// begin counts one store more. Before the first store, begin notes the sockets
// of the process.
func (s *Subject) begin() {
	s = s.counting()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == 0 {
		s.before = sockets.Own()
	}
	s.opened++
}

// end counts one store less. After the last store, the test fails if a
// goroutine or a connection is left.
func (s *Subject) end(t testing.TB) {
	t.Helper()
	s = s.counting()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened--
	if s.opened > 0 {
		return
	}
	s.AwaitNoGoroutines(t)
	awaitNoConnections(t, s.before)
}
