package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/fakeserver"
)

// sizes are the sizes of values for single operations.
var sizes = []int{100, 1024}

// openFake returns a store on a server inside the process, and go-redis on the same server.
func openFake(tb testing.TB) (*redis.Store, *goredis.Client, *fakeserver.Server) {
	tb.Helper()
	server := fakeserver.New()
	store, raw := openBoth(tb, redis.Driver{Dial: server.Dial}, &goredis.Options{Addr: "fake:6379", Dialer: server.Dial})
	return store, raw, server
}

// openLoopback is openFake with the system's loopback in between.
func openLoopback(tb testing.TB) (*redis.Store, *goredis.Client, *fakeserver.Server) {
	tb.Helper()
	server := fakeserver.New()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	var served sync.WaitGroup
	served.Go(func() { server.Serve(listener) })
	tb.Cleanup(func() {
		_ = listener.Close()
		served.Wait()
	})
	store, raw := openBoth(tb, redis.Driver{}, &goredis.Options{Addr: listener.Addr().String()})
	return store, raw, server
}

func openBoth(tb testing.TB, d redis.Driver, options *goredis.Options) (*redis.Store, *goredis.Client) {
	tb.Helper()
	store, err := d.Open(drivertest.Parse(tb, "redis://"+options.Addr+"?"+longTimeouts))
	require.NoError(tb, err)
	options.ReadTimeout = longTimeout
	raw := goredis.NewClient(options)
	tb.Cleanup(func() {
		require.NoError(tb, errors.Join(store.Close(), raw.Close()))
	})
	return store.(*redis.Store), raw
}

// servers are the places of the server: in the process, where only the client costs time,
// and behind the system's loopback.
var servers = []struct {
	name string
	open func(testing.TB) (*redis.Store, *goredis.Client, *fakeserver.Server)
}{{"memory", openFake}, {"loopback", openLoopback}}

// contexts are the context of a program without deadlines, and the context of a server's
// handlers.
func contexts(tb testing.TB) map[string]context.Context {
	cancellable, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	return map[string]context.Context{"plain": context.Background(), "cancellable": cancellable}
}

// compare measures go-redis, and the store with each kind of context.
func compare(b *testing.B, raw func() error, store func(context.Context) error) {
	measure := func(name string, op func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := op(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	measure("go-redis", raw)
	for name, ctx := range contexts(b) {
		measure(name, func() error { return store(ctx) })
	}
}

func BenchmarkGet(b *testing.B) {
	for _, at := range servers {
		for _, size := range sizes {
			b.Run(fmt.Sprint(at.name, "/", size), func(b *testing.B) {
				store, client, server := at.open(b)
				server.Set("key", make([]byte, size))
				keys, values := []string{"key"}, make([]driver.Value, 1)
				compare(b,
					func() error { return client.Get(context.Background(), "key").Err() },
					func(ctx context.Context) error { return errors.Join(store.Get(ctx, keys, values), values[0].Err) })
			})
		}
	}
}

func BenchmarkGetOfAMiss(b *testing.B) {
	store, client, _ := openFake(b)
	keys, values := []string{"key"}, make([]driver.Value, 1)
	compare(b,
		func() error { client.Get(context.Background(), "key"); return nil },
		func(ctx context.Context) error { return store.Get(ctx, keys, values) })
}

func BenchmarkSet(b *testing.B) {
	for _, at := range servers {
		for _, size := range sizes {
			b.Run(fmt.Sprint(at.name, "/", size), func(b *testing.B) {
				store, client, _ := at.open(b)
				value := make([]byte, size)
				entries := []driver.Entry{{Key: "key", Value: value, TTL: time.Minute}}
				compare(b,
					func() error { return client.Set(context.Background(), "key", value, time.Minute).Err() },
					func(ctx context.Context) error { return errors.Join(store.Set(ctx, entries), entries[0].Err) })
			})
		}
	}
}

// many is the number of keys in batches.
const many = 100

func BenchmarkGetMany(b *testing.B) {
	store, client, server := openFake(b)
	keys, values := make([]string, many), make([]driver.Value, many)
	for i := range keys {
		keys[i] = fmt.Sprint("key", i)
		server.Set(keys[i], make([]byte, 100))
	}
	compare(b,
		func() error { return client.MGet(context.Background(), keys...).Err() },
		func(ctx context.Context) error { return errors.Join(store.Get(ctx, keys, values), values[many-1].Err) })
}

func BenchmarkSetMany(b *testing.B) {
	store, client, _ := openFake(b)
	entries := make([]driver.Entry, many)
	for i := range entries {
		entries[i] = driver.Entry{Key: fmt.Sprint("key", i), Value: make([]byte, 100), TTL: time.Minute}
	}
	pipeline := func() error {
		_, err := client.Pipelined(context.Background(), func(p goredis.Pipeliner) error {
			for i := range entries {
				p.Set(context.Background(), entries[i].Key, entries[i].Value, entries[i].TTL)
			}
			return nil
		})
		return err
	}
	compare(b, pipeline,
		func(ctx context.Context) error { return errors.Join(store.Set(ctx, entries), entries[many-1].Err) })
}

func BenchmarkNatives(b *testing.B) { subject.BenchmarkNatives(b) }
