package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/Yiling-J/theine-go"
	"github.com/allegro/bigcache/v3"
	"github.com/coocood/freecache"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/maypok86/otter/v2"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// embedded is the common interface of the embedded caches of all libraries.
// Every cache is opened for capacity entries of valueSize bytes that expire
// after timeToLive.
type embedded interface {
	get(key string) ([]byte, bool)
	set(key string, value []byte)
	close()
}

const (
	valueSize  = 100
	timeToLive = 5 * time.Minute
)

// embeddedLibraries are the contestants. The others are compared with the
// first.
var embeddedLibraries = []struct {
	name string
	open func(capacity int) embedded
	// boundByEntries says that the cache is bound by the number of entries. All
	// other caches are bound by bytes.
	boundByEntries bool
}{
	{"xcache", openXcache, true},
	{"xcache, driver alone", openDriver, true},
	{"otter", openOtter, true},
	{"ristretto", openRistretto, true},
	{"golang-lru", openLRU, true},
	{"theine", openTheine, true},
	{"freecache", openFreecache, false},
	{"bigcache", openBigcache, false},
}

// embeddedKeys is how many keys the benchmarks use. All keys fit into the
// caches.
const embeddedKeys = 1 << 16

func embeddedComparisons() []comparison {
	return []comparison{
		compareEmbedded("Get hit, one key", oneKey),
		compareEmbedded("Get hit, 65536 keys", getAll),
		compareEmbedded("Get hit, 65536 keys, all processors", getAllParallel),
		compareEmbedded("Set over an existing key", setAll),
		compareEmbedded("Zipf mix, Set after each miss, room for 10 %", zipfMix),
		compareEmbedded("Zipf mix, Set after each miss, room for 10 %, all processors", zipfMixParallel),
	}
}

func compareEmbedded(name string, bench func(b *testing.B, open func(int) embedded)) comparison {
	c := comparison{name: name}
	for _, lib := range embeddedLibraries {
		c.contestants = append(c.contestants, contestant{lib.name, func(b *testing.B) {
			b.ReportAllocs()
			bench(b, lib.open)
		}})
	}
	return c
}

func oneKey(b *testing.B, open func(int) embedded) {
	cache, keys := filled(open)
	defer cache.close()
	for b.Loop() {
		if _, ok := cache.get(keys[7]); !ok {
			b.Fatal("miss")
		}
	}
}

// stride is the step from key to key, so that no prefetcher knows the order.
const stride = 7919

func getAll(b *testing.B, open func(int) embedded) {
	cache, keys := filled(open)
	defer cache.close()
	i, hits := 0, 0
	for b.Loop() {
		if _, ok := cache.get(keys[i]); ok {
			hits++
		}
		i = (i + stride) % embeddedKeys
	}
	mostlyHit(b, hits, b.N)
}

func getAllParallel(b *testing.B, open func(int) embedded) {
	cache, keys := filled(open)
	defer cache.close()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i, hits, n := 0, 0, 0
		for ; pb.Next(); n++ {
			if _, ok := cache.get(keys[i]); ok {
				hits++
			}
			i = (i + stride) % embeddedKeys
		}
		mostlyHit(b, hits, n)
	})
}

func setAll(b *testing.B, open func(int) embedded) {
	cache, keys := filled(open)
	defer cache.close()
	value := make([]byte, valueSize)
	i := 0
	for b.Loop() {
		cache.set(keys[i], value)
		i = (i + stride) % embeddedKeys
	}
}

func zipfMix(b *testing.B, open func(int) embedded) {
	cache, trace := open(embeddedKeys/10), zipfTrace
	defer cache.close()
	value := make([]byte, valueSize)
	i := 0
	for b.Loop() {
		getOrSet(cache, trace[i&(len(trace)-1)], value)
		i++
	}
}

func zipfMixParallel(b *testing.B, open func(int) embedded) {
	cache, trace := open(embeddedKeys/10), zipfTrace
	defer cache.close()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		value := make([]byte, valueSize)
		for i := 0; pb.Next(); i++ {
			getOrSet(cache, trace[i&(len(trace)-1)], value)
		}
	})
}

func getOrSet(cache embedded, key string, value []byte) (hit bool) {
	if _, ok := cache.get(key); ok {
		return true
	}
	cache.set(key, value)
	return false
}

// filled returns a cache that holds all keys. The cache has room for twice as
// many keys, so that a full shard does not evict.
func filled(open func(int) embedded) (embedded, []string) {
	cache := open(2 * embeddedKeys)
	keys := keyNames(embeddedKeys)
	value := make([]byte, valueSize)
	waiter, waits := cache.(interface{ wait() }) // ristretto drops writes that come too quickly
	for i, key := range keys {
		cache.set(key, value)
		if waits && i%1024 == 0 {
			waiter.wait()
		}
	}
	if waits {
		waiter.wait()
	}
	return cache, keys
}

// mostlyHit fails a benchmark of hits that measured misses. A few misses are
// allowed, because a shard with more keys than others may evict.
func mostlyHit(b *testing.B, hits, n int) {
	b.Helper()
	if hits < n-n/10 {
		b.Errorf("%d of %d gets were hits", hits, n)
	}
}

func keyNames(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%08d", i)
	}
	return keys
}

// must is for calls that cannot fail with the arguments of this file.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

type xcacheView struct{ *xcache.View[[]byte] }

func openXcache(capacity int) embedded {
	cache := must(xcache.OpenDSN(fmt.Sprintf("memory://?serializer=raw&ttl=%s&max_bytes=none&max_entries=%d", timeToLive, capacity)))
	return xcacheView{xcache.For[[]byte](cache)}
}

func (c xcacheView) get(key string) ([]byte, bool) {
	value, err := c.Get(context.Background(), key)
	return value, err == nil
}

func (c xcacheView) set(key string, value []byte) {
	if err := c.Set(context.Background(), key, value); err != nil {
		panic(err)
	}
}

func (c xcacheView) close() { _ = c.Close() }

// memoryStore is the memory driver without the core: no prefix, no codec, no
// copy of the values that callers get.
type memoryStore struct{ *memory.Store }

func openDriver(capacity int) embedded {
	return memoryStore{must(memory.NewStore(memory.Options{MaxEntries: capacity, MaxBytes: memory.Unbounded}))}
}

func (c memoryStore) get(key string) ([]byte, bool) {
	var values [1]driver.Value
	keys := [1]string{key}
	if err := c.Get(context.Background(), keys[:], values[:]); err != nil {
		panic(err)
	}
	return values[0].Data, values[0].Err == nil
}

func (c memoryStore) set(key string, value []byte) {
	entries := [1]driver.Entry{{Key: key, Value: value, TTL: timeToLive}}
	if err := c.Set(context.Background(), entries[:]); err != nil {
		panic(err)
	}
}

func (c memoryStore) close() { _ = c.Close() }

type otterCache struct{ *otter.Cache[string, []byte] }

func openOtter(capacity int) embedded {
	return otterCache{otter.Must(&otter.Options[string, []byte]{
		MaximumSize:      capacity,
		ExpiryCalculator: otter.ExpiryWriting[string, []byte](timeToLive),
	})}
}

func (c otterCache) get(key string) ([]byte, bool) { return c.GetIfPresent(key) }
func (c otterCache) set(key string, value []byte)  { c.Set(key, value) }
func (c otterCache) close()                        { c.StopAllGoroutines() }

type ristrettoCache struct {
	*ristretto.Cache[string, []byte]
}

func openRistretto(capacity int) embedded {
	return ristrettoCache{must(ristretto.NewCache(&ristretto.Config[string, []byte]{
		NumCounters:        10 * int64(capacity),
		MaxCost:            int64(capacity),
		BufferItems:        64,
		IgnoreInternalCost: true,
	}))}
}

func (c ristrettoCache) get(key string) ([]byte, bool) { return c.Get(key) }
func (c ristrettoCache) set(key string, value []byte)  { c.SetWithTTL(key, value, 1, timeToLive) }
func (c ristrettoCache) wait()                         { c.Wait() }
func (c ristrettoCache) close()                        { c.Close() }

type lruCache struct {
	*expirable.LRU[string, []byte]
}

func openLRU(capacity int) embedded {
	return lruCache{expirable.NewLRU[string, []byte](capacity, nil, timeToLive)}
}

func (c lruCache) get(key string) ([]byte, bool) { return c.Get(key) }
func (c lruCache) set(key string, value []byte)  { c.Add(key, value) }
func (c lruCache) close()                        { c.Purge() }

type theineCache struct {
	*theine.Cache[string, []byte]
}

func openTheine(capacity int) embedded {
	return theineCache{must(theine.NewBuilder[string, []byte](int64(capacity)).Build())}
}

func (c theineCache) get(key string) ([]byte, bool) { return c.Get(key) }
func (c theineCache) set(key string, value []byte)  { c.SetWithTTL(key, value, 1, timeToLive) }
func (c theineCache) wait()                         { c.Wait() }
func (c theineCache) close()                        { c.Close() }

// entryBytes is about the size of an entry in a cache that is bound by bytes.
const entryBytes = valueSize + 13 + 24

type freeCache struct{ *freecache.Cache }

func openFreecache(capacity int) embedded {
	return freeCache{freecache.NewCache(capacity * entryBytes)}
}

func (c freeCache) get(key string) ([]byte, bool) {
	value, err := c.Get([]byte(key))
	return value, err == nil
}

func (c freeCache) set(key string, value []byte) {
	if err := c.Set([]byte(key), value, int(timeToLive/time.Second)); err != nil {
		panic(err)
	}
}

func (c freeCache) close() {}

type bigCache struct{ *bigcache.BigCache }

func openBigcache(capacity int) embedded {
	config := bigcache.DefaultConfig(timeToLive)
	config.CleanWindow = 0
	config.Shards = 64
	config.MaxEntriesInWindow = capacity
	config.MaxEntrySize = valueSize
	config.HardMaxCacheSize = max(1, capacity*entryBytes>>20)
	config.Verbose = false
	return bigCache{must(bigcache.New(context.Background(), config))}
}

func (c bigCache) get(key string) ([]byte, bool) {
	value, err := c.Get(key)
	return value, err == nil
}

func (c bigCache) set(key string, value []byte) {
	if err := c.Set(key, value); err != nil {
		panic(err)
	}
}

func (c bigCache) close() { _ = c.Close() }
