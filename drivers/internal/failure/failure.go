// Package failure makes the errors of calls without a reply: the time was up, or the
// connection was lost. The errors of connections do not depend on the client library, so
// that the package serves all drivers.
package failure

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Outcome returns the outcome of a command without a reply. sent tells whether the command
// may have been written, or may still be.
func Outcome(sent bool) driver.Outcome {
	if sent {
		return driver.Unknown
	}
	return driver.NotApplied
}

// Partly returns the error of a call with one part that was applied and another part that
// failed with err.
func Partly(err error) *driver.Error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return driver.Fail(err, driver.Unknown, nil)
	}
	some := *e
	some.Outcome, some.Transient = driver.Unknown, false
	return &some
}

// IsForbidden reports whether the server has not run a command because its user may not.
func IsForbidden(err error) bool {
	return errors.Is(err, driver.ErrAuth) && !errors.Is(err, driver.ErrUnknownOutcome)
}

// OfContext returns the error of a call whose context has ended: the error of the context,
// or that of a server without an answer if the deadline of Bound has passed.
func OfContext(ctx context.Context, sent bool) *driver.Error {
	b := boundOf(ctx)
	switch {
	case b == nil:
		return driver.Fail(ctx.Err(), Outcome(sent), nil)
	case b.Context.Err() != nil:
		return OfContext(b.Context, sent)
	}
	return driver.Fail(driver.ErrUnavailable, Outcome(sent), &TimeoutError{Limit: b.limit})
}

// InContext returns err, or the error of ctx if ctx has ended and err is transient.
func InContext(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	var e *driver.Error
	if !errors.As(err, &e) || !e.Transient {
		return err
	}
	return OfContext(ctx, e.Outcome == driver.Unknown)
}

// OfTimeout returns the error of a call after a timeout err of a connection or a context.
// The limit of the call was the deadline of ctx, or the store's own limit if ctx has no
// deadline. A connection may report the timeout before ctx ends.
func OfTimeout(ctx context.Context, err error, limit time.Duration, sent bool) *driver.Error {
	if ctx.Err() != nil {
		return OfContext(ctx, sent)
	}
	if b := boundOf(ctx); b != nil {
		return driver.Fail(driver.ErrUnavailable, Outcome(sent), &TimeoutError{Limit: b.limit, Err: err})
	}
	if _, callers := ctx.Deadline(); callers {
		awaitEnd(ctx)
		return driver.Fail(cmp.Or(ctx.Err(), context.DeadlineExceeded), Outcome(sent), err)
	}
	return driver.Fail(driver.ErrUnavailable, Outcome(sent), &TimeoutError{Limit: limit, Err: err})
}

// awaitEnd waits for the end of a context at its deadline, because the caller may check the
// context when the call returns.
func awaitEnd(ctx context.Context) {
	const late = 20 * time.Millisecond
	timer := time.NewTimer(late)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// A bound is a context with a deadline that the caller has not set.
type bound struct {
	context.Context
	deadline time.Time
	limit    time.Duration
	expiring context.Context
}

type boundKey struct{}

// Bound is context.WithDeadline for a deadline that the caller has not set. OfContext tells
// the two deadlines apart. limit is the time-out of the whole call, for the text of the
// error.
func Bound(ctx context.Context, deadline time.Time, limit time.Duration) (context.Context, context.CancelFunc) {
	if own, ok := ctx.Deadline(); ok && !deadline.Before(own) {
		return context.WithCancel(ctx)
	}
	expiring, cancel := context.WithDeadline(ctx, deadline)
	return &bound{Context: ctx, deadline: deadline, limit: limit, expiring: expiring}, cancel
}

func (b *bound) Deadline() (time.Time, bool) { return b.deadline, true }
func (b *bound) Done() <-chan struct{}       { return b.expiring.Done() }
func (b *bound) Err() error                  { return b.expiring.Err() }

func (b *bound) Value(key any) any {
	if key == (boundKey{}) {
		return b
	}
	return b.expiring.Value(key)
}

// boundOf returns the bound with the deadline of ctx, or nil.
func boundOf(ctx context.Context) *bound {
	b, ok := ctx.Value(boundKey{}).(*bound)
	if !ok {
		return nil
	}
	if deadline, _ := ctx.Deadline(); !deadline.Equal(b.deadline) {
		return nil
	}
	return b
}

// IsTimeout reports whether err comes from a deadline of a context or of a connection.
func IsTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// IsTLS reports whether one side has refused the other's certificate, or does not speak
// TLS. A retry does not help.
func IsTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		header       tls.RecordHeaderError
		alert        *net.OpError
		mismatch     *TLSError
	)
	return errors.As(err, &mismatch) && mismatch.certain || errors.As(err, &verification) || errors.As(err, &header) ||
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error")
}

// A TimeoutError is the cause of the failure of a call that took all of the store's
// time-out.
type TimeoutError struct {
	// Limit is the time-out of the call.
	Limit time.Duration
	// Err is the error of the connection, or nil.
	Err error
}

func (e *TimeoutError) Error() string {
	text := fmt.Sprintf("no answer within %v", e.Limit)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Timeout implements net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Unwrap returns the error of the connection.
func (e *TimeoutError) Unwrap() error { return e.Err }

// A HangUpError is the error of a request to a server that has answered with an error and
// has closed the connection.
type HangUpError struct {
	// Text is the error reply, without its dash.
	Text string
	// Err is the error of the connection.
	Err error
}

func (e *HangUpError) Error() string { return e.Err.Error() }

// Unwrap returns the error of the connection in a list. errors.Unwrap of a client library
// does not look through lists, and so does not find the cause.
func (e *HangUpError) Unwrap() []error { return []error{e.Err} }

// ErrorLine returns the text of the error reply at the beginning of data.
func ErrorLine(data []byte) (text string, ok bool) {
	if len(data) == 0 || data[0] != '-' {
		return "", false
	}
	end := max(1, bytes.IndexByte(data, '\r'))
	return string(data[1:end]), end > 1
}
