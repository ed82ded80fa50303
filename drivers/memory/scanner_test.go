package memory_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// scan returns the keys that match a pattern, sorted.
func scan(t testing.TB, store driver.Scanner, pattern string) []string {
	t.Helper()
	var keys []string
	for key, err := range store.Scan(t.Context(), pattern) {
		require.NoError(t, err)
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func TestScanYieldsEachKeyThatMatches(t *testing.T) {
	store := newStore(t, memory.Options{})
	require.Empty(t, scan(t, store, "*"), "an empty store yields")
	var want []string
	for i := range 5000 {
		key := fmt.Sprintf("user:%04d", i)
		set(t, store, key, "value", time.Hour)
		want = append(want, key)
	}
	push(t, store, "list")
	got := scan(t, store, "user:*")
	require.Equal(t, want, got, "user:* gave %d keys, want %d", len(got), len(want))
	require.Equal(t, []string{"list"}, scan(t, store, "l[h-j]?t"), "a list is not among")
	require.Equal(t, []string{"user:0042"}, scan(t, store, "user:0042"), "a pattern without wildcards")
}

// The body of the loop may use the store: no lock is held while a key is yielded.
func TestScanHoldsNoLock(t *testing.T) {
	store := newStore(t, memory.Options{})
	for i := range 3000 {
		set(t, store, strconv.Itoa(i), "value", driver.NoExpiry)
	}
	n := 0
	for key, err := range store.Scan(t.Context(), "*") {
		require.NoError(t, err)
		removed, err := store.Delete(t.Context(), []string{key})
		require.NoError(t, err, "Delete(%q)", key)
		require.Equal(t, 1, removed, "Delete(%q)", key)
		n++
	}
	require.Equal(t, 3000, n)
	require.Equal(t, 0, store.Stats().Entries)
}

func TestScanStopsWhenTheLoopBreaks(t *testing.T) {
	store := newStore(t, memory.Options{})
	for i := range 100 {
		set(t, store, strconv.Itoa(i), "value", driver.NoExpiry)
	}
	n := 0
	for _, err := range store.Scan(t.Context(), "*") {
		require.NoError(t, err)
		if n++; n == 3 {
			break
		}
	}
	require.Equal(t, 3, n, "the loop ran")
}

func TestScanStopsWhenTheContextEnds(t *testing.T) {
	store := newStore(t, memory.Options{})
	for i := range 100 {
		set(t, store, strconv.Itoa(i), "value", driver.NoExpiry)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	keys, last := 0, error(nil)
	for _, err := range store.Scan(ctx, "*") {
		if last = err; err == nil {
			keys++
		}
		if keys == 3 {
			cancel()
		}
	}
	require.Equal(t, 3, keys)
	require.ErrorIs(t, last, context.Canceled)
}

func TestScanOfAStoreThatIsClosedMeanwhileEndsWithErrClosed(t *testing.T) {
	store := newStore(t, memory.Options{})
	for i := range 10_000 {
		set(t, store, strconv.Itoa(i), "value", driver.NoExpiry)
	}
	var last error
	for _, err := range store.Scan(t.Context(), "*") {
		last = err
		_ = store.Close()
	}
	require.ErrorIs(t, last, driver.ErrClosed, "the last error")
}

func TestScanYieldsWhatIsThereAllTheTime(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: memory.Unbounded})
	const lasting = 3000
	for i := range lasting {
		set(t, store, fmt.Sprint("lasting", i), "value", driver.NoExpiry)
		set(t, store, fmt.Sprint("passing", i), "value", driver.NoExpiry)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				// Lasting keys are overwritten, and other keys come and go.
				set(t, store, fmt.Sprint("lasting", i%lasting), "other", time.Hour)
				set(t, store, fmt.Sprint("passing", i%lasting), "value", driver.NoExpiry)
				_, _ = store.Delete(t.Context(), []string{fmt.Sprint("passing", (i+lasting/2)%lasting)})
			}
		})
	}
	for range 20 {
		seen := make(map[string]int)
		for _, key := range scan(t, store, "lasting*") {
			seen[key]++
		}
		require.Len(t, seen, lasting)
		for key, n := range seen {
			require.Equal(t, 1, n, "%s was yielded", key)
		}
	}
	close(stop)
	wg.Wait()
}
