package redis_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/redis"
	"github.com/xcache-go/xcache/internal/fakeserver"
)

// A program imports the driver for its side effect, and selects the driver by a DSN.
func Example() {
	c, err := xcache.OpenDSN("redis://localhost:6379/0?client_name=shop&pool_size=20")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	// Opening does not connect. The first call connects.
	fmt.Println(c.Store())
	// Output: redis store localhost:6379/0
}

// A program's own driver has its own dialer. Such a driver has a registry of its own, or
// another name.
func ExampleDriver() {
	server := fakeserver.New() // instead of a tunnel
	var registry xcache.Registry
	registry.Register("tunnel", redis.Driver{
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			fmt.Println("dial", network, addr)
			return server.Dial(ctx, network, addr)
		},
	})
	c, err := registry.OpenDSN("tunnel://cache.example")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	names := xcache.For[string](c)
	if err := names.Set(context.Background(), "42", "Ann"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(names.Get(context.Background(), "42"))
	// Output:
	// dial tcp cache.example:6379
	// Ann <nil>
}

// A store works on full keys and bytes. Programs use a cache on a store.
func ExampleStore() {
	server := fakeserver.New()
	dsn, err := driver.ParseDSN("redis://cache.example")
	if err != nil {
		log.Fatal(err)
	}
	store, err := redis.Driver{Dial: server.Dial}.Open(dsn)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	ctx := context.Background()
	entries := []driver.Entry{
		{Key: ":1:a", Value: []byte("1"), TTL: time.Minute},
		{Key: ":1:b", Value: []byte("2"), TTL: driver.NoExpiry},
	}
	if err := store.Set(ctx, entries); err != nil {
		log.Fatal(err)
	}
	values := make([]driver.Value, 3)
	if err := store.Get(ctx, []string{":1:a", ":1:b", ":1:c"}, values); err != nil {
		log.Fatal(err)
	}
	for _, v := range values {
		fmt.Printf("%q %v\n", v.Data, v.Err)
	}
	// Output:
	// "1" <nil>
	// "2" <nil>
	// "" xcache: key not found
}

// A program with a client of its own makes a cache on the client.
func ExampleNewStore() {
	client := goredis.NewClient(&goredis.Options{Dialer: fakeserver.New().Dial, ContextTimeoutEnabled: true})
	defer client.Close() // the store does not close the client
	c, err := xcache.New(redis.NewStore(client))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(xcache.For[int](c).Get(context.Background(), "missing"))
	// Output: 0 xcache: key not found
}

// With CloseClient, closing the cache closes the client.
func ExampleStoreOption() {
	client := goredis.NewClient(&goredis.Options{Dialer: fakeserver.New().Dial})
	store := redis.NewStore(client, redis.CloseClient())
	fmt.Println(store.Close())
	fmt.Println(client.Ping(context.Background()).Err())
	// Output:
	// <nil>
	// redis: client is closed
}

// issueToken stands for a service that issues tokens.
func issueToken(context.Context) (token string, expires time.Time, err error) {
	return "a token", time.Now().Add(time.Hour), nil
}

// The program's credentials are read for each new connection, and before they expire.
func ExampleWithCredentials() {
	store, err := redis.Open("rediss://cache.example", redis.WithCredentials(
		func(ctx context.Context) (redis.Credentials, error) {
			token, expires, err := issueToken(ctx)
			return redis.Credentials{Username: "shop", Password: token, Expires: expires}, err
		}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(store)
	c, err := xcache.New(store)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Close())
	// Output:
	// redis store cache.example:6379/0
	// <nil>
}

// The program makes the clients of a cluster's nodes.
func ExampleNewClusterStore() {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	store := redis.NewClusterStore(func(addr string) *goredis.Client {
		return goredis.NewClient(&goredis.Options{Addr: addr, TLSConfig: config})
	}, "cache-1:6379", "cache-2:6379")
	c, err := xcache.New(store)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(store)
	fmt.Println(c.Close())
	// Output:
	// redis store on the cluster of cache-1:6379,cache-2:6379, database 0
	// <nil>
}

// go-redis' own client runs commands for which the cache has no method.
func ExampleClient() {
	c, err := xcache.Open("redis", "redis://localhost/2")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	client, ok := redis.Client(c.Store(), "")
	fmt.Println(client, ok)
	// Output: Redis<localhost:6379 db:2> true
}
