package memory_test

import (
	"container/list"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

func TestStoreHoldsNoMoreThanItsBounds(t *testing.T) {
	for _, options := range []memory.Options{
		{MaxEntries: 1},
		{MaxEntries: 10},
		{MaxEntries: 10_000},
		{MaxBytes: memory.MinMaxBytes},
		{MaxBytes: 1 << 20},
		{MaxEntries: 100, MaxBytes: 16 << 10},
	} {
		store := newStore(t, options)
		random := rand.New(rand.NewPCG(1, 2))
		for i := range 20_000 {
			key := strconv.Itoa(i)
			switch i % 4 {
			case 0, 1:
				set(t, store, key, strings.Repeat("x", random.IntN(300)), driver.NoExpiry)
				wantValue(t, store, key, strings.Repeat("x", len(mustGet(t, store, key))))
			case 2:
				_, err := do(t, store, "RPUSH", driver.Key("list"+strconv.Itoa(i%100)), driver.Val([]byte(key)))
				require.NoError(t, err)
			case 3:
				err := store.Rename(t.Context(), strconv.Itoa(i-2), "renamed"+key)
				require.True(t, err == nil || bare(err, driver.ErrNotFound), "%v", err)
			}
			checkBounds(t, store, options, memory.Options{})
		}
		require.NotZero(t, store.Stats().Evictions, "%+v: nothing was evicted", options)
	}
}

func mustGet(t testing.TB, store driver.Store, key string) string {
	t.Helper()
	value, err := get(t, store, key)
	require.NoError(t, err, "Get(%q)", key)
	return value
}

// checkBounds checks that a store holds no more than its bounds and some slack.
func checkBounds(t testing.TB, store *memory.Store, bounds, slack memory.Options) {
	t.Helper()
	got := store.Stats()
	require.False(t, bounds.MaxEntries > 0 && got.Entries > bounds.MaxEntries+slack.MaxEntries, "%d entries, the bound is %d", got.Entries, bounds.MaxEntries)
	require.False(t, bounds.MaxBytes > 0 && got.Bytes > bounds.MaxBytes+slack.MaxBytes, "%d bytes, the bound is %d", got.Bytes, bounds.MaxBytes)
}

// Concurrent writers may exceed a bound only by their own writes.
func TestBoundsHoldUnderConcurrency(t *testing.T) {
	const (
		writers   = 8
		valueSize = 1000
	)
	bounds := memory.Options{MaxEntries: 2000, MaxBytes: 1 << 20}
	slack := memory.Options{MaxEntries: writers, MaxBytes: writers * (valueSize + 200)}
	store := newStore(t, bounds)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 0))
			for range 3000 {
				entries := []driver.Entry{{
					Key: strconv.Itoa(random.IntN(20_000)), Value: make([]byte, random.IntN(valueSize)), TTL: driver.NoExpiry,
				}}
				if !assert.NoError(t, store.Set(t.Context(), entries)) {
					return
				}
				if !assert.NoError(t, entries[0].Err) {
					return
				}
			}
		})
	}
	t.Cleanup(wg.Wait)
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for working := true; working; {
		select {
		case <-done:
			working = false
		default:
			checkBounds(t, store, bounds, slack)
		}
	}
	checkBounds(t, store, bounds, memory.Options{})
}

// Small bounds are exact: a store with a bound of n keys holds n keys, with any hashes.
func TestStoreFillsUpToItsBound(t *testing.T) {
	for _, n := range []int{1, 2, 100, 5000} {
		store := newStore(t, memory.Options{MaxEntries: n})
		for i := range n {
			set(t, store, strconv.Itoa(i), "value", driver.NoExpiry)
		}
		got := store.Stats()
		require.Equal(t, n, got.Entries, "of %d keys there are %d, after %d evictions", n, got.Entries, got.Evictions)
		require.Zero(t, got.Evictions, "of %d keys there are %d, after %d evictions", n, got.Entries, got.Evictions)
	}
}

func TestWriteDoesNotEvictItself(t *testing.T) {
	// A value that fills most of the store evicts everything else and stays.
	store := newStore(t, memory.Options{MaxBytes: 1 << 20})
	for i := range 1000 {
		set(t, store, strconv.Itoa(i), strings.Repeat("x", 500), driver.NoExpiry)
	}
	for i := range 20 {
		key, value := fmt.Sprint("large", i), strings.Repeat("x", 1000<<10)
		set(t, store, key, value, driver.NoExpiry)
		wantValue(t, store, key, value)
	}
	// A list that grows does the same.
	for i := range 10 {
		_, err := do(t, store, "RPUSH", driver.Key("list"), driver.Val(make([]byte, 100_000)))
		require.NoError(t, err)
		n, err := do(t, store, "LLEN", driver.Key("list"))
		require.NoError(t, err, "LLEN")
		require.Equal(t, int64(i+1), n.Int, "LLEN")
	}
	_, err := do(t, store, "RPUSH", driver.Key("list"), driver.Val(make([]byte, 100_000)))
	require.Error(t, err, "a list grew beyond the bound of the store")
	n, err := do(t, store, "LLEN", driver.Key("list"))
	require.NoError(t, err, "a push that was refused left")
	require.EqualValues(t, 10, n.Int, "a push that was refused left")
}

func TestEvictionSparesWhatIsUsed(t *testing.T) {
	store := newStore(t, memory.Options{MaxEntries: 100})
	for i := range 50 {
		set(t, store, fmt.Sprint("used", i), "value", driver.NoExpiry)
	}
	for i := range 1000 {
		wantValue(t, store, fmt.Sprint("used", i%50), "value")
		set(t, store, fmt.Sprint("once", i), "value", driver.NoExpiry)
	}
	for i := range 50 {
		wantValue(t, store, fmt.Sprint("used", i), "value")
	}
}

// A policy is a cache with a bound on its keys, for comparisons of evictions.
type policy interface {
	// access asks for a key, adds a missing key, and reports whether the key existed.
	access(key int) bool
}

// sievePolicy is the store itself.
type sievePolicy struct {
	t     testing.TB
	store *memory.Store
}

func (p sievePolicy) access(key int) bool {
	name := strconv.Itoa(key)
	if _, err := get(p.t, p.store, name); err == nil {
		return true
	}
	set(p.t, p.store, name, "", driver.NoExpiry)
	return false
}

// queuePolicy is FIFO, or LRU if used keys move to the front.
type queuePolicy struct {
	capacity int
	lru      bool
	queue    *list.List
	places   map[int]*list.Element
}

func newQueuePolicy(capacity int, lru bool) *queuePolicy {
	return &queuePolicy{capacity: capacity, lru: lru, queue: list.New(), places: make(map[int]*list.Element)}
}

func (p *queuePolicy) access(key int) bool {
	if place := p.places[key]; place != nil {
		if p.lru {
			p.queue.MoveToFront(place)
		}
		return true
	}
	if p.queue.Len() == p.capacity {
		delete(p.places, p.queue.Remove(p.queue.Back()).(int))
	}
	p.places[key] = p.queue.PushFront(key)
	return false
}

// hitRatio returns the part of accesses in a trace that are hits.
func hitRatio(p policy, next func() int, accesses int) float64 {
	hits := 0
	for range accesses {
		if p.access(next()) {
			hits++
		}
	}
	return float64(hits) / float64(accesses)
}

// zipf returns a trace in which few keys are popular and many are rare. The trace is always
// the same.
func zipf(exponent float64, keys uint64) func() int {
	z := rand.NewZipf(rand.New(rand.NewPCG(3, 4)), exponent, 1, keys-1)
	return func() int { return int(z.Uint64()) }
}

// scanning mixes a trace with walks over keys that are used once.
func scanning(trace func() int, every, length int) func() int {
	once, left, n := 1<<30, 0, 0
	return func() int {
		if n++; n%every == 0 {
			left = length
		}
		if left > 0 {
			left--
			once++
			return once
		}
		return trace()
	}
}

const (
	traceKeys     = 100_000
	traceCapacity = 5_000
	traceLength   = 400_000
)

var traces = map[string]func() func() int{
	"zipf 1.01":       func() func() int { return zipf(1.01, traceKeys) },
	"zipf 1.2":        func() func() int { return zipf(1.2, traceKeys) },
	"zipf with scans": func() func() int { return scanning(zipf(1.01, traceKeys), 20_000, 5_000) },
}

func TestEvictionHitsMoreThanLRUAndFIFO(t *testing.T) {
	for name, trace := range traces {
		store := newStore(t, memory.Options{MaxEntries: traceCapacity})
		length := traceLength / 2
		sieve := hitRatio(sievePolicy{t, store}, trace(), length)
		lru := hitRatio(newQueuePolicy(traceCapacity, true), trace(), length)
		fifo := hitRatio(newQueuePolicy(traceCapacity, false), trace(), length)
		require.Greater(t, sieve, lru, "%s: hit ratio %.3f, of LRU %.3f, of FIFO %.3f", name, sieve, lru, fifo)
		require.Greater(t, lru, fifo, "%s: hit ratio %.3f, of LRU %.3f, of FIFO %.3f", name, sieve, lru, fifo)
	}
}

// BenchmarkHitRatio reports hit ratios; its times mean nothing.
func BenchmarkHitRatio(b *testing.B) {
	for name, trace := range traces {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				store := newStore(b, memory.Options{MaxEntries: traceCapacity})
				b.ReportMetric(hitRatio(sievePolicy{b, store}, trace(), traceLength), "sieve")
				b.ReportMetric(hitRatio(newQueuePolicy(traceCapacity, true), trace(), traceLength), "lru")
				b.ReportMetric(hitRatio(newQueuePolicy(traceCapacity, false), trace(), traceLength), "fifo")
			}
		})
	}
}
