package memory_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// In a benchmark over many keys the machine's memory takes most of the time. Benchmarks of
// one key show the time of the code.
const benchmarkKeys = 1 << 16

// stride is the distance from one key to the next: the walk visits all keys and never a
// neighbour.
const stride = 7919

func benchmarkKeyNames() []string {
	keys := make([]string, benchmarkKeys)
	for i := range keys {
		keys[i] = fmt.Sprintf(":1:user:%06d", i)
	}
	return keys
}

// filled returns a store that holds 100 bytes under each key.
func filled(b *testing.B, keys []string, ttl time.Duration) *memory.Store {
	b.Helper()
	store := newStore(b, memory.Options{})
	value := make([]byte, 100)
	entries := make([]driver.Entry, len(keys))
	for i, key := range keys {
		entries[i] = driver.Entry{Key: key, Value: value, TTL: ttl}
	}
	require.NoError(b, store.Set(b.Context(), entries))
	return store
}

// hit reads an existing key.
func hit(b *testing.B, store *memory.Store, keys []string, values []driver.Value) {
	values[0] = driver.Value{}
	if err := store.Get(b.Context(), keys, values); err != nil || values[0].Err != nil {
		b.Error(err, values[0].Err)
	}
}

// put writes one key.
func put(b *testing.B, store *memory.Store, entries []driver.Entry) {
	if err := store.Set(b.Context(), entries); err != nil || entries[0].Err != nil {
		b.Error(err, entries[0].Err)
	}
}

// BenchmarkMap is the base line: a map under a mutex, whose entries have only a value and a
// time of expiry.
func BenchmarkMap(b *testing.B) {
	type entry struct {
		data    []byte
		expires time.Time
	}
	var mu sync.Mutex
	entries := make(map[string]*entry)
	keys := benchmarkKeyNames()
	for _, key := range keys {
		entries[key] = &entry{make([]byte, 100), time.Now().Add(time.Hour)}
	}
	read := func(key string) {
		mu.Lock()
		defer mu.Unlock()
		if e := entries[key]; e == nil || time.Until(e.expires) <= 0 {
			b.Error("miss")
		}
	}
	b.Run("one key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			read(keys[0])
		}
	})
	b.Run("many keys", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i += stride {
			read(keys[i%benchmarkKeys])
		}
	})
}

func BenchmarkGet(b *testing.B) {
	keys := benchmarkKeyNames()
	store := filled(b, keys, time.Hour)
	values := make([]driver.Value, 1)
	b.Run("one key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			hit(b, store, keys[:1], values)
		}
	})
	b.Run("many keys", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i += stride {
			key := i % benchmarkKeys
			hit(b, store, keys[key:key+1], values)
		}
	})
	b.Run("persistent", func(b *testing.B) {
		store := filled(b, keys[:1], driver.NoExpiry)
		b.ReportAllocs()
		for b.Loop() {
			hit(b, store, keys[:1], values)
		}
	})
	b.Run("batch of 100", func(b *testing.B) {
		values := make([]driver.Value, 100)
		b.ReportAllocs()
		for b.Loop() {
			hit(b, store, keys[:100], values)
		}
	})
}

func BenchmarkSet(b *testing.B) {
	keys := benchmarkKeyNames()
	value := make([]byte, 100)
	entries := make([]driver.Entry, 1)
	b.Run("one key", func(b *testing.B) {
		store := filled(b, keys[:1], time.Hour)
		b.ReportAllocs()
		for b.Loop() {
			entries[0] = driver.Entry{Key: keys[0], Value: value, TTL: time.Hour}
			put(b, store, entries)
		}
	})
	b.Run("many keys", func(b *testing.B) {
		store := filled(b, keys, time.Hour)
		b.ReportAllocs()
		for i := 0; b.Loop(); i += stride {
			entries[0] = driver.Entry{Key: keys[i%benchmarkKeys], Value: value, TTL: time.Hour}
			put(b, store, entries)
		}
	})
	b.Run("new keys, evicting", func(b *testing.B) {
		store := newStore(b, memory.Options{MaxEntries: benchmarkKeys / 4})
		b.ReportAllocs()
		for i := 0; b.Loop(); i += stride {
			entries[0] = driver.Entry{Key: keys[i%benchmarkKeys], Value: value, TTL: time.Hour}
			put(b, store, entries)
		}
	})
}

func BenchmarkIncr(b *testing.B) {
	store := newStore(b, memory.Options{})
	set(b, store, "count", "1", time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Incr(b.Context(), "count", 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDo(b *testing.B) {
	store := newStore(b, memory.Options{})
	set(b, store, "key", "value", time.Hour)
	args := []driver.Arg{driver.Key("key")}
	var cmd driver.Cmd
	cmds := []*driver.Cmd{&cmd}
	b.ReportAllocs()
	for b.Loop() {
		cmd = driver.Cmd{Name: "GET", Args: args}
		if err := store.Do(b.Context(), cmds, driver.Plain); err != nil || cmd.Err != nil {
			b.Fatal(err, cmd.Err)
		}
	}
}

// BenchmarkWatch measures writes without a watcher, and writes with a watcher of another
// key.
func BenchmarkWatch(b *testing.B) {
	for _, watched := range []bool{false, true} {
		name := map[bool]string{false: "nobody", true: "another key"}[watched]
		for _, line := range []string{"SET k v", "HSET h f v"} {
			cmds := []*driver.Cmd{command(line)}
			b.Run(cmds[0].Name+"/"+name, func(b *testing.B) {
				store := newStore(b, memory.Options{})
				if watched {
					for i := range 1000 { // in every shard
						watching, err := store.Watch(b.Context(), fmt.Sprint("w", i))
						require.NoError(b, err)
						defer func() { _ = watching.Close() }()
					}
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := store.Do(b.Context(), cmds, driver.Plain); err != nil || cmds[0].Err != nil {
						b.Fatal(err, cmds[0].Err)
					}
				}
			})
		}
	}
}

func BenchmarkGetParallel(b *testing.B) {
	keys := benchmarkKeyNames()
	store := filled(b, keys, time.Hour)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		values := make([]driver.Value, 1)
		for i := 0; pb.Next(); i += stride {
			key := i % benchmarkKeys
			hit(b, store, keys[key:key+1], values)
		}
	})
}

// BenchmarkZipf measures a cache in use: a miss stores the value and evicts an entry.
func BenchmarkZipf(b *testing.B) {
	trace := zipf(1.01, traceKeys)
	keys := make([]string, 1<<20)
	for i := range keys {
		keys[i] = strconv.Itoa(trace())
	}
	store := newStore(b, memory.Options{MaxEntries: traceCapacity})
	value := make([]byte, 100)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		values := make([]driver.Value, 1)
		entries := make([]driver.Entry, 1)
		for i := 0; pb.Next(); i++ {
			key := i % len(keys)
			values[0] = driver.Value{}
			if err := store.Get(b.Context(), keys[key:key+1], values); err != nil {
				b.Error(err)
			}
			if values[0].Err != nil {
				entries[0] = driver.Entry{Key: keys[key], Value: value, TTL: time.Hour}
				put(b, store, entries)
			}
		}
	})
}
