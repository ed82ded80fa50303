package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/retry"
)

func TestAllowed(t *testing.T) {
	for _, tt := range []struct {
		name          string
		err           error
		reads, writes bool
	}{
		{"success", nil, false, false},
		{"a miss", driver.ErrNotFound, false, false},
		{"not of a driver", errors.New("x"), false, false},
		{"passing, not applied", driver.Fail(driver.ErrUnavailable, driver.NotApplied, nil).Retryable(), true, true},
		{"passing, unknown", driver.Fail(driver.ErrUnavailable, driver.Unknown, nil).Retryable(), true, false},
		{"lasting, not applied", driver.Fail(driver.ErrAuth, driver.NotApplied, nil), false, false},
		{"lasting, unknown", driver.Fail(driver.ErrUnavailable, driver.Unknown, nil), false, false},
	} {
		if got := retry.Allowed(tt.err, true); got != tt.reads {
			t.Errorf("%s: a read is sent again: %v", tt.name, got)
		}
		if got := retry.Allowed(tt.err, false); got != tt.writes {
			t.Errorf("%s: a write is sent again: %v", tt.name, got)
		}
	}
}

func TestFromKeepsTheOrder(t *testing.T) {
	for _, tt := range []struct {
		fates string // r: may be sent again, x: failed for good, o: done
		want  int
	}{
		{"", 0}, {"o", 1}, {"r", 0}, {"rrr", 0}, {"orr", 1}, {"oor", 2}, {"rro", 3}, {"rxr", 2}, {"ror", 2}, {"xrr", 1},
	} {
		if got := retry.From(len(tt.fates), func(i int) bool { return tt.fates[i] == 'r' }); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.fates, got, tt.want)
		}
	}
}

func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		try := 2
		for retry.Wait(t.Context(), try, start, start.Add(time.Minute)) {
			try++
		}
		if try != retry.Tries+1 {
			t.Errorf("%d tries", try-1)
		}
		if took := time.Since(start); took <= 0 || took > 100*time.Millisecond {
			t.Errorf("waited %v", took)
		}
	})
}

func TestWaitRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		now := time.Now()
		for name, waited := range map[string]bool{
			"after its context has ended": retry.Wait(ended, 2, now, now.Add(time.Minute)),
			"long after the start":        retry.Wait(t.Context(), 2, now.Add(-time.Second), now.Add(time.Minute)),
			"with too little time left":   retry.Wait(t.Context(), 2, now, now.Add(time.Millisecond)),
		} {
			if waited {
				t.Errorf("waits %s", name)
			}
		}
		if took := time.Since(now); took != 0 {
			t.Errorf("the refusals took %v", took)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if retry.Wait(soon, 2, now, now.Add(time.Minute)) || time.Since(now) != time.Millisecond {
			t.Errorf("waits on after its context has ended")
		}
	})
}
