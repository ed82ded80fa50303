package redis

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

// run sends a request, again where that is safe and may help, and gives each of
// its commands its outcome. An error is the call's: nothing is known of any
// command, and the request is gone already. Else the caller releases it.
func (s *Store) run(ctx context.Context, r *request) error {
	if ctx.Err() != nil || s.disconnected.Load() {
		r.release()
		return s.abandonedError(ctx, false)
	}
	now := s.clock.now()
	sendContext := ctx
	limit := limit{ctx: ctx, timeout: s.clock.timeout}
	var given bool
	if limit.deadline, given = ctx.Deadline(); !given {
		limit.deadline = now.deadline
	}
	if s.opTimeout > 0 {
		r.context = requestContext{ctx, limit.deadline}
		sendContext = &r.context
	}
	all := r.commands
	if s.client.network == nil {
		for _, c := range all {
			c.reply.maxValue = s.limits[classOf(resp.Command{Name: c.word.text, Words: len(c.wire.Args())})].String
		}
	}
	for try := 1; ; {
		r.reset()
		if ctx.Done() == nil {
			r.send(sendContext, s.client)
		} else if abandoned, sent := s.handOff(ctx, sendContext, r, s.lease(r, given, limit.deadline, now)); abandoned {
			return s.abandonedError(ctx, sent)
		}
		if !s.settle(r, &limit) {
			if try > 1 {
				r.commands = all
			}
			return nil
		}
		again := r.again()
		try++
		if again == len(r.commands) || s.disconnected.Load() || !retry.Wait(ctx, try, now.start, limit.deadline) {
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
	ctx      context.Context // the caller's
	deadline time.Time
	timeout  time.Duration // of a call whose context has no deadline
}

// handOff has a request sent by another goroutine, and leaves it there when ctx, or
// the store, ends first.
func (s *Store) handOff(ctx, sendContext context.Context, r *request, lease *lease) (abandoned, sent bool) {
	if lease != nil {
		defer func() { s.client.network.far.leave(lease, abandoned, time.Now().Add(s.opTimeout)) }()
	}
	if r.finished == nil {
		r.finished = make(chan struct{}, 1)
	}
	r.handedOff = true
	r.state.Store(waiting)
	s.workers.Run(job{r, sendContext})
	select {
	case <-r.finished:
		return false, false
	case <-ctx.Done():
	case <-s.quit:
	}
	if abandoned, sent = r.abandon(); !abandoned {
		<-r.finished
	}
	return abandoned, sent
}

// abandonedError returns what became of a call that has left its request, or has
// sent none, because ctx or the store has ended.
func (s *Store) abandonedError(ctx context.Context, sent bool) error {
	if ctx.Err() != nil {
		return failure.OfContext(ctx, sent)
	}
	return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
}

// lease returns the lease of a call whose deadline is further away than op_timeout,
// and gives its request the deadline by which it is known; nil of any other call.
func (s *Store) lease(r *request, given bool, deadline time.Time, now *moment) *lease {
	if !given || s.client.network == nil || deadline.Sub(now.start) <= s.opTimeout {
		return nil
	}
	lease := s.client.network.far.enter(deadline)
	r.context.deadline = lease.deadline
	return lease
}

// A job is a request that another goroutine sends, as its caller must be able to
// leave before the reply is there.
type job struct {
	request *request
	ctx     context.Context
}

// work does a job, and tells request.finished, or, if the caller has abandoned it,
// recycles it.
func (s *Store) work(j job) {
	if abandoned := j.request.send(j.ctx, s.client); abandoned {
		j.request.release()
	} else {
		j.request.finished <- struct{}{}
	}
}
