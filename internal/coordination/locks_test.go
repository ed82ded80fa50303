package coordination

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/internal/servertest"
	"github.com/xcache-go/xcache/mixins"
)

func newLocks(t *testing.T, c *xcache.Cache) *mixins.Locks {
	t.Helper()
	locks, err := mixins.NewLocks(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, locks.Close()) })
	return locks
}

// 16 contenders, on four handles, take turns, and no two hold the lock while their leases are
// valid.
func TestNoTwoHoldALock(t *testing.T) {
	const handles, callers = 4, 4
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			var inside, last, cycles atomic.Int64
			want := int64(size(t, "XCACHE_LOCK_CYCLES", 400))
			began := time.Now()
			var all sync.WaitGroup
			for range handles {
				locks := newLocks(t, openStore(t, dsn))
				for range callers {
					all.Go(func() {
						for cycles.Add(1) <= want {
							ctx, lock, err := locks.Acquire(t.Context(), "l", mixins.LockOptions{})
							if !assert.NoError(t, err) {
								return
							}
							others := inside.Add(1) - 1
							before := last.Swap(lock.Fence())
							inside.Add(-1)
							valid := ctx.Err() == nil
							assert.NoError(t, lock.Release(ctx))
							if !assert.True(t, valid, "the lease of 30 s is lost") || !assert.Zero(t, others, "others hold the lock") || !assert.Less(t, before, lock.Fence()) {
								return
							}
						}
					})
				}
			}
			all.Wait()
			t.Logf("%d cycles in %v", want, time.Since(began))
		})
	}
}

// acquire takes the lock of a holder that does not release it.
func acquire(t *testing.T, locks *mixins.Locks, lease time.Duration) *mixins.Lock {
	t.Helper()
	limit := time.Minute
	if isProof() {
		limit = time.Second
	}
	_, lock, err := locks.Acquire(t.Context(), "l", mixins.LockOptions{Wait: lease + limit})
	require.NoError(t, err)
	return lock
}

func TestLateWritesOfFrozenHoldersAreRejected(t *testing.T) {
	const lease = 300 * time.Millisecond
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			locks := newLocks(t, openStore(t, dsn))
			var resource register
			rounds := size(t, "XCACHE_FREEZES", 2)
			for range rounds {
				h := hold(t, "lock", dsn, lease)
				require.True(t, resource.write(h.fence(t, "holds")))
				h.signal(t, syscall.SIGSTOP)
				lock := acquire(t, locks, lease)
				require.True(t, resource.write(lock.Fence()))
				h.ask(t)
				h.signal(t, syscall.SIGCONT)
				require.False(t, resource.write(h.fence(t, "writes")), "the late write")
				require.Equal(t, "true true", h.says(t, "lost"), "the context has ended with ErrLockLost, and Release is ErrLockNotHeld")
				require.True(t, resource.write(lock.Fence()))
				require.NoError(t, lock.Release(t.Context()))
				h.kill()
			}
			require.Equal(t, rounds, resource.rejected)
		})
	}
}

func TestTheLockOfAKilledHolderIsFreeAfterItsLease(t *testing.T) {
	const lease = 300 * time.Millisecond
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			locks := newLocks(t, openStore(t, dsn))
			for range size(t, "XCACHE_KILLS", 2) {
				h, said := holdWithoutLoss(t, "lock", dsn, lease, func(h *holder) bool {
					_, lock, err := locks.TryAcquire(t.Context(), "l", mixins.LockOptions{})
					if errors.Is(err, mixins.ErrLockHeld) {
						return false
					}
					require.NoError(t, err)
					h.ask(t)
					h.fence(t, "writes")
					require.Equal(t, "true true", h.says(t, "lost"), "the holder knows that it has lost the lock")
					require.NoError(t, lock.Release(t.Context()))
					return true
				})
				fence, err := strconv.ParseInt(said, 10, 64)
				require.NoError(t, err)
				h.kill()
				lock := acquire(t, locks, lease)
				require.Greater(t, lock.Fence(), fence)
				require.NoError(t, lock.Release(t.Context()))
			}
		})
	}
}

func TestEvictionOfALockEndsItsContext(t *testing.T) {
	server := redis.Server(t)
	defer server.Do(t, "CONFIG", "SET", "maxmemory", "0")
	locks := newLocks(t, openStore(t, "redis://"+server.Addr+longTimeouts))
	ctx, lock, err := locks.Acquire(t.Context(), "evicted", mixins.LockOptions{Lease: 3 * time.Second, Wait: time.Minute})
	require.NoError(t, err)
	server.Do(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	server.Do(t, "CONFIG", "SET", "maxmemory", "1") // the next command evicts all keys
	_, _ = server.Try("SET", "k", "v")
	server.Do(t, "CONFIG", "SET", "maxmemory", "0")
	require.EqualValues(t, 0, server.Do(t, "EXISTS", ":lock:evicted"), "the lock is evicted")
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), mixins.ErrLockLost)
	require.ErrorIs(t, lock.Release(ctx), mixins.ErrLockNotHeld)
}

// A failover that takes longer than the lease ends the context. At the new primary the
// lock is free, and the next fence is greater.
func TestFailoverEndsTheContextOfALock(t *testing.T) {
	group := servertest.Sentinel(t)
	dsn := "redis+sentinel://" + strings.Join(group.Addrs(), ",") + "/?master=" + group.MasterName
	locks := newLocks(t, openStore(t, dsn))
	ctx, lock, err := locks.Acquire(t.Context(), "l", mixins.LockOptions{Lease: 500 * time.Millisecond, Wait: time.Minute})
	require.NoError(t, err)
	old := group.Primary(t)
	old.Freeze(t)
	<-ctx.Done()
	require.ErrorIs(t, context.Cause(ctx), mixins.ErrLockLost)
	group.AwaitFailover(t, old)
	_, next, err := locks.Acquire(t.Context(), "l", mixins.LockOptions{Wait: time.Minute})
	require.NoError(t, err)
	require.Greater(t, next.Fence(), lock.Fence())
	require.ErrorIs(t, lock.Release(ctx), mixins.ErrLockNotHeld)
	require.NoError(t, next.Release(t.Context()))
	old.Thaw(t)
}
