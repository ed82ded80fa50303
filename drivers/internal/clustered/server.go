package clustered

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// A server is a node of the cluster, with the connections to it.
type server struct {
	addr   string
	status *status.Server
	node   node.Node
	gate   *node.Gate // of the calls under way
	// failing is since when the server refuses calls, in nanoseconds since the epoch
	// of its router; 0 while the server is healthy.
	failing atomic.Int64
	// failed is the time of the last refusal, in the same form.
	failed atomic.Int64
	// scans is the number of scans under way. The loop of a scan may do other work for long, so
	// a scan tells nothing of the silence of its server.
	scans   atomic.Int32
	silence silence // guarded by router.mu
}

// leave counts a call out, which enter has counted in. errs are the errors of a call that has
// not succeeded. A server that answers with errors is not silent.
func (s *server) leave(succeeded bool, errs ...error) {
	switch {
	case succeeded:
		s.gate.LeaveAnswered()
		s.answered()
	case slices.ContainsFunc(errs, driver.IsAnswered):
		s.gate.LeaveAnswered()
	default:
		s.gate.Leave()
	}
}

// answered notes that the server does what calls ask for.
func (s *server) answered() {
	if s.failing.Load() != 0 {
		s.failing.Store(0)
	}
}

// isGone reports whether the server has lost its slots, and lets no more calls in.
func (s *server) isGone() bool { return s.gate.IsShut() }

// refused notes that the server has refused a call, or has not answered a call in
// time. The result is since when the server has been failing. A refusal more than gracePeriod
// after the last one begins another failure: nobody knows whether the server was healthy in
// between, as nobody has called the server.
func (s *server) refused(now time.Duration) time.Duration {
	last := time.Duration(s.failed.Swap(int64(now)))
	since := s.failing.Load()
	if begins := max(1, int64(now)); since == 0 || now-last > gracePeriod {
		s.failing.CompareAndSwap(since, begins)
		since = begins
	}
	return time.Duration(since)
}
