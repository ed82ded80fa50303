package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// errNoReply is the error of a command without a reply when go-redis reports
// none.
var errNoReply = errors.New("the reply is missing")

// clientError returns what became of a command that got no reply of its own.
// sent tells whether it may have been written.
func clientError(err error, sent bool, deadline time.Time, timeout time.Duration) error {
	outcome := driver.NotApplied
	if sent {
		outcome = driver.Unknown
	}
	var (
		hangUp *hangUpError
		reply  goredis.Error
		dial   *dialError
	)
	switch {
	case err == nil:
		return driver.Fail(driver.ErrUnavailable, outcome, errNoReply)
	case errors.Is(err, goredis.ErrClosed):
		return driver.Fail(driver.ErrClosed, driver.NotApplied, nil)
	case errors.As(err, &hangUp):
		return servererror.Parse(hangUp.text, nativeError)
	case errors.As(err, &reply) && !sent:
		// Of the handshake: HELLO, AUTH, SELECT.
		return servererror.Parse(reply.Error(), nativeError)
	case errors.Is(err, context.Canceled):
		return driver.Fail(context.Canceled, outcome, nil)
	case errors.Is(err, context.DeadlineExceeded):
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	case errors.Is(err, goredis.ErrPoolTimeout), errors.Is(err, goredis.ErrPoolExhausted):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	case isTimeout(err):
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			err = &timeoutError{timeout: timeout, err: err}
		}
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	case isTLS(err):
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	case errors.Is(err, errReply):
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	case errors.As(err, &dial):
		return driver.Fail(driver.ErrUnavailable, outcome, err).Retryable()
	}
	return driver.Fail(driver.ErrUnavailable, outcome, err).Retryable()
}

// contextError returns the error of a call whose context has ended.
func contextError(ctx context.Context, sent bool) error {
	outcome := driver.NotApplied
	if sent {
		outcome = driver.Unknown
	}
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return driver.Fail(driver.ErrUnavailable, outcome, err)
	}
	return driver.Fail(err, outcome, nil)
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
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
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
