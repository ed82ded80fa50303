package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// cacheOperationChecks has section 4 of the contract.
func cacheOperationChecks() []check {
	return []check{
		cacheCheck("cache/get", "Get gives the value; a miss is the bare ErrNotFound", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(c.wantNone("k"), c.texts.Set(ctx, "k", "v"), c.wantText(c.texts, "k", "v"))
		}),
		cacheCheck("cache/get-or", "GetOr gives the value, or the default on a miss, and stores nothing", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.texts.GetOr(ctx, "k", "default"))("GetOr of an absent key", "default", nil), c.wantNone("k"),
				c.texts.Set(ctx, "k", ""), is(c.texts.GetOr(ctx, "k", "default"))("GetOr of an empty value", "", nil))
		}),
		cacheCheck("cache/set", "Set overwrites the value and resets its TTL to the default", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(c.texts.Set(ctx, "k", "1", xcache.TTL(long)), c.texts.Set(ctx, "k", "2"), c.wantText(c.texts, "k", "2"), c.wantCacheTTL("k", xcache.DefaultTTL))
		}),
		cacheCheck("cache/set-over-any-type", "Set overwrites a key of any type; Get of another type is ErrWrongType", needs("RPUSH"), func(ctx context.Context, c *cached) error {
			err := c.push(c.full("k"), "a")
			_, getErr := c.texts.Get(ctx, "k")
			return errors.Join(err, c.wantErr(getErr, xcache.ErrWrongType, "Get of a list"), c.texts.Set(ctx, "k", "v"), c.wantText(c.texts, "k", "v"))
		}),
		cacheCheck("cache/add", "Add stores only if the key is absent, and tells", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.texts.Add(ctx, "k", "1", xcache.TTL(long)))("Add", true, nil), is(c.texts.Add(ctx, "k", "2"))("second Add", false, nil),
				c.wantText(c.texts, "k", "1"), c.wantCacheTTL("k", long))
		}),
		cacheCheck("cache/add-is-atomic", "of callers that Add the same key at once, exactly one gets true", nil, func(ctx context.Context, c *cached) error {
			var errs []error
			for round := range 10 {
				var winners atomic.Int64
				errs = append(errs, together(rivals, func(i int) error {
					added, err := c.texts.Add(ctx, strconv.Itoa(round), strconv.Itoa(i))
					if added {
						winners.Add(1)
					}
					return err
				}), expect(winners.Load(), 1, "callers that added"))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("cache/replace", "Replace stores only if the key is present, and tells", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.texts.Replace(ctx, "k", "1"))("Replace of an absent key", false, nil), c.wantNone("k"),
				c.texts.Set(ctx, "k", "1"), is(c.texts.Replace(ctx, "k", "2", xcache.TTL(long)))("Replace", true, nil), c.wantText(c.texts, "k", "2"), c.wantCacheTTL("k", long))
		}),
		cacheCheck("cache/swap", "Swap gives the old value and stores the new one; ErrNotFound if there was none, but the new one is stored", needs(swapper), func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.texts.Swap(ctx, "k", "1"))("Swap of an absent key", "", xcache.ErrNotFound), c.wantText(c.texts, "k", "1"), c.wantCacheTTL("k", xcache.DefaultTTL),
				is(c.texts.Swap(ctx, "k", "2", xcache.TTL(long)))("Swap", "1", nil), c.wantText(c.texts, "k", "2"), c.wantCacheTTL("k", long))
		}),
		cacheCheck("cache/take", "Take gives the value and deletes the key, of several callers to one; a miss is the bare ErrNotFound", needs("GETDEL"), func(ctx context.Context, c *cached) error {
			errs := []error{is(c.texts.Take(ctx, "k"))("Take of an absent key", "", xcache.ErrNotFound)}
			for range 5 {
				var winners atomic.Int64
				errs = append(errs, c.texts.Set(ctx, "k", "v"), together(rivals, func(int) error {
					value, err := c.texts.Take(ctx, "k")
					if errors.Is(err, xcache.ErrNotFound) {
						return nil
					}
					winners.Add(1)
					return errors.Join(err, expect(value, "v", "value of Take"))
				}), expect(winners.Load(), 1, "callers that took the value"), c.wantNone("k"))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("cache/sliding", "a hit of a view with Sliding renews the TTL, a miss stores nothing", needs("GETEX"), func(ctx context.Context, c *cached) error {
			v := c.texts.With(xcache.Sliding(long))
			renewed := func(err error) error {
				return errors.Join(err, c.wantCacheTTL("k", long), c.texts.Set(ctx, "k", "v", xcache.TTL(medium)))
			}
			err := errors.Join(is(v.Get(ctx, "k"))("Get of an absent key", "", xcache.ErrNotFound), c.wantNone("k"), v.Set(ctx, "k", "v", xcache.TTL(medium)), c.wantCacheTTL("k", medium))
			err = errors.Join(err, renewed(c.wantText(v, "k", "v")), renewed(is(v.GetOr(ctx, "k", ""))("GetOr", "v", nil)),
				renewed(is(v.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "new", nil }))("GetOrSet", "v", nil)))
			found, manyErr := v.GetMany(ctx, []string{"k", "none", "k"})
			err = errors.Join(err, expect(found["k"], "v", "GetMany"), expect(len(found), 1, "values of GetMany"), renewed(manyErr))
			p := v.Pipeline()
			queued := v.In(p).Get("k")
			return errors.Join(err, p.Exec(ctx), is(queued.Value())("Get in a pipeline", "v", nil), renewed(nil), c.wantNone("none"))
		}),
		cacheCheck("cache/compare-and-swap", "CompareAndSwap compares what is stored, keeps or sets the TTL as asked, and tells", needs(swapper), func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.texts.CompareAndSwap(ctx, "k", "", "1"))("CompareAndSwap of an absent key", false, nil), c.wantNone("k"),
				c.texts.Set(ctx, "k", "1", xcache.TTL(long)), is(c.texts.CompareAndSwap(ctx, "k", "0", "2"))("with another old value", false, nil), c.wantText(c.texts, "k", "1"),
				is(c.texts.CompareAndSwap(ctx, "k", "1", "2", xcache.KeepTTL()))("with the old value", true, nil), c.wantText(c.texts, "k", "2"), c.wantCacheTTL("k", long),
				is(c.texts.CompareAndSwap(ctx, "k", "2", "3"))("again", true, nil), c.wantCacheTTL("k", xcache.DefaultTTL))
		}),
		cacheCheck("cache/compare-and-delete", "CompareAndDelete deletes a key that holds the value, and tells", needs(swapper), func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.texts.CompareAndDelete(ctx, "k", ""))("of an absent key", false, nil), c.texts.Set(ctx, "k", "1"),
				is(c.texts.CompareAndDelete(ctx, "k", "2"))("with another value", false, nil), c.wantText(c.texts, "k", "1"), is(c.texts.CompareAndDelete(ctx, "k", "1"))("with the value", true, nil), c.wantNone("k"))
		}),
		cacheCheck("cache/compare-and-swap-counts", "a loop of Get and CompareAndSwap among rivals loses no update", needs(swapper), func(ctx context.Context, c *cached) error {
			v := xcache.For[int](c.Cache)
			err := v.Set(ctx, "k", 0)
			return errors.Join(err, together(8, func(int) error {
				for range 10 {
					for {
						n, err := v.Get(ctx, "k")
						if err != nil {
							return err
						}
						if ok, err := v.CompareAndSwap(ctx, "k", n, n+1); err != nil {
							return err
						} else if ok {
							break
						}
					}
				}
				return nil
			}), is(v.Get(ctx, "k"))("Get", 80, nil))
		}),
		cacheCheck("cache/touch", "Touch gives a key a new TTL, the default one if none is named, and tells whether it exists; a TTL <= 0 deletes it", needs(expirer), func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.Touch(ctx, "k"))("Touch of an absent key", false, nil), c.wantNone("k"), c.texts.Set(ctx, "k", "v", xcache.TTL(long)),
				is(c.Touch(ctx, "k"))("Touch", true, nil), c.wantCacheTTL("k", xcache.DefaultTTL), is(c.Touch(ctx, "k", xcache.TTL(2*long)))("Touch with a TTL", true, nil), c.wantCacheTTL("k", 2*long),
				is(c.Touch(ctx, "k", xcache.KeepTTL()))("Touch with KeepTTL", true, nil), c.wantCacheTTL("k", 2*long),
				is(c.Touch(ctx, "k", xcache.TTL(xcache.NoExpiry)))("Touch with NoExpiry", true, nil), is(c.Touch(ctx, "k", xcache.TTL(xcache.NoExpiry)))("and again", true, nil), c.wantCacheTTL("k", xcache.NoExpiry),
				c.wantText(c.texts, "k", "v"), is(c.Touch(ctx, "k", xcache.TTL(0)))("Touch with a TTL of 0", true, nil), c.wantNone("k"))
		}),
		cacheCheck("cache/delete", "Delete removes keys and gives how many there were; of none it gives 0", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.Delete(ctx))("Delete of nothing", 0, nil), is(c.Delete(ctx, "none"))("Delete of an absent key", 0, nil),
				c.texts.SetMany(ctx, map[string]string{"a": "", "b": "", "c": ""}), is(c.Delete(ctx, "a", "none", "b", "a"))("Delete", 2, nil), c.wantNone("a", "b"), is(c.Has(ctx, "c"))("Has", true, nil))
		}),
		cacheCheck("cache/get-many", "GetMany gives a map of the keys that exist; duplicates are fine; of no keys it is empty", nil, func(ctx context.Context, c *cached) error {
			want := map[string]string{"a": "A", "b": "B"}
			err := c.texts.SetMany(ctx, want)
			got, manyErr := c.texts.GetMany(ctx, []string{"a", "none", "b", "a"})
			none, noneErr := c.texts.GetMany(ctx, nil)
			return errors.Join(err, manyErr, noneErr, that(maps.Equal(got, want), "GetMany = %v, want %v", got, want), that(none != nil && len(none) == 0, "GetMany of no keys = %v, want an empty map", none))
		}),
		cacheCheck("cache/set-many", "SetMany stores every value; of none it succeeds; a key or a value that is bad in itself is an error that names it, and then nothing is stored", nil, func(ctx context.Context, c *cached) error {
			v := xcache.For[any](c.Cache)
			err := errors.Join(v.SetMany(ctx, nil), v.SetMany(ctx, map[string]any{}), v.SetMany(ctx, map[string]any{"a": "A", "b": "B"}), c.wantText(c.texts, "a", "A"), c.wantText(c.texts, "b", "B"))
			badErr := v.SetMany(ctx, map[string]any{"x": 1, "bad": make(chan int)})
			var batch *xcache.BatchError
			return errors.Join(err, that(errors.As(badErr, &batch) && reflect.DeepEqual(batch.Keys(), []string{"bad"}), "SetMany: %v does not list the bad key", badErr), c.wantNone("x"),
				c.wantErr(v.SetMany(ctx, map[string]any{"y": 1, "": 2}), xcache.ErrInvalidKey, "SetMany with an empty key"), c.wantNone("y"))
		}),
		cacheCheck("cache/large-batches", "GetMany, SetMany and Delete take thousands of keys", nil, func(_ context.Context, c *cached) error {
			v := xcache.For[int](c.Cache)
			values, keys := make(map[string]int), make([]string, 0, 5000)
			ctx, cancel := batchContext(5000)
			defer cancel()
			for i := range 5000 {
				values[strconv.Itoa(i)] = i
				keys = append(keys, strconv.Itoa(i))
			}
			err := v.SetMany(ctx, values)
			got, manyErr := v.GetMany(ctx, keys)
			return errors.Join(err, manyErr, that(maps.Equal(got, values), "GetMany gave %d of %d values, or wrong ones", len(got), len(values)), is(c.Delete(ctx, keys...))("Delete", 5000, nil))
		}),
		cacheCheck("cache/has", "Has tells whether a key exists, whatever it holds", nil, func(ctx context.Context, c *cached) error {
			err := errors.Join(is(c.Has(ctx, "k"))("Has of an absent key", false, nil), c.texts.Set(ctx, "k", ""), is(c.Has(ctx, "k"))("Has", true, nil))
			if c.missing(needs("RPUSH")) == "" {
				err = errors.Join(err, c.push(c.full("list"), "a"), is(c.Has(ctx, "list"))("Has of a list", true, nil))
			}
			return err
		}),
		cacheCheck("cache/incr", "Incr and Decr add to integers of any kind that Set stored, keep the TTL, and give the sum; a missing key is ErrNotFound and stays missing", needs(counter), func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.Incr(ctx, "k", 1))("Incr of an absent key", 0, xcache.ErrNotFound), is(c.Decr(ctx, "k", 1))("Decr of an absent key", 0, xcache.ErrNotFound), c.wantNone("k"),
				xcache.For[uint8](c.Cache).Set(ctx, "k", 250, xcache.TTL(long)), is(c.Incr(ctx, "k", 10))("Incr", 260, nil), is(c.Decr(ctx, "k", 300))("Decr", -40, nil), is(c.Incr(ctx, "k", -2))("Incr by -2", -42, nil),
				is(xcache.For[int](c.Cache).Get(ctx, "k"))("Get", -42, nil), c.wantCacheTTL("k", long))
		}),
		cacheCheck("cache/incr-errors", "Incr of what is no integer is ErrWrongType, of a sum beyond 64 bits ErrOverflow, and the value stays", needs(counter), func(ctx context.Context, c *cached) error {
			numbers := xcache.For[int64](c.Cache)
			return errors.Join(c.texts.Set(ctx, "text", "v"), is(c.Incr(ctx, "text", 1))("Incr of a text", 0, xcache.ErrWrongType), c.wantText(c.texts, "text", "v"),
				xcache.For[bool](c.Cache).Set(ctx, "bool", true), is(c.Incr(ctx, "bool", 1))("Incr of a bool", 0, xcache.ErrWrongType),
				numbers.Set(ctx, "top", math.MaxInt64), is(c.Incr(ctx, "top", 1))("Incr of the largest", 0, xcache.ErrOverflow), is(numbers.Get(ctx, "top"))("Get", int64(math.MaxInt64), nil),
				numbers.Set(ctx, "zero", 0), is(c.Decr(ctx, "zero", math.MinInt64))("Decr by the smallest", 0, xcache.ErrOverflow), is(numbers.Get(ctx, "zero"))("Get", int64(0), nil))
		}),
		cacheCheck("cache/incr-init", "IncrInit of an absent key gives init+delta and sets the default TTL or the one that is given; of an existing one it is Incr", needs(counter), func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.IncrInit(ctx, "a", 1, 10))("IncrInit", 11, nil), c.wantCacheTTL("a", xcache.DefaultTTL), is(c.IncrInit(ctx, "a", 1, 10, xcache.TTL(long)))("again", 12, nil), c.wantCacheTTL("a", xcache.DefaultTTL),
				is(c.IncrInit(ctx, "b", -1, 0, xcache.TTL(long)))("with a TTL", -1, nil), c.wantCacheTTL("b", long), is(xcache.For[int](c.Cache).Get(ctx, "b"))("Get", -1, nil))
		}),
		cacheCheck("cache/incr-version", "IncrVersion and DecrVersion move the value with its TTL and give the new version; a missing key is ErrNotFound", needs(mover), func(ctx context.Context, c *cached) error {
			two, minus := c.texts.With(xcache.WithVersion(2)), c.texts.With(xcache.WithVersion(-3))
			return errors.Join(is(c.IncrVersion(ctx, "k", 1))("IncrVersion of an absent key", 0, xcache.ErrNotFound), c.texts.Set(ctx, "k", "v", xcache.TTL(long)), two.Set(ctx, "k", "old"),
				is(c.IncrVersion(ctx, "k", 1))("IncrVersion", 2, nil), c.wantNone("k"), c.wantText(two, "k", "v"), c.wantTTL(c.cachePrefix()+":2:k", long),
				is(two.DecrVersion(ctx, "k", 5))("DecrVersion by 5", -3, nil), c.wantText(minus, "k", "v"), is(two.Has(ctx, "k"))("Has in the old version", false, nil),
				is(minus.IncrVersion(ctx, "k", 4))("IncrVersion by 4", 1, nil), c.wantText(c.texts, "k", "v"), c.wantCacheTTL("k", long))
		}),
		cacheCheck("cache/ttl", "TTL gives what is left, NoExpiry for a persistent key, ErrNotFound for an absent one; TTLMany those that exist", needs(expirer), func(ctx context.Context, c *cached) error {
			err := errors.Join(c.texts.Set(ctx, "a", "v", xcache.TTL(long)), c.texts.Set(ctx, "b", "v", xcache.TTL(xcache.NoExpiry)))
			a, aErr := c.Cache.TTL(ctx, "a")
			many, manyErr := c.TTLMany(ctx, []string{"a", "none", "b"})
			empty, emptyErr := c.TTLMany(ctx, nil)
			return errors.Join(err, aErr, manyErr, emptyErr, c.sameTTL("TTL(a)", a, long), is(c.Cache.TTL(ctx, "b"))("TTL(b)", xcache.NoExpiry, nil), is(c.Cache.TTL(ctx, "none"))("TTL(none)", 0, xcache.ErrNotFound),
				that(len(many) == 2 && many["b"] == xcache.NoExpiry, "TTLMany = %v", many), c.sameTTL("TTLMany a", many["a"], long), expect(len(empty), 0, "the length of TTLMany of no keys"))
		}),
		cacheCheck("cache/expire-and-persist", "Expire, ExpireAt and Persist are true exactly if the key exists; Persist also if it was persistent already", needs(expirer), func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.Expire(ctx, "k", long))("Expire of an absent key", false, nil), is(c.ExpireAt(ctx, "k", time.Now().Add(long)))("ExpireAt", false, nil), is(c.Persist(ctx, "k"))("Persist", false, nil), c.wantNone("k"),
				c.texts.Set(ctx, "k", "v"), is(c.Expire(ctx, "k", long))("Expire", true, nil), c.wantCacheTTL("k", long), is(c.Persist(ctx, "k"))("Persist", true, nil), c.wantCacheTTL("k", xcache.NoExpiry), is(c.Persist(ctx, "k"))("Persist again", true, nil),
				is(c.ExpireAt(ctx, "k", time.Now().Add(medium)))("ExpireAt", true, nil), c.wantCacheTTL("k", medium), is(c.Expire(ctx, "k", xcache.NoExpiry))("Expire with NoExpiry", true, nil), c.wantCacheTTL("k", xcache.NoExpiry),
				is(c.Expire(ctx, "k", -1))("Expire in the past", true, nil), c.wantNone("k"), c.texts.Set(ctx, "k", "v"), is(c.Expire(ctx, "k", math.MinInt64))("Expire by the least duration", true, nil), c.wantNone("k"))
		}),
		cacheCheck("cache/rename", "Rename moves a value with its TTL over another one; RenameNX only to a free name; a missing key is ErrNotFound", needs(mover), func(ctx context.Context, c *cached) error {
			return errors.Join(c.texts.Set(ctx, "a", "A", xcache.TTL(long)), c.texts.Set(ctx, "b", "B"), is(c.RenameNX(ctx, "a", "b"))("RenameNX to a key that exists", false, nil), c.wantText(c.texts, "b", "B"),
				c.Cache.Rename(ctx, "a", "b"), c.wantNone("a"), c.wantText(c.texts, "b", "A"), c.wantCacheTTL("b", long), is(c.RenameNX(ctx, "b", "c"))("RenameNX", true, nil), c.wantText(c.texts, "c", "A"), c.wantCacheTTL("c", long),
				c.wantErr(c.Cache.Rename(ctx, "none", "c"), xcache.ErrNotFound, "Rename of an absent key"), is(c.RenameNX(ctx, "none", "d"))("RenameNX of an absent key", false, xcache.ErrNotFound), c.wantText(c.texts, "c", "A"))
		}),
		cacheCheck("cache/type", "Type gives the kind of value, ErrNotFound for an absent key", needs("TYPE", "RPUSH"), func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.Type(ctx, "k"))("Type of an absent key", "", xcache.ErrNotFound), c.texts.Set(ctx, "k", "v"), is(c.Type(ctx, "k"))("Type", driver.KindString, nil),
				c.push(c.full("list"), "a"), is(c.Type(ctx, "list"))("Type of a list", driver.KindList, nil))
		}),
		cacheCheck("cache/ping", "Ping of a cache that works succeeds", needs(pinger), func(ctx context.Context, c *cached) error { return c.Ping(ctx) }),
		cacheCheck("cache/views-of-types", "views of different types see the same keys", nil, func(ctx context.Context, c *cached) error {
			type user struct{ Name string }
			users, raw := xcache.For[user](c.Cache), xcache.For[map[string]any](c.Cache)
			err := users.Set(ctx, "k", user{"Ann"})
			got, getErr := users.Get(ctx, "k")
			fields, rawErr := raw.Get(ctx, "k")
			return errors.Join(err, getErr, rawErr, expect(got, user{"Ann"}, "Get"), expect(fmt.Sprint(fields), "map[Name:Ann]", "Get as a map"), is(c.Delete(ctx, "k"))("Delete", 1, nil), is(users.Has(ctx, "k"))("Has", false, nil))
		}),
	}
}

// getOrSetChecks has the checks of GetOrSet.
func getOrSetChecks() []check {
	load := func(text string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return text, nil }
	}
	return []check{
		cacheCheck("get-or-set/miss", "on a miss the loader runs, its value is returned and stored with the default TTL or the one that is given", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(is(c.texts.GetOrSet(ctx, "a", load("A")))("GetOrSet", "A", nil), c.wantText(c.texts, "a", "A"), c.wantCacheTTL("a", xcache.DefaultTTL),
				is(c.texts.GetOrSet(ctx, "b", load("B"), xcache.TTL(long)))("GetOrSet", "B", nil), c.wantCacheTTL("b", long),
				is(c.texts.GetOrSet(ctx, "c", load("C"), xcache.TTL(-1)))("GetOrSet with a TTL that has expired", "C", nil), c.wantNone("c"))
		}),
		cacheCheck("get-or-set/hit", "on a hit the loader does not run, also if the value is empty", nil, func(ctx context.Context, c *cached) error {
			fail := func(context.Context) (string, error) { return "", errors.New("the loader ran") }
			return errors.Join(c.texts.Set(ctx, "a", "A"), c.texts.Set(ctx, "b", ""), is(c.texts.GetOrSet(ctx, "a", fail))("GetOrSet", "A", nil), is(c.texts.GetOrSet(ctx, "b", fail))("GetOrSet", "", nil))
		}),
		cacheCheck("get-or-set/loads-once", "however many callers ask for one key at once, the loader runs once, and all get its value", nil, func(ctx context.Context, c *cached) error {
			var loads atomic.Int64
			release := make(chan struct{})
			var arrived atomic.Int64
			err := together(rivals, func(int) error {
				if arrived.Add(1) == rivals {
					close(release)
				}
				got, err := c.texts.GetOrSet(ctx, "k", func(context.Context) (string, error) {
					loads.Add(1)
					<-release
					return "loaded", nil
				})
				return errors.Join(err, expect(got, "loaded", "GetOrSet"))
			})
			return errors.Join(err, expect(loads.Load(), 1, "times the loader ran"), c.wantText(c.texts, "k", "loaded"))
		}),
		cacheCheck("get-or-set/loader-fails", "an error of the loader is returned as it is, nothing is stored, and the next call loads again", nil, func(ctx context.Context, c *cached) error {
			failure := errors.New("no such row")
			_, err := c.texts.GetOrSet(ctx, "k", func(context.Context) (string, error) { return "half", failure })
			return errors.Join(that(errors.Is(err, failure), "the error is %v", err), c.wantNone("k"), is(c.texts.GetOrSet(ctx, "k", load("now")))("GetOrSet", "now", nil))
		}),
		cacheCheck("get-or-set/loader-panics", "a panic in the loader reaches the caller and leaves nothing stuck", nil, func(ctx context.Context, c *cached) error {
			panicked := func() (p any) {
				defer func() { p = recover() }()
				_, _ = c.texts.GetOrSet(ctx, "k", func(context.Context) (string, error) { panic("boom") })
				return nil
			}()
			return errors.Join(that(panicked != nil, "the panic did not reach the caller"), c.wantNone("k"), is(c.texts.GetOrSet(ctx, "k", load("fine")))("GetOrSet after a panic", "fine", nil))
		}),
		cacheCheck("get-or-set/caller-leaves-alone", "a caller whose context ends leaves alone: the loader goes on, and the others get its value", nil, func(ctx context.Context, c *cached) error {
			started, release := make(chan struct{}), make(chan struct{})
			slow := func(context.Context) (string, error) {
				close(started)
				<-release
				return "loaded", nil
			}
			impatient, cancel := context.WithCancel(ctx)
			return together(2, func(i int) error {
				if i == 0 {
					_, err := c.texts.GetOrSet(impatient, "k", slow)
					close(release) // not before, so that the other caller still waits
					return c.wantErr(err, context.Canceled, "the caller that left")
				}
				<-started
				time.AfterFunc(20*time.Millisecond, cancel)
				return is(c.texts.GetOrSet(ctx, "k", load("loaded")))("the caller that stayed", "loaded", nil)
			})
		}),
		cacheCheck("get-or-set/many", "of several keys the missing are loaded in one call, and stored with a TTL; a key that the loader leaves out is missing; what others did meanwhile stays", nil, func(ctx context.Context, c *cached) error {
			var loads int
			load := func(during func() error) func(context.Context, []string) (map[string]string, error) {
				return func(_ context.Context, keys []string) (map[string]string, error) {
					loads++
					values := make(map[string]string)
					for _, key := range keys {
						if key != "none" {
							values[key] = "loaded " + key
						}
					}
					return values, during()
				}
			}
			keys := []string{"a", "none", "b", "{tag}c", "set", "deleted"}
			err := c.texts.Set(ctx, "a", "stored")
			got, getErr := c.texts.GetOrSetMany(ctx, keys, load(func() error {
				_, err := c.Delete(ctx, "deleted")
				return errors.Join(err, c.texts.Set(ctx, "set", "theirs"))
			}), xcache.TTL(long))
			want := map[string]string{"a": "stored", "b": "loaded b", "{tag}c": "loaded {tag}c", "set": "theirs", "deleted": "loaded deleted"}
			err = errors.Join(err, getErr, that(maps.Equal(got, want), "GetOrSetMany gives %d values that are not the %d expected", len(got), len(want)),
				c.wantText(c.texts, "b", "loaded b"), c.wantCacheTTL("b", long), c.wantText(c.texts, "set", "theirs"), c.wantNone("none"), c.wantNone("deleted"))
			got, getErr = c.texts.GetOrSetMany(ctx, keys[:1], load(func() error { return nil }))
			return errors.Join(err, getErr, expect(got["a"], "stored", "GetOrSetMany of what is stored"), expect(loads, 1, "loads"))
		}),
		cacheCheck("get-or-set/racing-writer-wins", "a value that someone else stored while the loader ran wins, and is returned", nil, func(ctx context.Context, c *cached) error {
			got, err := c.texts.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
				return "loaded", c.set(c.full("k"), `"theirs"`, long)
			})
			return errors.Join(err, expect(got, "theirs", "GetOrSet"), c.wantText(c.texts, "k", "theirs"), c.wantCacheTTL("k", long))
		}),
		cacheCheck("get-or-set/unreadable-is-a-miss", "a stored value that cannot be read is a miss for GetOrSet: what the loader returns takes its place, with its TTL, unless somebody else has stored a value meanwhile", nil, func(ctx context.Context, c *cached) error {
			return errors.Join(c.set(c.full("a"), "{", medium), c.set(c.full("b"), "{", medium),
				is(c.texts.GetOrSet(ctx, "a", load("A"), xcache.TTL(long)))("GetOrSet", "A", nil), c.wantText(c.texts, "a", "A"), c.wantCacheTTL("a", long),
				is(c.texts.GetOrSet(ctx, "b", func(ctx context.Context) (string, error) {
					return "loaded", c.set(c.full("b"), `"theirs"`, long)
				}))("GetOrSet with a racing writer", "theirs", nil), c.wantText(c.texts, "b", "theirs"))
		}),
		cacheCheck("get-or-set/invalidation-elsewhere-wins", "what another cache on the store deletes while the loader runs stays deleted, however often the key is loaded then", needs(driver.CmdLease, driver.CmdLeaseFill, driver.CmdLeaseRevoke), invalidatedElsewhere),
		cacheCheck("get-or-set/stale", "with StaleFor, a value whose TTL has ended is returned at once and loaded in the background, and a miss to all other reads; what another cache deletes meanwhile stays deleted", needs(driver.CmdLease, driver.CmdLeaseFill, driver.CmdLeaseRevoke, "PTTL"), servesStale),
		cacheCheck("get-or-set/one-loader", "with OneLoader, a load waits for that of another cache on the store, and is next at once if that fails", electing, loadsOnce),
		cacheCheck("get-or-set/missing-is-remembered", "with NegativeTTL, a missing value is loaded once by all caches on the store, until the time has passed, the key is deleted or somebody stores a value", electing, remembersMissing),
		cacheCheck("get-or-set/invalidation-wins", "what is deleted while its loader runs stays deleted: the loaded value is returned and not stored, and the next call loads again", nil, func(ctx context.Context, c *cached) error {
			invalidations := map[string]func() error{"Delete": func() error { _, err := c.Delete(noDeadline, "Delete"); return err }}
			if c.caps.Scanner != nil {
				invalidations["DeletePattern"] = func() error { _, err := c.DeletePattern(noDeadline, "DeleteP*"); return err }
				invalidations["Clear"] = func() error { _, err := c.Clear(noDeadline); return err }
			}
			if c.caps.Expirer != nil {
				invalidations["Expire"] = func() error { _, err := c.Expire(noDeadline, "Expire", 0); return err }
				invalidations["Touch"] = func() error { _, err := c.Touch(noDeadline, "Touch"); return err }
			}
			var errs []error
			for key, invalidate := range invalidations {
				errs = append(errs, is(c.texts.GetOrSet(ctx, key, func(context.Context) (string, error) { return "old", invalidate() }))("GetOrSet during "+key, "old", nil),
					c.wantNone(key), is(c.texts.GetOrSet(ctx, key, load("new")))("GetOrSet after "+key, "new", nil), c.wantText(c.texts, key, "new"))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("get-or-set/own-key", "a loader that asks for its own key, itself or through another loader, gets an error at once, and leaves nothing stuck", nil, func(ctx context.Context, c *cached) error {
			needs := func(key string) func(context.Context) (string, error) {
				return func(ctx context.Context) (string, error) { return c.texts.GetOrSet(ctx, key, load("inner")) }
			}
			_, ownErr := c.texts.GetOrSet(ctx, "a", needs("a"))
			_, ringErr := c.texts.GetOrSet(ctx, "b", func(ctx context.Context) (string, error) { return c.texts.GetOrSet(ctx, "c", needs("b")) })
			return errors.Join(that(ownErr != nil, "a loader got its own key"), that(ringErr != nil, "a loader got its own key through another one"), c.wantNone("a", "b", "c"),
				is(c.texts.GetOrSet(ctx, "a", load("now")))("GetOrSet", "now", nil), is(c.texts.GetOrSet(ctx, "b", load("now")))("GetOrSet", "now", nil))
		}),
		cacheCheck("get-or-set/keys-are-apart", "loaders of different keys, prefixes and versions run apart", nil, func(ctx context.Context, c *cached) error {
			two := c.texts.With(xcache.WithVersion(2))
			return errors.Join(is(c.texts.GetOrSet(ctx, "k", func(ctx context.Context) (string, error) {
				inner, err := two.GetOrSet(ctx, "k", load("two"))
				other, otherErr := c.texts.GetOrSet(ctx, "other", load("other"))
				return inner + other, errors.Join(err, otherErr)
			}))("GetOrSet", "twoother", nil), c.wantText(two, "k", "two"))
		}),
	}
}
