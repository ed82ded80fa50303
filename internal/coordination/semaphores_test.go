package coordination

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/mixins"
)

// The capacity in all processes of the test, and the weight of the permits whose holders
// are killed.
const (
	capacity = 10
	killed   = 3
)

// playPermit holds a permit until the process is killed.
func playPermit(ctx context.Context, c *xcache.Cache, lease time.Duration) error {
	semaphores, err := mixins.NewSemaphores(c)
	if err != nil {
		return err
	}
	ctx, _, err = semaphores.Acquire(ctx, "s", capacity, mixins.SemaphoreOptions{Weight: killed, Lease: lease})
	if err != nil {
		return err
	}
	fmt.Println("holds", ctx.Err() == nil)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// A tally is the sum of the weights that holders use.
type tally struct {
	mu   sync.Mutex
	used int
	most int
}

func (u *tally) add(weight int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.used += weight
	u.most = max(u.most, u.used)
	return u.used
}

// Holders come and go, and some are killed. The living holders never hold more than the
// capacity, and in the end the whole capacity is free.
func TestPermitsAreNeverMoreThanTheCapacity(t *testing.T) {
	const handles, callers = 4, 4
	// The lease is long enough for a machine that stops a process before the process has counted
	// its weight.
	lease := 10 * time.Second
	if isProof() {
		lease = 3 * time.Second
	}
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel() // the test waits for the leases of killed holders
			dsn := store.dsn(t)
			var holders tally
			var operations atomic.Int64
			want := int64(size(t, "XCACHE_PERMITS", 400))
			began := time.Now()
			var all sync.WaitGroup
			for range handles {
				semaphores, err := mixins.NewSemaphores(openStore(t, dsn))
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, semaphores.Close()) })
				for range callers {
					all.Go(func() {
						for operations.Add(1) <= want {
							weight := 1 + rand.IntN(capacity)
							ctx, permit, err := semaphores.Acquire(t.Context(), "s", capacity, mixins.SemaphoreOptions{Weight: weight})
							if !assert.NoError(t, err) {
								return
							}
							used := holders.add(weight)
							holders.add(-weight)
							if !assert.NoError(t, permit.Release(ctx)) || !assert.LessOrEqual(t, used, capacity) {
								return
							}
						}
					})
				}
			}
			if store.name != "memory" {
				for range size(t, "XCACHE_PERMIT_KILLS", 2) {
					h := hold(t, "permit", dsn, lease)
					require.Equal(t, "true", h.says(t, "holds"))
					assert.LessOrEqual(t, holders.add(killed), capacity)
					time.Sleep(rand.N(time.Second))
					holders.add(-killed)
					h.kill()
				}
			}
			all.Wait()
			semaphores, err := mixins.NewSemaphores(openStore(t, dsn))
			require.NoError(t, err)
			ctx, whole, err := semaphores.Acquire(t.Context(), "s", capacity, mixins.SemaphoreOptions{Weight: capacity, Wait: time.Minute})
			require.NoError(t, err)
			require.NoError(t, whole.Release(ctx))
			require.NoError(t, semaphores.Close())
			t.Logf("%d operations in %v, at most %d in use", want, time.Since(began), holders.most)
		})
	}
}
