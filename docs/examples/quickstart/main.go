// Quickstart shows what a cache does, on whatever CACHE_DSN names:
//
//	go run ./docs/examples/quickstart
//	CACHE_DSN=redis://localhost:6379 go run ./docs/examples/quickstart
//
// It prints the same on every driver, keeps its keys under a prefix of its own,
// and deletes them in the end.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache"
	_ "github.com/xcache-go/xcache/drivers/memory"
	_ "github.com/xcache-go/xcache/drivers/redis"
)

type User struct {
	Name  string
	Email string
}

func main() {
	dsn := cmp.Or(os.Getenv("CACHE_DSN"), "memory://")
	if err := run(context.Background(), os.Stdout, dsn); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, dsn string) (err error) {
	cache, err := xcache.OpenDSN(dsn, xcache.WithPrefix("quickstart"))
	if err != nil {
		return err
	}
	defer cache.Close()
	if _, err := cache.Clear(ctx); err != nil { // what a run that was cut short left
		return err
	}
	defer func() {
		n, clearErr := cache.Clear(ctx)
		fmt.Fprintf(out, "Clear     %d keys of this prefix deleted\n", n)
		err = errors.Join(err, clearErr)
	}()
	for _, step := range []func(context.Context, io.Writer, *xcache.Cache) error{
		setAndGet, typedStruct, timeToLive, loadOnce, count, listKeys,
	} {
		if err := step(ctx, out, cache); err != nil {
			return err
		}
	}
	return nil
}

func setAndGet(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	texts := xcache.For[string](cache)
	if err := texts.Set(ctx, "greeting", "hello"); err != nil {
		return err
	}
	greeting, err := texts.Get(ctx, "greeting")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Get       greeting = %q\n", greeting)

	_, err = texts.Get(ctx, "nobody")
	if !errors.Is(err, xcache.ErrNotFound) {
		return fmt.Errorf("a key that nobody set: %w", err)
	}
	fmt.Fprintln(out, "Get       nobody is a miss:", err)
	return nil
}

func typedStruct(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	users := xcache.For[User](cache)
	if err := users.Set(ctx, "user:42", User{"Ann", "ann@example.com"}, xcache.TTL(time.Minute)); err != nil {
		return err
	}
	user, err := users.Get(ctx, "user:42")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Get       user:42 = %+v\n", user)
	return nil
}

func timeToLive(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	ttl, err := cache.TTL(ctx, "user:42")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "TTL       user:42 expires in %v\n", ttl.Round(time.Minute))

	texts := xcache.For[string](cache)
	if err := texts.Set(ctx, "blink", "now", xcache.TTL(20*time.Millisecond)); err != nil {
		return err
	}
	time.Sleep(60 * time.Millisecond)
	found, err := cache.Has(ctx, "blink")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "TTL       blink is there after its 20 ms: %v\n", found)
	return nil
}

func loadOnce(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	const callers = 50
	users := xcache.For[User](cache)
	var loads atomic.Int64
	load := func(context.Context) (User, error) {
		loads.Add(1)
		time.Sleep(20 * time.Millisecond) // a database takes its time
		return User{"Ben", "ben@example.com"}, nil
	}
	var running sync.WaitGroup
	results, errs := make([]User, callers), make([]error, callers)
	for i := range callers {
		running.Go(func() { results[i], errs[i] = users.GetOrSet(ctx, "user:43", load) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if distinct := slices.Compact(results); len(distinct) != 1 {
		return fmt.Errorf("the callers got different users: %v", distinct)
	}
	fmt.Fprintf(out, "GetOrSet  %d callers at once, %d load, all got %s\n", callers, loads.Load(), results[0].Name)
	return nil
}

func count(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	for range 3 {
		if _, err := cache.IncrInit(ctx, "visits", 1, 0); err != nil {
			return err
		}
	}
	visits, err := cache.Incr(ctx, "visits", 39)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Incr      visits = %d\n", visits)
	return nil
}

func listKeys(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	var keys []string
	for key, err := range cache.Keys(ctx, "user:*") {
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	slices.Sort(keys) // they come in no order
	fmt.Fprintf(out, "Keys      user:* are %v\n", keys)
	return nil
}
