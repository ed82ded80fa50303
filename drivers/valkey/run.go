package valkey

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

// run sends a request, again where that is safe and may help, and gives each of
// its commands its outcome. An error is the call's: nothing is known of any
// command, and the request is gone already. Else the caller releases it.
func (s *Store) run(ctx context.Context, r *request) error {
	if s.clock == nil || !isEndless(ctx) {
		return s.runWithin(ctx, r, nil)
	}
	// Most calls of programs without deadlines are over here.
	t := s.clock.now()
	l := s.pool.idle()
	if l == nil || s.pool.isRisky(r.longest()) {
		return s.runWithin(ctx, r, nil)
	}
	if r.exchange(t, l); r.succeeded() {
		return nil
	}
	return s.runWithin(ctx, r, t)
}

// isEndless reports whether nothing ends ctx.
func isEndless(ctx context.Context) bool {
	if ctx.Done() != nil {
		return false
	}
	_, limited := ctx.Deadline()
	return !limited
}

// runWithin is run for calls of any kind. If began is not nil the request has been
// sent once already, in a call that began then.
func (s *Store) runWithin(ctx context.Context, r *request, began *tick) error {
	switch {
	case began != nil: // it was sent
	case ctx.Err() != nil:
		r.release()
		return failure.OfContext(ctx, false)
	case s.disconnected.Load():
		r.release()
		return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	}
	var limit limit
	limit.begin(ctx, s, began)
	if limit.own && ctx.Done() == nil {
		// A deadline that nobody tells of.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, limit.deadline)
		defer cancel()
		limit.ctx = ctx
	}
	all := r.commands
	for try := 1; ; {
		var err error
		if try > 1 || began == nil {
			var abandoned bool
			if abandoned, err = s.exchange(ctx, r, &limit); abandoned {
				return err
			}
		}
		if err == nil && r.succeeded() {
			break
		}
		r.settle(err, &limit)
		again := r.again()
		try++
		if again == len(r.commands) || s.disconnected.Load() || !retry.Wait(ctx, try, limit.start, limit.deadline) {
			break
		}
		r.commands = r.commands[again:]
	}
	r.commands = all
	if err := r.failure(ctx); err != nil {
		r.release()
		return err
	}
	return nil
}

// A limit is how long a call may take.
type limit struct {
	store    *Store
	ctx      context.Context // the caller's
	start    time.Time
	deadline time.Time
	own      bool // the deadline is that of the caller's context
	// tick is when the call began, and timeout its time-out; nil if that is the
	// client's affair.
	tick    *tick
	timeout time.Duration
}

// begin sets the limit of a call that begins, or, unless that is nil, has begun
// then.
func (l *limit) begin(ctx context.Context, s *Store, began *tick) {
	l.store = s
	l.ctx = ctx
	if s.clock != nil {
		if l.tick = began; began == nil {
			l.tick = s.clock.now()
		}
		l.timeout = s.opTimeout
		l.start, l.deadline = l.tick.time, l.tick.deadline
	} else {
		l.start = time.Now()
		l.deadline = l.start.Add(time.Hour) // the client's time-outs are shorter
	}
	if deadline, ok := ctx.Deadline(); ok {
		l.deadline, l.own = deadline, true
	}
}

// end is closed at the end of a call whose context has no deadline.
func (l *limit) end() <-chan struct{} {
	if l.own || l.tick == nil {
		return nil
	}
	return l.tick.done
}

// exchange sends a request, and waits for the reply. An error tells why none of
// its commands was sent, or, if the request is abandoned, what became of the call.
func (s *Store) exchange(ctx context.Context, r *request, limit *limit) (abandoned bool, err error) {
	l, err := s.acquire(ctx, r, limit.end())
	if err != nil {
		return false, err
	}
	if ctx.Done() == nil {
		sendContext := ctx
		if limit.tick != nil {
			sendContext = limit.tick
		}
		r.exchange(sendContext, l)
		return false, nil
	}
	return s.handOff(ctx, r, l, limit)
}

// acquire returns a connection for a request.
func (s *Store) acquire(ctx context.Context, r *request, stop <-chan struct{}) (*link, error) {
	if size := r.longest(); s.pool.isRisky(size) {
		return s.pool.acquireAlone(ctx, stop, size)
	}
	return s.pool.acquire(ctx, stop)
}

// handOff has a request sent by another goroutine, and leaves it there when ctx, or
// the store, ends first, or the time is up.
func (s *Store) handOff(ctx context.Context, r *request, l *link, limit *limit) (abandoned bool, err error) {
	r.context = requestContext{ctx, limit.deadline}
	if t := limit.tick; t != nil && t.deadline.After(limit.deadline) {
		r.context.deadline = t.deadline // a reply that comes late does not cost the connection
	}
	if r.finished == nil {
		r.finished = make(chan struct{}, 1)
	}
	r.state.Store(waiting)
	l.enter()
	s.workers.Run(job{r, l})
	select {
	case <-r.finished:
		l.leave(false)
		return false, nil
	case <-ctx.Done():
	case <-limit.end():
	case <-s.quit:
	}
	abandoned, sent := r.abandon()
	l.leave(abandoned)
	switch {
	case !abandoned:
		<-r.finished
		return false, nil
	case ctx.Err() != nil:
		return true, failure.OfContext(ctx, sent)
	case s.disconnected.Load():
		return true, driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
	}
	return true, driver.Fail(driver.ErrUnavailable, failure.Outcome(sent), &failure.TimeoutError{Limit: s.opTimeout})
}

// A job is a request that another goroutine sends, as its caller must be able to
// leave before the reply is there. valkey-go lets a caller leave only on a connection
// that it uses from two goroutines of its own, which takes longer; and then it
// listens to one context, where a call without a deadline has two ends.
type job struct {
	request *request
	link    *link
}

// work does a job, and tells request.finished, or, if the caller has abandoned it,
// drops it.
func work(j job) {
	if abandoned := j.request.send(&j.request.context, j.link); abandoned {
		j.link.abandoned.Add(-1)
	} else {
		j.request.finished <- struct{}{}
	}
}

// maxIdle is how many goroutines without a job are kept.
const maxIdle = 64
