package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// The store has bounds of its own. Applications pass the store to xcache.New.
func ExampleNewStore() {
	store, err := memory.NewStore(memory.Options{MaxEntries: 10_000, MaxBytes: 64 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	entries := []driver.Entry{{Key: "greeting", Value: []byte("hello"), TTL: time.Minute}}
	if err := store.Set(ctx, entries); err != nil {
		fmt.Println(err)
		return
	}
	values := make([]driver.Value, 2)
	if err := store.Get(ctx, []string{"greeting", "farewell"}, values); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, %v\n", values[0].Data, values[0].Err)
	fmt.Println(values[1].Err)
	// Output:
	// hello, <nil>
	// xcache: key not found
}

// The zero Options allow any number of entries, and 256 MiB in all.
func ExampleOptions() {
	_, err := memory.NewStore(memory.Options{MaxBytes: 1})
	fmt.Println(err)
	// Output: xcache: memory: MaxBytes must be 4096 or more, or Unbounded
}

// Stores with the same name are one store.
func ExampleDriver() {
	var d memory.Driver
	open := func(text string) driver.Store {
		dsn, err := driver.ParseDSN(text)
		if err != nil {
			panic(err)
		}
		store, err := d.Open(dsn)
		if err != nil {
			panic(err)
		}
		return store
	}
	writer, reader := open("memory://sessions?max_entries=1000"), open("memory://sessions")
	defer writer.Close()
	defer reader.Close()

	ctx := context.Background()
	entries := []driver.Entry{{Key: "42", Value: []byte("gopher"), TTL: driver.NoExpiry}}
	if err := writer.Set(ctx, entries); err != nil {
		panic(err)
	}
	values := make([]driver.Value, 1)
	if err := reader.Get(ctx, []string{"42"}, values); err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", values[0].Data)
	// Output: gopher
}

// Commands of the Redis language run in the process, alone or as a transaction.
func ExampleStore_Do() {
	store, err := memory.NewStore(memory.Options{})
	if err != nil {
		panic(err)
	}
	defer store.Close()

	push := driver.NewCmd("RPUSH", driver.Key("queue"), driver.Val([]byte("a")), driver.Val([]byte("b")))
	pop := driver.NewCmd("LPOP", driver.Key("queue"))
	if err := store.Do(context.Background(), []*driver.Cmd{push, pop}, driver.Atomic); err != nil {
		panic(err)
	}
	fmt.Println(push.Reply.Int, string(pop.Reply.Data))
	// Output: 2 a
}

// Stats tells whether the bounds are too tight.
func ExampleStore_Stats() {
	store, err := memory.NewStore(memory.Options{MaxEntries: 2})
	if err != nil {
		panic(err)
	}
	defer store.Close()

	for _, key := range []string{"a", "b", "c"} {
		if err := store.Set(context.Background(), []driver.Entry{{Key: key, TTL: driver.NoExpiry}}); err != nil {
			panic(err)
		}
	}
	stats := store.Stats()
	fmt.Println(stats.Entries, stats.Evictions)
	// Output: 2 1
}
