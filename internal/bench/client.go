package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/fakeserver"
)

// clientComparisons time this library over its redis driver against go-redis
// used by hand. Both talk to a server inside the process that answers at once:
// the time is the time of all work on the client's side.
func clientComparisons() []comparison {
	compare := func(name string, size int, raw operation[*goredis.Client], ours operation[*xcache.View[[]byte]]) comparison {
		byHand, byLibrary := inProcess(openGoRedis, raw), inProcess(openRedisView, ours)
		return comparison{name: name, contestants: []contestant{
			{"go-redis", timeClient(byHand, size, false)},
			{"xcache", timeClient(byLibrary, size, false)},
			{"go-redis, cancellable context", timeClient(byHand, size, true)},
			{"xcache, cancellable context", timeClient(byLibrary, size, true)},
		}}
	}
	var all []comparison
	for _, size := range []int{100, 1024} {
		all = append(all,
			compare(fmt.Sprintf("Get of %d bytes", size), size, onGoRedis.get, onXcache.get),
			compare(fmt.Sprintf("Set of %d bytes", size), size, onGoRedis.set, onXcache.set))
	}
	getMany := compare("GetMany of 100 values of 100 bytes", 100, goRedisMGet, onXcache.getMany)
	getMany.contestants = append(getMany.contestants, contestant{"go-redis, into the same map", timeClient(inProcess(openGoRedis, onGoRedis.getMany), 100, false)})
	return append(all, getMany, compare("SetMany of 100 values of 100 bytes", 100, onGoRedis.setMany, onXcache.setMany))
}

// valkeyComparisons time this library over its valkey driver, and the driver alone,
// against valkey-go used by hand. There is no row of valkey-go with a context that can be
// cancelled: after the first such call valkey-go reads all the time, also when no replies
// are due.
func valkeyComparisons() []comparison {
	compare := func(name string, size int, raw operation[valkeygo.Client], store operation[driver.Store], ours operation[*xcache.View[[]byte]]) comparison {
		byLibrary := inProcess(openValkeyView, ours)
		return comparison{name: name, contestants: []contestant{
			{"valkey-go", timeClient(inProcess(openValkeyGo, raw), size, false)},
			{"xcache, driver alone", timeClient(inProcess(openValkeyStore, store), size, false)},
			{"xcache", timeClient(byLibrary, size, false)},
			{"xcache, cancellable context", timeClient(byLibrary, size, true)},
		}}
	}
	var all []comparison
	for _, size := range []int{100, 1024} {
		all = append(all,
			compare(fmt.Sprintf("Get of %d bytes", size), size, onValkeyGo.get, onStore.get, onXcache.get),
			compare(fmt.Sprintf("Set of %d bytes", size), size, onValkeyGo.set, onStore.set, onXcache.set))
	}
	getMany := compare("GetMany of 100 values of 100 bytes", 100, valkeyGoMGet, onStore.getMany, onXcache.getMany)
	getMany.contestants = append(getMany.contestants, contestant{"valkey-go, into a map", timeClient(inProcess(openValkeyGo, onValkeyGo.getMany), 100, false)})
	return append(all, getMany, compare("SetMany of 100 values of 100 bytes", 100, onValkeyGo.setMany, onStore.setMany, onXcache.setMany))
}

// A clientBench makes a client of a server inside the process, and returns the operation
// to time, and a function that closes the client.
type clientBench func(server *fakeserver.Server, value []byte) (call caller, closeClient func() error)

func inProcess[C any](open func(*fakeserver.Server) (client C, closeClient func() error), op operation[C]) clientBench {
	return func(server *fakeserver.Server, value []byte) (caller, func() error) {
		client, closeClient := open(server)
		return op(client, value), closeClient
	}
}

// timeClient times an operation with a context that never ends, or with a cancellable
// context, such as the context of an HTTP request.
func timeClient(prepare clientBench, size int, cancellable bool) func(b *testing.B) {
	return func(b *testing.B) {
		ctx := context.Background()
		if cancellable {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			defer cancel()
		}
		call, closeClient := prepare(fakeserver.New(), bytes.Repeat([]byte{'v'}, size))
		b.ReportAllocs()
		for b.Loop() {
			if err := call(ctx); err != nil {
				b.Fatal(err)
			}
		}
		if err := closeClient(); err != nil {
			b.Fatal(err)
		}
	}
}

func openGoRedis(server *fakeserver.Server) (*goredis.Client, func() error) {
	client := goredis.NewClient(&goredis.Options{Addr: "fake:6379", Dialer: server.Dial})
	return client, client.Close
}

// openValkeyGo returns a client with one connection for all calls and without
// client-side caching. The driver has one connection, too, as long as one is
// enough.
func openValkeyGo(server *fakeserver.Server) (valkeygo.Client, func() error) {
	client := must(valkeygo.NewClient(valkeygo.ClientOption{
		InitAddress:       []string{"fake:6379"},
		ForceSingleClient: true,
		DisableCache:      true,
		PipelineMultiplex: -1,
		DialCtxFn: func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return server.Dial(ctx, "tcp", addr)
		},
	}))
	return client, func() error { client.Close(); return nil }
}

func openValkeyStore(server *fakeserver.Server) (driver.Store, func() error) {
	store := must(valkey.Driver{Dial: server.Dial}.Open(must(driver.ParseDSN("valkey://fake"))))
	return store, store.Close
}

func openRedisView(server *fakeserver.Server) (*xcache.View[[]byte], func() error) {
	return openView("redis", redis.Driver{Dial: server.Dial})
}

func openValkeyView(server *fakeserver.Server) (*xcache.View[[]byte], func() error) {
	return openView("valkey", valkey.Driver{Dial: server.Dial})
}

func openView(name string, d driver.Driver) (*xcache.View[[]byte], func() error) {
	var registry xcache.Registry
	registry.Register(name, d)
	view := xcache.For[[]byte](must(registry.OpenDSN(name + "://fake?serializer=raw&ttl=" + timeToLive.String())))
	return view, view.Close
}
