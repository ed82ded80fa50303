package exchange

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

// ErrNoReply is the reason of a missing reply about which the client library says nothing.
var ErrNoReply = errors.New("the reply is missing")

// missing returns the error for a missing reply, by the error of the connection.
func (s *Store) missing(c *Call, sent bool, outcome driver.Outcome) error {
	err := c.Err
	var ready *driver.Error
	switch {
	case err == nil:
		return driver.Fail(driver.ErrUnavailable, outcome, ErrNoReply)
	case !sent && errors.As(err, &ready):
		return err // the attempt to connect has failed
	case s.disconnected.Load():
		return driver.Fail(driver.ErrClosed, outcome, nil)
	case c.Context.Err() != nil:
		return failure.OfContext(c.Context, sent)
	case failure.IsTimeout(err):
		if !time.Now().Before(c.Deadline) {
			return failure.OfTimeout(c.Context, err, s.options.OpTimeout, sent)
		}
		if !c.Sent { // the deadline of another call on the same connection has passed
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

// isNonsense reports whether err is a malformed reply, or a reply to no command. The
// command has no other reply.
func isNonsense(err error) bool {
	return errors.Is(err, resp.ErrMalformed) || errors.Is(err, resp.ErrUnasked)
}

// isRefused reports whether the wire has refused a reply that did come: the server has run
// the command. A command that only reads has changed nothing.
func isRefused(err error) bool { return isNonsense(err) || errors.Is(err, resp.ErrLongValue) }

// wait waits before attempt number try of a call. false means that another attempt is of no
// use.
func wait(c *Call, try int) bool {
	return retry.Wait(c.Context, try, c.Began.time, c.Deadline)
}
