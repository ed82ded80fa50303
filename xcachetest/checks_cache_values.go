package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/xcache-go/xcache"
)

// cacheTTLChecks has section 2 of the contract, through a Cache.
func cacheTTLChecks() []check {
	return []check{
		cacheCheck("cache-ttl/default", "a write without a TTL gets the cache's default, 300 s unless configured", needs(expirer), func(ctx context.Context, c *cached) error {
			hour, ever := c.texts.With(xcache.WithTTL(time.Hour)), c.texts.With(xcache.WithTTL(xcache.NoExpiry))
			return errors.Join(c.texts.Set(ctx, "a", "v"), c.wantCacheTTL("a", 300*time.Second),
				hour.Set(ctx, "b", "v"), c.wantCacheTTL("b", time.Hour), ever.Set(ctx, "c", "v"), c.wantCacheTTL("c", xcache.NoExpiry),
				c.texts.Set(ctx, "c", "v"), c.wantCacheTTL("c", 300*time.Second))
		}),
		cacheCheck("cache-ttl/options", "TTL, ExpireAt and KeepTTL of a write win over the default", needs(expirer), func(ctx context.Context, c *cached) error {
			return errors.Join(
				c.texts.Set(ctx, "k", "1", xcache.TTL(long)), c.wantCacheTTL("k", long),
				c.texts.Set(ctx, "k", "2", xcache.KeepTTL()), c.wantCacheTTL("k", long), c.wantText(c.texts, "k", "2"),
				c.texts.Set(ctx, "k", "3", xcache.ExpireAt(time.Now().Add(2*time.Hour))), c.wantCacheTTL("k", 2*time.Hour),
				c.texts.Set(ctx, "k", "4", xcache.TTL(xcache.NoExpiry)), c.wantCacheTTL("k", xcache.NoExpiry),
				c.texts.SetMany(ctx, map[string]string{"k": "5", "l": "6"}, xcache.TTL(medium)), c.wantCacheTTL("k", medium), c.wantCacheTTL("l", medium))
		}),
		cacheCheck("cache-ttl/expired", "a TTL <= 0, or an ExpireAt that has passed, stores nothing and deletes what is there: Set succeeds, Add on an absent key and Replace on a present one are true, Add on a present key is false and leaves it", nil, func(ctx context.Context, c *cached) error {
			var errs []error
			for name, expired := range map[string]xcache.SetOption{
				"0": xcache.TTL(0), "-1": xcache.TTL(-1), "least": xcache.TTL(math.MinInt64), "past": xcache.ExpireAt(time.Now().Add(-time.Hour)), "zero": xcache.ExpireAt(time.Time{}),
			} {
				errs = append(errs, c.texts.Set(ctx, name, "old"), c.texts.Set(ctx, name, "new", expired), c.wantNone(name),
					is(c.texts.Add(ctx, name, "new", expired))("Add on an absent key", true, nil), c.wantNone(name),
					is(c.texts.Replace(ctx, name, "new", expired))("Replace on an absent key", false, nil),
					c.texts.Set(ctx, name, "old"), is(c.texts.Add(ctx, name, "new", expired))("Add on a present key", false, nil), c.wantText(c.texts, name, "old"),
					is(c.texts.Replace(ctx, name, "new", expired))("Replace on a present key", true, nil), c.wantNone(name))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("cache-ttl/expires", "a value is there until its TTL is over, and gone soon after", nil, func(ctx context.Context, c *cached) error {
			start, ttl := time.Now(), c.soon()
			return errors.Join(c.texts.Set(ctx, "k", "v", xcache.TTL(ttl)), c.wantExpiry(start, ttl, func() (bool, error) {
				there, err := c.Has(ctx, "k")
				return !there, err
			}))
		}),
		cacheCheck("cache-ttl/jitter", "jitter shortens a TTL by at most its fraction, differently for different writes, and never to nothing", needs(expirer), func(ctx context.Context, c *cached) error {
			v := c.texts.With(xcache.WithJitter(0.5))
			seen := make(map[time.Duration]bool)
			var errs []error
			for i := range 50 {
				key := fmt.Sprint(i)
				errs = append(errs, v.Set(ctx, key, "v", xcache.TTL(10*long)))
				ttl, err := v.TTL(ctx, key)
				errs = append(errs, err, that(ttl >= 5*long-tolerance && ttl <= 10*long+c.resolution(), "a TTL of %v with jitter 0.5 became %v", 10*long, ttl))
				seen[ttl.Round(time.Second)] = true
			}
			all := c.texts.With(xcache.WithJitter(1))
			start := time.Now()
			errs = append(errs, all.Set(ctx, "tiny", "v", xcache.TTL(1)))
			if c.h.InProcess {
				errs = append(errs, whileThere(start, 1, c.wantText(c.texts, "tiny", "v")))
			}
			errs = append(errs, all.Set(ctx, "ever", "v", xcache.TTL(xcache.NoExpiry)), c.wantCacheTTL("ever", xcache.NoExpiry))
			return errors.Join(append(errs, that(len(seen) > 5, "50 writes with jitter have %d different TTLs", len(seen)))...)
		}),
	}
}

// cacheValueChecks has section 3 of the contract, with the default codec.
func cacheValueChecks() []check {
	return []check{
		cacheCheck("cache-values/nil-is-a-hit", "a stored nil is a hit, not a miss: in Get, GetOr, GetMany, Has, GetOrSet and IncrVersion", nil, func(ctx context.Context, c *cached) error {
			v := xcache.For[*string](c.Cache)
			text := "default"
			errs := []error{v.Set(ctx, "k", nil)}
			got, err := v.Get(ctx, "k")
			gotOr, orErr := v.GetOr(ctx, "k", &text)
			many, manyErr := v.GetMany(ctx, []string{"k", "none"})
			value, hit := many["k"]
			set, setErr := v.GetOrSet(ctx, "k", func(context.Context) (*string, error) { return nil, errors.New("the loader ran") })
			errs = append(errs, err, orErr, manyErr, setErr,
				that(got == nil && gotOr == nil && set == nil, "Get, GetOr, GetOrSet of nil gave %v, %v, %v", got, gotOr, set),
				that(hit && value == nil && len(many) == 1, "GetMany of nil gave %v", many),
				is(v.Has(ctx, "k"))("Has", true, nil), is(v.Add(ctx, "k", &text))("Add", false, nil))
			if c.caps.Mover != nil {
				errs = append(errs, is(v.IncrVersion(ctx, "k", 1))("IncrVersion", 2, nil))
			}
			return errors.Join(errs...)
		}),
		cacheCheck("cache-values/integers-are-decimal-text", "every kind of Go integer is stored as plain decimal text, and read back", nil, func(ctx context.Context, c *cached) error {
			type named int16
			return errors.Join(
				roundTrip(c, "int", math.MinInt, "-9223372036854775808"), roundTrip(c, "int8", int8(-128), "-128"), roundTrip(c, "int16", int16(32767), "32767"),
				roundTrip(c, "int32", int32(-2147483648), "-2147483648"), roundTrip(c, "int64", int64(math.MaxInt64), "9223372036854775807"),
				roundTrip(c, "uint", uint(7), "7"), roundTrip(c, "uint8", uint8(255), "255"), roundTrip(c, "uint16", uint16(65535), "65535"),
				roundTrip(c, "uint32", uint32(math.MaxUint32), "4294967295"), roundTrip(c, "uint64", uint64(math.MaxUint64), "18446744073709551615"),
				roundTrip(c, "named", named(-5), "-5"), roundTrip(c, "zero", 0, "0"))
		}),
		cacheCheck("cache-values/strings-of-digits", "a string of digits comes back as a string, and is no number to Incr", needs(counter), func(ctx context.Context, c *cached) error {
			return errors.Join(roundTrip(c, "k", "12345", ""), is(xcache.For[any](c.Cache).Get(ctx, "k"))("Get as any", any("12345"), nil),
				is(c.Incr(ctx, "k", 1))("Incr", 0, xcache.ErrWrongType), c.wantText(c.texts, "k", "12345"))
		}),
		cacheCheck("cache-values/round-trips", "bools, floats, strings, bytes, slices, maps, structs, times and nestings of them are equal after a round trip", nil, func(_ context.Context, c *cached) error {
			type inner struct {
				Name string
				When time.Time
			}
			type outer struct {
				N     int
				F     float64
				B     []byte
				Inner *inner
				List  []inner
				Map   map[string][]int
				Empty *inner
			}
			when := time.Date(2024, 2, 29, 23, 59, 59, 123456789, time.UTC)
			return errors.Join(
				roundTrip(c, "true", true, "true"), roundTrip(c, "false", false, "false"),
				roundTrip(c, "float", 1.5e300, ""), roundTrip(c, "negative", -0.1, ""), roundTrip(c, "float32", float32(0.1), ""),
				roundTrip(c, "empty", "", ""), roundTrip(c, "text", "é \"quoted\"\n\x00 👩‍👧 </script> \u2028", ""), roundTrip(c, "nil", "null", ""),
				roundTrip(c, "bytes", []byte{0, 1, 255, '\n'}, ""), roundTrip(c, "none", []byte{}, ""),
				roundTrip(c, "slice", []string{"a", "", "c"}, ""), roundTrip(c, "array", [3]int{1, 2, 3}, ""), roundTrip(c, "map", map[string]int{"a": 1, "": 2}, ""),
				roundTrip(c, "time", when, ""), roundTrip(c, "duration", 90*time.Second, "90000000000"),
				roundTrip(c, "struct", outer{N: -1, F: 0.5, B: []byte("b"), Inner: &inner{"i", when}, List: []inner{{"l", when}}, Map: map[string][]int{"m": {1, 2}}}, ""))
		}),
		cacheCheck("cache-values/large", "a value of 1 MiB survives, unless the store's Limits exclude it", nil, func(_ context.Context, c *cached) error {
			if limit := c.caps.Limits.ValueSize; limit > 0 && limit < 2<<20 {
				return inapplicable("the store's Limits exclude such values")
			}
			return roundTrip(c, "k", strings.Repeat("0123456789abcdef", 1<<16), "")
		}),
		cacheCheck("cache-values/too-large", "a value over the store's limit is ErrTooLarge, and the key stays as it was", nil, func(ctx context.Context, c *cached) error {
			limit := c.caps.Limits.ValueSize
			if limit == 0 || limit > 16<<20 {
				return inapplicable("the store's Limits allow values of 16 MiB")
			}
			huge := strings.Repeat("v", limit+1)
			return errors.Join(c.texts.Set(ctx, "k", "old"), c.wantErr(c.texts.Set(ctx, "k", huge), xcache.ErrTooLarge, "Set"),
				c.wantErr(c.texts.SetMany(ctx, map[string]string{"k": huge, "l": "v"}), xcache.ErrTooLarge, "SetMany"), c.wantText(c.texts, "k", "old"))
		}),
		cacheCheck("cache-values/cannot-be-encoded", "a value that cannot be encoded is an error of the call that stores it, and an existing value stays", nil, func(ctx context.Context, c *cached) error {
			v := xcache.For[any](c.Cache)
			errs := []error{c.texts.Set(ctx, "k", "old", xcache.TTL(long))}
			for name, bad := range map[string]any{"chan": make(chan int), "func": func() {}, "NaN": math.NaN(), "nested": map[string]any{"c": make(chan int)}} {
				_, addErr := v.Add(ctx, "none", bad)
				errs = append(errs,
					that(v.Set(ctx, "k", bad) != nil, "Set of a %s succeeded", name), that(addErr != nil, "Add of a %s succeeded", name),
					that(v.SetMany(ctx, map[string]any{"k": bad, "other": "fine"}) != nil, "SetMany with a %s succeeded", name))
			}
			return errors.Join(append(errs, c.wantText(c.texts, "k", "old"), c.wantNone("none", "other"), c.wantCacheTTL("k", long))...)
		}),
		cacheCheck("cache-values/corrupt", "bytes that no codec can read as the type are ErrCorrupt, never a zero value, another type or a miss; the other keys of a batch are read", nil, func(ctx context.Context, c *cached) error {
			numbers := xcache.For[int](c.Cache)
			errs := []error{}
			for i, bad := range []string{"", "{", "\x00\xff", `"text"`, "1.5", "1 2", "[1]", "99999999999999999999999"} {
				key := fmt.Sprint("bad", i)
				errs = append(errs, c.set(c.full(key), bad, long), is(numbers.Get(ctx, key))(fmt.Sprintf("Get of %q as an int", bad), 0, xcache.ErrCorrupt), c.wantValue(c.full(key), bad))
			}
			errs = append(errs, numbers.Set(ctx, "good", 7))
			many, err := numbers.GetMany(ctx, []string{"bad1", "good", "none"})
			var batch *xcache.BatchError
			return errors.Join(append(errs, c.wantErr(err, xcache.ErrCorrupt, "GetMany"),
				that(errors.As(err, &batch) && reflect.DeepEqual(batch.Keys(), []string{"bad1"}), "GetMany: %v does not list bad1 alone", err),
				that(len(many) == 1 && many["good"] == 7, "GetMany gave %v", many))...)
		}),
		cacheCheck("cache-values/caller-may-change-bytes", "bytes that were stored or returned belong to the caller: changing them changes nothing in the cache", nil, func(ctx context.Context, c *cached) error {
			v := xcache.For[[]byte](c.Cache)
			given := []byte("value")
			errs := []error{v.Set(ctx, "k", given)}
			copy(given, "XXXXX")
			for range 2 {
				got, err := v.Get(ctx, "k")
				errs = append(errs, err, expect(string(got), "value", "Get"))
				copy(got, "XXXXX")
			}
			return errors.Join(errs...)
		}),
	}
}

// roundTrip stores a value and reads the value back, alone and in a batch. stored is the
// expected data on the server, if stored is not empty.
func roundTrip[T any](c *cached, key string, value T, stored string) error {
	v := xcache.For[T](c.Cache)
	if err := v.Set(noDeadline, key, value); err != nil {
		return fmt.Errorf("Set(%T): %w", value, err)
	}
	var errs []error
	if stored != "" {
		errs = append(errs, c.wantValue(c.full(key), stored))
	}
	got, err := v.Get(noDeadline, key)
	if err != nil || !reflect.DeepEqual(got, value) {
		errs = append(errs, fmt.Errorf("stored %T %s, got %s, %w", value, quote(fmt.Sprint(value)), quote(fmt.Sprint(got)), orNone(err)))
	}
	many, err := v.GetMany(noDeadline, []string{key})
	if got, ok := many[key]; err != nil || !ok || !reflect.DeepEqual(got, value) {
		errs = append(errs, fmt.Errorf("stored %T %s, GetMany gave %s, %w", value, quote(fmt.Sprint(value)), quote(fmt.Sprint(many)), orNone(err)))
	}
	return errors.Join(errs...)
}
