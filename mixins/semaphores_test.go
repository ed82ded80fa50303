package mixins_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

func newSemaphores(t *testing.T, c *xcache.Cache) *mixins.Semaphores {
	t.Helper()
	semaphores, err := mixins.NewSemaphores(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, semaphores.Close()) })
	return semaphores
}

// weigh returns options for a weight.
func weigh(weight int) mixins.SemaphoreOptions { return mixins.SemaphoreOptions{Weight: weight} }

func TestPermitsAreNoMoreThanTheCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		semaphores := newSemaphores(t, openTest(t, "memory://"))
		ctx, large, err := semaphores.TryAcquire(t.Context(), "s", 3, weigh(2))
		require.NoError(t, err)
		require.Equal(t, "s", large.Name())
		_, _, err = semaphores.TryAcquire(t.Context(), "s", 3, weigh(2))
		require.ErrorIs(t, err, mixins.ErrSemaphoreFull)
		_, small, err := semaphores.TryAcquire(t.Context(), "s", 3, weigh(0))
		require.NoError(t, err)
		before := time.Now()
		_, _, err = semaphores.Acquire(t.Context(), "s", 3, mixins.SemaphoreOptions{Wait: time.Second})
		require.ErrorIs(t, err, mixins.ErrSemaphoreFull)
		require.Equal(t, time.Second, time.Since(before))
		synctest.Wait() // the place of the last caller is given up
		time.Sleep(time.Minute)
		require.NoError(t, ctx.Err(), "leases are renewed")
		require.NoError(t, small.Extend(t.Context(), time.Minute))
		require.Greater(t, small.Left(), 50*time.Second)
		require.NoError(t, large.Release(ctx))
		require.ErrorIs(t, large.Release(ctx), mixins.ErrPermitNotHeld)
		require.ErrorIs(t, large.Extend(t.Context(), time.Minute), mixins.ErrPermitNotHeld)
		_, _, err = semaphores.TryAcquire(t.Context(), "s", 3, weigh(2))
		require.NoError(t, err)
	})
}

func TestALargePermitIsNotPassedBySmallOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := newSemaphores(t, openTest(t, "memory://"+t.Name())), newSemaphores(t, openTest(t, "memory://"+t.Name()))
		ctx, first, err := here.TryAcquire(t.Context(), "s", 3, weigh(1))
		require.NoError(t, err)
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		for i, weight := range []int{3, 1, 2, 3} {
			handle := []*mixins.Semaphores{here, there}[i%2]
			all.Go(func() {
				ctx, permit, err := handle.Acquire(t.Context(), "s", 3, weigh(weight))
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				time.Sleep(10 * time.Millisecond)
				assert.NoError(t, permit.Release(ctx))
			})
			time.Sleep(10 * time.Millisecond)
		}
		_, _, err = there.TryAcquire(t.Context(), "s", 3, weigh(1))
		require.ErrorIs(t, err, mixins.ErrSemaphoreFull, "others wait")
		require.NoError(t, first.Release(ctx))
		all.Wait()
		require.ElementsMatch(t, []int{1, 2}, order[1:3], "both have room at once")
		require.Equal(t, []int{0, 3}, []int{order[0], order[3]})
	})
}

func TestCallersWhoLeaveGiveUpTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		semaphores := newSemaphores(t, openTest(t, "memory://"))
		ctx, first, err := semaphores.TryAcquire(t.Context(), "s", 2, weigh(1))
		require.NoError(t, err)
		leaving, leave := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, _, err := semaphores.Acquire(leaving, "s", 2, weigh(2))
			left <- err
		}()
		synctest.Wait()
		staying := make(chan error)
		go func() {
			_, _, err := semaphores.Acquire(t.Context(), "s", 2, weigh(1))
			staying <- err
		}()
		synctest.Wait()
		before := time.Now()
		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		require.NoError(t, <-staying)
		require.Zero(t, time.Since(before), "it is told at once")
		require.NoError(t, first.Release(ctx))
	})
}

func TestThePermitThatTheServerForgetsIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		semaphores := newSemaphores(t, c)
		ctx, permit, err := semaphores.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.NoError(t, err)
		require.NoError(t, c.FlushDB(t.Context()))
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), mixins.ErrPermitLost)
		require.ErrorIs(t, permit.Release(ctx), mixins.ErrPermitNotHeld)
	})
}

func TestLostRepliesOfSemaphores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, c := openFlaky(t)
		semaphores := newSemaphores(t, c)
		store.set(2, false)
		ctx, permit, err := semaphores.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.NoError(t, err)
		store.set(2, false)
		require.NoError(t, permit.Release(ctx))
		store.set(4, false) // the replies of all attempts
		_, _, err = semaphores.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
		synctest.Wait()
		_, _, err = semaphores.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.NoError(t, err, "what may have been taken is released")
	})
}

// lastRefused makes the store lose the reply of the next command, which is applied, and refuse the
// command after that one.
func lastRefused(store *flaky) {
	store.mu.Lock()
	defer store.mu.Unlock()
	var calls atomic.Int32
	store.answer = func(context.Context) error {
		if calls.Add(1) == 2 {
			return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("away"))
		}
		return nil
	}
	store.lose = 1
}

// An attempt that was certainly not applied does not make an earlier attempt so.
func TestOneUnknownOutcomeAmongSeveralAttempts(t *testing.T) {
	for _, tt := range []struct {
		name string
		try  func(t *testing.T, c *xcache.Cache, failing func()) error
	}{
		{"lock", func(t *testing.T, c *xcache.Cache, failing func()) error {
			t.Helper()
			locks := newLocks(t, c)
			failing()
			_, _, err := locks.TryAcquire(t.Context(), "k", mixins.LockOptions{})
			return err
		}},
		{"release of a lock", func(t *testing.T, c *xcache.Cache, failing func()) error {
			t.Helper()
			_, lock, err := newLocks(t, c).TryAcquire(t.Context(), "k", mixins.LockOptions{})
			require.NoError(t, err)
			failing()
			return lock.Release(t.Context())
		}},
		{"permit", func(t *testing.T, c *xcache.Cache, failing func()) error {
			t.Helper()
			semaphores := newSemaphores(t, c)
			failing()
			_, _, err := semaphores.TryAcquire(t.Context(), "k", 1, weigh(1))
			return err
		}},
		{"waiting for a permit", func(t *testing.T, c *xcache.Cache, failing func()) error {
			t.Helper()
			semaphores := newSemaphores(t, c)
			failing()
			_, _, err := semaphores.Acquire(t.Context(), "k", 1, weigh(1))
			return err
		}},
		{"claim on a key", func(t *testing.T, c *xcache.Cache, failing func()) error {
			t.Helper()
			once := newOnce[receipt](t, c)
			failing()
			_, err := once.Do(t.Context(), "k", mixins.OnceOptions{}, nil)
			return err
		}},
		{"result", func(t *testing.T, c *xcache.Cache, failing func()) error {
			t.Helper()
			_, err := newOnce[receipt](t, c).Do(t.Context(), "k", mixins.OnceOptions{}, func(context.Context) (receipt, error) {
				failing()
				return receipt{1}, nil
			})
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, c := openFlaky(t)
				err := tt.try(t, c, func() { lastRefused(store) })
				require.ErrorIs(t, err, xcache.ErrUnavailable)
				require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
				require.ErrorContains(t, err, `"k"`)
			})
		})
	}
}

func TestAPermitOfAnUnknownOutcomeIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, c := openFlaky(t)
		semaphores := newSemaphores(t, c)
		lastRefused(store)
		_, _, err := semaphores.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.ErrorIs(t, err, xcache.ErrUnavailable)
		synctest.Wait()
		_, _, err = semaphores.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.NoError(t, err)
	})
}

func TestCloseReleasesPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		semaphores, err := mixins.NewSemaphores(c)
		require.NoError(t, err)
		ctx, _, err := semaphores.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.NoError(t, err)
		waiting := make(chan error)
		go func() {
			_, _, err := semaphores.Acquire(t.Context(), "s", 1, weigh(1))
			waiting <- err
		}()
		synctest.Wait()
		require.NoError(t, semaphores.Close())
		require.ErrorIs(t, <-waiting, xcache.ErrClosed)
		require.ErrorIs(t, context.Cause(ctx), xcache.ErrClosed)
		_, _, err = semaphores.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.ErrorIs(t, err, xcache.ErrClosed)
		_, _, err = newSemaphores(t, c).TryAcquire(t.Context(), "s", 1, weigh(1))
		require.NoError(t, err)
	})
}

// The callers of a handle that closes leave the line, so that the caller behind them is served at
// once.
func TestCloseGivesUpThePlacesOfWaitingCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		closing, err := mixins.NewSemaphores(c)
		require.NoError(t, err)
		holding, behind := newSemaphores(t, c), newSemaphores(t, c)
		ctx, permit, err := holding.TryAcquire(t.Context(), "s", 1, weigh(1))
		require.NoError(t, err)
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				_, _, err := closing.Acquire(t.Context(), "s", 1, weigh(1))
				assert.ErrorIs(t, err, xcache.ErrClosed)
			})
		}
		synctest.Wait()
		waiting.Go(func() {
			before := time.Now()
			_, permit, err := behind.Acquire(t.Context(), "s", 1, weigh(1))
			if assert.NoError(t, err) {
				assert.NoError(t, permit.Release(t.Context()))
			}
			assert.Less(t, time.Since(before), time.Second)
		})
		synctest.Wait()
		require.NoError(t, closing.Close())
		require.NoError(t, permit.Release(ctx))
		waiting.Wait()
	})
}

func TestBadOptionsOfSemaphores(t *testing.T) {
	semaphores := newSemaphores(t, openTest(t, "memory://"))
	for _, tt := range []struct {
		capacity int
		options  mixins.SemaphoreOptions
	}{
		{0, weigh(0)}, {3, weigh(4)}, {3, weigh(-1)}, {-1, weigh(1)},
		{1, mixins.SemaphoreOptions{Lease: time.Millisecond}}, {1, mixins.SemaphoreOptions{Wait: -1}},
	} {
		_, _, err := semaphores.Acquire(t.Context(), "s", tt.capacity, tt.options)
		require.ErrorIs(t, err, xcache.ErrSyntax, "%+v", tt)
	}
	_, _, err := semaphores.TryAcquire(t.Context(), "", 1, weigh(1))
	require.ErrorIs(t, err, xcache.ErrInvalidKey)
}

func TestManyCallersShareASemaphore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const capacity = 5
		semaphores := newSemaphores(t, openTest(t, "memory://"))
		var mu sync.Mutex
		used := 0
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 10 {
					weight := 1 + rand.IntN(capacity)
					ctx, permit, err := semaphores.Acquire(t.Context(), "s", capacity, weigh(weight))
					if !assert.NoError(t, err) {
						return
					}
					mu.Lock()
					used += weight
					assert.LessOrEqual(t, used, capacity)
					mu.Unlock()
					time.Sleep(time.Millisecond)
					mu.Lock()
					used -= weight
					mu.Unlock()
					assert.NoError(t, permit.Release(ctx))
				}
			})
		}
		all.Wait()
	})
}
