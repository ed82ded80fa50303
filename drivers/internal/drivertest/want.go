package drivertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// waitTimeout is the longest time for an event that must happen, on a machine with
// much else to do.
const waitTimeout = 30 * time.Second

// Eventually calls ok again and again until ok returns true. After waitTimeout the test fails
// with the text of complaint.
func Eventually(t testing.TB, ok func() bool, complaint func() string) {
	t.Helper()
	for end := time.Now().Add(waitTimeout); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Error(complaint())
			return
		}
	}
}

// WantErr fails the test unless err matches every one of targets, and has the
// outcome. WantErr also fails the test if err blames both the caller's context
// and the server.
func WantErr(t testing.TB, err error, outcome driver.Outcome, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("got %v, want %v", err, target)
		}
	}
	wantOneEnd(t, err)
	if unknown := errors.Is(err, driver.ErrUnknownOutcome); err != nil && unknown != (outcome == driver.Unknown) {
		t.Errorf("got %v, whose outcome is unknown: %v", err, unknown)
	}
}

// wantOneEnd fails the test if err blames both the caller's context and the server.
func wantOneEnd(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, driver.ErrUnavailable) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		t.Errorf("%v: matches ErrUnavailable and a context's error", err)
	}
}

// WantPrompt fails the test unless call returns an error that matches want soon
// after ctx has ended. what names the call in the text of a failure. Time in
// which this process does not run does not count.
func WantPrompt(t testing.TB, what string, ctx context.Context, call func() error, want error) { //nolint:revive // reads better
	t.Helper()
	ended := make(chan *stopwatch.Watch, 1)
	stop := context.AfterFunc(ctx, func() { ended <- stopwatch.Start() })
	err := call()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
	wantOneEnd(t, err)
	if stop() { // the call did not need all of its time
		return
	}
	if late := (<-ended).Stop(); late > time.Second { // 20 ms on a machine with nothing else to do
		t.Errorf("%s: returned %v late", what, late)
	}
}

// WhenQuick returns the error of call. A driver does not repeat a call that has
// failed late, and on a busy machine the driver may notice a lost connection late.
// So WhenQuick makes a call that fails late again, at most 10 times in all.
func WhenQuick(call func() error) error {
	const tries, late = 10, 100 * time.Millisecond // late is before any driver gives up
	for try := 1; ; try++ {
		start := time.Now()
		err := call()
		if err == nil || time.Since(start) < late || try == tries {
			return err
		}
	}
}

// wantValue fails the test unless a key has a value.
func wantValue(t testing.TB, v *xcache.View[string], key, want string) {
	t.Helper()
	if got, err := v.Get(t.Context(), key); got != want || err != nil {
		t.Errorf("Get = %q, %v, want %q", got, err, want)
	}
}
