// Package failure says what became of calls that got no reply: their time was up,
// or their connection was lost. What a connection reports does not depend on the
// client library around it, so this is written once for all drivers.
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

// Outcome returns what is known of a command without a reply. sent tells whether it
// may have been written, or may yet be.
func Outcome(sent bool) driver.Outcome {
	if sent {
		return driver.Unknown
	}
	return driver.NotApplied
}

// OfContext returns the error of a call whose context has ended: the context's, or
// that of a server that did not answer in time if Bound has ended the context.
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

// InContext returns err, or, if it is a failure that may have another try and
// ctx has ended, the error that says so.
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

// OfTimeout returns the error of a call whose time is up, as err says, which a
// connection or a context has reported. The time was that of ctx or, if ctx has no
// deadline, limit, the store's own. A connection may know of the end of ctx first.
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

// awaitEnd waits until a context ends whose deadline has come: its caller looks at it
// when the call returns.
func awaitEnd(ctx context.Context) {
	const late = 20 * time.Millisecond
	timer := time.NewTimer(late)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// A bound is a context with a deadline that is not the caller's.
type bound struct {
	context.Context
	deadline time.Time
	limit    time.Duration
	expiring context.Context
}

type boundKey struct{}

// Bound is context.WithDeadline for a deadline that the caller has not set: its end
// is no end of the caller's context, see OfContext. limit is how long the call may
// take as a whole, for the text of the error.
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

// boundOf returns the bound that the deadline of ctx comes from, or nil.
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

// IsTimeout reports whether err is that of a deadline, of a context or of a
// connection.
func IsTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// IsTLS reports whether one side would not have the other's certificate, or does
// not speak TLS: nothing that passes by itself.
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

// A TimeoutError is the cause of a failure whose call took as long as the store lets
// it take.
type TimeoutError struct {
	// Limit is how long the call was let take.
	Limit time.Duration
	// Err is what the connection reported, or nil.
	Err error
}

func (e *TimeoutError) Error() string {
	text := fmt.Sprintf("no answer within %v", e.Limit)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Timeout is that of net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Unwrap returns what the connection reported.
func (e *TimeoutError) Unwrap() error { return e.Err }

// A HangUpError is a request that could not be written, or not be answered, because the
// server answered with an error and closed the connection.
type HangUpError struct {
	// Text is the error reply, without its dash.
	Text string
	// Err is what the connection reported.
	Err error
}

func (e *HangUpError) Error() string { return e.Err.Error() }

// Unwrap returns what the connection reported; in a list, so that a client library
// that asks for the one cause of an error does not take this for that.
func (e *HangUpError) Unwrap() []error { return []error{e.Err} }

// ErrorLine returns the text of the error reply that data begins with.
func ErrorLine(data []byte) (text string, ok bool) {
	if len(data) == 0 || data[0] != '-' {
		return "", false
	}
	end := max(1, bytes.IndexByte(data, '\r'))
	return string(data[1:end]), end > 1
}
