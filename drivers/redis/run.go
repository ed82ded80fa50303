package redis

import (
	"cmp"
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
	elapsed := s.clock.elapsed()
	sendContext := ctx
	deadline, given := ctx.Deadline()
	var timeout time.Duration
	if !given {
		timeout = cmp.Or(s.opTimeout, noTimeout)
		deadline = s.clock.at(elapsed + timeout)
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
			return contextError(ctx, sent)
		}
		if !r.settle(deadline, timeout) {
			r.commands = all
			return nil
		}
		again := r.again()
		try++
		if again == len(r.commands) || !retry.Wait(ctx, try, s.clock.at(elapsed), deadline) {
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

// noTimeout is longer than any time-out that a client of the program may have.
const noTimeout = 24 * time.Hour

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
