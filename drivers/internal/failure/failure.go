// Package failure says what became of calls that got no reply: their time was up,
// or their connection was lost. What a connection reports does not depend on the
// client library around it, so this is written once for all drivers.
package failure

import (
	"bytes"
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

// OfContext returns the error of a call whose context has ended.
func OfContext(ctx context.Context, sent bool) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return driver.Fail(driver.ErrUnavailable, Outcome(sent), err)
	}
	return driver.Fail(err, Outcome(sent), nil)
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

// IsTimeout reports whether err is that of a deadline, of a context or of a
// connection.
func IsTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// IsTLS reports whether one side would not have the other's certificate, or does
// not speak TLS: nothing that passes by itself.
func IsTLS(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		header       tls.RecordHeaderError
		alert        *net.OpError
	)
	return errors.As(err, &verification) || errors.As(err, &header) ||
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error")
}

// A TimeoutError is a request whose time was up, by the deadline of the caller's context
// or by the store's own. Either way it is a context.DeadlineExceeded.
type TimeoutError struct {
	// Limit is the store's own; 0 if it was the caller's.
	Limit time.Duration
	// Err is what the connection or the context reported.
	Err error
}

func (e *TimeoutError) Error() string {
	if e.Limit > 0 {
		return fmt.Sprintf("no answer within %v: %v", e.Limit, e.Err)
	}
	return e.Err.Error()
}

// Unwrap returns both errors that a TimeoutError is.
func (e *TimeoutError) Unwrap() []error { return []error{context.DeadlineExceeded, e.Err} }

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
