package docs

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/mixins"
)

// handlesPermissions has what a user does who holds the permissions that a page tells.
var handlesPermissions = map[string]func(t *aclTest, ctx context.Context, c *xcache.Cache) error{
	"locks.md":      (*aclTest).lock,
	"semaphores.md": (*aclTest).acquire,
	"ratelimits.md": (*aclTest).limit,
	"once.md":       (*aclTest).workOnce,
	"tags.md":       (*aclTest).tag,
}

// TestACLOfCoordination holds the pages of handles to what they say that a holder needs.
func TestACLOfCoordination(t *testing.T) {
	for page, use := range handlesPermissions {
		commands := permissionsOn(t, page, "**Permissions**:")
		require.Greater(t, len(commands), 5)
		t.Run(page, func(t *testing.T) {
			eachServer(t, func(t *aclTest) {
				require.NoError(t, t.as(commands, use), "with all")
				for i, command := range commands {
					if command == "evalsha" { // without it a script is sent in full
						continue
					}
					require.ErrorIs(t, t.as(slices.Delete(slices.Clone(commands), i, i+1), use), xcache.ErrAuth, "without %s", command)
				}
			})
		})
	}
}

// as runs what a user does who may run commands, on a server without keys and scripts.
func (t *aclTest) as(commands []string, use func(t *aclTest, ctx context.Context, c *xcache.Cache) error) error {
	t.Helper()
	t.do("FLUSHALL")
	t.do("SCRIPT", "FLUSH")
	t.allow(commands)
	cache, err := xcache.OpenDSN(t.dsn, longTimeout)
	require.NoError(t, err)
	defer func() { require.NoError(t, cache.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return use(t, ctx, cache)
}

// lock takes, extends and releases a lock, while another caller waits, who polls.
func (t *aclTest) lock(ctx context.Context, cache *xcache.Cache) error {
	locks, err := mixins.NewLocks(cache)
	require.NoError(t, err)
	defer func() { _ = locks.Close() }()
	held, lock, err := locks.Acquire(ctx, "l", mixins.LockOptions{})
	if err != nil {
		return err
	}
	if err := lock.Extend(held, time.Minute); err != nil {
		return err
	}
	waiting := make(chan error)
	waitingCtx, leave := context.WithCancel(ctx)
	defer leave()
	go func() {
		_, _, err := locks.Acquire(waitingCtx, "l", mixins.LockOptions{})
		waiting <- err
	}()
	if err := lock.Release(held); err != nil {
		leave() // the other caller would wait for the end of the lease
		return errors.Join(err, <-waiting)
	}
	return <-waiting
}

// acquire takes, extends and releases a permit, which another caller does not get meanwhile.
func (t *aclTest) acquire(ctx context.Context, cache *xcache.Cache) error {
	semaphores, err := mixins.NewSemaphores(cache)
	require.NoError(t, err)
	defer func() { _ = semaphores.Close() }()
	held, permit, err := semaphores.Acquire(ctx, "s", 1, mixins.SemaphoreOptions{})
	if err != nil {
		return err
	}
	if err := permit.Extend(held, time.Minute); err != nil {
		return err
	}
	if _, _, err := semaphores.TryAcquire(ctx, "s", 1, mixins.SemaphoreOptions{}); !errors.Is(err, mixins.ErrSemaphoreFull) {
		return errors.Join(err, errors.New("two permits"))
	}
	return permit.Release(held)
}

// limit takes of limits of both kinds.
func (t *aclTest) limit(ctx context.Context, cache *xcache.Cache) error {
	limits, err := mixins.NewRateLimits(cache)
	require.NoError(t, err)
	_, err = limits.Allow(ctx, "s", mixins.RateLimit{Limit: 3, Window: time.Second}, mixins.RateLimit{Limit: 3, Window: time.Second, Burst: 1})
	return err
}

// workOnce has work fail, and done by the next caller, whose result is kept.
func (t *aclTest) workOnce(ctx context.Context, cache *xcache.Cache) error {
	once, err := mixins.NewOnce[int](cache)
	require.NoError(t, err)
	defer func() { _ = once.Close() }()
	failure := errors.New("work")
	if _, err := once.Do(ctx, "k", mixins.OnceOptions{}, func(context.Context) (int, error) { return 0, failure }); !errors.Is(err, failure) {
		return err
	}
	_, err = once.Do(ctx, "k", mixins.OnceOptions{}, func(context.Context) (int, error) { return 1, nil })
	if errors.Is(err, mixins.ErrInFlight) {
		return errors.Join(err, xcache.ErrAuth) // the claim of work that failed could not be released
	}
	return err
}

// tag writes, reads and invalidates values with tags, of which the second lives longer.
func (t *aclTest) tag(ctx context.Context, cache *xcache.Cache) error {
	chain, err := codec.New(codec.Config{Format: codec.Tagged})
	require.NoError(t, err)
	v := xcache.For[string](cache.With(xcache.WithCodec(chain)))
	for _, ttl := range []time.Duration{time.Minute, time.Hour} {
		if err := v.Set(ctx, "k", "v", xcache.Tags("{t}a", "{t}b"), xcache.TTL(ttl)); err != nil {
			return err
		}
	}
	if _, err := v.Get(ctx, "k"); err != nil {
		return err
	}
	return v.InvalidateTags(ctx, "{t}a")
}
