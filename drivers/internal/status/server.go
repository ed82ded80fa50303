package status

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// interval is the least time between two events of a kind about one server. What
// changes more often is told as often as that.
const interval = time.Second

// A Server is what is known of the connections to one server. All methods may be
// called concurrently, and on nil, which knows nothing.
type Server struct {
	addr   string
	events *Queue

	mu          sync.Mutex
	state       driver.ServerState
	since       time.Time
	version     string
	lastError   string
	lastErrorAt time.Time
	// lossTold tells that the listener knows of a connection that was lost, and not
	// yet of another one; lossAt is when it was told last.
	lossTold bool
	lossAt   time.Time
	// retried counts the calls that were sent again since the listener was told,
	// at retriedAt.
	retried   int
	retriedAt time.Time
}

// NewServer returns what is known of the server at an address before the first
// connection. events may be nil.
func NewServer(addr string, events *Queue) *Server {
	return &Server{addr: addr, events: events, state: driver.StateUnused}
}

// Connected tells that a connection was made, on which the server has answered.
func (s *Server) Connected() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.become(driver.StateUp)
	if s.lossTold {
		s.lossTold = false
		s.Notify(driver.ConnectionRestored, nil)
	}
}

// Said tells what the server says that it is, on a connection that is being made.
func (s *Server) Said(version string) {
	if s == nil || version == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
}

// Lost tells that a connection was lost while it was needed, or could not be made.
func (s *Server) Lost(err error) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.become(driver.StateUnreachable)
	now := time.Now()
	s.fail(now, err)
	if !s.lossTold && now.Sub(s.lossAt) >= interval {
		s.lossTold, s.lossAt = true, now
		s.Notify(driver.ConnectionLost, err)
	}
}

// Retried tells that a command which failed at the server is sent again.
func (s *Server) Retried(err error) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retried++
	if now := time.Now(); now.Sub(s.retriedAt) >= interval {
		s.Notify(driver.CallsRetried, &retriedError{s.retried, err})
		s.retried, s.retriedAt = 0, now
	}
}

// Failed notes an error that is none of a connection.
func (s *Server) Failed(err error) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(time.Now(), err)
}

// Notify reports an event about the server.
func (s *Server) Notify(kind driver.EventKind, err error) {
	if s == nil {
		return
	}
	s.events.Notify(driver.Event{Kind: kind, Server: s.addr, Err: err})
}

// Inspect returns what is known.
func (s *Server) Inspect() driver.InspectedServer {
	if s == nil {
		return driver.InspectedServer{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return driver.InspectedServer{
		Addr: s.addr, State: s.state, Since: s.since, Version: s.version,
		LastError: s.lastError, LastErrorAt: s.lastErrorAt,
	}
}

// become sets the state. s.mu is held.
func (s *Server) become(state driver.ServerState) {
	if s.state != state {
		s.state, s.since = state, time.Now()
	}
}

// fail notes the last error. s.mu is held.
func (s *Server) fail(now time.Time, err error) {
	s.lastError, s.lastErrorAt = strings.TrimPrefix(err.Error(), "xcache: "), now
}

// Of returns what a store on one server says of it.
func Of(store driver.Store, addr string) driver.InspectedServer {
	if inspector, ok := store.(driver.Inspector); ok {
		if servers := inspector.Inspect().Servers; len(servers) > 0 {
			return servers[0]
		}
	}
	return driver.InspectedServer{Addr: addr}
}

// A retriedError says how many commands were sent again, and why the last one was.
type retriedError struct {
	count int
	err   error
}

func (e *retriedError) Error() string {
	cause := strings.TrimPrefix(e.err.Error(), "xcache: ")
	if e.count == 1 {
		return "a command was sent again, after: " + cause
	}
	return fmt.Sprintf("%d commands were sent again, the last after: %s", e.count, cause)
}

func (e *retriedError) Unwrap() error { return e.err }

// Version returns the name and the version of a server, as its reply to HELLO tells
// them, as one word for people: "redis 7.0.15"; "" if it does not.
func Version(server, version string) string {
	if version == "" || len(server) > maxVersion || len(version) > maxVersion {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.TrimSpace(server+" "+version))
}

// maxVersion is the longest name or version that is kept: the server says it.
const maxVersion = 64
