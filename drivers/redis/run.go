package redis

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

// run sends a request, again where that is safe and may help, and gives each of
// its commands its outcome. An error is the call's: nothing is known of any
// command, and the request is gone already. Else the caller releases it.
func (s *Store) run(ctx context.Context, r *request) error {
	if ctx.Err() != nil {
		r.release()
		return failure.OfContext(ctx, false)
	}
	now := s.clock.now()
	sendContext := ctx
	deadline, given := ctx.Deadline()
	var timeout time.Duration
	if !given {
		deadline, timeout = now.deadline, s.clock.timeout
	}
	if s.opTimeout > 0 {
		r.context = requestContext{ctx, deadline}
		sendContext = &r.context
	}
	all := r.commands
	for try := 1; ; {
		r.reset()
		if ctx.Done() == nil {
			r.send(sendContext, s.client)
		} else if abandoned, sent := s.handOff(ctx, sendContext, r); abandoned {
			return failure.OfContext(ctx, sent)
		}
		if !r.settle(deadline, timeout) {
			if try > 1 {
				r.commands = all
			}
			return nil
		}
		again := r.again()
		try++
		if again == len(r.commands) || !retry.Wait(ctx, try, now.start, deadline) {
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

// handOff has a request sent by another goroutine, and leaves it there when ctx
// ends first.
func (s *Store) handOff(ctx, sendContext context.Context, r *request) (abandoned, sent bool) {
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
	}
	if abandoned, sent = r.abandon(); !abandoned {
		<-r.finished
	}
	return abandoned, sent
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
