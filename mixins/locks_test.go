package mixins_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/mixins"
)

func newLocks(t *testing.T, c *xcache.Cache) *mixins.Locks {
	t.Helper()
	locks, err := mixins.NewLocks(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, locks.Close()) })
	return locks
}

// tryLock takes a lock that is free.
func tryLock(t *testing.T, locks *mixins.Locks, options mixins.LockOptions) (context.Context, *mixins.Lock) {
	t.Helper()
	ctx, lock, err := locks.TryAcquire(t.Context(), "l", options)
	require.NoError(t, err)
	return ctx, lock
}

func wantLost(t *testing.T, ctx context.Context) {
	t.Helper()
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), mixins.ErrLockLost)
}

func TestOneHolderAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locks := newLocks(t, openTest(t, "memory://"))
		ctx, lock := tryLock(t, locks, mixins.LockOptions{})
		require.Equal(t, "l", lock.Name())
		_, _, err := locks.TryAcquire(t.Context(), "l", mixins.LockOptions{})
		require.ErrorIs(t, err, mixins.ErrLockHeld)
		before := time.Now()
		_, _, err = locks.Acquire(t.Context(), "l", mixins.LockOptions{Wait: time.Second})
		require.ErrorIs(t, err, mixins.ErrLockHeld)
		require.Equal(t, time.Second, time.Since(before))
		_, other, err := locks.TryAcquire(t.Context(), "other", mixins.LockOptions{})
		require.NoError(t, err)
		require.NoError(t, other.Release(ctx))

		require.NoError(t, lock.Release(ctx))
		require.ErrorIs(t, context.Cause(ctx), context.Canceled)
		require.ErrorIs(t, lock.Release(ctx), mixins.ErrLockNotHeld)
		require.ErrorIs(t, lock.Extend(t.Context(), time.Second), mixins.ErrLockNotHeld)
		require.Zero(t, lock.Left())
		_, next := tryLock(t, locks, mixins.LockOptions{})
		require.Greater(t, next.Fence(), lock.Fence())
	})
}

func TestALeaseIsRenewedUntilRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locks := newLocks(t, openTest(t, "memory://"))
		ctx, lock := tryLock(t, locks, mixins.LockOptions{Lease: time.Second})
		time.Sleep(time.Minute)
		require.NoError(t, ctx.Err())
		require.Greater(t, lock.Left(), time.Second/2)
		_, _, err := locks.TryAcquire(t.Context(), "l", mixins.LockOptions{})
		require.ErrorIs(t, err, mixins.ErrLockHeld)
		require.NoError(t, lock.Release(ctx))
	})
}

func TestWithoutRenewalALeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locks := newLocks(t, openTest(t, "memory://"))
		before := time.Now()
		ctx, lock := tryLock(t, locks, mixins.LockOptions{Lease: time.Second, NoRenewal: true})
		time.Sleep(time.Second / 2)
		require.NoError(t, lock.Extend(ctx, 2*time.Second))
		wantLost(t, ctx)
		require.Less(t, time.Since(before), 2500*time.Millisecond, "the holder knows of the end before the server")
		require.Greater(t, time.Since(before), 2400*time.Millisecond)
		require.ErrorIs(t, lock.Release(ctx), mixins.ErrLockNotHeld)
	})
}

func TestRenewalsKeepTheLeaseOfExtend(t *testing.T) {
	for name, lease := range map[string]time.Duration{"longer": time.Hour, "shorter": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := openTest(t, "memory://")
				locks := newLocks(t, c)
				ctx, lock := tryLock(t, locks, mixins.LockOptions{Lease: 30 * time.Second})
				time.Sleep(time.Second)
				require.NoError(t, lock.Extend(ctx, lease))
				for range 100 {
					time.Sleep(lease / 20)
					require.NoError(t, ctx.Err())
					require.Greater(t, lock.Left(), lease/2, "of %v", lease)
					require.LessOrEqual(t, lock.Left(), lease)
				}
				require.NoError(t, lock.Release(ctx))
			})
		})
	}
}

// A caller who shortens the lease does not rely on the longer lease from then on, unless the
// server has surely not run the command.
func TestExtendWithAShorterLeaseThatFails(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail func(store *flaky)
		want time.Duration
	}{
		{"reply lost", func(store *flaky) { store.set(1, false) }, time.Second},
		{"not applied", func(store *flaky) { store.set(0, true) }, 30 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, c := openFlaky(t)
				locks := newLocks(t, c)
				before := time.Now()
				ctx, lock := tryLock(t, locks, mixins.LockOptions{Lease: 30 * time.Second, NoRenewal: true})
				tt.fail(store)
				require.ErrorIs(t, lock.Extend(ctx, time.Second), xcache.ErrUnavailable)
				store.set(0, false)
				wantLost(t, ctx)
				require.InDelta(t, tt.want, time.Since(before), float64(tt.want)/50)
				require.Less(t, time.Since(before), tt.want)
			})
		})
	}
}

// Renewals and the extensions of callers reach the server in the order in which the holder knows
// them.
func TestExtensionsFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, c := openFlaky(t)
		locks := newLocks(t, c)
		ctx, lock := tryLock(t, locks, mixins.LockOptions{Lease: 30 * time.Second})
		var running atomic.Int32
		store.mu.Lock()
		store.answer = func(context.Context) error {
			defer running.Add(-1)
			assert.EqualValues(t, 1, running.Add(1), "extensions in flight")
			time.Sleep(2 * time.Second)
			return nil
		}
		store.mu.Unlock()
		time.Sleep(11 * time.Second) // a renewal is in flight
		impatient, leave := context.WithTimeout(ctx, time.Millisecond)
		defer leave()
		require.ErrorIs(t, lock.Extend(impatient, 9*time.Second), context.DeadlineExceeded)
		require.NoError(t, lock.Extend(ctx, 9*time.Second))
		require.LessOrEqual(t, lock.Left(), 9*time.Second)
		store.mu.Lock()
		store.answer = nil
		store.mu.Unlock()
		time.Sleep(time.Minute)
		require.NoError(t, ctx.Err())
		require.NoError(t, lock.Release(ctx))
	})
}

func TestALockThatTheServerForgetsIsLost(t *testing.T) {
	for name, forget := range map[string]func(ctx context.Context, c *xcache.Cache) error{
		"flushed": func(ctx context.Context, c *xcache.Cache) error { return c.FlushDB(ctx) },
		"deleted": func(ctx context.Context, c *xcache.Cache) error {
			_, err := c.KeySpace("lock").Delete(ctx, "l")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := openTest(t, "memory://")
				locks := newLocks(t, c)
				ctx, lock := tryLock(t, locks, mixins.LockOptions{Lease: 3 * time.Second})
				time.Sleep(time.Millisecond) // fences follow the clock
				require.NoError(t, forget(t.Context(), c))
				_, next := tryLock(t, locks, mixins.LockOptions{})
				require.Greater(t, next.Fence(), lock.Fence())
				before := time.Now()
				wantLost(t, ctx)
				require.LessOrEqual(t, time.Since(before), time.Second, "at the next renewal")
				require.ErrorIs(t, lock.Release(ctx), mixins.ErrLockNotHeld)
				require.NotZero(t, next.Left(), "the lock of the next holder is released by that holder only")
			})
		})
	}
}

func TestWaitersAreServedInOrderAndWithoutPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locks := newLocks(t, openTest(t, "memory://"))
		ctx, lock := tryLock(t, locks, mixins.LockOptions{})
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				ctx, lock, err := locks.Acquire(t.Context(), "l", mixins.LockOptions{})
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				assert.NoError(t, lock.Release(ctx))
			})
			synctest.Wait()
		}
		_, _, err := locks.TryAcquire(t.Context(), "l", mixins.LockOptions{})
		require.ErrorIs(t, err, mixins.ErrLockHeld)
		before := time.Now()
		require.NoError(t, lock.Release(ctx))
		all.Wait()
		require.Equal(t, []int{0, 1, 2, 3, 4}, order)
		require.Zero(t, time.Since(before), "nobody has slept")
	})
}

func TestAReleaseWakesAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := newLocks(t, openTest(t, "memory://"+t.Name())), newLocks(t, openTest(t, "memory://"+t.Name()))
		ctx, lock := tryLock(t, here, mixins.LockOptions{})
		taken := make(chan time.Duration)
		go func() {
			before := time.Now()
			ctx, lock, err := there.Acquire(t.Context(), "l", mixins.LockOptions{})
			if assert.NoError(t, err) {
				assert.NoError(t, lock.Release(ctx))
			}
			taken <- time.Since(before)
		}()
		const hold = 300 * time.Millisecond // polls are at least half a second apart, and so none comes in this time
		time.Sleep(hold)
		require.NoError(t, lock.Release(ctx))
		require.Equal(t, hold, <-taken)
	})
}

func TestACallerWhoLeavesTheLineIsInNobodysWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locks := newLocks(t, openTest(t, "memory://"))
		ctx, lock := tryLock(t, locks, mixins.LockOptions{})
		leaving, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, _, err := locks.Acquire(leaving, "l", mixins.LockOptions{})
				assert.ErrorIs(t, err, context.Canceled)
			})
			synctest.Wait()
		}
		staying := make(chan error)
		go func() {
			_, _, err := locks.Acquire(t.Context(), "l", mixins.LockOptions{})
			staying <- err
		}()
		synctest.Wait()
		leave()
		all.Wait()
		require.NoError(t, lock.Release(ctx))
		require.NoError(t, <-staying)
	})
}

func TestTheEndOfTheCallersContextEndsRenewalAndNotRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locks := newLocks(t, openTest(t, "memory://"))
		parent, cancel := context.WithCancel(t.Context())
		_, lock, err := locks.Acquire(parent, "l", mixins.LockOptions{Lease: time.Second})
		require.NoError(t, err)
		cancel()
		require.NoError(t, lock.Release(parent))

		parent, cancel = context.WithCancel(t.Context())
		_, _, err = locks.Acquire(parent, "l", mixins.LockOptions{Lease: time.Second})
		require.NoError(t, err)
		cancel()
		before := time.Now()
		_, _, err = locks.Acquire(t.Context(), "l", mixins.LockOptions{})
		require.NoError(t, err)
		require.InDelta(t, time.Second, time.Since(before), float64(10*time.Millisecond), "when the lease has run out")
	})
}

func TestCloseReleasesLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		locks, err := mixins.NewLocks(c)
		require.NoError(t, err)
		ctx, lock := tryLock(t, locks, mixins.LockOptions{})
		waiting := make(chan error)
		go func() {
			_, _, err := locks.Acquire(t.Context(), "l", mixins.LockOptions{})
			waiting <- err
		}()
		synctest.Wait()
		require.NoError(t, locks.Close())
		require.ErrorIs(t, <-waiting, xcache.ErrClosed)
		require.ErrorIs(t, context.Cause(ctx), xcache.ErrClosed)
		require.ErrorIs(t, lock.Release(ctx), xcache.ErrClosed)
		_, _, err = locks.TryAcquire(t.Context(), "l", mixins.LockOptions{})
		require.ErrorIs(t, err, xcache.ErrClosed)
		_, _, err = locks.Acquire(t.Context(), "l", mixins.LockOptions{})
		require.ErrorIs(t, err, xcache.ErrClosed)
		require.NoError(t, locks.Close())
		tryLock(t, newLocks(t, c), mixins.LockOptions{})
	})
}

func TestCloseOfTheCacheLosesLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		locks := newLocks(t, c)
		ctx, _ := tryLock(t, locks, mixins.LockOptions{})
		require.NoError(t, c.Close())
		wantLost(t, ctx)
		require.ErrorIs(t, context.Cause(ctx), xcache.ErrClosed)
	})
}

func TestBadOptionsOfLocks(t *testing.T) {
	locks := newLocks(t, openTest(t, "memory://"))
	for _, options := range []mixins.LockOptions{{Lease: -1}, {Lease: time.Millisecond}, {Lease: 400 * 24 * time.Hour}} {
		_, _, err := locks.Acquire(t.Context(), "l", options)
		require.ErrorIs(t, err, xcache.ErrSyntax)
		_, _, err = locks.TryAcquire(t.Context(), "l", options)
		require.ErrorIs(t, err, xcache.ErrSyntax)
	}
	_, _, err := locks.Acquire(t.Context(), "l", mixins.LockOptions{Wait: -1})
	require.ErrorIs(t, err, xcache.ErrSyntax)
	_, _, err = locks.Acquire(t.Context(), "", mixins.LockOptions{})
	require.ErrorIs(t, err, xcache.ErrInvalidKey)
}

func TestLocksAreBesideTheKeysOfValues(t *testing.T) {
	c := openTest(t, "memory://?prefix=shop")
	locks := newLocks(t, c)
	inNamespace := newLocks(t, c.Namespace("tenant"))
	ctx, lock := tryLock(t, locks, mixins.LockOptions{})
	_, other := tryLock(t, inNamespace, mixins.LockOptions{})
	for key, err := range c.Keys(t.Context(), "*") {
		require.Fail(t, "there is a key", "%q %v", key, err)
	}
	for _, remove := range []func(context.Context) (int, error){c.Clear, c.ClearAllVersions, func(ctx context.Context) (int, error) { return c.DeletePattern(ctx, "*") }} {
		removed, err := remove(t.Context())
		require.NoError(t, err)
		require.Zero(t, removed)
	}
	var keys []string
	for key, err := range c.KeySpace("lock").Keys(t.Context(), "*") {
		require.NoError(t, err)
		keys = append(keys, key)
	}
	require.ElementsMatch(t, []string{"l", "tenant:l"}, keys)
	require.NoError(t, lock.Release(ctx))
	require.NoError(t, other.Release(ctx))

	_, err := mixins.NewLocks(c.With(xcache.WithKeyFunc(func(_ string, _ int, key string) string { return key }, nil)))
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// A flaky store loses replies, or is unreachable.
type flaky struct {
	*memory.Store
	mu   sync.Mutex
	lose int  // the number of replies to lose, of commands that were applied
	away bool // no command is applied
	// answer runs before the store, and its error is in the place of the store's answer.
	answer func(ctx context.Context) error
	// after runs after the store, once, and its error is in the place of the store's answer.
	after func(ctx context.Context) error
}

func (s *flaky) Caps() driver.Caps {
	caps := driver.DetectCaps(s.Store)
	caps.Commander = s
	return caps
}

func (s *flaky) set(lose int, away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose, s.away = lose, away
}

func (s *flaky) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		if err := answer(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("away"))
	}
	err := s.Store.Do(ctx, cmds, how)
	if after := s.after; after != nil {
		s.after = nil
		s.mu.Unlock()
		defer s.mu.Lock()
		return after(ctx)
	}
	if s.lose > 0 {
		s.lose--
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, errors.New("the reply is lost"))
	}
	return err
}

func openFlaky(t *testing.T) (*flaky, *xcache.Cache) {
	t.Helper()
	store, err := memory.NewStore(memory.Options{})
	require.NoError(t, err)
	s := &flaky{Store: store}
	c, err := xcache.New(s)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return s, c
}

func TestLostRepliesOfLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, c := openFlaky(t)
		locks := newLocks(t, c)
		store.set(2, false)
		ctx, lock := tryLock(t, locks, mixins.LockOptions{})
		fence := lock.Fence()
		require.NotZero(t, fence)
		store.set(2, false)
		require.NoError(t, lock.Release(ctx), "one of the attempts has released it")

		store.set(1, false)
		ctx, lock = tryLock(t, locks, mixins.LockOptions{Lease: 3 * time.Second})
		store.set(1, false)
		time.Sleep(time.Minute)
		require.NoError(t, ctx.Err(), "a renewal is tried again")
		require.NoError(t, lock.Release(ctx))

		store.set(4, false) // the replies of all attempts
		_, _, err := locks.TryAcquire(t.Context(), "l", mixins.LockOptions{})
		require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
		synctest.Wait()
		tryLock(t, locks, mixins.LockOptions{}) // a lock that may have been taken is released
	})
}

func TestALockIsLostInTimeWhileTheServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, c := openFlaky(t)
		locks := newLocks(t, c)
		before := time.Now()
		ctx, lock := tryLock(t, locks, mixins.LockOptions{Lease: 10 * time.Second})
		store.set(0, true)
		wantLost(t, ctx)
		require.Less(t, time.Since(before), 10*time.Second)
		require.Greater(t, time.Since(before), 9*time.Second)
		store.set(0, false)
		require.ErrorIs(t, lock.Release(ctx), mixins.ErrLockNotHeld)
	})
}

// The time for a release is the library's, whose end is no end of the caller's context.
func TestReleaseAtAServerThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, c := openFlaky(t)
		locks := newLocks(t, c)
		ctx, lock := tryLock(t, locks, mixins.LockOptions{Lease: 5 * time.Second})
		store.answer = func(ctx context.Context) error {
			if _, bounded := ctx.Deadline(); bounded {
				<-ctx.Done()
				return driver.Fail(ctx.Err(), driver.Unknown, nil)
			}
			time.Sleep(opTimeout)
			return driver.Fail(driver.ErrUnavailable, driver.Unknown, nil)
		}
		began := time.Now()
		err := lock.Release(ctx)
		require.ErrorIs(t, err, xcache.ErrUnavailable)
		require.ErrorIs(t, err, xcache.ErrUnknownOutcome)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2*opTimeout, time.Since(began).Truncate(time.Second), "no attempt begins after the lease")
	})
}

// setAnswer sets what runs before the store.
func (s *flaky) setAnswer(answer func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// opTimeout is the time that the store bounds its calls by.
const opTimeout = xcache.DefaultOpTimeout

// frozen is the answer of a server that does not answer.
func frozen(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return driver.Fail(ctx.Err(), driver.Unknown, nil)
	case <-time.After(opTimeout):
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, errors.New("no answer"))
	}
}

// refused is the answer of a server that nobody can connect to.
func refused(context.Context) error {
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errors.New("connection refused")).Retryable()
}

// A waiter waits for a claim that another has.
type waiter struct {
	name string
	held error // the error at the end of Wait
	// take takes the claim, and wait waits for it.
	take func(t *testing.T, c *xcache.Cache)
	wait func(t *testing.T, c *xcache.Cache, ctx context.Context, wait time.Duration) error
}

var waiters = []waiter{
	{"lock", mixins.ErrLockHeld, func(t *testing.T, c *xcache.Cache) {
		t.Helper()
		tryLock(t, newLocks(t, c), mixins.LockOptions{})
	}, func(t *testing.T, c *xcache.Cache, ctx context.Context, wait time.Duration) error {
		t.Helper()
		_, _, err := newLocks(t, c).Acquire(ctx, "l", mixins.LockOptions{Wait: wait})
		return err
	}},
	{"semaphore", mixins.ErrSemaphoreFull, func(t *testing.T, c *xcache.Cache) {
		t.Helper()
		_, _, err := newSemaphores(t, c).TryAcquire(t.Context(), "l", 1, weigh(1))
		require.NoError(t, err)
	}, func(t *testing.T, c *xcache.Cache, ctx context.Context, wait time.Duration) error {
		t.Helper()
		_, _, err := newSemaphores(t, c).Acquire(ctx, "l", 1, mixins.SemaphoreOptions{Wait: wait})
		return err
	}},
	{"once", mixins.ErrInFlight, func(t *testing.T, c *xcache.Cache) {
		t.Helper()
		var working sync.WaitGroup
		t.Cleanup(working.Wait)
		once := newOnce[receipt](t, c)
		working.Go(func() {
			_, err := once.Do(t.Context(), "l", mixins.OnceOptions{}, func(ctx context.Context) (receipt, error) {
				<-ctx.Done()
				return receipt{}, ctx.Err()
			})
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
	}, func(t *testing.T, c *xcache.Cache, ctx context.Context, wait time.Duration) error {
		t.Helper()
		_, err := newOnce[receipt](t, c).Do(ctx, "l", mixins.OnceOptions{Wait: wait}, nil)
		return err
	}},
}

// The end of Wait cuts an attempt short, and does not look like the end of the caller's context.
func TestTheEndOfWaitIsNoEndOfTheCallersContext(t *testing.T) {
	for _, tt := range []struct {
		name string
		own  time.Duration // until the end of the caller's context; 0 for none
		want bool          // the error of the caller's context
	}{
		{"no deadline", 0, false},
		{"a later deadline", time.Minute, false},
		{"an earlier deadline", time.Second, true},
	} {
		for _, w := range waiters {
			t.Run(tt.name+"/"+w.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store, c := openFlaky(t)
					w.take(t, c)
					first := true
					store.setAnswer(func(ctx context.Context) error {
						if first { // the claim is held
							first = false
							return nil
						}
						return frozen(ctx)
					})
					ctx := t.Context()
					if tt.own > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, tt.own)
						defer cancel()
					}
					began := time.Now()
					err := w.wait(t, c, ctx, 2*time.Second)
					store.setAnswer(nil) // for what is given back in the background
					if tt.want {
						require.ErrorIs(t, err, context.DeadlineExceeded)
						require.NotErrorIs(t, err, w.held)
						require.Equal(t, tt.own, time.Since(began))
						return
					}
					require.ErrorIs(t, err, w.held)
					require.NotErrorIs(t, err, context.DeadlineExceeded)
					require.NotErrorIs(t, err, context.Canceled)
					require.Equal(t, 2*time.Second, time.Since(began))
				})
			})
		}
	}
}

// A server that has never told that somebody holds the claim is unavailable at the end of Wait.
func TestAServerThatIsAwayIsNoHolder(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(context.Context) error
		wait   time.Duration
		own    time.Duration // until the end of the caller's context; 0 for none
	}{
		{"frozen for less than op_timeout", frozen, time.Second, 0},
		{"frozen for longer than op_timeout", frozen, 5 * time.Second, 0},
		{"frozen, with a context that ends later", frozen, 5 * time.Second, time.Minute},
		{"refused", refused, 100 * time.Millisecond, 0},
	} {
		for _, w := range waiters {
			t.Run(tt.name+"/"+w.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store, c := openFlaky(t)
					store.setAnswer(tt.answer)
					ctx := t.Context()
					if tt.own > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, tt.own)
						defer cancel()
					}
					began := time.Now()
					err := w.wait(t, c, ctx, tt.wait)
					store.setAnswer(nil) // for what is given back in the background
					require.ErrorIs(t, err, xcache.ErrUnavailable)
					require.NotErrorIs(t, err, w.held)
					require.NotErrorIs(t, err, context.DeadlineExceeded)
					require.NotErrorIs(t, err, context.Canceled)
					require.ErrorContains(t, err, `"l"`)
					require.Equal(t, tt.name != "refused", errors.Is(err, xcache.ErrUnknownOutcome))
					require.Equal(t, tt.wait, time.Since(began))
				})
			})
		}
	}
}

// A kept result that cannot be read is no work in flight, whenever the answer comes.
func TestAnUnreadableResultIsNoWorkInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, c := openFlaky(t)
		_, err := newOnce[[]int](t, c).Do(t.Context(), "l", mixins.OnceOptions{}, func(context.Context) ([]int, error) { return []int{1}, nil })
		require.NoError(t, err)
		store.after = func(context.Context) error {
			time.Sleep(2 * time.Second) // longer than Wait
			return nil
		}
		_, err = newOnce[receipt](t, c).Do(t.Context(), "l", mixins.OnceOptions{Wait: time.Second}, nil)
		require.ErrorIs(t, err, xcache.ErrCorrupt)
	})
}

// Close gives up what a call in flight has taken at a server that does not answer.
func TestCloseEndsCallsInFlight(t *testing.T) {
	for _, w := range waiters {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, c := openFlaky(t)
				store.after = frozen
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // which replaces op_timeout
				defer cancel()
				var called error
				var all sync.WaitGroup
				var closing func() error
				switch w.name {
				case "lock":
					locks := newLocks(t, c)
					closing = locks.Close
					all.Go(func() { _, _, called = locks.TryAcquire(ctx, "l", mixins.LockOptions{}) })
				case "semaphore":
					semaphores := newSemaphores(t, c)
					closing = semaphores.Close
					all.Go(func() { _, _, called = semaphores.TryAcquire(ctx, "l", 1, weigh(1)) })
				default:
					once := newOnce[receipt](t, c)
					closing = once.Close
					all.Go(func() { _, called = once.Do(ctx, "l", mixins.OnceOptions{}, nil) })
				}
				synctest.Wait()
				began := time.Now()
				require.NoError(t, closing())
				w.take(t, c) // nothing is left for the time of a lease
				require.Zero(t, time.Since(began))
				all.Wait()
				require.ErrorIs(t, called, xcache.ErrClosed)
				require.ErrorIs(t, called, xcache.ErrUnknownOutcome)
			})
		})
	}
}

// Close ends all contexts before the server is asked, and asks for all locks together.
func TestCloseOfManyLocks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(ctx context.Context) error
		lose   int
		want   error
		takes  time.Duration // at most
	}{
		{"the server answers", func(context.Context) error { return nil }, 0, nil, 0},
		{"a reply is lost", func(context.Context) error { return nil }, 1, nil, time.Second},
		{"the server is frozen", frozen, 0, xcache.ErrUnknownOutcome, 2 * opTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, c := openFlaky(t)
				locks, err := mixins.NewLocks(c)
				require.NoError(t, err)
				var held []context.Context
				for i := range 50 {
					ctx, _, err := locks.TryAcquire(t.Context(), strconv.Itoa(i), mixins.LockOptions{})
					require.NoError(t, err)
					held = append(held, ctx)
				}
				store.set(tt.lose, false)
				store.setAnswer(func(ctx context.Context) error {
					for _, ctx := range held {
						assert.ErrorIs(t, context.Cause(ctx), xcache.ErrClosed)
					}
					return tt.answer(ctx)
				})
				began := time.Now()
				require.ErrorIs(t, locks.Close(), tt.want)
				require.LessOrEqual(t, time.Since(began), tt.takes)
				store.setAnswer(nil)
				if tt.want != nil {
					return
				}
				next := newLocks(t, c)
				for i := range held {
					_, _, err := next.TryAcquire(t.Context(), strconv.Itoa(i), mixins.LockOptions{})
					require.NoError(t, err)
				}
			})
		})
	}
}

// A Release in flight sends nothing after the end of Close.
func TestCloseWaitsForReleasesInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, c := openFlaky(t)
		locks, err := mixins.NewLocks(c)
		require.NoError(t, err)
		ctx, lock := tryLock(t, locks, mixins.LockOptions{})
		var calls, inFlight atomic.Int32
		store.setAnswer(func(ctx context.Context) error {
			calls.Add(1)
			inFlight.Add(1)
			defer inFlight.Add(-1)
			return frozen(ctx)
		})
		var releasing sync.WaitGroup
		releasing.Go(func() { assert.ErrorIs(t, lock.Release(ctx), xcache.ErrUnknownOutcome) })
		synctest.Wait()
		require.EqualValues(t, 1, calls.Load())
		require.NoError(t, locks.Close())
		require.Zero(t, inFlight.Load())
		releasing.Wait()
		time.Sleep(time.Minute)
		require.EqualValues(t, 1, calls.Load())
	})
}

// A caller whose context ends during an outage gets the error of the context, and not of the server.
func TestTheEndOfTheCallersContextDuringAnOutage(t *testing.T) {
	for _, w := range waiters {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, c := openFlaky(t)
				store.setAnswer(refused)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // during a pause between attempts
				defer cancel()
				err := w.wait(t, c, ctx, time.Minute)
				store.setAnswer(nil)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NotErrorIs(t, err, xcache.ErrUnavailable)
				require.NotErrorIs(t, err, xcache.ErrUnknownOutcome)
			})
		})
	}
}
