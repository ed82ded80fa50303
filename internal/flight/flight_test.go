package flight_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

var key = flight.Key{Full: "k"}

// within returns a function that takes a second.
func within(result any, err error) func(context.Context, *flight.Flight) (any, error) {
	return func(ctx context.Context, _ *flight.Flight) (any, error) {
		select {
		case <-time.After(time.Second):
			return result, err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func TestCallersShareAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group
		defer group.Close()
		runs := 0
		var callers sync.WaitGroup
		for range 20 {
			callers.Go(func() {
				got, err := group.Do(t.Context(), key, nil, func(ctx context.Context, fl *flight.Flight) (any, error) {
					runs++
					return within("result", nil)(ctx, fl)
				})
				assert.NoError(t, err)
				assert.Equal(t, "result", got)
			})
		}
		synctest.Wait()
		require.True(t, group.UnderWay())
		callers.Wait()
		require.Equal(t, 1, runs)
		require.False(t, group.UnderWay())
		require.EqualValues(t, 1, group.Landed())
	})
}

func TestACallerLeavesAndTheLastOneEndsTheFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group
		defer group.Close()
		var ended error
		run := func(ctx context.Context, fl *flight.Flight) (any, error) {
			result, err := within("result", nil)(ctx, fl)
			ended = err
			return result, err
		}
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var patient sync.WaitGroup
		patient.Go(func() {
			got, err := group.Do(t.Context(), key, nil, run)
			assert.NoError(t, err)
			assert.Equal(t, "result", got)
		})
		synctest.Wait()
		_, err := group.Do(short, key, nil, run)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		patient.Wait()
		require.NoError(t, ended, "another caller waited")

		again, cancelAgain := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancelAgain()
		_, err = group.Do(again, key, nil, run)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		require.ErrorIs(t, ended, context.Canceled, "nobody waits any more")
	})
}

func TestAPanicReachesTheCallers(t *testing.T) {
	var group flight.Group
	defer group.Close()
	cause := errors.New("at the disco")
	defer func() {
		panicked, ok := recover().(*flight.PanicError)
		require.True(t, ok)
		require.ErrorIs(t, panicked, cause)
		require.ErrorContains(t, panicked, "flight_test.go", "the stack of the function")
	}()
	_, _ = group.Do(t.Context(), key, nil, func(context.Context, *flight.Flight) (any, error) { panic(cause) })
}

func TestAFunctionThatExitsLeavesNobodyStuck(t *testing.T) {
	var group flight.Group
	defer group.Close()
	_, err := group.Do(t.Context(), key, nil, func(context.Context, *flight.Flight) (any, error) { runtime.Goexit(); return nil, nil })
	require.ErrorIs(t, err, flight.ErrExited)
}

func TestAFunctionThatWouldWaitForItselfIsRefused(t *testing.T) {
	var group flight.Group
	defer group.Close()
	other := flight.Key{Full: "other"}
	_, err := group.Do(t.Context(), key, nil, func(ctx context.Context, _ *flight.Flight) (any, error) {
		return group.Do(ctx, other, nil, func(ctx context.Context, _ *flight.Flight) (any, error) {
			return group.Do(ctx, key, nil, within(nil, nil))
		})
	})
	require.ErrorIs(t, err, flight.ErrCycle)
}

func TestAFlightOfTheGroupGoesOnWithoutCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group
		defer group.Close()
		failure := errors.New("failure")
		var failed []error
		fails := func(err error) { failed = append(failed, err) }
		short, cancel := context.WithCancel(t.Context())
		group.Start(short, key, fails, within(nil, failure))
		cancel()
		group.Start(t.Context(), key, fails, within(nil, failure)) // there is one
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []error{failure}, failed)

		group.Start(t.Context(), key, fails, within(nil, nil))
		require.False(t, group.UnderWay(), "a pause follows a failure")
		time.Sleep(flight.FirstPause)
		group.Start(t.Context(), key, fails, within(nil, nil))
		require.True(t, group.UnderWay())
		got, err := group.Do(t.Context(), key, nil, within(nil, failure))
		require.NoError(t, err)
		require.Nil(t, got, "callers join a flight of the group")
		group.Start(t.Context(), key, fails, within(nil, nil))
		require.True(t, group.UnderWay(), "no pause follows a success")
	})
}

func TestOneFunctionRunsForTheKeysWithoutAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group
		defer group.Close()
		keys := []flight.Key{{Full: "a"}, key, {Full: "b"}}
		var first sync.WaitGroup
		first.Go(func() { _, _ = group.Do(t.Context(), key, nil, within("shared", nil)) })
		synctest.Wait()
		failure := errors.New("failure")
		results, err := group.DoMany(t.Context(), keys, nil, func(_ context.Context, own []int, flights []*flight.Flight) []flight.Result {
			assert.Equal(t, []int{0, 2}, own)
			assert.Len(t, flights, 2)
			return []flight.Result{{Value: "a"}, {Err: failure}}
		})
		require.NoError(t, err)
		require.Equal(t, []flight.Result{{Value: "a"}, {Value: "shared"}, {Err: failure}}, results)
		first.Wait()
	})
}

func TestAnInvalidationKeepsTheResultFromBeingStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group
		defer group.Close()
		var stored []bool
		load := func(ctx context.Context, fl *flight.Flight) (any, error) {
			result, err := within("result", nil)(ctx, fl)
			stored = append(stored, group.Store(fl, func() {}))
			return result, err
		}
		for _, invalidated := range []string{"other", key.Full} {
			var caller sync.WaitGroup
			caller.Go(func() {
				got, err := group.Do(t.Context(), key, nil, load)
				assert.NoError(t, err)
				assert.Equal(t, "result", got)
			})
			synctest.Wait()
			removed := false
			require.NoError(t, group.Invalidate(t.Context(), func() error { removed = true; return nil }, invalidated))
			require.True(t, removed)
			caller.Wait()
		}
		require.Equal(t, []bool{true, false}, stored)
	})
}

// The limit ends while the result is being stored: an invalidation in that time waits for the
// write, and so removes what was written.
func TestALimitDoesNotLandAFlightThatIsBeingStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group
		defer group.Close()
		stored := false
		time.AfterFunc(3*time.Second/2, func() {
			assert.NoError(t, group.Invalidate(t.Context(), func() error {
				assert.True(t, stored, "the invalidation did not wait")
				return nil
			}, key.Full))
		})
		got, err := group.Do(t.Context(), key, nil, func(_ context.Context, fl *flight.Flight) (any, error) {
			group.Limit([]*flight.Flight{fl}, time.Second, context.DeadlineExceeded)
			group.Store(fl, func() {
				time.Sleep(2 * time.Second)
				stored = true
			})
			return "result", nil
		})
		require.NoError(t, err)
		require.Equal(t, "result", got)
	})
}

func TestACallerWithASoftTimeoutLeavesTheFlightToTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group
		defer group.Close()
		failure := errors.New("failure")
		var failed error
		soft := &flight.Soft{After: 100 * time.Millisecond, Failed: func(_ int, err error) { failed = err }}
		_, err := group.Do(t.Context(), key, soft, within(nil, failure))
		require.ErrorIs(t, err, flight.ErrSoftTimeout)
		require.True(t, group.UnderWay())
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, failure, failed)
	})
}

func TestCloseEndsFlightsAndWaitsForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group flight.Group
		var failed error
		group.Start(t.Context(), flight.Key{Full: "of the group"}, func(err error) { failed = err }, within(nil, nil))
		var caller sync.WaitGroup
		caller.Go(func() {
			_, err := group.Do(t.Context(), key, nil, within(nil, nil))
			assert.ErrorIs(t, err, driver.ErrClosed)
		})
		synctest.Wait()
		group.Close()
		require.False(t, group.UnderWay())
		require.NoError(t, failed, "the end by Close is no failure")
		caller.Wait()
		_, err := group.Do(t.Context(), key, nil, within(nil, nil))
		require.ErrorIs(t, err, driver.ErrClosed)
	})
}
