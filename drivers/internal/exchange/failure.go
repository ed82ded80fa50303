package exchange

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

// ErrNoReply is why a reply is missing if the client library says nothing.
var ErrNoReply = errors.New("the reply is missing")

// missing returns why a reply is missing, by what the connection reported.
func (s *Store) missing(c *Call, sent bool, outcome driver.Outcome) error {
	err := c.Err
	var ready *driver.Error
	switch {
	case err == nil:
		return driver.Fail(driver.ErrUnavailable, outcome, ErrNoReply)
	case !sent && errors.As(err, &ready):
		return err // of the attempt to connect
	case s.disconnected.Load():
		return driver.Fail(driver.ErrClosed, outcome, nil)
	case c.Context.Err() != nil:
		return failure.OfContext(c.Context, sent)
	case failure.IsTimeout(err):
		if !time.Now().Before(c.Deadline) {
			return failure.OfTimeout(c.Context, err, s.options.OpTimeout, sent)
		}
		if !c.Sent { // another call's time was up, on the same connection
			return driver.Fail(driver.ErrUnavailable, outcome, err).Retryable()
		}
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	case errors.Is(err, resp.ErrLongValue):
		return driver.Fail(driver.ErrTooLarge, outcome, err)
	case failure.IsTLS(err), c.Sent && isNonsense(err):
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	}
	return driver.Fail(driver.ErrUnavailable, outcome, err).Retryable()
}

// isNonsense reports whether err is a reply that is none, or answers something else.
// What it was in place of has no other.
func isNonsense(err error) bool {
	return errors.Is(err, resp.ErrMalformed) || errors.Is(err, resp.ErrUnasked)
}

// isRefused reports whether err is why a reply was not taken, though the server has
// done what it was asked for: what only reads has changed nothing.
func isRefused(err error) bool { return isNonsense(err) || errors.Is(err, resp.ErrLongValue) }

// wait waits before a call is sent for the try-th time, and reports false if that is
// of no use.
func wait(c *Call, try int) bool {
	return retry.Wait(c.Context, try, c.Began.time, c.Deadline)
}
