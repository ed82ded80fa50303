package clustered

import (
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// A server is a node of the cluster, with the connections to it.
type server struct {
	addr   string
	status *status.Server
	node   node.Node
	gate   *node.Gate // of the calls under way
	// failing is since when it refuses calls, in nanoseconds since the epoch of
	// its router; 0 while it is well.
	failing atomic.Int64
	silence silence // of the goroutine that watches, and guarded by router.mu
}

// leave tells that a call that entered has returned, with an answer of the server
// or without.
func (s *server) leave(answered bool) {
	if !answered {
		s.gate.Leave()
		return
	}
	s.gate.LeaveAnswered()
	s.answered()
}

// answered is called when the server has done what it was asked to.
func (s *server) answered() {
	if s.failing.Load() != 0 {
		s.failing.Store(0)
	}
}

// isGone reports whether the server has no slots any more, and is left.
func (s *server) isGone() bool { return s.gate.IsShut() }

// refused is called when it has not, and nothing was applied. It returns since
// when that is so.
func (s *server) refused(now time.Duration) time.Duration {
	if s.failing.CompareAndSwap(0, max(1, int64(now))) {
		return now
	}
	if since := s.failing.Load(); since != 0 {
		return time.Duration(since)
	}
	return now
}
