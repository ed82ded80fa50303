package valkey_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/drivertest"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/fakeserver"
)

// sizes are the sizes of values for single operations.
var sizes = []int{100, 1024}

// openFake returns a store on a server inside the process, and valkey-go on the same
// server.
func openFake(tb testing.TB) (*valkey.Store, valkeygo.Client, *fakeserver.Server) {
	tb.Helper()
	server := fakeserver.New()
	store, raw := openBoth(tb, valkey.Driver{Dial: server.Dial}, "fake:6379", func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
		return server.Dial(ctx, "tcp", addr)
	})
	return store, raw, server
}

// openLoopback is openFake with the system's loopback in between.
func openLoopback(tb testing.TB) (*valkey.Store, valkeygo.Client, *fakeserver.Server) {
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
	store, raw := openBoth(tb, valkey.Driver{}, listener.Addr().String(), nil)
	return store, raw, server
}

func openBoth(tb testing.TB, d valkey.Driver, addr string, dial func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)) (*valkey.Store, valkeygo.Client) {
	tb.Helper()
	store, err := d.Open(drivertest.Parse(tb, "valkey://"+addr+"?"+longTimeouts))
	require.NoError(tb, err)
	raw := newClient(tb, valkeygo.ClientOption{InitAddress: []string{addr}, DialCtxFn: dial})
	tb.Cleanup(func() {
		require.NoError(tb, store.Close())
		raw.Close()
	})
	return store.(*valkey.Store), raw
}

// servers are the places of the server: in the process, where only the client costs time,
// and behind the system's loopback.
var servers = []struct {
	name string
	open func(testing.TB) (*valkey.Store, valkeygo.Client, *fakeserver.Server)
}{{"memory", openFake}, {"loopback", openLoopback}}

// contexts are the context of a program without deadlines, and the context of a server's
// handlers.
func contexts(tb testing.TB) map[string]context.Context {
	cancellable, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	return map[string]context.Context{"plain": context.Background(), "cancellable": cancellable}
}

// compare measures valkey-go, and the store with each kind of context.
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
	measure("valkey-go", raw)
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
					func() error {
						_, err := client.Do(context.Background(), client.B().Get().Key("key").Build()).AsBytes()
						return err
					},
					func(ctx context.Context) error { return errors.Join(store.Get(ctx, keys, values), values[0].Err) })
			})
		}
	}
}

func BenchmarkGetOfAMiss(b *testing.B) {
	store, client, _ := openFake(b)
	keys, values := []string{"key"}, make([]driver.Value, 1)
	compare(b,
		func() error { client.Do(context.Background(), client.B().Get().Key("key").Build()); return nil },
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
					func() error {
						return client.Do(context.Background(), client.B().Set().Key("key").Value(valkeygo.BinaryString(value)).Px(time.Minute).Build()).Error()
					},
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
		func() error {
			_, err := client.Do(context.Background(), client.B().Mget().Key(keys...).Build()).AsStrSlice()
			return err
		},
		func(ctx context.Context) error { return errors.Join(store.Get(ctx, keys, values), values[many-1].Err) })
}

func BenchmarkSetMany(b *testing.B) {
	store, client, _ := openFake(b)
	entries := make([]driver.Entry, many)
	for i := range entries {
		entries[i] = driver.Entry{Key: fmt.Sprint("key", i), Value: make([]byte, 100), TTL: time.Minute}
	}
	pipeline := func() error {
		batch := make([]valkeygo.Completed, len(entries))
		for i := range entries {
			e := &entries[i]
			batch[i] = client.B().Set().Key(e.Key).Value(valkeygo.BinaryString(e.Value)).Px(e.TTL).Build()
		}
		for _, result := range client.DoMulti(context.Background(), batch...) {
			if err := result.Error(); err != nil {
				return err
			}
		}
		return nil
	}
	compare(b, pipeline,
		func(ctx context.Context) error { return errors.Join(store.Set(ctx, entries), entries[many-1].Err) })
}

func BenchmarkNatives(b *testing.B) { subject.BenchmarkNatives(b) }
