package driver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

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
			if got, want := errors.Is(err, sentinel), i == j; got != want {
				t.Errorf("errors.Is(%q, %q) = %v", err, sentinel, got)
			}
		}
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	native := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	err := error(driver.Fail(driver.ErrUnavailable, driver.NotApplied, native))
	var op *net.OpError
	if !errors.As(err, &op) || op != native || !errors.Is(err, native) {
		t.Errorf("the cause of %v is gone", err)
	}
	err = driver.Fail(driver.ErrUnavailable, driver.Unknown, context.DeadlineExceeded)
	for _, target := range []error{driver.ErrUnavailable, driver.ErrUnknownOutcome, context.DeadlineExceeded} {
		if !errors.Is(err, target) {
			t.Errorf("%v does not match %v", err, target)
		}
	}
	var e *driver.Error
	if !errors.As(fmt.Errorf("x: %w", err), &e) || e.Outcome != driver.Unknown || !errors.Is(e.Kind, driver.ErrUnavailable) || e.Transient {
		t.Errorf("got %+v", e)
	}
	if !e.Retryable().Transient || !e.Transient {
		t.Error("Retryable does not mark the error")
	}
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
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	for _, sentinel := range append(sentinels, driver.ErrUnknownOutcome) {
		if text := sentinel.Error(); !strings.HasPrefix(text, "xcache: ") || strings.Count(text, "xcache: ") != 1 {
			t.Errorf("%q has not one prefix", text)
		}
	}
}
