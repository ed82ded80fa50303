package coordination

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// playOnce holds an idempotency key until the process is killed.
func playOnce(ctx context.Context, c *xcache.Cache, lease time.Duration) error {
	once, err := mixins.NewOnce[int](c)
	if err != nil {
		return err
	}
	_, err = once.Do(ctx, "killed", mixins.OnceOptions{Lease: lease, Wait: time.Minute}, func(context.Context) (int, error) {
		fmt.Println("holds", true)
		_, err := io.Copy(io.Discard, os.Stdin)
		return 0, err
	})
	return err
}

func newOnce(t *testing.T, dsn string) *mixins.Once[int] {
	t.Helper()
	once, err := mixins.NewOnce[int](openStore(t, dsn))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, once.Close()) })
	return once
}

// Callers on several handles ask for each key at the same time. One caller works, and all
// callers get the result of that work.
func TestWorkIsDoneOncePerKey(t *testing.T) {
	const handles, callers = 4, 2
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			keys := size(t, "XCACHE_ONCE_KEYS", 40)
			done := make([]atomic.Int64, keys)
			var all sync.WaitGroup
			for range handles {
				once := newOnce(t, dsn)
				for range callers {
					all.Go(func() {
						for key := range keys {
							got, err := once.Do(t.Context(), "k"+strconv.Itoa(key), mixins.OnceOptions{Wait: time.Minute}, func(context.Context) (int, error) {
								done[key].Add(1)
								return key, nil
							})
							if !assert.NoError(t, err) || !assert.Equal(t, key, got) {
								return
							}
						}
					})
				}
			}
			all.Wait()
			for key := range done {
				require.EqualValues(t, 1, done[key].Load(), "key %d", key)
			}
		})
	}
}

func TestTheKeyOfAKilledWorkerIsFreeAfterItsLease(t *testing.T) {
	const lease = 300 * time.Millisecond
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			once := newOnce(t, dsn)
			work := func(context.Context) (int, error) { return 1, nil }
			for range size(t, "XCACHE_ONCE_KILLS", 1) {
				h, _ := holdWithoutLoss(t, "once", dsn, lease, func(h *holder) bool {
					_, err := once.Do(t.Context(), "killed", mixins.OnceOptions{}, work)
					if errors.Is(err, mixins.ErrInFlight) {
						return false
					}
					require.NoError(t, err)
					require.NoError(t, h.in.Close()) // the worker ends its work
					require.Equal(t, mixins.ErrOnceLost.Error(), h.says(t, "failed:"), "the worker knows that it has lost the key")
					require.NoError(t, once.Forget(t.Context(), "killed"))
					return true
				})
				h.kill()
				limit := time.Minute
				if isProof() {
					limit = time.Second
				}
				_, err := once.Do(t.Context(), "killed", mixins.OnceOptions{Wait: lease + limit}, work)
				require.NoError(t, err)
				require.NoError(t, once.Forget(t.Context(), "killed"))
			}
		})
	}
}
