package clustered

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

const (
	// watchInterval is how often the servers with calls in flight are checked.
	watchInterval = 100 * time.Millisecond
	// silenceTimeout is how long a server may leave all calls on it without an answer
	// until other nodes are asked who has its slots.
	silenceTimeout = 500 * time.Millisecond
	// idleTicks is after how many ticks without calls the watch ends.
	idleTicks = int(time.Second / watchInterval)
)

// errSilent is the error of a server that has answered no call for silenceTimeout.
var errSilent = errors.New("calls are in flight, and none is answered")

// A silence is the time in which a server answers no call.
type silence struct {
	answers uint32    // the number of answers at that time
	since   time.Time // zero if nothing is under way
	told    bool      // to the operator
}

// observe notes whether calls on a server are under way, and whether any was answered.
func (s *silence) observe(server *server, now time.Time) (busy bool) {
	underWay, answers := server.gate.Calls()
	if s.told && answers != s.answers {
		s.told = false
		server.status.Notify(driver.ServerBack, nil)
	}
	if underWay <= int(server.scans.Load()) {
		s.since = time.Time{}
		return underWay > 0
	}
	if s.since.IsZero() || answers != s.answers {
		s.answers, s.since = answers, now
	}
	if !s.told && s.lasted(now) > 0 {
		s.told = true
		server.status.Failed(errSilent)
		server.status.Notify(driver.ServerSilent, errSilent)
	}
	return true
}

// lasted returns the length of the silence at now; 0 if the server answers calls.
func (s *silence) lasted(now time.Time) time.Duration {
	if s.since.IsZero() || now.Sub(s.since) < silenceTimeout {
		return 0
	}
	return now.Sub(s.since)
}

// ensureWatch starts the goroutine that looks for silent servers, unless that goroutine
// runs. Each call has to call ensureWatch after the call is counted at its server.
func (r *router) ensureWatch() {
	if !r.watched.Load() {
		r.beginWatch()
	}
}

func (r *router) beginWatch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing.Err() == nil && r.watched.CompareAndSwap(false, true) {
		r.running.Go(r.watch)
	}
}

// watch observes all servers at intervals. The loop ends when no calls are under way for
// a while.
func (r *router) watch() {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for idle := 0; ; {
		select {
		case <-r.closing.Done():
			return
		case <-ticker.C:
		}
		if r.observe() {
			idle = 0
		} else if idle++; idle > idleTicks {
			r.watched.Store(false)
			// A call that was counted earlier has not begun another watch.
			if !r.observe() || !r.watched.CompareAndSwap(false, true) {
				return
			}
			idle = 0
		}
	}
}

// observe observes all servers once. A silent server starts a refresh; a silent server
// without slots is disconnected. The result tells whether calls are under way.
func (r *router) observe() (busy bool) {
	now := time.Now()
	silent := false
	r.mu.Lock()
	for _, s := range r.servers {
		busy = s.silence.observe(s, now) || busy
		silent = silent || s.silence.lasted(now) > 0
	}
	for s := range r.left {
		busy = s.silence.observe(s, now) || busy
		if s.silence.lasted(now) > 0 {
			r.disconnect(s)
		}
	}
	r.mu.Unlock()
	if silent {
		r.refresh()
	}
	return busy
}

// disconnect ends the calls on a server that was left. r.mu is held.
func (r *router) disconnect(s *server) {
	delete(r.left, s)
	r.running.Go(s.node.Disconnect)
}
