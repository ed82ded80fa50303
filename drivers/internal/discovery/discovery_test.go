package discovery_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/internal/discovery"
)

func in(d time.Duration) time.Time { return time.Now().Add(d) }

func TestCallsOfAMomentShareAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("nobody answers")
		var asked atomic.Int32
		d := discovery.New(0, func(context.Context, string) error {
			asked.Add(1)
			time.Sleep(10 * time.Millisecond)
			return failure
		})
		defer d.Close()
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { assert.Equal(t, failure, d.Try(t.Context(), in(time.Minute), "k")) })
		}
		callers.Wait()
		require.EqualValues(t, 1, asked.Load())
		require.Equal(t, failure, d.Try(t.Context(), in(time.Minute), "k"))
		require.EqualValues(t, 2, asked.Load(), "a call joined an attempt that had ended")
	})
}

// The first nodes that are asked are frozen.
func TestNoCallWaitsForAnAttemptAtAFrozenNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const frozen = 3
		var asked atomic.Int32
		d := discovery.New(0, func(ctx context.Context, key string) error {
			assert.Equal(t, "k", key)
			if asked.Add(1) <= frozen {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		defer d.Close()
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() { assert.NoError(t, d.Try(t.Context(), in(time.Minute), "k")) })
		}
		began := time.Now()
		callers.Wait()
		require.EqualValues(t, frozen+1, asked.Load())
		require.Less(t, time.Since(began), time.Second)
	})
}

// The attempt at a frozen node ends while later calls wait for attempts of their own.
func TestALateAttemptEndsNoLaterWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := errors.New("of the first attempt")
		takes := make(chan time.Duration, 10)
		for _, d := range []time.Duration{3 * time.Second, time.Millisecond, 2 * time.Second, time.Minute, time.Minute, time.Minute, time.Minute, time.Minute} {
			takes <- d
		}
		d := discovery.New(0, func(context.Context, string) error {
			mine := <-takes
			time.Sleep(mine)
			if mine == 3*time.Second {
				return late
			}
			return nil
		})
		defer d.Close()
		require.NoError(t, d.Try(t.Context(), in(time.Minute), "k"))
		time.Sleep(2850 * time.Millisecond)
		began := time.Now()
		require.NoError(t, d.Try(t.Context(), in(time.Minute), "k"))
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestACallWaitsForASlowCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		d := discovery.New(0, func(context.Context, string) error {
			asked.Add(1)
			time.Sleep(2 * time.Second)
			return nil
		})
		defer d.Close()
		began := time.Now()
		require.NoError(t, d.Try(t.Context(), in(time.Minute), "k"))
		require.Equal(t, 2*time.Second, time.Since(began))
		require.LessOrEqual(t, asked.Load(), int32(6), "the intervals do not double")
	})
}

func TestTryEndsWithItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := discovery.New(0, func(ctx context.Context, _ string) error { <-ctx.Done(); return nil })
		began := time.Now()
		require.NoError(t, d.Try(t.Context(), in(time.Millisecond), "k"))
		require.NoError(t, d.Try(t.Context(), in(-time.Second), "k"))
		require.Equal(t, time.Millisecond, time.Since(began), "a deadline")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.NoError(t, d.Try(ctx, in(time.Minute), "k"))
		require.Equal(t, 2*time.Millisecond, time.Since(began), "a context")
		d.Close() // an attempt is left, which ends with its context
		require.Equal(t, 2*time.Millisecond, time.Since(began), "Close")
	})
}

// No caller has set the time of an attempt, so no caller is told of a context.
func TestAttemptsEndAfterTheirTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := discovery.New(3*time.Second, func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
		defer d.Close()
		began := time.Now()
		require.NoError(t, d.Try(t.Context(), in(time.Minute), "k"))
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

// The library does not listen to the context.
func TestDisconnectEndsTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := discovery.New(0, func(context.Context, string) error { time.Sleep(time.Minute); return nil })
		defer d.Close()
		began := time.Now()
		time.AfterFunc(time.Millisecond, d.Disconnect)
		require.NoError(t, d.Try(t.Context(), in(time.Minute), "k"))
		require.NoError(t, d.Try(t.Context(), in(time.Minute), "k"))
		require.Equal(t, time.Millisecond, time.Since(began))
	})
}
