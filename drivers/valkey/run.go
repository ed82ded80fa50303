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
	limit := s.limit(ctx)
	if limit.own && ctx.Done() == nil {
		// A deadline that nobody tells of.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, limit.deadline)
		defer cancel()
	}
	all := r.commands
	for try := 1; ; {
		r.reset()
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
	own      bool          // the deadline is that of the caller's context
	tick     *tick         // nil if the time-out is the client's affair
	timeout  time.Duration // of the tick
}

// end is closed at the end of a call whose context has no deadline.
func (l *limit) end() <-chan struct{} {
	if l.own || l.tick == nil {
		return nil
	}
	return l.tick.done
}

func (s *Store) limit(ctx context.Context) limit {
	deadline, own := ctx.Deadline()
	if s.clock == nil {
		l := limit{start: time.Now(), deadline: deadline, own: own}
		if !own {
			l.deadline = l.start.Add(time.Hour) // the client's time-outs are shorter
		}
		return l
	}
	t := s.clock.now()
	l := limit{start: t.time, deadline: t.deadline, own: own, tick: t, timeout: s.opTimeout}
	if own {
		l.deadline = deadline
	}
	return l
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
		r.send(sendContext, l)
		l.calls.Add(-1)
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
