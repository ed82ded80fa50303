package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	gocache "github.com/eko/gocache/lib/v4/cache"
	"github.com/eko/gocache/lib/v4/store"
	gocacheredis "github.com/eko/gocache/store/redis/v4"
	rediscache "github.com/go-redis/cache/v9"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidisaside"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/codec/msgpack"
	"github.com/xcache-go/xcache/internal/servertest"
)

// A user is a value that a service caches.
type user struct {
	ID      int64
	Name    string
	Email   string
	Roles   []string
	Created time.Time
	Credit  float64
}

var ann = user{42, "Ann", "ann@example.com", []string{"editor", "billing"}, time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), 12.5}

// A library loads missing values. Each library is used as its documentation shows.
type library struct {
	name string
	open func(addr string, load loadUser) (get getUser, closeClient func())
}

type (
	loadUser func(ctx context.Context) (user, error)
	getUser  func(ctx context.Context, key string) (user, error)
)

var libraries = []library{
	{"go-redis, by hand", openByHand},
	{"xcache", openLibrary("redis://%s?ttl=5m")},
	{"xcache, msgpack", openLibrary("redis://%s?ttl=5m&serializer=msgpack")},
	{"xcache, valkey driver", openLibrary("valkey://%s?ttl=5m")},
	{"go-redis/cache", openRedisCache},
	{"gocache", openGocache},
	{"rueidisaside", openRueidisAside},
}

// libraryTables time hits of a struct: under many keys, and under one key for all
// callers.
func libraryTables(turn *time.Duration) []serverTable {
	return []serverTable{libraryTable("A struct, 1024 keys", 1024, turn), libraryTable("A struct, one key", 1, turn)}
}

func libraryTable(name string, keyCount int, turn *time.Duration) serverTable {
	t := serverTable{name: name, server: servertest.Redis, turn: turn}
	for _, lib := range libraries {
		t.contestants = append(t.contestants, serverContestant{lib: lib.name, cancellable: true, open: func(addr string) (caller, func()) {
			var loads atomic.Int64
			get, closeClient := lib.open(addr, func(context.Context) (user, error) {
				loads.Add(1)
				return ann, nil
			})
			keys := make([]string, keyCount)
			for i := range keys {
				keys[i] = fmt.Sprintf("%s:%d:%d", lib.name, keyCount, i)
				must(get(context.Background(), keys[i]))
			}
			time.Sleep(100 * time.Millisecond) // gocache stores later
			return func(ctx context.Context) error {
				got, err := get(ctx, keys[rand.IntN(keyCount)])
				if err == nil && (got.Name != ann.Name || loads.Load() > int64(keyCount)) {
					err = errors.New("not a hit, or another value")
				}
				return err
			}, closeClient
		}})
	}
	return t
}

func openLibrary(dsn string, options ...xcache.Option) func(addr string, load loadUser) (getUser, func()) {
	return func(addr string, load loadUser) (getUser, func()) {
		users := xcache.For[user](must(xcache.OpenDSN(fmt.Sprintf(dsn, addr), options...)))
		return func(ctx context.Context, key string) (user, error) {
			return users.GetOrSet(ctx, key, load)
		}, func() { _ = users.Close() }
	}
}

func openByHand(addr string, load loadUser) (getUser, func()) {
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	return func(ctx context.Context, key string) (u user, err error) {
		data, err := client.Get(ctx, key).Bytes()
		if err == nil {
			return u, json.Unmarshal(data, &u)
		}
		if !errors.Is(err, goredis.Nil) {
			return u, err
		}
		if u, err = load(ctx); err != nil {
			return u, err
		}
		if data, err = json.Marshal(u); err != nil {
			return u, err
		}
		return u, client.Set(ctx, key, data, timeToLive).Err()
	}, func() { _ = client.Close() }
}

// openRedisCache opens go-redis/cache without its cache in the process, because
// most of the other libraries have none.
func openRedisCache(addr string, load loadUser) (getUser, func()) {
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	cache := rediscache.New(&rediscache.Options{Redis: client})
	return func(ctx context.Context, key string) (u user, err error) {
		err = cache.Once(&rediscache.Item{Ctx: ctx, Key: key, Value: &u, TTL: timeToLive, Do: func(*rediscache.Item) (any, error) { return load(ctx) }})
		return u, err
	}, func() { _ = client.Close() }
}

// openGocache stores text, because gocache returns a value from the server as text.
func openGocache(addr string, load loadUser) (getUser, func()) {
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	cache := gocache.NewLoadable(func(ctx context.Context, _ any) (string, []store.Option, error) {
		u, err := load(ctx)
		if err != nil {
			return "", nil, err
		}
		data, err := json.Marshal(u)
		return string(data), []store.Option{store.WithExpiration(timeToLive)}, err
	}, gocache.New[string](gocacheredis.NewRedis(client)))
	return func(ctx context.Context, key string) (u user, err error) {
		text, err := cache.Get(ctx, key)
		if err != nil {
			return u, err
		}
		return u, json.Unmarshal([]byte(text), &u)
	}, func() { _, _ = cache.Close(), client.Close() }
}

// openRueidisAside opens a client that reads hits from the process. The server tells
// the client of changes.
func openRueidisAside(addr string, load loadUser) (getUser, func()) {
	client := must(rueidisaside.NewClient(rueidisaside.ClientOption{ClientOption: rueidis.ClientOption{InitAddress: []string{addr}}}))
	typed := rueidisaside.NewTypedCacheAsideClient(client,
		func(u *user) (string, error) { data, err := json.Marshal(u); return string(data), err },
		func(text string) (*user, error) { u := new(user); return u, json.Unmarshal([]byte(text), u) })
	return func(ctx context.Context, key string) (user, error) {
		u, err := typed.Get(ctx, timeToLive, key, func(ctx context.Context, _ string) (*user, error) {
			u, err := load(ctx)
			return &u, err
		})
		if err != nil {
			return user{}, err
		}
		return *u, nil
	}, client.Close
}
