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

// A program imports the driver for its side effect, and selects the driver by a DSN.
func Example() {
	c, err := xcache.OpenDSN("valkey://localhost:6379/0?client_name=shop&pool_size=20")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	// Opening does not connect. The first call connects.
	fmt.Println(c.Store())
	// Output: valkey store localhost:6379/0
}

// A program's own driver has its own dialer. Such a driver has a registry of its own, or
// another name.
func ExampleDriver() {
	server := fakeserver.New() // instead of a tunnel
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

// A store works on full keys and bytes. Programs use a cache on a store.
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

// A program with a client of its own makes a cache on the client.
func ExampleNewStore() {
	client, err := valkeygo.NewClient(clientOption())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close() // the store does not close the client
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

// clientOption connects to a server inside the process.
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

// lockedConn is a connection to the server inside the process, which allows one goroutine
// at a time.
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

// valkey-go's own client runs commands for which the cache has no method. The client
// connects at once.
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
