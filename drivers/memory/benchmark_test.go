package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

const benchmarkKeys = 1 << 16

// filled returns a store with benchmarkKeys keys of 100 bytes, and their names.
func filled(b *testing.B, ttl time.Duration) (*memory.Store, []string) {
	b.Helper()
	store := newStore(b, memory.Options{})
	keys := make([]string, benchmarkKeys)
	entries := make([]driver.Entry, benchmarkKeys)
	for i := range keys {
		keys[i] = fmt.Sprintf(":1:user:%06d", i)
		entries[i] = driver.Entry{Key: keys[i], Value: make([]byte, 100), TTL: ttl}
	}
	if err := store.Set(b.Context(), entries); err != nil {
		b.Fatal(err)
	}
	return store, keys
}

func BenchmarkGet(b *testing.B) {
	for name, ttl := range map[string]time.Duration{"ttl": time.Hour, "persistent": driver.NoExpiry} {
		b.Run(name, func(b *testing.B) {
			store, keys := filled(b, ttl)
			values := make([]driver.Value, 1)
			ctx := b.Context()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				values[0] = driver.Value{}
				if err := store.Get(ctx, keys[i:i+1], values); err != nil || values[0].Err != nil {
					b.Fatal(err, values[0].Err)
				}
				i = (i + 7919) % benchmarkKeys
			}
		})
	}
}

func BenchmarkGetOneKey(b *testing.B) {
	store, keys := filled(b, time.Hour)
	values := make([]driver.Value, 1)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		values[0] = driver.Value{}
		if err := store.Get(ctx, keys[:1], values); err != nil || values[0].Err != nil {
			b.Fatal(err, values[0].Err)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	store, keys := filled(b, time.Hour)
	entry := make([]driver.Entry, 1)
	value := make([]byte, 100)
	ctx := b.Context()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		entry[0] = driver.Entry{Key: keys[i], Value: value, TTL: time.Hour}
		if err := store.Set(ctx, entry); err != nil || entry[0].Err != nil {
			b.Fatal(err, entry[0].Err)
		}
		i = (i + 7919) % benchmarkKeys
	}
}

func BenchmarkGetParallel(b *testing.B) {
	store, keys := filled(b, time.Hour)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		values := make([]driver.Value, 1)
		ctx := b.Context()
		i := 0
		for pb.Next() {
			values[0] = driver.Value{}
			if err := store.Get(ctx, keys[i:i+1], values); err != nil || values[0].Err != nil {
				b.Error(err, values[0].Err)
				return
			}
			i = (i + 7919) % benchmarkKeys
		}
	})
}
