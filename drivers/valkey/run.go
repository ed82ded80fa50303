package valkey

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

// run sends a request, again where that is safe and may help, and gives each of
// its commands its outcome. An error is the call's: nothing is known of any
// command, and the request is gone already. Else the caller releases it.
func (s *Store) run(ctx context.Context, r *request) error {
	if ctx.Err() != nil {
		r.release()
		return contextError(ctx, false)
	}
	var limit limit
	limit.begin(ctx, s)
	if limit.own && ctx.Done() == nil {
		// A deadline that nobody tells of.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, limit.deadline)
		defer cancel()
	}
	all := r.commands
	for try := 1; ; {
		abandoned, err := s.exchange(ctx, r, &limit)
		if abandoned {
			return err
		}
		if failed := r.settle(err, &limit); !failed {
			break
		}
		again := r.again()
		try++
		if again == len(r.commands) || !retry.Wait(ctx, try, limit.start, limit.deadline) {
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
	start    time.Time
	deadline time.Time
	own      bool // the deadline is that of the caller's context
	// tick is when the call began, and timeout its time-out; nil if that is the
	// client's affair.
	tick    *tick
	timeout time.Duration
}

// begin sets the limit of a call that begins.
func (l *limit) begin(ctx context.Context, s *Store) {
	if s.clock != nil {
		l.tick, l.timeout = s.clock.now(), s.opTimeout
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
	l, err := s.pool.acquire(ctx, limit.end())
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

// handOff has a request sent by another goroutine, and leaves it there when ctx
// ends first, or the time is up.
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
	s.workers.run(&r.context, r, l)
	select {
	case <-r.finished:
		l.leave(false)
		return false, nil
	case <-ctx.Done():
	case <-limit.end():
	}
	abandoned, sent := r.abandon()
	l.leave(abandoned)
	switch {
	case !abandoned:
		<-r.finished
		return false, nil
	case ctx.Err() != nil:
		return true, contextError(ctx, sent)
	}
	return true, driver.Fail(driver.ErrUnavailable, outcome(sent), &timeoutError{s.opTimeout, context.DeadlineExceeded})
}
