package memory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// scan returns the keys that match a pattern, sorted.
func scan(t testing.TB, store driver.Scanner, pattern string) []string {
	t.Helper()
	var keys []string
	for key, err := range store.Scan(t.Context(), pattern) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func TestScanYieldsEachKeyThatMatches(t *testing.T) {
	store := newStore(t, memory.Options{})
	if keys := scan(t, store, "*"); len(keys) != 0 {
		t.Errorf("an empty store yields %q", keys)
	}
	var want []string
	for i := range 5000 {
		key := fmt.Sprintf("user:%04d", i)
		set(t, store, key, "value", time.Hour)
		want = append(want, key)
	}
	push(t, store, "list")
	if got := scan(t, store, "user:*"); !slices.Equal(got, want) {
		t.Errorf("user:* gave %d keys, want %d", len(got), len(want))
	}
	if got := scan(t, store, "l[h-j]?t"); !slices.Equal(got, []string{"list"}) {
		t.Errorf("a list is not among %q", got)
	}
	if got := scan(t, store, "user:0042"); !slices.Equal(got, []string{"user:0042"}) {
		t.Errorf("a pattern without wildcards gave %q", got)
	}
}

// The body of the loop may use the store: no lock is held while a key is
// yielded.
func TestScanHoldsNoLock(t *testing.T) {
	store := newStore(t, memory.Options{})
	for i := range 3000 {
		set(t, store, strconv.Itoa(i), "value", driver.NoExpiry)
	}
	n := 0
	for key, err := range store.Scan(t.Context(), "*") {
		if err != nil {
			t.Fatal(err)
		}
		if removed, err := store.Delete(t.Context(), []string{key}); err != nil || removed != 1 {
			t.Fatalf("Delete(%q) = %d, %v", key, removed, err)
		}
		n++
	}
	if n != 3000 || store.Stats().Entries != 0 {
		t.Errorf("%d keys were yielded and deleted, %d are left", n, store.Stats().Entries)
	}
}

func TestScanStopsWhenTheLoopBreaks(t *testing.T) {
	store := newStore(t, memory.Options{})
	for i := range 100 {
		set(t, store, strconv.Itoa(i), "value", driver.NoExpiry)
	}
	n := 0
	for _, err := range store.Scan(t.Context(), "*") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("the loop ran %d times", n)
	}
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
	if keys != 3 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d keys after the context ended at 3, last error %v", keys, last)
	}
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
	if !errors.Is(last, driver.ErrClosed) {
		t.Errorf("the last error is %v", last)
	}
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
				// Lasting keys are overwritten, passing ones come and go.
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
		if len(seen) != lasting {
			t.Errorf("%d of %d keys were yielded", len(seen), lasting)
		}
		for key, n := range seen {
			if n != 1 {
				t.Errorf("%s was yielded %d times", key, n)
			}
		}
	}
	close(stop)
	wg.Wait()
}
