package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

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
		require.Equal(t, tt.reads, retry.Allowed(tt.err, true), "%s: a read is sent again", tt.name)
		require.Equal(t, tt.writes, retry.Allowed(tt.err, false), "%s: a write is sent again", tt.name)
	}
}

func TestFromKeepsTheOrder(t *testing.T) {
	for _, tt := range []struct {
		fates string // r: may be sent again, x: has finally failed, o: is done
		want  int
	}{
		{"", 0}, {"o", 1}, {"r", 0}, {"rrr", 0}, {"orr", 1}, {"oor", 2}, {"rro", 3}, {"rxr", 2}, {"ror", 2}, {"xrr", 1},
	} {
		require.Equal(t, tt.want, retry.From(len(tt.fates), func(i int) bool { return tt.fates[i] == 'r' }), tt.fates)
	}
}

func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		try := 2
		for retry.Wait(t.Context(), try, start, start.Add(time.Minute)) {
			try++
		}
		require.Equal(t, retry.Tries+1, try, "%d tries", try-1)
		took := time.Since(start)
		require.Greater(t, took, time.Duration(0), "waited %v", took)
		require.LessOrEqual(t, took, 100*time.Millisecond, "waited %v", took)
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
			require.False(t, waited, "waits %s", name)
		}
		require.Zero(t, time.Since(now), "the refusals took")
		soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.False(t, retry.Wait(soon, 2, now, now.Add(time.Minute)), "waits on after its context has ended")
		require.Equal(t, time.Millisecond, time.Since(now), "waits on after its context has ended")
	})
}
