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

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// is reports whether err has a kind and an outcome.
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
		{"late before it was sent", failure.OfContext(late, false), context.DeadlineExceeded, driver.NotApplied},
		{"late after it was sent", failure.OfContext(late, true), context.DeadlineExceeded, driver.Unknown},
		{"failed meanwhile", failure.InContext(canceled, lost().Retryable()), context.Canceled, driver.Unknown},
		{"failed for good", failure.InContext(canceled, lost()), io.EOF, driver.Unknown},
		{"failed in time", failure.InContext(t.Context(), lost().Retryable()), io.EOF, driver.Unknown},
	} {
		require.True(t, is(test.err, test.kind, test.outcome), "%s: %#v, want %v with outcome %v", test.name, test.err, test.kind, test.outcome)
	}
	require.NoError(t, failure.InContext(canceled, nil), "a call that succeeded")
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
		timeout, tls := failure.IsTimeout(err), failure.IsTLS(err)
		require.Equal(t, test.timeout, timeout)
		require.Equal(t, test.tls, tls)
	}
}

// The end of the caller's context is the error of that context, and not an error of the
// server. The end of the store's own time is an error of the server.
func TestWhoseTimeWasUp(t *testing.T) {
	past, soon, far := time.Unix(0, 0), time.Now().Add(time.Millisecond), time.Now().Add(time.Hour)
	callers, cancel := context.WithDeadline(t.Context(), past)
	defer cancel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	distant, cancel := context.WithDeadline(t.Context(), far)
	defer cancel()
	own := func(ctx context.Context, deadline time.Time) context.Context {
		ctx, cancel := failure.Bound(ctx, deadline, time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	below, cancel := context.WithCancel(own(own(t.Context(), soon), far))
	defer cancel()
	<-below.Done()
	for _, test := range []struct {
		name string
		ctx  context.Context
		want error
	}{
		{"the caller's deadline", callers, context.DeadlineExceeded},
		{"the caller's deadline, before the store's", own(callers, far), context.DeadlineExceeded},
		{"a cancelled call", own(canceled, far), context.Canceled},
		{"a cancelled call that is late", own(canceled, past), context.Canceled},
		{"the store's time", own(t.Context(), past), driver.ErrUnavailable},
		{"the store's time, before the caller's deadline", own(distant, past), driver.ErrUnavailable},
		{"the store's time, and more contexts", below, driver.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, err := range []error{failure.OfContext(test.ctx, true), failure.OfTimeout(test.ctx, os.ErrDeadlineExceeded, 0, true)} {
				require.ErrorIs(t, err, driver.ErrUnknownOutcome)
				for _, word := range []error{context.Canceled, context.DeadlineExceeded, driver.ErrUnavailable} {
					require.Equal(t, errors.Is(test.want, word), errors.Is(err, word), "%v matches %v", err, word)
				}
			}
		})
	}
}

// A connection has the deadline of its call, and may time out before the context does.
func TestAConnectionThatKnowsOfTheEndFirst(t *testing.T) {
	deadline := time.Now().Add(time.Hour)
	callers, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	own, cancel := failure.Bound(t.Context(), deadline, 3*time.Second)
	defer cancel()
	late := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}

	err := failure.OfTimeout(callers, late, 0, false)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, driver.ErrUnavailable)
	for _, err := range []error{failure.OfTimeout(own, late, 0, false), failure.OfTimeout(t.Context(), late, 3*time.Second, false)} {
		require.ErrorIs(t, err, driver.ErrUnavailable)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.True(t, failure.IsTimeout(err))
		require.EqualError(t, err, "xcache: server unavailable: no answer within 3s: read tcp: i/o timeout")
		native, ok := errors.AsType[*net.OpError](err)
		require.True(t, ok)
		require.Same(t, late, native)
	}
}

func TestErrorLineIsTheFirstErrorReply(t *testing.T) {
	for data, want := range map[string]string{
		"-ERR no\r\n+OK\r\n": "ERR no",
		"-ERR half":          "", // the end is missing
		"+OK\r\n":            "",
		"-\r\n":              "",
		"":                   "",
	} {
		text, ok := failure.ErrorLine([]byte(data))
		require.Equal(t, want, text, "%q", data)
		require.Equal(t, want != "", ok, "%q", data)
	}
}
