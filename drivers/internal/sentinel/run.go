package sentinel

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

const (
	// gracePeriod bounds the wait for another primary: of one call, and of all calls
	// since the loss of the primary. A failover takes seconds. During a longer
	// failover, callers who wait for all of their time would only pile up.
	gracePeriod = 5 * time.Second
	// confirmations is how often a call goes back to a server that has failed the call
	// and is still the primary: the server may be loading its data.
	confirmations = 2
	// maxSilent is the number of calls in a row without an answer after which the server
	// is suspected. A single such call may have had too little time.
	maxSilent = 3
)

// run sends an operation to the primary.
func (s *Store) run(ctx context.Context, r *operation) error {
	p := s.watcher.current.Load()
	if p == nil || !p.gate.Enter() {
		return s.runFirst(ctx, r)
	}
	start := p.node.Now()
	err := r.send(ctx, p.node)
	p.gate.Leave()
	if r.failed(err) {
		return s.recover(ctx, r, p, start, err)
	}
	if p.silent.Load() != 0 {
		p.silent.Store(0)
	}
	return err
}

// runFirst runs an operation while no primary is known.
func (s *Store) runFirst(ctx context.Context, r *operation) error {
	start := time.Now()
	p, err := s.watcher.await(ctx, nil, s.watcher.until(ctx, start))
	if err != nil {
		return err
	}
	err, entered := s.attempt(ctx, r, p, start)
	if entered && !r.failed(err) {
		return err
	}
	return s.recover(ctx, r, p, start, err)
}

// recover goes on with an operation that a server has failed. err is the operation's own
// error.
func (s *Store) recover(ctx context.Context, r *operation, p *primary, start time.Time, err error) error {
	for confirmed := 0; ; {
		err = s.watcher.translateAll(r, err)
		for failed := range r.failures(err) {
			s.watcher.noteFailure(p, failed)
		}
		if ctx.Err() != nil || !r.again(err) {
			return r.end(err)
		}
		next, noPrimary := s.watcher.await(ctx, p, s.watcher.until(ctx, start))
		switch {
		case noPrimary != nil && ctx.Err() != nil:
			return r.end(failure.OfContext(ctx, errors.Is(err, driver.ErrUnknownOutcome)))
		case noPrimary != nil:
			return r.end(err)
		case next == p:
			if confirmed++; confirmed > confirmations {
				return r.end(err)
			}
		}
		p.status.Retried(cmp.Or(err, r.firstFailure()))
		p = next
		r.reset()
		var entered bool
		if err, entered = s.attempt(ctx, r, p, start); entered && !r.failed(err) {
			return nil
		}
	}
}

// attempt sends an operation to a server, in the time that is left of the call. entered
// tells that the operation was sent; otherwise err is the reason.
func (s *Store) attempt(ctx context.Context, r *operation, p *primary, start time.Time) (err error, entered bool) { //nolint:revive // the error is the operation's
	if !p.gate.Enter() {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReplaced).Retryable(), false
	}
	defer p.gate.Leave()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = failure.Bound(ctx, start.Add(s.watcher.timeout), s.watcher.timeout)
		defer cancel()
	}
	return r.send(ctx, p.node), true
}

// until returns the time at which a call gives up waiting for a primary.
func (w *watcher) until(ctx context.Context, start time.Time) time.Time {
	if _, ok := ctx.Deadline(); ok {
		return start.Add(gracePeriod)
	}
	return start.Add(min(gracePeriod, w.timeout))
}

// noteFailure starts a check of a server's role if the failure of a call may mean that
// the server is no longer the primary.
func (w *watcher) noteFailure(p *primary, err error) {
	var e *driver.Error
	switch {
	case !errors.As(err, &e):
	case errors.Is(e.Kind, driver.ErrReadOnly), errors.Is(e.Kind, driver.ErrUnavailable) && e.Transient:
		w.suspect()
	case failure.IsTimeout(err) && p.silent.Add(1) >= maxSilent:
		w.suspect()
	}
}
