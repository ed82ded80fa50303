package xcache_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// roundTrip stores a value, checks the stored bytes, and reads it back in every
// way there is.
func roundTrip[T any](t *testing.T, value T, stored string, opts ...xcache.Option) {
	t.Helper()
	ctx := t.Context()
	s, c := newFake(t, opts...)
	v := xcache.For[T](c)
	must(t, v.Set(ctx, "k", value))
	if got := string(s.written()[0].Value); got != stored {
		t.Errorf("%T %v is stored as %q, want %q", value, value, got, stored)
	}
	same := func(how string, got T, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, value) {
			t.Errorf("%s: %#v, %v; want %#v", how, got, err, value)
		}
	}
	got, err := v.Get(ctx, "k")
	same("Get", got, err)
	many, err := v.GetMany(ctx, []string{"k"})
	same("GetMany", many["k"], err)
	got, err = v.GetOrSet(ctx, "k", func(context.Context) (T, error) { panic("the loader ran") })
	same("GetOrSet", got, err)
	p := c.Pipeline()
	queued := v.In(p).Get("k")
	must(t, p.Exec(ctx))
	got, err = queued.Value()
	same("pipeline", got, err)
	got, err = v.Swap(ctx, "k", value)
	same("Swap", got, err)
	if ok, err := v.CompareAndSwap(ctx, "k", value, value); !ok || err != nil {
		t.Errorf("CompareAndSwap: %v, %v", ok, err)
	}
	if ok, err := v.CompareAndDelete(ctx, "k", value); !ok || err != nil {
		t.Errorf("CompareAndDelete: %v, %v", ok, err)
	}
}

type (
	status int8
	mask   uint16
	name   string
	blob   []byte
	user   struct {
		Name string
		Age  int
	}
)

// weekday is an integer with a text form of its own, which is not what is
// stored.
type weekday int

func (d weekday) MarshalText() ([]byte, error) { return []byte("day"), nil }
func (d weekday) String() string               { return "day" }

func TestIntegersAreDecimalText(t *testing.T) {
	roundTrip(t, int(-42), "-42")
	roundTrip(t, int8(math.MinInt8), "-128")
	roundTrip(t, int16(math.MaxInt16), "32767")
	roundTrip(t, int32(0), "0")
	roundTrip(t, int64(math.MinInt64), "-9223372036854775808")
	roundTrip(t, uint(7), "7")
	roundTrip(t, uint8(255), "255")
	roundTrip(t, uint16(1), "1")
	roundTrip(t, uint32(math.MaxUint32), "4294967295")
	roundTrip(t, uint64(math.MaxUint64), "18446744073709551615")
	roundTrip(t, uintptr(9), "9")
	roundTrip(t, status(-3), "-3")
	roundTrip(t, mask(3), "3")
	roundTrip(t, weekday(5), "5")
	roundTrip(t, time.Minute, "60000000000")
	roundTrip(t, time.March, "3")
	roundTrip(t, any(int64(8)), "8")
	raw := xcache.WithCodec(mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}}))
	roundTrip(t, 12, "12", raw)
	tagged := xcache.WithCodec(mustChain(t, codec.Config{Format: codec.Tagged}))
	roundTrip(t, 12, "12", tagged)
}

func mustChain(tb testing.TB, config codec.Config) *codec.Chain {
	tb.Helper()
	chain, err := codec.New(config)
	must(tb, err)
	return chain
}

func TestStoredIntegersCount(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[status](c)
	must(t, v.Set(ctx, "n", 41))
	if n, err := c.Incr(ctx, "n", 1); n != 42 || err != nil {
		t.Errorf("Incr: %d, %v", n, err)
	}
	if n, err := v.Get(ctx, "n"); n != 42 || err != nil {
		t.Errorf("Get: %d, %v", n, err)
	}
	must(t, second(c.Incr(ctx, "n", 1000)))
	wantIs(t, second(v.Get(ctx, "n")), xcache.ErrCorrupt) // 1042 is no int8
	if n, err := c.Decr(ctx, "n", 2000); n != -958 || err != nil {
		t.Errorf("Decr: %d, %v", n, err)
	}
	if n, err := c.IncrInit(ctx, "n", 8, 0); n != -950 || err != nil {
		t.Errorf("IncrInit of an existing number: %d, %v", n, err)
	}
	if n, err := c.IncrInit(ctx, "m", -5, 100); n != 95 || err != nil {
		t.Errorf("IncrInit: %d, %v", n, err)
	}
	must(t, xcache.For[uint64](c).Set(ctx, "large", math.MaxUint64))
	err := second(c.Incr(ctx, "large", 1))
	if !errors.Is(err, xcache.ErrWrongType) && !errors.Is(err, xcache.ErrOverflow) {
		t.Errorf("Incr of 2^64-1: %v", err)
	}
}

func TestOtherValues(t *testing.T) {
	roundTrip(t, "12345", `"12345"`) // never a number
	roundTrip(t, any("12345"), `"12345"`)
	roundTrip(t, "", `""`)
	roundTrip(t, name("x"), `"x"`)
	roundTrip(t, true, "true")
	roundTrip(t, 1.5, "1.5")
	roundTrip(t, user{"Ada", 36}, `{"Name":"Ada","Age":36}`)
	roundTrip(t, &user{"Ada", 36}, `{"Name":"Ada","Age":36}`)
	roundTrip(t, []int{1, 2}, "[1,2]")
	roundTrip(t, map[string]bool{"a": true}, `{"a":true}`)
	roundTrip(t, time.Date(2024, 2, 29, 1, 2, 3, 4, time.UTC), `"2024-02-29T01:02:03.000000004Z"`)
	roundTrip(t, []byte("hi\xff"), `"aGn/"`)
	roundTrip(t, blob("hi\xff"), `"aGn/"`)
	roundTrip(t, []byte{}, `""`)
}

func TestNilIsAHit(t *testing.T) {
	roundTrip[*user](t, nil, "null")
	roundTrip[any](t, nil, "null")
	roundTrip[[]int](t, nil, "null")
	roundTrip[map[string]int](t, nil, "null")
	roundTrip[[]byte](t, nil, "null")

	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[*user](c)
	must(t, v.Set(ctx, "k", nil))
	if got, err := v.GetOr(ctx, "k", &user{}); got != nil || err != nil {
		t.Errorf("GetOr: %v, %v", got, err)
	}
	if ok, err := v.Has(ctx, "k"); !ok || err != nil {
		t.Errorf("Has: %v, %v", ok, err)
	}
	if many, err := v.GetMany(ctx, []string{"k", "l"}); len(many) != 1 || err != nil {
		t.Errorf("GetMany: %v, %v", many, err)
	}
	must(t, second(v.IncrVersion(ctx, "k", 1)))
	must(t, second(v.With(xcache.WithVersion(2)).Get(ctx, "k")))
	loaded, err := v.GetOrSet(ctx, "none", func(context.Context) (*user, error) { return nil, nil })
	if loaded != nil || err != nil {
		t.Errorf("GetOrSet: %v, %v", loaded, err)
	}
	must(t, second(v.Get(ctx, "none"))) // nil was stored
}

func TestRawBytesAreStoredAsTheyAre(t *testing.T) {
	raw := xcache.WithCodec(mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}}))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	roundTrip(t, all, string(all), raw)
	roundTrip(t, []byte{}, "", raw)
	roundTrip(t, blob("x"), "x", raw)
	roundTrip(t, "text", "text", raw)
	roundTrip(t, []byte("123"), "123", raw)
	roundTrip(t, bytes.Repeat([]byte("v"), 1<<20), strings.Repeat("v", 1<<20), raw)
}

// What the cache returned, and what it was given, belong to the caller.
func TestCallersMayChangeTheirBytes(t *testing.T) {
	ctx := t.Context()
	v := openRaw(t)
	mine := []byte("abc")
	must(t, v.Set(ctx, "k", mine))
	mine[0] = 'X'
	got, err := v.Get(ctx, "k")
	must(t, err)
	got[1] = 'Y'
	p := v.Pipeline()
	mine = []byte("later")
	queued, first := v.In(p).Set("l", mine), v.In(p).Get("k")
	mine[0] = 'X'
	must(t, p.Exec(ctx))
	must(t, queued.Err())
	got, err = first.Value()
	must(t, err)
	got[2] = 'Z'
	for key, want := range map[string]string{"k": "abc", "l": "later"} {
		if got, err := v.Get(ctx, key); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", key, got, err, want)
		}
	}
}

func TestUnreadableBytesAreErrCorrupt(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[user](c)
	for what, stored := range map[string]string{
		"not JSON": "\xff\xfe", "cut": `{"Name":`, "of another type": `[1]`, "empty": "", "trailing": `{} {}`, "a number": "42",
	} {
		must(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: []byte(stored), TTL: driver.NoExpiry}}))
		p := c.Pipeline()
		queued := v.In(p).Get("k")
		execErr := p.Exec(ctx)
		got, err := v.Get(ctx, "k")
		if got != (user{}) {
			t.Errorf("%s: a value came with the error: %v", what, got)
		}
		for how, err := range map[string]error{
			"Get": err, "GetOr": second(v.GetOr(ctx, "k", user{"x", 1})), "GetMany": second(v.GetMany(ctx, []string{"k"})),
			"pipeline": queued.Err(), "Exec": execErr,
			"Swap": second(v.Swap(ctx, "k", user{})),
		} {
			if !errors.Is(err, xcache.ErrCorrupt) || errors.Is(err, xcache.ErrNotFound) {
				t.Errorf("%s, %s: %v, want ErrCorrupt", what, how, err)
				continue
			}
			oneLine(t, err)
		}
	}
}

// unencodable cannot be stored as JSON.
type unencodable struct{ C chan int }

func TestValueThatCannotBeEncodedChangesNothing(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	must(t, xcache.For[string](c).Set(ctx, "k", "old"))
	s.reset()
	v := xcache.For[unencodable](c)
	p := c.Pipeline()
	q := v.In(p)
	queued := []*xcache.Result[bool]{q.Set("k", unencodable{}), q.Add("k", unencodable{}), q.CompareAndSwap("k", unencodable{}, unencodable{}), q.CompareAndDelete("k", unencodable{})}
	swapped := q.Swap("k", unencodable{})
	errs := map[string]error{
		"Set":              v.Set(ctx, "k", unencodable{}),
		"Add":              second(v.Add(ctx, "k", unencodable{})),
		"Replace":          second(v.Replace(ctx, "k", unencodable{})),
		"Swap":             second(v.Swap(ctx, "k", unencodable{})),
		"CompareAndSwap":   second(v.CompareAndSwap(ctx, "k", unencodable{}, unencodable{})),
		"CompareAndDelete": second(v.CompareAndDelete(ctx, "k", unencodable{})),
		"SetMany":          v.SetMany(ctx, map[string]unencodable{"k": {}, "l": {}}),
		"Pipeline.Exec":    p.Exec(ctx),
		"pipeline Swap":    swapped.Err(),
	}
	for _, r := range queued {
		errs["pipeline "+r.Err().Error()] = r.Err()
	}
	for how, err := range errs {
		if !errors.Is(err, codec.ErrUnsupportedValue) {
			t.Errorf("%s: %v, want ErrUnsupportedValue", how, err)
			continue
		}
		oneLine(t, err)
	}
	if n := s.total(); n != 0 {
		t.Errorf("the store got %d calls: %v", n, s.calls)
	}
	if got, err := xcache.For[string](c).Get(ctx, "k"); got != "old" || err != nil {
		t.Errorf("the old value is %q, %v", got, err)
	}

	loaded, err := v.GetOrSet(ctx, "none", func(context.Context) (unencodable, error) { return unencodable{make(chan int)}, nil })
	wantIs(t, err, codec.ErrUnsupportedValue)
	if loaded.C == nil {
		t.Error("the loaded value was lost")
	}
	wantIs(t, second(v.Get(ctx, "none")), xcache.ErrNotFound)
}

func TestValueOverTheDriversLimitIsNotSent(t *testing.T) {
	ctx := t.Context()
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { caps.Limits.ValueSize = 10 }
	c := newCache(t, s)
	v := xcache.For[string](c)
	must(t, v.Set(ctx, "k", "12345678")) // 10 bytes with its quotes
	s.reset()
	p := c.Pipeline()
	queued := v.In(p).Set("k", "123456789")
	for how, err := range map[string]error{
		"Set":           v.Set(ctx, "k", "123456789"),
		"Add":           second(v.Add(ctx, "l", "123456789")),
		"SetMany":       v.SetMany(ctx, map[string]string{"a": "x", "b": "123456789"}),
		"Pipeline.Exec": p.Exec(ctx),
		"pipeline":      queued.Err(),
	} {
		wantIs(t, err, xcache.ErrTooLarge)
		oneLine(t, err)
		if strings.Contains(err.Error(), "123456789") {
			t.Errorf("%s: %q shows the value", how, err)
		}
	}
	if n := s.total(); n != 0 {
		t.Errorf("the store got %d calls", n)
	}
	if got, err := v.Get(ctx, "k"); got != "12345678" || err != nil {
		t.Errorf("the old value is %q, %v", got, err)
	}
}

// Values of many sizes go through pooled buffers: none may show in another.
func TestValuesDoNotMixInBuffers(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[string](c)
	done := make(chan error)
	const workers = 8
	for i := range workers {
		go func() {
			for n := range 200 {
				key := string(rune('a' + i))
				value := strings.Repeat(key, (n*7919)%3000)
				if n%50 == 0 {
					value = strings.Repeat(key, 100_000)
				}
				if err := v.Set(ctx, key, value); err != nil {
					done <- err
					return
				}
				if got, err := v.Get(ctx, key); err != nil || got != value {
					t.Errorf("read %.20q of %d bytes, %v", got, len(got), err)
				}
			}
			done <- nil
		}()
	}
	for range workers {
		must(t, <-done)
	}
}

// ownStore gives its callers data of their own, and nil for an empty value.
type ownStore struct {
	*fakeStore
	given []byte
}

func (s *ownStore) Caps() driver.Caps {
	caps := s.fakeStore.Caps()
	caps.Limits.OwnData = true
	return caps
}

func (s *ownStore) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	err := s.fakeStore.Get(ctx, keys, dst)
	for i := range dst {
		dst[i].Data = append([]byte(nil), dst[i].Data...)
		s.given = dst[i].Data
	}
	return err
}

func TestBytesThatTheDriverGivesAwayAreNotCopied(t *testing.T) {
	ctx := t.Context()
	s := &ownStore{fakeStore: newFakeStore(t)}
	c := newCache(t, s, xcache.WithCodec(mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}})))
	v := xcache.For[[]byte](c)
	must(t, v.SetMany(ctx, map[string][]byte{"full": []byte("abc"), "empty": {}}))
	got, err := v.Get(ctx, "full")
	must(t, err)
	if string(got) != "abc" || &got[0] != &s.given[0] {
		t.Errorf("got a copy, or another value: %q", got)
	}
	text, err := xcache.For[string](c).Get(ctx, "full")
	must(t, err)
	s.given[0] = 'X'
	if text != "abc" {
		t.Errorf("a string changed to %q", text)
	}
	got, err = v.Get(ctx, "empty")
	if got == nil || len(got) != 0 || err != nil {
		t.Errorf("an empty value is %#v, %v", got, err)
	}
}
