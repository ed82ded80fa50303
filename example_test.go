package xcache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// User is a value of the examples.
type User struct {
	Name string
	Age  int
}

// open returns an empty cache inside the process. A program passes OpenDSN the DSN of its
// configuration, such as redis://localhost:6379.
func open(opts ...xcache.Option) *xcache.Cache {
	c, err := xcache.OpenDSN("memory://", opts...)
	if err != nil {
		panic(err)
	}
	return c
}

func Example() {
	ctx := context.Background()
	c, err := xcache.OpenDSN("memory://?prefix=app") // or redis://localhost:6379?prefix=app
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	users := xcache.For[User](c.Namespace("user"))
	if err := users.Set(ctx, "42", User{"Ada", 36}, xcache.TTL(time.Minute)); err != nil {
		fmt.Println(err)
		return
	}
	user, err := users.Get(ctx, "42")
	fmt.Println(user.Name, err)

	_, err = users.Get(ctx, "43")
	fmt.Println(errors.Is(err, xcache.ErrNotFound))
	// Output:
	// Ada <nil>
	// true
}

func ExampleCache() {
	ctx := context.Background()
	c := open()
	defer c.Close()

	pages := xcache.For[string](c)
	_ = pages.Set(ctx, "page:1", "one", xcache.TTL(time.Hour))
	_ = pages.Set(ctx, "page:2", "two", xcache.TTL(xcache.NoExpiry))

	ttl, _ := c.TTL(ctx, "page:1")
	fmt.Println(ttl.Round(time.Minute))

	removed, _ := c.DeletePattern(ctx, "page:*")
	fmt.Println(removed)
	// Output:
	// 1h0m0s
	// 2
}

func ExampleCache_Incr() {
	ctx := context.Background()
	c := open()
	defer c.Close()

	_, err := c.Incr(ctx, "visits", 1) // a missing key stays missing
	fmt.Println(errors.Is(err, xcache.ErrNotFound))

	for range 2 {
		// The first call creates the counter with its TTL. Otherwise the counter would
		// expire after the cache's default of five minutes.
		visits, _ := c.IncrInit(ctx, "visits", 1, 0, xcache.TTL(xcache.NoExpiry))
		fmt.Println(visits)
	}
	// Output:
	// true
	// 1
	// 2
}

func ExampleCache_Keys() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	_ = xcache.For[int](c).SetMany(ctx, map[string]int{"a:1": 1, "a:2": 2, "b:1": 3})

	var keys []string
	for key, err := range c.Keys(ctx, "a:*") {
		if err != nil {
			fmt.Println(err)
			break
		}
		keys = append(keys, key)
	}
	slices.Sort(keys) // the keys have no order
	fmt.Println(keys)
	// Output: [a:1 a:2]
}

func ExampleCache_Require() {
	c := open()
	defer c.Close()

	// A program checks this at start-up, and not at three in the morning.
	fmt.Println(c.Require("lists", "counters"))
	err := c.Require("tracking")
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// <nil>
	// true
}

func ExampleCache_With() {
	ctx := context.Background()
	c := open(xcache.WithPrefix("app"))
	defer c.Close()

	// The new version has none of the old version's values.
	old := xcache.For[string](c)
	next := old.With(xcache.WithVersion(2))
	_ = old.Set(ctx, "greeting", "hello")
	_, err := next.Get(ctx, "greeting")
	fmt.Println(errors.Is(err, xcache.ErrNotFound))
	// Output: true
}

func ExampleView() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	users := xcache.For[User](c.Namespace("user"))

	added, _ := users.Add(ctx, "42", User{"Ada", 36})
	again, _ := users.Add(ctx, "42", User{"Bob", 41})
	fmt.Println(added, again)

	old, _ := users.Swap(ctx, "42", User{"Ada", 37})
	fmt.Println(old.Age)

	found, _ := users.GetMany(ctx, []string{"42", "43"})
	fmt.Println(len(found), found["42"].Age)
	// Output:
	// true false
	// 36
	// 1 37
}

func ExampleView_GetOrSet() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	users := xcache.For[User](c.Namespace("user"))

	load := func(context.Context) (User, error) {
		fmt.Println("asking the database")
		return User{"Ada", 36}, nil
	}
	for range 2 {
		user, err := users.GetOrSet(ctx, "42", load, xcache.TTL(time.Minute))
		fmt.Println(user.Name, err)
	}
	// Output:
	// asking the database
	// Ada <nil>
	// Ada <nil>
}

func ExampleView_CompareAndSwap() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	states := xcache.For[string](c)
	_ = states.Set(ctx, "job", "waiting")

	// Two workers try to take the job, and one succeeds.
	first, _ := states.CompareAndSwap(ctx, "job", "waiting", "running", xcache.KeepTTL())
	second, _ := states.CompareAndSwap(ctx, "job", "waiting", "running", xcache.KeepTTL())
	fmt.Println(first, second)
	// Output: true false
}

func ExampleFor() {
	ctx := context.Background()
	c := open()
	defer c.Close()

	// One cache has values of many types, in separate namespaces.
	users, limits := xcache.For[User](c.Namespace("user")), xcache.For[int](c.Namespace("limit"))
	_ = users.Set(ctx, "42", User{"Ada", 36})
	_ = limits.Set(ctx, "42", 100)

	user, _ := users.Get(ctx, "42")
	limit, _ := limits.Get(ctx, "42")
	fmt.Println(user.Name, limit)
	// Output: Ada 100
}

func ExampleCache_Namespace() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	tenant := c.Namespace("acme")
	users, carts := tenant.Namespace("user"), tenant.Namespace("cart")
	_ = xcache.For[string](users).Set(ctx, "42", "Ada")
	_ = xcache.For[string](carts).Set(ctx, "42", "two pens")

	removed, _ := carts.Clear(ctx)
	fmt.Println(removed)
	for key, err := range c.Keys(ctx, "*") { // with Django's keys
		fmt.Println(key, err)
	}
	// Output:
	// 1
	// acme:user:42 <nil>
}

// When the cache is down, the database is asked once for all callers.
func ExampleView_Load() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	users := xcache.For[User](c.Namespace("user"))
	load := func(context.Context) (User, error) { return User{"Ada", 36}, nil }

	user, err := users.GetOrSet(ctx, "42", load)
	if errors.Is(err, xcache.ErrUnavailable) {
		user, err = users.Load(ctx, "42", load)
	}
	fmt.Println(user.Name, err)
	// Output: Ada <nil>
}

func ExampleNew() {
	// Code creates the store, instead of a DSN.
	store, err := memory.NewStore(memory.Options{MaxEntries: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := xcache.New(store, xcache.WithPrefix("app"), xcache.WithTTL(time.Minute))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close() // also closes the store
	fmt.Println(c.Ping(context.Background()))
	// Output: <nil>
}

func ExampleOpen() {
	// The name selects the driver, and the scheme does not matter.
	c, err := xcache.Open("memory", "memory://?max_entries=1000")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(c.Ping(context.Background()))
	// Output: <nil>
}

func ExampleOpenDSN() {
	// An error in a DSN names the mistake and the correction.
	_, err := xcache.OpenDSN("memory://?prefx=app")
	fmt.Println(err)
	// Output: xcache: bad DSN: unknown parameter prefx; did you mean prefix?
}

func ExamplePipeline() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	users := xcache.For[User](c.Namespace("user"))

	p := c.Pipeline()
	stored := users.In(p).Set("42", User{"Ada", 36})
	visits := p.IncrInit("visits", 1, 0)
	if err := p.Exec(ctx); err != nil { // one round trip
		fmt.Println(err)
		return
	}
	n, err := visits.Value()
	fmt.Println(n, err, stored.Err())
	// Output: 1 <nil> <nil>
}

func ExamplePipelineView() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	names, ages := xcache.For[string](c.Namespace("name")), xcache.For[int](c.Namespace("age"))
	_ = names.Set(ctx, "name", "Ada")

	p := c.Pipeline()
	name := names.In(p).Get("name") // values of several types in one pipeline
	age := ages.In(p).GetOr("age", 18)
	_ = p.Exec(ctx)
	fmt.Println(name.Value())
	fmt.Println(age.Value())
	// Output:
	// Ada <nil>
	// 18 <nil>
}

func ExampleResult() {
	ctx := context.Background()
	c := open()
	defer c.Close()

	p := c.Pipeline()
	ttl := p.TTL("none")
	fmt.Println(errors.Is(ttl.Err(), xcache.ErrNotExecuted))

	err := p.Exec(ctx) // a miss is no failure of the pipeline
	fmt.Println(err, errors.Is(ttl.Err(), xcache.ErrNotFound))
	// Output:
	// true
	// <nil> true
}

func ExampleRegistry() {
	// A program without global drivers has a registry of its own.
	var registry xcache.Registry
	registry.Register("memory", &memory.Driver{})

	c, err := registry.OpenDSN("memory://")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(registry.Drivers())
	// Output: [memory]
}

func ExampleOption() {
	// Options win over the DSN's parameters of the same meaning.
	c, err := xcache.OpenDSN("memory://?ttl=1h",
		xcache.WithPrefix("app"),
		xcache.WithTTL(10*time.Minute),
		xcache.WithJitter(0.1), // keys written together do not expire together
		xcache.Require("counters"),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	_ = xcache.For[string](c).Set(context.Background(), "k", "v")
	ttl, _ := c.TTL(context.Background(), "k")
	fmt.Println(ttl > 8*time.Minute, ttl <= 10*time.Minute)
	// Output: true true
}

func ExampleWithCodec() {
	// The raw serializer stores bytes unchanged, instead of JSON.
	raw, err := codec.New(codec.Config{Serializers: []codec.Serializer{codec.Raw}})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := open()
	defer c.Close()
	images := xcache.For[[]byte](c).With(xcache.WithCodec(raw)) // this view alone
	_ = images.Set(context.Background(), "logo", []byte{0x89, 'P', 'N', 'G'})
	logo, _ := images.Get(context.Background(), "logo")
	fmt.Printf("%q\n", logo)
	// Output: "\x89PNG"
}

func ExampleReadPrimary() {
	ctx := context.Background()
	c := open() // with replicas: redis://primary,replica
	defer c.Close()

	users := xcache.For[string](c.Namespace("user"))
	latest := users.With(xcache.ReadPrimary())
	_ = users.Set(ctx, "42", "Ann")
	name, err := latest.Get(ctx, "42") // a replica might not have the value yet
	fmt.Println(name, err)
	// Output: Ann <nil>
}

func ExampleSetOption() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	names := xcache.For[string](c.Namespace("name"))

	_ = names.Set(ctx, "a", "Ada")                             // the cache's default
	_ = names.Set(ctx, "b", "Bob", xcache.TTL(time.Hour))      // an hour
	_ = names.Set(ctx, "c", "Cy", xcache.TTL(xcache.NoExpiry)) // for ever
	_ = names.Set(ctx, "d", "Di", xcache.ExpireAt(time.Now())) // stores nothing
	_ = names.Set(ctx, "b", "Bea", xcache.KeepTTL())           // the rest of the hour
	ttls, _ := names.TTLMany(ctx, []string{"a", "b", "c", "d"})

	for _, key := range []string{"a", "b"} {
		fmt.Println(key, ttls[key].Round(time.Minute))
	}
	_, stored := ttls["d"]
	fmt.Println(ttls["c"] == xcache.NoExpiry, stored)
	// Output:
	// a 5m0s
	// b 1h0m0s
	// true false
}

func ExampleKeyFunc() {
	ctx := context.Background()
	var makeKey xcache.KeyFunc = func(prefix string, version int, key string) string {
		return fmt.Sprintf("%s/v%d/%s", prefix, version, key)
	}
	c := open(xcache.WithPrefix("app"), xcache.WithKeyFunc(makeKey, nil))
	defer c.Close()
	_ = xcache.For[string](c).Set(ctx, "greeting", "hello")

	// The store reads the server directly, without the cache's codec.
	value := make([]driver.Value, 1)
	_ = c.Store().Get(ctx, []string{"app/v1/greeting"}, value)
	fmt.Printf("%s\n", value[0].Data)
	// Output: "hello"
}

func ExampleReverseKeyFunc() {
	ctx := context.Background()
	makeKey := func(prefix string, version int, key string) string {
		return prefix + "/" + strconv.Itoa(version) + "/" + key
	}
	// Keys needs the reverse function, which returns false for other programs' keys.
	var reverse xcache.ReverseKeyFunc = func(full string) (prefix string, version int, key string, ok bool) {
		parts := strings.SplitN(full, "/", 3)
		if len(parts) != 3 {
			return "", 0, "", false
		}
		version, err := strconv.Atoi(parts[1])
		return parts[0], version, parts[2], err == nil
	}
	c := open(xcache.WithPrefix("app"), xcache.WithKeyFunc(makeKey, reverse))
	defer c.Close()
	_ = xcache.For[string](c).Set(ctx, "a/b", "x")
	for key, err := range c.Keys(ctx, "*") {
		fmt.Println(key, err)
	}
	// Output: a/b <nil>
}

// logger prints each operation. A library for metrics or tracing would count the operation.
type logger struct{}

func (logger) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (logger) End(_ context.Context, op *xcache.Operation) {
	fmt.Printf("%s %s %q hits=%d misses=%d\n", op.Driver, op.Name, op.Key, op.Hits, op.Misses)
}

func ExampleObserver() {
	ctx := context.Background()
	c := open(xcache.WithObserver(logger{}))
	defer c.Close()
	names := xcache.For[string](c.Namespace("name"))
	_ = names.Set(ctx, "42", "Ada")
	_, _ = names.Get(ctx, "42")
	_, _ = names.Get(ctx, "43")
	// Output:
	// memory set "42" hits=0 misses=0
	// memory get "42" hits=1 misses=0
	// memory get "43" hits=0 misses=1
}

// ratio counts hits and misses.
type ratio struct{ hits, misses int }

func (*ratio) Start(ctx context.Context, _ *xcache.Operation) context.Context { return ctx }

func (r *ratio) End(_ context.Context, op *xcache.Operation) {
	r.hits += op.Hits // a program with several goroutines adds atomically
	r.misses += op.Misses
}

func ExampleOperation() {
	ctx := context.Background()
	var r ratio
	c := open(xcache.WithObserver(&r))
	defer c.Close()
	numbers := xcache.For[int](c.Namespace("number"))
	_ = numbers.SetMany(ctx, map[string]int{"one": 1, "two": 2, "three": 3})
	_, _ = numbers.GetMany(ctx, []string{"one", "two", "three", "four"})
	fmt.Printf("%d of %d\n", r.hits, r.hits+r.misses)
	// Output: 3 of 4
}

func ExampleOpError() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	_ = xcache.For[string](c).Set(ctx, "name", "Ada")

	_, err := c.Incr(ctx, "name", 1)
	fmt.Println(err)
	fmt.Println(errors.Is(err, xcache.ErrWrongType))

	if failed, ok := errors.AsType[*xcache.OpError](err); ok {
		fmt.Println(failed.Op, failed.Key)
	}
	// Output:
	// xcache: memory incr "name": key holds the wrong type of value
	// true
	// incr name
}

func ExampleBatchError() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	_ = xcache.For[string](c).Set(ctx, "a", "text")
	_ = xcache.For[int](c).Set(ctx, "b", 7)

	numbers, err := xcache.For[int](c).GetMany(ctx, []string{"a", "b"})
	fmt.Println(numbers) // the values that could be read

	if failed, ok := errors.AsType[*xcache.BatchError](err); ok {
		fmt.Println(failed.Keys(), errors.Is(failed.Errs["a"], xcache.ErrCorrupt))
	}
	// Output:
	// map[b:7]
	// [a] true
}

func ExampleWithEncryption() {
	ctx := context.Background()
	keys, err := codec.NewKeyRing([]byte("32 random bytes, from a secret st")[:32])
	if err != nil {
		fmt.Println(err)
		return
	}
	c := open()
	defer c.Close()
	secrets := xcache.For[string](c.With(xcache.WithEncryption(keys)))
	_ = secrets.Set(ctx, "token", "s3cr3t")
	token, err := secrets.Get(ctx, "token")
	fmt.Println(token, err)

	_, err = xcache.For[string](c).Get(ctx, "token") // without the keys
	fmt.Println(errors.Is(err, xcache.ErrCorrupt))
	// Output:
	// s3cr3t <nil>
	// true
}

func ExampleCache_CodecReads() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	old, _ := codec.New(codec.Config{Serializers: []codec.Serializer{codec.Gob}})
	moving, _ := codec.New(codec.Config{Serializers: []codec.Serializer{codec.JSON, codec.Gob}})

	before := xcache.For[string](c.With(xcache.WithCodec(old)))
	now := xcache.For[string](c.With(xcache.WithCodec(moving)))
	_ = before.Set(ctx, "old", "written yesterday")
	_ = now.Set(ctx, "new", "written today")
	_, _ = now.GetMany(ctx, []string{"old", "new"})

	reads := c.CodecReads()
	fmt.Println(reads.Current, "in JSON")
	for by, n := range reads.Old {
		fmt.Println(n, "still in", by.Serializer)
	}
	// Output:
	// 1 in JSON
	// 1 still in gob
}

// A Filter is a Bloom filter of a server's module, which xcache does not know.
type Filter struct{ cache *xcache.Cache }

func (f Filter) add(key, item string) *xcache.Op {
	return xcache.NewOp(f.cache, "bf add", "BF.ADD", key).Field(item)
}

// Add adds an item, and reports whether the filter had not seen it.
func (f Filter) Add(ctx context.Context, key, item string) (bool, error) {
	return xcache.Run(ctx, f.add(key, item), readAdded)
}

// QueueAdd queues Add.
func (f Filter) QueueAdd(p *xcache.Pipeline, key, item string) *xcache.Result[bool] {
	return xcache.Queue(p, f.add(key, item), readAdded)
}

func readAdded(o *xcache.Op) (bool, error) { return o.Reply().AsFlag() }

// An unknown command goes to the server unchanged, with the full key. The memory driver has
// no server, and returns an error.
func ExampleNewOp() {
	ctx := context.Background()
	c := open()
	defer c.Close()
	filter := Filter{c}

	_, err := filter.Add(ctx, "seen", "item")
	fmt.Println(errors.Is(err, errors.ErrUnsupported))

	p := c.Pipeline()
	added := filter.QueueAdd(p, "seen", "item")
	set := xcache.For[string](c).In(p).Set("greeting", "hello")
	_ = p.Exec(ctx) // the errors of its operations
	fmt.Println(errors.Is(added.Err(), errors.ErrUnsupported), set.Err())
	// Output:
	// true
	// true <nil>
}
