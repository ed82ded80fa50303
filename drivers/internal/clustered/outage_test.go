package clustered

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
)

// A caller with little time leaves a server that is well, and nobody calls the server for a
// while. The next outage of the server is waited out as any other, and fails fast after the
// grace period.
func TestAnOldFailureSaysNothingOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		s := openFake(t, func(n *fakeNode) {
			n.do = func(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
				if down.Load() {
					return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("refused")).Retryable()
				}
				select {
				case <-ctx.Done():
					return driver.Fail(ctx.Err(), driver.Unknown, nil)
				case <-time.After(10 * time.Millisecond):
					return hits(ctx, cmds, how)
				}
			}
		})
		incr := func(within time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			cmd := driver.NewCmd("INCR", driver.Key(of("a", "k")))
			return errors.Join(s.Do(ctx, []*driver.Cmd{cmd}, driver.Plain), cmd.Err)
		}
		require.NoError(t, incr(time.Second))
		require.ErrorIs(t, incr(time.Millisecond), context.DeadlineExceeded)
		time.Sleep(time.Minute)

		down.Store(true)
		time.AfterFunc(2*time.Second, func() { down.Store(false) })
		require.NoError(t, incr(4*time.Second))

		down.Store(true)
		began := time.Now()
		for time.Since(began) < gracePeriod+time.Second {
			require.ErrorIs(t, incr(time.Second), driver.ErrUnavailable)
			time.Sleep(100 * time.Millisecond)
		}
		began = time.Now()
		require.ErrorIs(t, incr(time.Minute), driver.ErrUnavailable)
		require.Less(t, time.Since(began), gracePeriod/2, "a long outage fails calls fast")
	})
}
