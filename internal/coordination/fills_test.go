package coordination

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache"
)

// A source is a database with one row, whose number is that of the last invalidation that began.
// Loads take some time between the moment that they read it and their return.
type source struct {
	mu  sync.Mutex
	now int
}

func (s *source) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	return s.now
}

func (s *source) read() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// invalidations are the ways to take a key away, by turns.
var invalidations = []func(ctx context.Context, c *xcache.Cache) error{
	func(ctx context.Context, c *xcache.Cache) error { _, err := c.Delete(ctx, "k"); return err },
	func(ctx context.Context, c *xcache.Cache) error { _, err := c.DeletePattern(ctx, "k*"); return err },
	func(ctx context.Context, c *xcache.Cache) error { _, err := c.Clear(ctx); return err },
}

// playLoad loads whatever is missing. Each line that it reads is the number of the row, which is
// in the database from the moment on that it answers.
func playLoad(ctx context.Context, c *xcache.Cache, _ time.Duration) error {
	var row source
	v := xcache.For[int](c.Namespace("fills"))
	ctx, stop := context.WithCancel(ctx)
	var loaders sync.WaitGroup
	defer loaders.Wait()
	defer stop()
	for range 2 {
		loaders.Go(func() {
			for ctx.Err() == nil {
				_, err := v.GetOrSet(ctx, "k", func(context.Context) (int, error) {
					n := row.read()
					time.Sleep(rand.N(2 * time.Millisecond))
					return n, nil
				})
				if err != nil && !errors.Is(err, context.Canceled) {
					fmt.Println("failed", err)
					return
				}
				time.Sleep(rand.N(200 * time.Microsecond))
			}
		})
	}
	fmt.Println("holds", 0)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		row.mu.Lock()
		row.now = n
		row.mu.Unlock()
		fmt.Println("knows", n)
	}
	return nil
}

// Processes load a key while others take it away. What is in the store after an invalidation
// was loaded after the invalidation began.
func TestNoLoadBringsBackWhatWasInvalidated(t *testing.T) {
	const processes = 8
	for _, store := range servers {
		t.Run(store.name, func(t *testing.T) {
			dsn := store.dsn(t)
			c := openStore(t, dsn).Namespace("fills")
			loaders := make([]*holder, processes)
			for i := range loaders {
				loaders[i] = hold(t, "load", dsn, 0)
				require.Equal(t, "0", loaders[i].says(t, "holds"))
			}
			old := 0
			rounds := size(t, "XCACHE_FILLS", 60)
			for n := 1; n <= rounds; n++ {
				for _, loader := range loaders {
					_, err := loader.in.WriteString(strconv.Itoa(n) + "\n")
					require.NoError(t, err)
				}
				for _, loader := range loaders {
					require.Equal(t, strconv.Itoa(n), loader.says(t, "knows"))
				}
				require.NoError(t, invalidations[n%len(invalidations)](t.Context(), c))
				if awaitValue(t, c) < n {
					old++
				}
			}
			require.Zero(t, old, "old values in %d rounds", rounds)
			t.Logf("%d rounds, %d old values", rounds, old)
		})
	}
}

// awaitValue returns what a load stores next.
func awaitValue(t *testing.T, c *xcache.Cache) int {
	t.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Microsecond) {
		n, err := xcache.For[int](c).Get(t.Context(), "k")
		if err == nil {
			return n
		}
		require.ErrorIs(t, err, xcache.ErrNotFound)
		require.Less(t, time.Since(began), time.Minute, "no load stores its value")
	}
}

// The same on the store in memory, by caches that know nothing of each other.
func TestNoLoadInMemoryBringsBackWhatWasInvalidated(t *testing.T) {
	const caches = 8
	dsn := "memory://" + strings.ReplaceAll(t.Name(), "/", "-")
	c := openStore(t, dsn)
	var row source
	ctx, stop := context.WithCancel(t.Context())
	var loaders sync.WaitGroup
	for range caches {
		v := xcache.For[int](openStore(t, dsn))
		loaders.Go(func() {
			for ctx.Err() == nil {
				_, err := v.GetOrSet(ctx, "k", func(context.Context) (int, error) {
					n := row.read()
					time.Sleep(rand.N(200 * time.Microsecond))
					return n, nil
				})
				if ctx.Err() == nil && !assert.NoError(t, err) {
					return
				}
				time.Sleep(rand.N(200 * time.Microsecond))
			}
		})
	}
	old := 0
	rounds := size(t, "XCACHE_FILLS", 300)
	for range rounds {
		n := row.next()
		require.NoError(t, invalidations[n%len(invalidations)](t.Context(), c))
		if awaitValue(t, c) < n {
			old++
		}
	}
	stop()
	loaders.Wait()
	require.Zero(t, old, "old values in %d rounds", rounds)
	t.Logf("%d rounds, %d old values", rounds, old)
}
