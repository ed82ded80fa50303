package failure_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// is reports whether err is of a kind and has an outcome.
func is(err, kind error, outcome driver.Outcome) bool {
	var e *driver.Error
	return errors.Is(err, kind) && errors.As(err, &e) && e.Outcome == outcome
}

func TestAContextThatHasEnded(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	lost := func() *driver.Error { return driver.Fail(driver.ErrUnavailable, driver.Unknown, io.EOF) }
	for _, test := range []struct {
		name    string
		err     error
		kind    error
		outcome driver.Outcome
	}{
		{"canceled before it was sent", failure.OfContext(canceled, false), context.Canceled, driver.NotApplied},
		{"canceled after it was sent", failure.OfContext(canceled, true), context.Canceled, driver.Unknown},
		{"late before it was sent", failure.OfContext(late, false), driver.ErrUnavailable, driver.NotApplied},
		{"late after it was sent", failure.OfContext(late, true), driver.ErrUnavailable, driver.Unknown},
		{"late, as a deadline", failure.OfContext(late, true), context.DeadlineExceeded, driver.Unknown},
		{"failed meanwhile", failure.InContext(canceled, lost().Retryable()), context.Canceled, driver.Unknown},
		{"failed for good", failure.InContext(canceled, lost()), io.EOF, driver.Unknown},
		{"failed in time", failure.InContext(t.Context(), lost().Retryable()), io.EOF, driver.Unknown},
	} {
		if !is(test.err, test.kind, test.outcome) {
			t.Errorf("%s: %#v, want %v with outcome %v", test.name, test.err, test.kind, test.outcome)
		}
	}
	if err := failure.InContext(canceled, nil); err != nil {
		t.Errorf("a call that succeeded: %v", err)
	}
}

func TestWhatAConnectionReports(t *testing.T) {
	for _, test := range []struct {
		err          error
		timeout, tls bool
	}{
		{io.EOF, false, false},
		{os.ErrDeadlineExceeded, true, false},
		{context.DeadlineExceeded, true, false},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, true, false},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, false, true},
		{tls.RecordHeaderError{Msg: "not TLS"}, false, true},
		{&tls.CertificateVerificationError{Err: errors.New("expired")}, false, true},
	} {
		err := fmt.Errorf("in between: %w", test.err)
		if timeout, tls := failure.IsTimeout(err), failure.IsTLS(err); timeout != test.timeout || tls != test.tls {
			t.Errorf("%v: timeout %v, TLS %v", err, timeout, tls)
		}
	}
}

func TestATimeoutIsADeadlineExceeded(t *testing.T) {
	for _, err := range []error{
		&failure.TimeoutError{Limit: time.Second, Err: os.ErrDeadlineExceeded},
		&failure.TimeoutError{Err: os.ErrDeadlineExceeded},
	} {
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v is not both errors", err)
		}
	}
	if got := (&failure.TimeoutError{Limit: time.Second, Err: io.EOF}).Error(); got != "no answer within 1s: EOF" {
		t.Errorf("says %q", got)
	}
}

func TestErrorLineIsTheFirstErrorReply(t *testing.T) {
	for data, want := range map[string]string{
		"-ERR no\r\n+OK\r\n": "ERR no",
		"-ERR half":          "", // its end is missing
		"+OK\r\n":            "",
		"-\r\n":              "",
		"":                   "",
	} {
		if text, ok := failure.ErrorLine([]byte(data)); text != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", data, text, ok)
		}
	}
}
