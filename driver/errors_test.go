package driver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

var sentinels = []error{
	driver.ErrNotFound, driver.ErrNotStored, driver.ErrWrongType, driver.ErrOverflow, driver.ErrClosed, driver.ErrUnavailable, driver.ErrReadOnly,
	driver.ErrOutOfMemory, driver.ErrAuth, driver.ErrInvalidKey, driver.ErrTooLarge, driver.ErrCrossSlot,
}

func TestErrorsMatchTheirKindAndNoOther(t *testing.T) {
	for i, kind := range sentinels {
		err := fmt.Errorf("wrapped: %w", driver.Fail(kind, driver.NotApplied, nil))
		for j, sentinel := range append(sentinels, driver.ErrUnknownOutcome) {
			got, want := errors.Is(err, sentinel), i == j
			require.Equal(t, want, got, "errors.Is(%q, %q) = %v", err, sentinel, got)
		}
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	native := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	err := error(driver.Fail(driver.ErrUnavailable, driver.NotApplied, native))
	var op *net.OpError
	require.ErrorAs(t, err, &op, "the cause of %v is gone", err)
	require.Same(t, native, op, "the cause of %v is gone", err)
	require.ErrorIs(t, err, native, "the cause of %v is gone", err)
	err = driver.Fail(driver.ErrUnavailable, driver.Unknown, os.ErrDeadlineExceeded)
	for _, target := range []error{driver.ErrUnavailable, driver.ErrUnknownOutcome, os.ErrDeadlineExceeded} {
		require.ErrorIs(t, err, target)
	}
	var e *driver.Error
	require.ErrorAs(t, fmt.Errorf("x: %w", err), &e, "got %+v", e)
	require.Equal(t, driver.Unknown, e.Outcome, "got %+v", e)
	require.ErrorIs(t, e.Kind, driver.ErrUnavailable, "got %+v", e)
	require.False(t, e.Transient, "got %+v", e)
	require.True(t, e.Retryable().Transient, "Retryable does not mark the error")
	require.True(t, e.Transient, "Retryable does not mark the error")
}

func TestAnAnswerIsFoundInTheCause(t *testing.T) {
	silent := driver.Fail(driver.ErrUnavailable, driver.NotApplied, nil)
	answered := driver.Fail(driver.ErrUnavailable, driver.NotApplied, nil)
	answered.Answered = true
	require.False(t, driver.IsAnswered(nil))
	require.False(t, driver.IsAnswered(io.EOF))
	require.False(t, driver.IsAnswered(silent))
	require.True(t, driver.IsAnswered(fmt.Errorf("x: %w", answered)))
	require.True(t, driver.IsAnswered(driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("sent again after: %w", answered))))
	require.False(t, driver.IsAnswered(driver.Fail(driver.ErrUnavailable, driver.NotApplied, silent)))
}

// The words of a cause are those of a client library, or of a call inside the call.
func TestTheKindAloneSaysWhatHappened(t *testing.T) {
	var timeout interface{ Timeout() bool }
	for _, word := range append([]error{driver.ErrUnknownOutcome, errors.ErrUnsupported, context.Canceled, context.DeadlineExceeded}, sentinels...) {
		err := error(driver.Fail(io.EOF, driver.NotApplied, fmt.Errorf("the client: %w", driver.Fail(word, driver.Unknown, &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}))))
		require.NotErrorIs(t, err, word)
		require.NotErrorIs(t, err, driver.ErrUnknownOutcome)
		require.ErrorIs(t, err, io.EOF)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		require.Contains(t, err.Error(), strings.TrimPrefix(word.Error(), "xcache: "))
	}
	own := driver.Fail(context.DeadlineExceeded, driver.Unknown, driver.ErrUnavailable)
	require.ErrorIs(t, own, context.DeadlineExceeded)
	require.NotErrorIs(t, own, driver.ErrUnavailable)
}

// A keepingError stands for errors of the standard library that keep their input.
type keepingError struct{ Value string }

func (keepingError) Error() string { return "no number" }

func TestNoFormOfAnErrorShowsWhatItsCauseKeeps(t *testing.T) {
	err := driver.Fail(driver.ErrUnavailable, driver.NotApplied, keepingError{"canary"})
	encoded, marshalErr := json.Marshal(map[string]any{"err": err})
	require.NoError(t, marshalErr)
	require.JSONEq(t, `{"err": "xcache: server unavailable: no number"}`, string(encoded))
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, err), "canary")
}

func TestTheTextOfErrors(t *testing.T) {
	tests := []struct {
		err  *driver.Error
		want string
	}{
		{driver.Fail(driver.ErrUnavailable, driver.NotApplied, nil), "xcache: server unavailable"},
		{driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("refused")), "xcache: server unavailable: refused"},
		{driver.Fail(driver.ErrUnavailable, driver.Unknown, errors.New("cut")), "xcache: server unavailable: cut (outcome unknown)"},
		{driver.Fail(driver.ErrWrongType, driver.NotApplied, driver.ErrNotFound), "xcache: key holds the wrong type of value: key not found"},
	}
	for _, test := range tests {
		require.Equal(t, test.want, test.err.Error())
	}
	for _, sentinel := range append(sentinels, driver.ErrUnknownOutcome) {
		text := sentinel.Error()
		require.True(t, strings.HasPrefix(text, "xcache: "), "%q has not one prefix", text)
		require.Equal(t, 1, strings.Count(text, "xcache: "), "%q has not one prefix", text)
	}
}
