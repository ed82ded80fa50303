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

// waitTimeout is how long something that must happen may take on a machine that has
// much else to do.
const waitTimeout = 30 * time.Second

// Eventually fails the test with what complaint says unless ok holds soon.
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
// outcome that is expected.
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

// WantPrompt fails the test unless call returns soon after ctx has ended, with
// its error. Time in which this process does not run does not count.
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

// WhenQuick returns what call returns. A driver does not try again what failed after
// a while, and on a busy machine a while may pass before a lost connection is
// noticed: so a call that fails late is made anew, some times.
func WhenQuick(call func() error) error {
	const tries, late = 10, 100 * time.Millisecond // which is before any driver gives up
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
