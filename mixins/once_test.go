package mixins_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// A receipt is a result.
type receipt struct{ Number int }

func newOnce[T any](t *testing.T, c *xcache.Cache) *mixins.Once[T] {
	t.Helper()
	once, err := mixins.NewOnce[T](c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, once.Close()) })
	return once
}

// giving returns work that counts how often it is done.
func giving(done *atomic.Int64, takes time.Duration) func(context.Context) (receipt, error) {
	return func(context.Context) (receipt, error) {
		time.Sleep(takes)
		return receipt{int(done.Add(1))}, nil
	}
}

func TestManyCallersWorkOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := newOnce[receipt](t, openTest(t, "memory://"+t.Name())), newOnce[receipt](t, openTest(t, "memory://"+t.Name()))
		var done, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 20 {
			handle := []*mixins.Once[receipt]{here, there}[i%2]
			wait := []time.Duration{0, time.Minute}[i/10]
			all.Go(func() {
				got, err := handle.Do(t.Context(), "k", mixins.OnceOptions{Wait: wait}, giving(&done, 45*time.Second)) // longer than a lease
				if errors.Is(err, mixins.ErrInFlight) {
					refused.Add(1)
					return
				}
				assert.NoError(t, err)
				assert.Equal(t, receipt{1}, got)
			})
		}
		all.Wait()
		require.EqualValues(t, 1, done.Load())
		require.GreaterOrEqual(t, refused.Load(), int64(9), "those who do not wait")
		require.LessOrEqual(t, refused.Load(), int64(10))
		got, err := here.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.NoError(t, err)
		require.Equal(t, receipt{1}, got)
		time.Sleep(mixins.DefaultOnceTTL)
		got, err = here.Do(t.Context(), "k", mixins.OnceOptions{TTL: time.Second}, giving(&done, 0))
		require.NoError(t, err)
		require.Equal(t, receipt{2}, got, "the result has expired")
		time.Sleep(time.Second)
		got, err = there.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.NoError(t, err)
		require.Equal(t, receipt{3}, got)
		require.NoError(t, there.Forget(t.Context(), "k"))
		got, err = here.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.NoError(t, err)
		require.Equal(t, receipt{4}, got)
	})
}

func TestOnceWaitsNoLongerThanItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		once := newOnce[receipt](t, openTest(t, "memory://"))
		var done atomic.Int64
		var all sync.WaitGroup
		all.Go(func() {
			_, err := once.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, time.Minute))
			assert.NoError(t, err)
		})
		synctest.Wait()
		began := time.Now()
		_, err := once.Do(t.Context(), "k", mixins.OnceOptions{Wait: 10 * time.Second}, giving(&done, 0))
		require.ErrorIs(t, err, mixins.ErrInFlight)
		require.Equal(t, 10*time.Second, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = once.Do(ctx, "k", mixins.OnceOptions{Wait: 10 * time.Second}, giving(&done, 0))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		all.Wait()
		require.EqualValues(t, 1, done.Load())
	})
}

func TestWorkThatFailsFreesTheKey(t *testing.T) {
	once := newOnce[receipt](t, openTest(t, "memory://"))
	failure := errors.New("no money")
	var done atomic.Int64
	for name, work := range map[string]func(context.Context) (receipt, error){
		"error": func(context.Context) (receipt, error) { return receipt{}, failure },
		"panic": func(context.Context) (receipt, error) { panic(failure) },
		"exit":  func(context.Context) (receipt, error) { runtime.Goexit(); return receipt{}, nil },
	} {
		var all sync.WaitGroup
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					assert.Equal(t, "panic", name)
				}
			}()
			_, err := once.Do(t.Context(), name, mixins.OnceOptions{}, work)
			assert.ErrorIs(t, err, failure)
		})
		all.Wait()
		_, err := once.Do(t.Context(), name, mixins.OnceOptions{}, giving(&done, 0))
		require.NoError(t, err, name)
	}
	require.EqualValues(t, 3, done.Load())
}

func TestAResultIsKeptWhenTheCallerHasLeft(t *testing.T) {
	once := newOnce[receipt](t, openTest(t, "memory://"))
	var done atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	got, err := once.Do(ctx, "k", mixins.OnceOptions{}, func(ctx context.Context) (receipt, error) {
		cancel()
		return giving(&done, 0)(ctx)
	})
	require.NoError(t, err)
	require.Equal(t, receipt{1}, got)
	_, err = once.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
	require.NoError(t, err)
	require.EqualValues(t, 1, done.Load())
}

// A claim that the server has lost ends the context of the work, and the result of who lost it
// is not kept in the place of another's.
func TestAClaimThatIsLostEndsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		once := newOnce[receipt](t, c)
		got, err := once.Do(t.Context(), "k", mixins.OnceOptions{Lease: 3 * time.Second}, func(ctx context.Context) (receipt, error) {
			if err := c.FlushDB(t.Context()); err != nil {
				return receipt{}, err
			}
			_, err := once.Do(t.Context(), "k", mixins.OnceOptions{}, func(context.Context) (receipt, error) { return receipt{2}, nil })
			<-ctx.Done()
			assert.ErrorIs(t, context.Cause(ctx), mixins.ErrOnceLost)
			return receipt{1}, err
		})
		require.ErrorIs(t, err, mixins.ErrOnceLost)
		require.Equal(t, receipt{1}, got, "the work was done")
		var done atomic.Int64
		got, err = once.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.NoError(t, err)
		require.Equal(t, receipt{2}, got)
	})
}

func TestCloseEndsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		once, err := mixins.NewOnce[receipt](c)
		require.NoError(t, err)
		var all sync.WaitGroup
		all.Go(func() {
			_, err := once.Do(t.Context(), "k", mixins.OnceOptions{}, func(ctx context.Context) (receipt, error) {
				<-ctx.Done()
				return receipt{}, context.Cause(ctx)
			})
			assert.ErrorIs(t, err, xcache.ErrClosed)
		})
		synctest.Wait()
		require.NoError(t, once.Close())
		all.Wait()
		var done atomic.Int64
		_, err = once.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.ErrorIs(t, err, xcache.ErrClosed)
		_, err = newOnce[receipt](t, c).Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.NoError(t, err, "the key is free")
	})
}

// Close waits for work that goes on, and keeps its result, so that no other process does the work
// again.
func TestCloseKeepsTheResultOfWorkThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		closing, other := newOnce[receipt](t, c), newOnce[receipt](t, c)
		var done atomic.Int64
		var all sync.WaitGroup
		all.Go(func() {
			got, err := closing.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 15*time.Second))
			assert.NoError(t, err)
			assert.Equal(t, receipt{1}, got)
		})
		synctest.Wait()
		all.Go(func() {
			time.Sleep(14 * time.Second) // while Close waits
			_, err := other.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
			assert.ErrorIs(t, err, mixins.ErrInFlight)
			_, err = closing.Do(t.Context(), "other", mixins.OnceOptions{}, giving(&done, 0))
			assert.ErrorIs(t, err, xcache.ErrClosed)
		})
		began := time.Now()
		require.NoError(t, closing.Close())
		require.Equal(t, 15*time.Second, time.Since(began))
		got, err := other.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.NoError(t, err)
		require.Equal(t, receipt{1}, got)
		all.Wait()
	})
}

// The key of work that outlasts Close is free when the lease has run out, and no sooner.
func TestCloseLeavesWorkThatDoesNotEndToItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openTest(t, "memory://")
		closing, other := newOnce[receipt](t, c), newOnce[receipt](t, c)
		var all sync.WaitGroup
		all.Go(func() {
			_, err := closing.Do(t.Context(), "k", mixins.OnceOptions{Lease: 10 * time.Second}, giving(new(atomic.Int64), time.Hour))
			assert.ErrorIs(t, err, mixins.ErrOnceLost)
		})
		synctest.Wait()
		began := time.Now()
		require.NoError(t, closing.Close())
		require.Greater(t, time.Since(began), 9*time.Second)
		require.Less(t, time.Since(began), 10*time.Second)
		var done atomic.Int64
		_, err := other.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.ErrorIs(t, err, mixins.ErrInFlight)
		time.Sleep(10*time.Second - time.Since(began) + time.Millisecond)
		_, err = other.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
		require.NoError(t, err)
		all.Wait()
	})
}

func TestOnceRefusesWhatItDoesNotTake(t *testing.T) {
	c := openTest(t, "memory://")
	once := newOnce[receipt](t, c)
	var done atomic.Int64
	for _, options := range []mixins.OnceOptions{{TTL: -1}, {TTL: time.Microsecond}, {Wait: -1}, {Lease: time.Millisecond}} {
		_, err := once.Do(t.Context(), "k", options, giving(&done, 0))
		require.ErrorIs(t, err, xcache.ErrSyntax)
	}
	_, err := once.Do(t.Context(), "", mixins.OnceOptions{}, giving(&done, 0))
	require.ErrorIs(t, err, xcache.ErrInvalidKey)
	require.Zero(t, done.Load())
	_, err = mixins.NewOnce[receipt](ownKeys(t))
	require.ErrorIs(t, err, errors.ErrUnsupported)

	_, err = once.Do(t.Context(), "k", mixins.OnceOptions{}, giving(&done, 0))
	require.NoError(t, err)
	_, err = newOnce[[]int](t, c).Do(t.Context(), "k", mixins.OnceOptions{}, func(context.Context) ([]int, error) { return nil, nil })
	require.ErrorIs(t, err, xcache.ErrCorrupt, "a result of another type")
	_, err = newOnce[func()](t, c).Do(t.Context(), "other", mixins.OnceOptions{}, func(context.Context) (func(), error) { return func() {}, nil })
	require.Error(t, err, "a result that the codec cannot write")
}
