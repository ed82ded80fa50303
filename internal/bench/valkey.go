package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/fakeserver"
)

// valkeyComparisons time this library over its valkey driver, and the driver
// alone, against valkey-go used by hand.
func valkeyComparisons() []comparison {
	var all []comparison
	for _, size := range []int{100, 1024} {
		all = append(all,
			compareValkey(fmt.Sprintf("Get of %d bytes", size), size, valkeyGet, valkeyStoreGet, valkeyCacheGet),
			compareValkey(fmt.Sprintf("Set of %d bytes", size), size, valkeySet, valkeyStoreSet, valkeyCacheSet))
	}
	getMany := compareValkey("GetMany of 100 values of 100 bytes", 100, valkeyMGet, valkeyStoreGetMany, valkeyCacheGetMany)
	getMany.contestants = append(getMany.contestants, contestant{"valkey-go, into a map", timeClient(valkeyMGetIntoMap, 100, false)})
	return append(all, getMany,
		compareValkey("SetMany of 100 values of 100 bytes", 100, valkeySetPipeline, valkeyStoreSetMany, valkeyCacheSetMany))
}

// compareValkey lets valkey-go, the driver and the cache do the same work. There is
// no valkey-go with a context that can be cancelled: with the first such call it
// goes over to reading all the time, and the server has nothing to say then.
func compareValkey(name string, size int, raw, store, cache clientBench) comparison {
	return comparison{name: name, contestants: []contestant{
		{"valkey-go", timeClient(raw, size, false)},
		{"xcache, driver alone", timeClient(store, size, false)},
		{"xcache", timeClient(cache, size, false)},
		{"xcache, cancellable context", timeClient(cache, size, true)},
	}}
}

// newValkeyGo returns a client with one connection for all calls, as the driver
// has it as long as one is enough, and without client-side caching.
func newValkeyGo(server *fakeserver.Server) valkeygo.Client {
	return must(valkeygo.NewClient(valkeygo.ClientOption{
		InitAddress:       []string{"fake:6379"},
		ForceSingleClient: true,
		DisableCache:      true,
		PipelineMultiplex: -1,
		DialCtxFn: func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return server.Dial(ctx, "tcp", addr)
		},
	}))
}

// closing returns the client's Close in the form that clientBench has.
func closing(client valkeygo.Client) func() error {
	return func() error { client.Close(); return nil }
}

func newValkeyStore(server *fakeserver.Server) driver.Store {
	return must(valkey.Driver{Dial: server.Dial}.Open(must(driver.ParseDSN("valkey://fake"))))
}

func newValkeyCache(server *fakeserver.Server) *xcache.View[[]byte] {
	var registry xcache.Registry
	registry.Register("valkey", valkey.Driver{Dial: server.Dial})
	return xcache.For[[]byte](must(registry.OpenDSN("valkey://fake?serializer=raw&ttl=" + timeToLive.String())))
}

func valkeyGet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	server.Set(fullKey, value)
	client := newValkeyGo(server)
	return func() error {
		got, err := client.Do(ctx, client.B().Get().Key(fullKey).Build()).AsBytes()
		return sameLength(err, len(got), len(value))
	}, closing(client)
}

func valkeyStoreGet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	server.Set(fullKey, value)
	store := newValkeyStore(server)
	keys, values := []string{fullKey}, make([]driver.Value, 1)
	return func() error {
		if err := store.Get(ctx, keys, values); err != nil {
			return err
		}
		return sameLength(values[0].Err, len(values[0].Data), len(value))
	}, store.Close
}

func valkeyCacheGet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	server.Set(fullKey, value)
	return getFrom(ctx, newValkeyCache(server), value)
}

func valkeySet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	client := newValkeyGo(server)
	return func() error {
		return client.Do(ctx, client.B().Set().Key(fullKey).Value(valkeygo.BinaryString(value)).Px(timeToLive).Build()).Error()
	}, closing(client)
}

func valkeyStoreSet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	store := newValkeyStore(server)
	entries := []driver.Entry{{Key: fullKey, Value: value, TTL: timeToLive}}
	return func() error {
		if err := store.Set(ctx, entries); err != nil {
			return err
		}
		return entries[0].Err
	}, store.Close
}

func valkeyCacheSet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	return setTo(ctx, newValkeyCache(server), value)
}

func valkeyMGet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	_, fulls := manyKeys(server, value)
	client := newValkeyGo(server)
	return func() error {
		got, err := client.Do(ctx, client.B().Mget().Key(fulls...).Build()).AsStrSlice()
		return sameLength(err, len(got), many)
	}, closing(client)
}

// valkeyMGetIntoMap gives what GetMany gives: the values by key, those found.
func valkeyMGetIntoMap(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	_, fulls := manyKeys(server, value)
	client := newValkeyGo(server)
	return func() error {
		got, err := client.Do(ctx, client.B().Mget().Key(fulls...).Build()).ToArray()
		found := make(map[string][]byte, len(got))
		for i := range got {
			if data, err := got[i].AsBytes(); err == nil {
				found[fulls[i]] = data
			}
		}
		return sameLength(err, len(found), many)
	}, closing(client)
}

func valkeyStoreGetMany(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	_, fulls := manyKeys(server, value)
	store := newValkeyStore(server)
	values := make([]driver.Value, many)
	return func() error {
		return sameLength(store.Get(ctx, fulls, values), len(values[many-1].Data), len(value))
	}, store.Close
}

func valkeyCacheGetMany(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	keys, _ := manyKeys(server, value)
	return getManyFrom(ctx, newValkeyCache(server), keys)
}

// valkeySetPipeline is the way to store several values with a TTL in one round
// trip: MSET knows none.
func valkeySetPipeline(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	_, fulls := manyKeys(server, value)
	client := newValkeyGo(server)
	return func() error {
		commands := make(valkeygo.Commands, 0, len(fulls))
		for _, key := range fulls {
			commands = append(commands, client.B().Set().Key(key).Value(valkeygo.BinaryString(value)).Px(timeToLive).Build())
		}
		for _, result := range client.DoMulti(ctx, commands...) {
			if err := result.Error(); err != nil {
				return err
			}
		}
		return nil
	}, closing(client)
}

func valkeyStoreSetMany(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	_, fulls := manyKeys(server, value)
	entries := make([]driver.Entry, many)
	for i, key := range fulls {
		entries[i] = driver.Entry{Key: key, Value: value, TTL: timeToLive}
	}
	store := newValkeyStore(server)
	return func() error {
		if err := store.Set(ctx, entries); err != nil {
			return err
		}
		return entries[many-1].Err
	}, store.Close
}

func valkeyCacheSetMany(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	keys, _ := manyKeys(server, value)
	return setManyTo(ctx, newValkeyCache(server), keys, value)
}
