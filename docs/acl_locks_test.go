package docs

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// TestACLOfLocks holds docs/locks.md to what it says that a holder needs.
func TestACLOfLocks(t *testing.T) {
	commands := permissionsOn(t, "locks.md", "**Permissions**:")
	require.Len(t, commands, 7)
	eachServer(t, func(t *aclTest) {
		require.NoError(t, t.lock(commands), "with all")
		for i, command := range commands {
			if command == "evalsha" { // without it a script is sent in full
				continue
			}
			require.ErrorIs(t, t.lock(slices.Delete(slices.Clone(commands), i, i+1)), xcache.ErrAuth, "without %s", command)
		}
	})
}

// lock takes, extends and releases a lock, as a user who may run commands, while another
// caller waits, who polls.
func (t *aclTest) lock(commands []string) error {
	t.Helper()
	server := t.primary(":lock:l")
	server.Do(t, "FLUSHALL")
	server.Do(t, "SCRIPT", "FLUSH")
	t.allow(commands)
	cache, err := xcache.OpenDSN(t.dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, cache.Close()) }()
	locks, err := mixins.NewLocks(cache)
	require.NoError(t, err)
	defer func() { _ = locks.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	held, lock, err := locks.Acquire(ctx, "l", mixins.LockOptions{})
	if err != nil {
		return err
	}
	if err := lock.Extend(held, time.Second); err != nil {
		return err
	}
	waiting := make(chan error)
	go func() {
		_, _, err := locks.Acquire(ctx, "l", mixins.LockOptions{})
		waiting <- err
	}()
	if err := lock.Release(held); err != nil {
		return errors.Join(err, <-waiting) // which gets the lock at the end of the lease
	}
	return <-waiting
}
