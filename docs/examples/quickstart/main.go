// Quickstart shows what a cache does, on whatever CACHE_DSN names:
//
//	go run ./docs/examples/quickstart
//	CACHE_DSN=redis://localhost:6379 go run ./docs/examples/quickstart
//	CACHE_DSN=valkey+cluster://localhost:7000 go run ./docs/examples/quickstart
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
	_ "github.com/xcache-go/xcache/drivers/valkey"
)

type User struct{ Name, Email string }

var (
	ann = User{"Ann", "ann@example.com"}
	ben = User{"Ben", "ben@example.com"}
)

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
		setAndGet, typedStruct, timeToLive, loadOnce, manyAtOnce, count, pipeline, listKeys, deletePattern,
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
	users := xcache.For[User](cache.Namespace("user"))
	if err := users.Set(ctx, "42", ann, xcache.TTL(time.Minute)); err != nil {
		return err
	}
	user, err := users.Get(ctx, "42")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Get       user 42 = %+v\n", user)
	return nil
}

func timeToLive(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	ttl, err := cache.Namespace("user").TTL(ctx, "42")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "TTL       user 42 expires in %v\n", ttl.Round(time.Minute))

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
	users := xcache.For[User](cache.Namespace("user"))
	var loads atomic.Int64
	load := func(context.Context) (User, error) {
		loads.Add(1)
		time.Sleep(20 * time.Millisecond) // a database takes its time
		return ben, nil
	}
	var running sync.WaitGroup
	results, errs := make([]User, callers), make([]error, callers)
	for i := range callers {
		running.Go(func() { results[i], errs[i] = users.GetOrSet(ctx, "43", load) })
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

func manyAtOnce(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	users := xcache.For[User](cache.Namespace("user"))

	err := users.SetMany(ctx, map[string]User{"42": ann, "43": ben}, xcache.TTL(time.Hour))
	if err != nil {
		return err
	}
	found, err := users.GetMany(ctx, []string{"42", "43", "44"}) // a map of those that there are
	if err != nil {
		return err
	}

	fmt.Fprintf(out, "GetMany   %d of 3 users: %s and %s\n", len(found), found["42"].Name, found["43"].Name)
	return nil
}

func count(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	_, err := cache.Incr(ctx, "visits", 1) // ErrNotFound: Incr makes no counter
	if !errors.Is(err, xcache.ErrNotFound) {
		return fmt.Errorf("a counter that nobody made: %w", err)
	}
	fmt.Fprintln(out, "Incr      visits is a miss:", err)

	for range 3 {
		// The first call makes the counter, from 0. Without the TTL it would be gone after 5 minutes.
		visits, err := cache.IncrInit(ctx, "visits", 1, 0, xcache.TTL(xcache.NoExpiry))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "IncrInit  visits = %d\n", visits)
	}

	visits, err := cache.Incr(ctx, "visits", 39)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Incr      visits = %d\n", visits)
	return nil
}

func pipeline(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	users := xcache.For[User](cache.Namespace("user"))

	p := cache.Pipeline()
	user := users.In(p).Get("42")
	visits := p.Incr("visits", 1)
	if err := p.Exec(ctx); err != nil { // both in one round trip
		return err
	}

	got, err := user.Value()
	if err != nil {
		return err
	}
	n, err := visits.Value()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Pipeline  %s, visits = %d\n", got.Name, n)
	return nil
}

func listKeys(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	users := xcache.For[User](cache.Namespace("user"))
	var keys []string
	for key, err := range users.Keys(ctx, "*") {
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	slices.Sort(keys) // they come in no order
	fmt.Fprintf(out, "Keys      of users are %v\n", keys)
	return nil
}

func deletePattern(ctx context.Context, out io.Writer, cache *xcache.Cache) error {
	users := xcache.For[User](cache.Namespace("user"))
	n, err := users.DeletePattern(ctx, "4*")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Delete    %d users like 4* deleted\n", n)
	return nil
}
