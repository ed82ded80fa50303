package valkey

import (
	"errors"
	"net"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// connectError returns why there is no connection. Nothing was applied.
func connectError(err error) error {
	var refusal *driver.Error
	switch {
	case errors.As(err, &refusal):
		return err
	case failure.IsTimeout(err), failure.IsTLS(err), errors.Is(err, errMalformed):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
}

// handshakeError returns what the server's answer to HELLO, AUTH, SELECT or
// CLIENT means that a client of the program's got. valkey-go has taken the word
// ERR from it.
func handshakeError(reply *valkeygo.ValkeyError) error {
	err := servererror.Parse(reply.Error(), nativeError)
	if errors.Is(err, servererror.ErrRefused) {
		return servererror.Parse("ERR "+reply.Error(), nativeError)
	}
	return err
}

// clientError returns what became of a command that got no reply of its own.
// sent tells whether it may have been written, or may yet be.
func clientError(err error, sent bool, limit *limit) error {
	var (
		hangUp *failure.HangUpError
		reply  *valkeygo.ValkeyError
		dial   *net.OpError
	)
	switch {
	case errors.Is(err, errSpent), errors.As(err, &dial) && dial.Op == "dial":
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	case errors.Is(err, valkeygo.ErrClosing) && limit.store.isClosed():
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
	case errors.As(err, &hangUp):
		return servererror.Parse(hangUp.Text, nativeError)
	case errors.As(err, &reply):
		return handshakeError(reply) // of the program's client
	case errors.Is(err, errTooLong):
		return driver.Fail(driver.ErrTooLarge, failure.Outcome(sent), err)
	case limit.ctx.Err() != nil:
		return failure.OfContext(limit.ctx, sent)
	case errors.Is(err, errSilent), failure.IsTimeout(err):
		return timeoutFailure(err, sent, limit)
	case failure.IsTLS(err), sent && isNonsense(err):
		return driver.Fail(driver.ErrUnavailable, failure.Outcome(sent), err)
	}
	return driver.Fail(driver.ErrUnavailable, failure.Outcome(sent), err).Retryable()
}

// isNonsense reports whether err is a reply that is none, or answers something
// else. What it was in place of has no other; it says nothing about what was not
// sent yet.
func isNonsense(err error) bool {
	return errors.Is(err, errMalformed) || errors.Is(err, errUnasked) || errors.Is(err, errUnexpected)
}

// early is how long before the deadline of a call valkey-go may report its end.
const early = 10 * time.Millisecond

// timeoutFailure returns what became of a command that got no reply in time. If
// it had some left, it was another call's that was up, on the same connection.
func timeoutFailure(err error, sent bool, limit *limit) error {
	if !sent && time.Now().Before(limit.deadline) {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	}
	if !limit.own && limit.tick != nil || time.Until(limit.deadline) < early {
		return failure.OfTimeout(limit.ctx, err, limit.timeout, sent)
	}
	return driver.Fail(driver.ErrUnavailable, failure.Outcome(sent), err)
}
