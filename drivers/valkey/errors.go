package valkey

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// outcome returns what is known of a command that may have been sent, or not.
func outcome(sent bool) driver.Outcome {
	if sent {
		return driver.Unknown
	}
	return driver.NotApplied
}

// connectError returns why there is no connection. Nothing was applied.
func connectError(err error) error {
	var reply *valkeygo.ValkeyError
	switch {
	case errors.As(err, &reply):
		return handshakeError(reply)
	case isTimeout(err), isTLS(err), errors.Is(err, errMalformed):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err)
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
}

// handshakeError returns what the server's answer to HELLO, AUTH, SELECT or
// CLIENT means. valkey-go has taken the word ERR from it.
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
		hangUp *hangUpError
		reply  *valkeygo.ValkeyError
		dial   *net.OpError
	)
	switch {
	case errors.Is(err, errSpent), errors.As(err, &dial) && dial.Op == "dial":
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	case errors.Is(err, valkeygo.ErrClosing):
		return driver.Fail(driver.ErrClosed, outcome(sent), nil)
	case errors.As(err, &hangUp):
		return servererror.Parse(hangUp.text, nativeError)
	case errors.As(err, &reply):
		return handshakeError(reply) // of the program's client
	case errors.Is(err, errTooLong):
		return driver.Fail(driver.ErrTooLarge, outcome(sent), err)
	case errors.Is(err, context.Canceled):
		return driver.Fail(context.Canceled, outcome(sent), nil)
	case errors.Is(err, errSilent), isTimeout(err):
		return timeoutFailure(err, sent, limit)
	case isTLS(err), errors.Is(err, errMalformed), errors.Is(err, errUnasked):
		return driver.Fail(driver.ErrUnavailable, outcome(sent), err)
	}
	return driver.Fail(driver.ErrUnavailable, outcome(sent), err).Retryable()
}

// timeoutFailure returns what became of a command that got no reply in time. If
// it had some left, it was another call's that was up, on the same connection.
func timeoutFailure(err error, sent bool, limit *limit) error {
	if !sent && time.Now().Before(limit.deadline) {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	}
	if !limit.own && limit.tick != nil {
		err = &timeoutError{timeout: limit.timeout, err: err}
	} else if !time.Now().Before(limit.deadline) {
		err = &timeoutError{err: err}
	}
	return driver.Fail(driver.ErrUnavailable, outcome(sent), err)
}

// contextError returns the error of a call whose context has ended.
func contextError(ctx context.Context, sent bool) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return driver.Fail(driver.ErrUnavailable, outcome(sent), err)
	}
	return driver.Fail(err, outcome(sent), nil)
}

// inContext returns err, or, if it is a failure that may have another try and
// ctx has ended, the error that says so.
func inContext(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	var e *driver.Error
	if !errors.As(err, &e) || !e.Transient {
		return err
	}
	return contextError(ctx, e.Outcome == driver.Unknown)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// isTLS reports whether one side would not have the other's certificate, or does
// not speak TLS: nothing that passes by itself.
func isTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		header       tls.RecordHeaderError
		alert        *net.OpError
	)
	return errors.As(err, &verification) || errors.As(err, &header) ||
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error")
}

// A timeoutError is a request whose time was up, by the deadline of the caller's
// context or by the store's own. Either way it is a deadline exceeded.
type timeoutError struct {
	timeout time.Duration
	err     error
}

func (e *timeoutError) Error() string {
	if e.timeout > 0 {
		return fmt.Sprintf("no answer within %v: %v", e.timeout, e.err)
	}
	return e.err.Error()
}

func (e *timeoutError) Unwrap() []error { return []error{context.DeadlineExceeded, e.err} }
