package drivertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// Waits tests callers who wait for elements, with deadlines and contexts that end at any
// time, on one server and in a cluster. The test fails if an element is lost or comes
// twice. The test also fails unless a command with keys in several slots of a cluster is
// refused with ErrCrossSlot.
func (s *Subject) Waits(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		WaitsLoseNothing(t, s.Open(t, withLongTimeouts(s.Scheme+"://"+s.Standalone(t).Addr)), "{"+Key(t, "k")+"}")
	})
	t.Run("cluster", func(t *testing.T) {
		servers := s.Cluster(t)
		store := s.Open(t, withLongTimeouts(s.clusterDSN(servers, "")))
		WaitsLoseNothing(t, store, "{"+Key(t, "k")+"}")
		lists := listsOf(t, store)
		_, err := lists.BLPop(t.Context(), 0, "{a}k", "{b}k")
		WantErr(t, err, driver.NotApplied, driver.ErrCrossSlot)
	})
}

func listsOf(t testing.TB, store driver.Store) *mixins.Lists[string] {
	t.Helper()
	c, err := xcache.New(store, xcache.WithOpTimeout(longTimeout))
	if err != nil {
		t.Fatal(err)
	}
	lists, err := mixins.NewLists[string](c)
	if err != nil {
		t.Fatal(err)
	}
	return lists
}

// WaitsLoseNothing pushes 20 000 elements to callers who come and leave. The callers use
// store, and tag is the beginning of the keys. The test fails if an element comes twice, or
// if more elements are missing than calls with an unknown outcome can explain. On a busy
// machine a server may answer a caller after the grace period of a call. The outcome of such
// a call is unknown, and as many elements may be missing as the call has asked for.
func WaitsLoseNothing(t *testing.T, store driver.Store, tag string) {
	t.Helper()
	const elements, callers, together = 20_000, 8, 20
	lists := listsOf(t, store)
	keys := []string{tag + "a", tag + "b"}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	working, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	taken, left, unknown := make([]int, elements), 0, 0
	var mu sync.Mutex
	var running sync.WaitGroup
	for i := range callers {
		random := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // no secret
		running.Go(func() {
			for working.Err() == nil {
				ctx, cancel := context.WithCancel(working)
				switch random.IntN(3) {
				case 0: // left soon
					time.AfterFunc(time.Duration(random.IntN(3000))*time.Microsecond, cancel)
				case 1:
					ctx, cancel = context.WithTimeout(working, time.Duration(random.IntN(20_000))*time.Microsecond)
				}
				popped, err := lists.BLMPop(ctx, time.Duration(random.IntN(30))*time.Millisecond, mixins.Left, together, keys...)
				cancel()
				mu.Lock()
				for _, element := range popped.Elements {
					n, _ := strconv.Atoi(element)
					taken[n]++
				}
				if err != nil {
					left++
				}
				if errors.Is(err, driver.ErrUnknownOutcome) {
					unknown++
				}
				mu.Unlock()
				if err != nil && !errors.Is(err, xcache.ErrNotFound) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("BLMPop: %v", err)
				}
			}
		})
	}
	for i := 0; i < elements; {
		var batch []string
		for range min(1+rand.IntN(together), elements-i) {
			batch = append(batch, fmt.Sprint(i))
			i++
		}
		if _, err := lists.RPush(t.Context(), keys[i%2], batch...); err != nil {
			t.Error(err)
		}
	}
	Eventually(t, func() bool {
		here := 0
		for _, key := range keys {
			n, err := lists.LLen(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			here += n
		}
		return here == 0
	}, func() string { return "elements are left that nobody takes" })
	stop()
	running.Wait()
	missing := 0
	for i, n := range taken {
		if n > 1 {
			t.Errorf("element %d was taken %d times", i, n)
		}
		if n == 0 {
			missing++
		}
	}
	if missing > unknown*together {
		t.Errorf("%d elements are lost, and %d calls of %d had an unknown outcome", missing, unknown, left)
	}
	if unknown > left/2 {
		t.Errorf("%d calls of %d that ended without an element had an unknown outcome", unknown, left)
	}
	if left == 0 {
		t.Error("no caller has left, or waited for its time-out")
	}
}
