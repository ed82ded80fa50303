package coordination

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

func openTagged(t *testing.T, dsn string) *xcache.View[int64] {
	t.Helper()
	return xcache.For[int64](openStore(t, dsn+"&format=tagged"))
}

// A taggedSource has a number that only grows, and the smallest number that a new read
// may return.
type taggedSource struct{ number, least atomic.Int64 }

// Callers on several independent handles load the numbers of sources. Other callers
// change the sources and invalidate. An invalidation that has returned ends all older
// numbers: no read that begins later returns such a number.
func TestNoReadIsStaleAfterAnInvalidationOfTags(t *testing.T) {
	const handles, loaders, sources = 4, 16, 4
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			rounds := size(t, "XCACHE_TAG_ROUNDS", 60)
			var of [sources]taggedSource
			var over atomic.Bool
			var writing, loading sync.WaitGroup
			var reads, stale atomic.Int64
			read := func(ctx context.Context, v *xcache.View[int64], i int, get func(ctx context.Context, key string) (int64, error)) bool {
				least := of[i].least.Load()
				got, err := get(ctx, "k"+strconv.Itoa(i))
				if errors.Is(err, xcache.ErrNotFound) {
					return true
				}
				reads.Add(1)
				if err == nil && got < least {
					stale.Add(1)
				}
				return assert.NoError(t, err)
			}
			for range handles {
				v := openTagged(t, dsn)
				for caller := range loaders {
					loading.Go(func() {
						i := caller % sources
						for ok := true; ok && !over.Load(); {
							ok = read(t.Context(), v, i, func(ctx context.Context, key string) (int64, error) {
								return v.GetOrSet(ctx, key, func(context.Context) (int64, error) {
									n := of[i].number.Load()
									time.Sleep(time.Millisecond) // the source is slow to answer
									return n, nil
								}, xcache.Tags("t"+strconv.Itoa(i), "all"))
							})
						}
					})
				}
			}
			for i := range sources {
				v, other := openTagged(t, dsn), openTagged(t, dsn)
				writing.Go(func() {
					for range rounds {
						n := of[i].number.Add(1)
						if !assert.NoError(t, v.InvalidateTags(t.Context(), "t"+strconv.Itoa(i))) {
							return
						}
						of[i].least.Store(n)
						if !read(t.Context(), other, i, other.Get) {
							return
						}
					}
				})
			}
			writing.Wait()
			over.Store(true)
			loading.Wait()
			require.Zero(t, stale.Load(), "stale of %d reads", reads.Load())
			t.Logf("%d invalidations, %d reads, none stale", sources*rounds, reads.Load())
		})
	}
}

// Nothing is left of tags whose values have expired.
func TestTagsOfExpiredValuesAreGone(t *testing.T) {
	const margin = time.Minute
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			v := openTagged(t, store.dsn(t)).Namespace("expiring")
			keys := size(t, "XCACHE_TAGGED_KEYS", 200)
			var all sync.WaitGroup
			const writers = 16
			for w := range writers {
				all.Go(func() {
					for at := w; at < keys; at += 10 * writers {
						p := v.Pipeline()
						for i := at; i < min(at+10*writers, keys); i += writers {
							v.In(p).Set(strconv.Itoa(i), 1, xcache.TTL(time.Second), xcache.Tags("t"+strconv.Itoa(i), "all"))
						}
						if !assert.NoError(t, p.Exec(t.Context())) {
							return
						}
					}
				})
			}
			all.Wait()
			tags := v.KeySpace("tag")
			for i := 0; i < keys; i += max(1, keys/100) {
				ttl, err := tags.TTL(t.Context(), "t"+strconv.Itoa(i))
				require.NoError(t, err)
				require.LessOrEqual(t, ttl, time.Second+margin)
			}
			if !isProof() {
				return
			}
			time.Sleep(margin + 2*time.Second)
			for tag, err := range tags.Keys(t.Context(), "*") {
				require.NoError(t, err)
				left, err := tags.Has(t.Context(), tag)
				require.NoError(t, err)
				require.False(t, left, "the tag %s is left", tag)
			}
		})
	}
}
