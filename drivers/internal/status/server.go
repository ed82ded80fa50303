package status

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// interval is the least time between two events of one kind about one server.
const interval = time.Second

// A Server is the state of the connections to one server. All methods may be called
// concurrently. A nil Server ignores all reports.
type Server struct {
	addr   string
	events *Queue

	lost atomic.Bool // since the last loss, the server has not answered

	mu          sync.Mutex
	state       driver.ServerState
	since       time.Time
	version     string
	lastError   string
	lastErrorAt time.Time
	// lossTold tells that the listener knows of a lost connection, and not yet of a
	// restored connection. lossAt is the time of the last such event.
	lossTold bool
	lossAt   time.Time
	// retried counts the calls that were sent again since the last event, at retriedAt.
	retried   int
	retriedAt time.Time
}

// NewServer returns the state of a server before the first connection. events may be nil.
func NewServer(addr string, events *Queue) *Server {
	return &Server{addr: addr, events: events, state: driver.StateUnused}
}

// Connected reports a new connection on which the server has answered.
func (s *Server) Connected() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost.Store(false)
	s.become(driver.StateUp)
	if s.lossTold {
		s.lossTold = false
		s.Notify(driver.ConnectionRestored, nil)
	}
}

// Answered reports a reply on any connection. The reply may be older than the loss of
// another connection.
func (s *Server) Answered() {
	if s != nil && s.lost.Load() {
		s.Connected()
	}
}

// Said reports the version that the server tells on a new connection.
func (s *Server) Said(version string) {
	if s == nil || version == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
}

// Lost reports a connection that was lost during calls, or that could not be made.
func (s *Server) Lost(err error) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost.Store(true)
	s.become(driver.StateUnreachable)
	now := time.Now()
	s.fail(now, err)
	if !s.lossTold && now.Sub(s.lossAt) >= interval {
		s.lossTold, s.lossAt = true, now
		s.Notify(driver.ConnectionLost, err)
	}
}

// Retried reports that a failed command is sent again.
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

// Failed reports an error that is not about a connection.
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

// Inspect returns the state.
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

// fail records the last error. s.mu is held.
func (s *Server) fail(now time.Time, err error) {
	s.lastError, s.lastErrorAt = strings.TrimPrefix(err.Error(), "xcache: "), now
}

// Of returns the state of a server by the Inspector of its store.
func Of(store driver.Store, addr string) driver.InspectedServer {
	if inspector, ok := store.(driver.Inspector); ok {
		if servers := inspector.Inspect().Servers; len(servers) > 0 {
			return servers[0]
		}
	}
	return driver.InspectedServer{Addr: addr}
}

// A retriedError has the number of commands that were sent again, and the last reason.
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

// Version returns the name and the version of a server from its reply to HELLO, as in
// "redis 7.0.15". Version returns "" if the reply has none.
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

// maxVersion is the limit of the server's own name and version.
const maxVersion = 64
