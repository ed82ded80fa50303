package clustered

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/retry"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

const (
	// firstPause is the longest pause before a command is sent again that a node was
	// not ready for. The pause doubles each time, up to maxPause.
	firstPause = 4 * time.Millisecond
	maxPause   = 64 * time.Millisecond
	// freeRedirects is the number of redirects that a call follows without a pause. Two
	// nodes that do not agree redirect a call to each other.
	freeRedirects = 3
	// gracePeriod is the time in which a failover or a restart ends. Calls do not wait for
	// a server that has refused calls for longer.
	gracePeriod = 5 * time.Second
	// reducedGracePeriod is the time that calls wait for a server even after gracePeriod.
	reducedGracePeriod = 250 * time.Millisecond
)

// A retrier sends the commands of one call again, for as long as the call has time.
type retrier struct {
	router   *router
	caller   context.Context
	start    time.Time
	deadline time.Time
	limited  context.Context // caller with the deadline; nil before the first need
	cancel   context.CancelFunc

	tries int
}

// begin returns the retrier of a call. The time of the call runs from start.
func (r *router) begin(ctx context.Context, start time.Time) *retrier {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = start.Add(r.timeout)
	}
	return &retrier{router: r, caller: ctx, start: start, deadline: deadline}
}

// end releases the context of the call.
func (c *retrier) end() {
	if c.cancel != nil {
		c.cancel()
	}
}

// context returns the context of the next round trip. The first round trip has the
// caller's own context, as nodes bound calls without a deadline themselves. A call that
// has to learn the topology first has the bounded context from the start.
func (c *retrier) context() context.Context {
	if c.limited != nil {
		return c.limited
	}
	if c.tries == 0 && c.router.topology.Load() != nil {
		return c.caller
	}
	c.limited = c.caller
	if _, ok := c.caller.Deadline(); !ok {
		c.limited, c.cancel = failure.Bound(c.caller, c.deadline, c.router.timeout)
	}
	return c.limited
}

// pause waits before commands are sent again. The first redirects cost no pause. The
// result is false if no time is left.
func (c *retrier) pause(redirected bool) bool {
	c.tries++
	if redirected && c.tries <= freeRedirects {
		return c.caller.Err() == nil && c.router.closing.Err() == nil
	}
	longest := min(firstPause<<min(c.tries-1, 10), maxPause)
	delay := longest/2 + rand.N(longest/2)
	if time.Now().Add(delay).After(c.deadline) {
		return false
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-c.caller.Done():
		return false
	case <-c.router.closing.Done():
		return false
	case <-timer.C:
		return true
	}
}

// A verdict tells what becomes of a command that a server has answered or failed.
type verdict uint8

const (
	final  verdict = iota // the command is done, or may not be sent again
	moved                 // another server has the slot
	asked                 // another server has the keys
	again                 // the same command may succeed in a moment
	single                // as again; a command for each key alone may succeed at once
)

// errGone is the error of a call on a server that has lost its slots.
var errGone = errors.New("another node has taken the place of this one")

// reason returns err, or a failure that may be retried if the client of a server
// without slots was closed during the call.
func (r *router) reason(err error) error {
	switch {
	case err == nil, errors.Is(err, node.ErrClientClosed), r.closing.Err() != nil:
		return err
	case !errors.Is(err, driver.ErrClosed) && !errors.Is(err, net.ErrClosed):
		return err
	}
	outcome := driver.NotApplied
	if isUnknown(err) {
		outcome = driver.Unknown
	}
	return driver.Fail(driver.ErrUnavailable, outcome, errGone).Retryable()
}

// classify returns the verdict on a command that a server failed with err. redirect is
// set for the verdicts moved and asked, if a redirect was the reason.
func (c *retrier) classify(err error, readOnly bool, s *server) (v verdict, redirect *servererror.RedirectError) {
	if err == nil || err == driver.ErrNotFound || err == driver.ErrNotStored { //nolint:errorlint // both are bare, and frequent
		s.answered()
		return final, nil
	}
	if errors.As(err, &redirect) {
		s.answered()
		if redirect.Ask {
			if redirect.Host == "?" {
				return again, nil
			}
			return asked, redirect
		}
		c.router.moved(redirect, s.addr)
		return moved, redirect
	}
	switch {
	case servererror.IsTryAgain(err):
		return single, nil
	case isStale(err):
		c.router.refresh()
		return again, nil
	case !isFailure(err):
		return final, nil
	case s.isGone():
		if !mayResend(err, readOnly) {
			return final, nil
		}
		s.status.Retried(err)
		return moved, nil // the new server of the slot is healthy
	}
	c.router.refresh()
	since := s.refused(time.Since(c.router.epoch))
	if !mayResend(err, readOnly) || time.Since(c.router.epoch)-since > gracePeriod && time.Since(c.start) > reducedGracePeriod {
		return final, nil
	}
	s.status.Retried(err)
	return again, nil
}

// isStale reports whether a write came to a replica.
func isStale(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && errors.Is(e.Kind, driver.ErrReadOnly) && e.Outcome == driver.NotApplied
}

// isFailure reports whether a server could have run no command at all, or has not answered
// for as long as the caller could wait.
func isFailure(err error) bool {
	return isTransient(err) || errors.Is(err, driver.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

func isTransient(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Transient
}

// mayResend reports whether a command that failed with err may be sent again. Such a
// command was not applied, or changes nothing; and the failure is transient, or no
// connection could be made in time.
func mayResend(err error, readOnly bool) bool {
	if retry.Allowed(err, readOnly) {
		return true
	}
	var e *driver.Error
	return errors.As(err, &e) && e.Outcome == driver.NotApplied && failure.IsTimeout(err)
}

// expired returns the error of a command that failed with err and was to be sent again,
// but the call has ended.
func (c *retrier) expired(err error) error {
	sent := isUnknown(err)
	var redirect *servererror.RedirectError
	switch {
	case c.router.closing.Err() != nil && !errors.Is(err, driver.ErrClosed):
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), &reasonError{err})
	case c.caller.Err() != nil && !errors.Is(err, c.caller.Err()):
		e := failure.OfContext(c.caller, sent)
		if e.Err == nil {
			e.Err = &reasonError{err}
		}
		return e
	case errors.As(err, &redirect):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("the nodes of the cluster do not agree on who has slot %d", redirect.Slot)).Retryable()
	}
	return err
}

// A reasonError is the failure after which a command was to be sent again.
type reasonError struct{ err error }

func (e *reasonError) Error() string {
	return "it was to be sent again, after: " + strings.TrimPrefix(e.err.Error(), "xcache: ")
}

func (e *reasonError) Unwrap() error { return e.err }
