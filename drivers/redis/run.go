package redis

import (
	"context"
	"time"

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
	start := s.clock.now()
	sendContext := ctx
	deadline, hasDeadline := ctx.Deadline()
	timeout := time.Duration(0)
	if s.opTimeout > 0 {
		if !hasDeadline {
			timeout = s.opTimeout
			deadline = start.Add(timeout)
		}
		r.context = requestContext{ctx, deadline}
		sendContext = &r.context
	} else if !hasDeadline {
		deadline = start.Add(time.Hour) // the client's time-outs are shorter
	}
	all := r.commands
	for try := 1; ; {
		r.reset()
		if ctx.Done() == nil {
			r.send(sendContext, s.client)
		} else if abandoned, sent := s.handOff(ctx, sendContext, r); abandoned {
			return contextError(ctx, sent)
		}
		failed := r.settle(deadline, timeout)
		if !failed {
			break
		}
		again := r.again()
		try++
		if again == len(r.commands) || !retry.Wait(ctx, try, start, deadline) {
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
	s.workers.run(sendContext, r)
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
