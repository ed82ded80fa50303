package valkey_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/valkey"
	"github.com/xcache-go/xcache/internal/fakeserver"
)

// A program imports the driver for its side effect, and names it by a DSN.
func Example() {
	c, err := xcache.OpenDSN("valkey://localhost:6379/0?client_name=shop&pool_size=20")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	// Nothing has been connected yet: the first call does.
	fmt.Println(c.Store())
	// Output: valkey store localhost:6379/0
}

// A driver of one's own dials in its own way, and is used through a registry of
// its own or under another name.
func ExampleDriver() {
	server := fakeserver.New() // in the place of a tunnel
	var registry xcache.Registry
	registry.Register("tunnel", valkey.Driver{
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

// A store works on full keys and bytes; programs put a cache on top.
func ExampleStore() {
	server := fakeserver.New()
	dsn, err := driver.ParseDSN("valkey://cache.example")
	if err != nil {
		log.Fatal(err)
	}
	store, err := valkey.Driver{Dial: server.Dial}.Open(dsn)
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

// A program that has a client already puts the cache on it.
func ExampleNewStore() {
	client, err := valkeygo.NewClient(clientOption())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close() // the store leaves it open
	c, err := xcache.New(valkey.NewStore(client))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(xcache.For[int](c).Get(context.Background(), "missing"))
	// Output: 0 xcache: key not found
}

// With CloseClient, closing the cache closes the client.
func ExampleStoreOption() {
	client, err := valkeygo.NewClient(clientOption())
	if err != nil {
		log.Fatal(err)
	}
	store := valkey.NewStore(client, valkey.CloseClient())
	fmt.Println(store.Close())
	ping := client.B().Ping().Build()
	fmt.Println(client.Do(context.Background(), ping).Error() != nil)
	// Output:
	// <nil>
	// true
}

// clientOption has a server inside the process in the place of one elsewhere.
func clientOption() valkeygo.ClientOption {
	server := fakeserver.New()
	return valkeygo.ClientOption{
		InitAddress:       []string{"cache.example:6379"},
		ForceSingleClient: true,
		DisableCache:      true,
		DialCtxFn: func(ctx context.Context, addr string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			conn, err := server.Dial(ctx, "tcp", addr)
			return &lockedConn{Conn: conn}, err
		},
	}
}

// lockedConn is for the server inside the process, whose connections are used by
// one goroutine at a time.
type lockedConn struct {
	net.Conn
	mu sync.Mutex
}

func (c *lockedConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn.Read(p)
}

func (c *lockedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn.Write(p)
}

// What the cache has no method for is asked by valkey-go's own client, which connects at
// once.
func ExampleClient() {
	c, err := xcache.Open("valkey", "valkey://127.0.0.1:1/2")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	client, err := valkey.Client(c.Store(), "")
	fmt.Println(client, errors.Is(err, xcache.ErrUnavailable))
	// Output: <nil> true
}
