package redis_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/fakeserver"
)

// sizes are the values' sizes that single operations are measured with.
var sizes = []int{100, 1024}

// openFake returns a store on a server inside the process, and go-redis itself
// on the same one.
func openFake(tb testing.TB, params string) (*redis.Store, *goredis.Client, *fakeserver.Server) {
	tb.Helper()
	server := fakeserver.New()
	dsn, err := driver.ParseDSN("redis://fake" + params)
	if err != nil {
		tb.Fatal(err)
	}
	store, err := redis.Driver{Dial: server.Dial}.Open(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	raw := goredis.NewClient(&goredis.Options{Dialer: server.Dial})
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
		if err := raw.Close(); err != nil {
			tb.Error(err)
		}
	})
	return store.(*redis.Store), raw, server
}

// contexts are those of a program without deadlines and of a server's handlers.
func contexts(tb testing.TB) map[string]context.Context {
	cancellable, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	return map[string]context.Context{"plain": context.Background(), "cancellable": cancellable}
}

func BenchmarkGet(b *testing.B) {
	for _, size := range sizes {
		store, raw, server := openFake(b, "")
		server.Set("key", make([]byte, size))
		b.Run(fmt.Sprintf("%d/go-redis", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if data, err := raw.Get(b.Context(), "key").Bytes(); err != nil || len(data) != size {
					b.Fatal(err)
				}
			}
		})
		for name, ctx := range contexts(b) {
			keys, values := []string{"key"}, make([]driver.Value, 1)
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := store.Get(ctx, keys, values); err != nil || len(values[0].Data) != size {
						b.Fatal(err, values[0].Err)
					}
				}
			})
		}
	}
}

func BenchmarkSet(b *testing.B) {
	for _, size := range sizes {
		store, raw, _ := openFake(b, "")
		value := make([]byte, size)
		b.Run(fmt.Sprintf("%d/go-redis", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := raw.Set(b.Context(), "key", value, time.Minute).Err(); err != nil {
					b.Fatal(err)
				}
			}
		})
		for name, ctx := range contexts(b) {
			entries := []driver.Entry{{Key: "key", Value: value, TTL: time.Minute}}
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := store.Set(ctx, entries); err != nil || entries[0].Err != nil {
						b.Fatal(err, entries[0].Err)
					}
				}
			})
		}
	}
}

// many is how many keys batches have.
const many = 100

func BenchmarkGetMany(b *testing.B) {
	store, raw, server := openFake(b, "")
	keys := make([]string, many)
	for i := range keys {
		keys[i] = fmt.Sprint("key", i)
		server.Set(keys[i], make([]byte, 100))
	}
	b.Run("go-redis", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if values, err := raw.MGet(b.Context(), keys...).Result(); err != nil || len(values) != many {
				b.Fatal(err)
			}
		}
	})
	for name, ctx := range contexts(b) {
		values := make([]driver.Value, many)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := store.Get(ctx, keys, values); err != nil || values[many-1].Err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSetMany(b *testing.B) {
	store, raw, _ := openFake(b, "")
	entries := make([]driver.Entry, many)
	for i := range entries {
		entries[i] = driver.Entry{Key: fmt.Sprint("key", i), Value: make([]byte, 100), TTL: time.Minute}
	}
	b.Run("go-redis", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := raw.Pipelined(b.Context(), func(p goredis.Pipeliner) error {
				for i := range entries {
					p.Set(b.Context(), entries[i].Key, entries[i].Value, entries[i].TTL)
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, ctx := range contexts(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := store.Set(ctx, entries); err != nil || entries[many-1].Err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
