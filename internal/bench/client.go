package main

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/fakeserver"
)

// clientComparisons time this library over its redis driver against go-redis
// used by hand. Both talk to a server inside the process that answers at once:
// what is timed is all the work that is done on the client's side.
func clientComparisons() []comparison {
	var all []comparison
	for _, size := range []int{100, 1024} {
		all = append(all,
			compareClients(fmt.Sprintf("Get of %d bytes", size), size, rawGet, xcacheGet),
			compareClients(fmt.Sprintf("Set of %d bytes", size), size, rawSet, xcacheSet))
	}
	return append(all,
		compareClients("GetMany of 100 values of 100 bytes", 100, rawMGet, xcacheGetMany).
			and("go-redis, into the same map", 100, rawMGetIntoMap),
		compareClients("SetMany of 100 values of 100 bytes", 100, rawSetPipeline, xcacheSetMany))
}

// A clientBench prepares a server and a client of it, and returns what is to be
// timed.
type clientBench func(ctx context.Context, server *fakeserver.Server, value []byte) (op func() error, closeClient func() error)

// compareClients lets both do the same work, with a context that never ends and
// with one that may, as that of every HTTP request.
func compareClients(name string, size int, raw, ours clientBench) comparison {
	return comparison{name: name, contestants: []contestant{
		{"go-redis", timeClient(raw, size, false)},
		{"xcache", timeClient(ours, size, false)},
		{"go-redis, cancellable context", timeClient(raw, size, true)},
		{"xcache, cancellable context", timeClient(ours, size, true)},
	}}
}

func (c comparison) and(lib string, size int, prepare clientBench) comparison {
	c.contestants = append(c.contestants, contestant{lib, timeClient(prepare, size, false)})
	return c
}

func timeClient(prepare clientBench, size int, cancellable bool) func(b *testing.B) {
	return func(b *testing.B) {
		ctx := context.Background()
		if cancellable {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			defer cancel()
		}
		op, closeClient := prepare(ctx, fakeserver.New(), bytes.Repeat([]byte{'v'}, size))
		b.ReportAllocs()
		for b.Loop() {
			if err := op(); err != nil {
				b.Fatal(err)
			}
		}
		if err := closeClient(); err != nil {
			b.Fatal(err)
		}
	}
}

const clientKey = "user:00000042"

// fullKey is clientKey as the library stores it, so that all send the same.
const fullKey = ":1:" + clientKey

func newGoRedis(server *fakeserver.Server) *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: "fake:6379", Dialer: server.Dial})
}

func newXcache(server *fakeserver.Server) *xcache.View[[]byte] {
	var registry xcache.Registry
	registry.Register("redis", redis.Driver{Dial: server.Dial})
	return xcache.For[[]byte](must(registry.OpenDSN("redis://fake?serializer=raw&ttl=" + timeToLive.String())))
}

func rawGet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	server.Set(fullKey, value)
	client := newGoRedis(server)
	return func() error {
		got, err := client.Get(ctx, fullKey).Bytes()
		return sameLength(err, len(got), len(value))
	}, client.Close
}

func xcacheGet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	server.Set(fullKey, value)
	return getFrom(ctx, newXcache(server), value)
}

func getFrom(ctx context.Context, view *xcache.View[[]byte], value []byte) (func() error, func() error) {
	return func() error {
		got, err := view.Get(ctx, clientKey)
		return sameLength(err, len(got), len(value))
	}, view.Close
}

func rawSet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	client := newGoRedis(server)
	return func() error { return client.Set(ctx, fullKey, value, timeToLive).Err() }, client.Close
}

func xcacheSet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	return setTo(ctx, newXcache(server), value)
}

func setTo(ctx context.Context, view *xcache.View[[]byte], value []byte) (func() error, func() error) {
	return func() error { return view.Set(ctx, clientKey, value) }, view.Close
}

func rawMGet(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	_, fulls := manyKeys(server, value)
	client := newGoRedis(server)
	return func() error {
		got, err := client.MGet(ctx, fulls...).Result()
		return sameLength(err, len(got), many)
	}, client.Close
}

// rawMGetIntoMap gives what GetMany gives: the values by key, those found.
func rawMGetIntoMap(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	_, fulls := manyKeys(server, value)
	client := newGoRedis(server)
	return func() error {
		got, err := client.MGet(ctx, fulls...).Result()
		found := make(map[string][]byte, len(got))
		for i, item := range got {
			if text, ok := item.(string); ok {
				found[fulls[i]] = []byte(text)
			}
		}
		return sameLength(err, len(found), many)
	}, client.Close
}

func xcacheGetMany(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	keys, _ := manyKeys(server, value)
	return getManyFrom(ctx, newXcache(server), keys)
}

func getManyFrom(ctx context.Context, view *xcache.View[[]byte], keys []string) (func() error, func() error) {
	return func() error {
		got, err := view.GetMany(ctx, keys)
		return sameLength(err, len(got), many)
	}, view.Close
}

// rawSetPipeline is the way to store several values with a TTL in one round
// trip: MSET knows none.
func rawSetPipeline(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	_, fulls := manyKeys(server, value)
	client := newGoRedis(server)
	return func() error {
		pipeline := client.Pipeline()
		for _, key := range fulls {
			pipeline.Set(ctx, key, value, timeToLive)
		}
		_, err := pipeline.Exec(ctx)
		return err
	}, client.Close
}

func xcacheSetMany(ctx context.Context, server *fakeserver.Server, value []byte) (func() error, func() error) {
	keys, _ := manyKeys(server, value)
	return setManyTo(ctx, newXcache(server), keys, value)
}

func setManyTo(ctx context.Context, view *xcache.View[[]byte], keys []string, value []byte) (func() error, func() error) {
	values := make(map[string][]byte, many)
	for _, key := range keys {
		values[key] = value
	}
	return func() error { return view.SetMany(ctx, values) }, view.Close
}

// many is how many keys a batch has.
const many = 100

// manyKeys stores a value under many keys, and returns them as the users of
// this library write them and as they are on the server.
func manyKeys(server *fakeserver.Server, value []byte) (keys, fulls []string) {
	keys = keyNames(many)
	for _, key := range keys {
		fulls = append(fulls, ":1:"+key)
		server.Set(":1:"+key, value)
	}
	return keys, fulls
}

func sameLength(err error, got, want int) error {
	if err == nil && got != want {
		err = fmt.Errorf("got %d, want %d", got, want)
	}
	return err
}
