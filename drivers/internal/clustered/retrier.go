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
	// firstPause is the longest time until something is sent again that a node
	// was not ready for; it doubles, up to maxPause.
	firstPause = 4 * time.Millisecond
	maxPause   = 64 * time.Millisecond
	// freeRedirects is how many times in a row a call goes where a node sends it
	// without a pause. Two nodes that do not agree send it to and fro.
	freeRedirects = 3
	// gracePeriod is how long a server may refuse calls until they do not wait for it
	// any more, as its failover or restart would be over.
	gracePeriod = 5 * time.Second
	// reducedGracePeriod is how long they wait for it even then.
	reducedGracePeriod = 250 * time.Millisecond
)

// A retrier sends the commands of one call again, for as long as the call has time.
type retrier struct {
	router   *router
	caller   context.Context
	start    time.Time
	deadline time.Time
	limited  context.Context // caller with the deadline, once it is needed
	cancel   context.CancelFunc

	tries int
}

// begin returns a call that began at start.
func (r *router) begin(ctx context.Context, start time.Time) *retrier {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = start.Add(r.timeout)
	}
	return &retrier{router: r, caller: ctx, start: start, deadline: deadline}
}

// end releases what the call has needed.
func (c *retrier) end() {
	if c.cancel != nil {
		c.cancel()
	}
}

// context returns the context for the next round trip. That of the first is the
// caller's own, as the nodes bound calls without a deadline themselves, unless the
// topology has to be learnt before.
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

// pause is called before something is sent again, and waits if it was not just
// sent elsewhere. It reports false if there is no time left.
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

// A verdict says what is to become of something that was sent to a server.
type verdict uint8

const (
	final  verdict = iota // it is done, or may not be sent again
	moved                 // another server has the slot
	asked                 // another server has the keys
	again                 // the same may well succeed in a moment
	single                // likewise, or at once if it is sent for each key alone
)

// errGone is a server that does not have its slots any more.
var errGone = errors.New("another node has taken the place of this one")

// reason returns the error that a server answered with, or was closed with when
// it was left.
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

// judge returns what is to become of something that a server answered with err.
// redirect is valid if the server said that it moved or is asked for elsewhere.
func (c *retrier) judge(err error, readOnly bool, s *server) (v verdict, redirect *servererror.RedirectError) {
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
		return moved, nil // whoever has the slot now is healthy
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

// isFailure reports whether a server could not do what it was asked to, whatever
// it was, or has not answered as long as the caller could wait.
func isFailure(err error) bool {
	return isTransient(err) || errors.Is(err, driver.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

func isTransient(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Transient
}

// mayResend reports whether what failed may be sent again: it was not applied,
// or changes nothing; and the reason is one that passes, or that a connection
// could not be made in time.
func mayResend(err error, readOnly bool) bool {
	if retry.Allowed(err, readOnly) {
		return true
	}
	var e *driver.Error
	return errors.As(err, &e) && e.Outcome == driver.NotApplied && failure.IsTimeout(err)
}

// expired returns err, or, if the call has ended before something could be sent
// again that failed with err, what tells so.
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

// A reasonError is why something was to be sent again.
type reasonError struct{ err error }

func (e *reasonError) Error() string {
	return "it was to be sent again, after: " + strings.TrimPrefix(e.err.Error(), "xcache: ")
}

func (e *reasonError) Unwrap() error { return e.err }
