package servertest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// Shared is a server that the tests of one package share. It is declared once,
// handed to Main, and started by the first test that asks for it:
//
//	var standalone = servertest.NewShared()
//
//	func TestMain(m *testing.M) { servertest.Main(m, standalone) }
//
//	func TestGet(t *testing.T) {
//		srv := standalone.Server(t)
//		…
//	}
//
// The tests tell their keys apart themselves. A test that kills or freezes a
// server, or changes its configuration, starts one of its own.
type Shared struct {
	opts []Option

	mu      sync.Mutex
	running bool    // from the start of Main to its end
	server  *Server // nil until it is asked for
	err     error   // why it could not be started
}

// NewShared declares a shared server, a redis-server unless [Release] says
// otherwise. Nothing is started yet.
func NewShared(opts ...Option) *Shared {
	return &Shared{opts: opts}
}

// Main runs the tests of a package, stops the shared servers that they used and
// ends the process with the tests' exit code.
func Main(m *testing.M, servers ...*Shared) {
	for _, s := range servers {
		s.begin()
	}
	code := m.Run()
	var errs error
	for _, s := range servers {
		errs = errors.Join(errs, s.end())
	}
	if errs != nil {
		fmt.Fprintln(os.Stderr, "servertest:", errs)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Server returns the server, and starts it if this is the first call. It ends
// the test as [Redis] does when there is none. What the server logs during the
// test is shown if the test fails.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	server, err := s.get()
	if err != nil {
		unavailable(t, err)
	}
	logged := server.logSize()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the shared server at %s:\n%s", server.Addr, server.logSince(logged))
		}
	})
	return server
}

func (s *Shared) get() (*Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		return nil, errors.New("shared server is not handed to servertest.Main in TestMain")
	}
	if s.server == nil && s.err == nil {
		s.server, s.err = open(s.opts)
	}
	return s.server, s.err
}

func (s *Shared) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = true
}

func (s *Shared) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = false
	if s.server == nil {
		return nil
	}
	return s.server.close()
}
