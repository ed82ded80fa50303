package xcache_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// roundTrip stores a value, checks the stored bytes, and reads the value back in every
// possible way.
func roundTrip[T any](t *testing.T, value T, stored string, opts ...xcache.Option) {
	t.Helper()
	ctx := t.Context()
	s, c := newFake(t, opts...)
	v := xcache.For[T](c)
	require.NoError(t, v.Set(ctx, "k", value))
	require.Equal(t, stored, string(s.written()[0].Value), "%T %v stored as", value, value)
	same := func(how string, got T, err error) {
		t.Helper()
		assert.NoError(t, err, how)
		assert.Equal(t, value, got, how)
	}
	got, err := v.Get(ctx, "k")
	same("Get", got, err)
	many, err := v.GetMany(ctx, []string{"k"})
	same("GetMany", many["k"], err)
	got, err = v.GetOrSet(ctx, "k", func(context.Context) (T, error) { panic("the loader ran") })
	same("GetOrSet", got, err)
	p := c.Pipeline()
	queued := v.In(p).Get("k")
	require.NoError(t, p.Exec(ctx))
	got, err = queued.Value()
	same("pipeline", got, err)
	got, err = v.Swap(ctx, "k", value)
	same("Swap", got, err)
	ok, err := v.CompareAndSwap(ctx, "k", value, value)
	require.NoError(t, err, "CompareAndSwap")
	require.True(t, ok, "CompareAndSwap")
	ok, err = v.CompareAndDelete(ctx, "k", value)
	require.NoError(t, err, "CompareAndDelete")
	require.True(t, ok, "CompareAndDelete")
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

// weekday is an integer with a text form. The integer is stored.
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
	require.NoError(tb, err)
	return chain
}

func TestStoredIntegersCount(t *testing.T) {
	ctx := t.Context()
	_, c := newFake(t)
	v := xcache.For[status](c)
	require.NoError(t, v.Set(ctx, "n", 41))
	n, err := c.Incr(ctx, "n", 1)
	require.NoError(t, err, "Incr")
	require.EqualValues(t, 42, n, "Incr")
	read, err := v.Get(ctx, "n")
	require.NoError(t, err, "Get")
	require.EqualValues(t, 42, read, "Get")
	require.NoError(t, second(c.Incr(ctx, "n", 1000)))
	require.ErrorIs(t, second(v.Get(ctx, "n")), xcache.ErrCorrupt) // 1042 is no int8
	n, err = c.Decr(ctx, "n", 2000)
	require.NoError(t, err, "Decr")
	require.EqualValues(t, -958, n, "Decr")
	n, err = c.IncrInit(ctx, "n", 8, 0)
	require.NoError(t, err, "IncrInit of an existing number")
	require.EqualValues(t, -950, n, "IncrInit of an existing number")
	n, err = c.IncrInit(ctx, "m", -5, 100)
	require.NoError(t, err, "IncrInit")
	require.EqualValues(t, 95, n, "IncrInit")
	require.NoError(t, xcache.For[uint64](c).Set(ctx, "large", math.MaxUint64))
	err = second(c.Incr(ctx, "large", 1))
	require.True(t, errors.Is(err, xcache.ErrWrongType) || errors.Is(err, xcache.ErrOverflow), "Incr of 2^64-1: %v", err)
}

func TestOtherValues(t *testing.T) {
	roundTrip(t, "12345", `"12345"`) // never as a number
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
	require.NoError(t, v.Set(ctx, "k", nil))
	got, err := v.GetOr(ctx, "k", &user{})
	require.NoError(t, err, "GetOr")
	require.Nil(t, got, "GetOr")
	ok, err := v.Has(ctx, "k")
	require.NoError(t, err, "Has")
	require.True(t, ok, "Has")
	many, err := v.GetMany(ctx, []string{"k", "l"})
	require.NoError(t, err, "GetMany")
	require.Len(t, many, 1, "GetMany")
	require.NoError(t, second(v.IncrVersion(ctx, "k", 1)))
	require.NoError(t, second(v.With(xcache.WithVersion(2)).Get(ctx, "k")))
	loaded, err := v.GetOrSet(ctx, "none", func(context.Context) (*user, error) { return nil, nil })
	require.NoError(t, err, "GetOrSet")
	require.Nil(t, loaded, "GetOrSet")
	require.NoError(t, second(v.Get(ctx, "none"))) // nil was stored
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

// The results of the cache, and the arguments of its calls, belong to the caller.
func TestCallersMayChangeTheirBytes(t *testing.T) {
	ctx := t.Context()
	v := openRaw(t)
	mine := []byte("abc")
	require.NoError(t, v.Set(ctx, "k", mine))
	mine[0] = 'X'
	got, err := v.Get(ctx, "k")
	require.NoError(t, err)
	got[1] = 'Y'
	p := v.Pipeline()
	mine = []byte("later")
	queued, first := v.In(p).Set("l", mine), v.In(p).Get("k")
	mine[0] = 'X'
	require.NoError(t, p.Exec(ctx))
	require.NoError(t, queued.Err())
	got, err = first.Value()
	require.NoError(t, err)
	got[2] = 'Z'
	for key, want := range map[string]string{"k": "abc", "l": "later"} {
		got, err := v.Get(ctx, key)
		require.NoError(t, err, key)
		require.Equal(t, want, string(got), key)
	}
}

func TestUnreadableBytesAreErrCorrupt(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	v := xcache.For[user](c)
	for what, stored := range map[string]string{
		"not JSON": "\xff\xfe", "cut": `{"Name":`, "of another type": `[1]`, "empty": "", "trailing": `{} {}`, "a number": "42",
	} {
		require.NoError(t, s.store.Set(ctx, []driver.Entry{{Key: ":1:k", Value: []byte(stored), TTL: driver.NoExpiry}}))
		p := c.Pipeline()
		queued := v.In(p).Get("k")
		execErr := p.Exec(ctx)
		got, err := v.Get(ctx, "k")
		require.Equal(t, user{}, got, "%s: a value came with the error", what)
		for how, err := range map[string]error{
			"Get": err, "GetOr": second(v.GetOr(ctx, "k", user{"x", 1})), "GetMany": second(v.GetMany(ctx, []string{"k"})),
			"pipeline": queued.Err(), "Exec": execErr,
			"Swap": second(v.Swap(ctx, "k", user{})),
		} {
			require.ErrorIs(t, err, xcache.ErrCorrupt, "%s, %s", what, how)
			require.NotErrorIs(t, err, xcache.ErrNotFound, "%s, %s", what, how)
			oneLine(t, err)
		}
	}
}

// unencodable cannot be encoded as JSON.
type unencodable struct{ C chan int }

func TestValueThatCannotBeEncodedChangesNothing(t *testing.T) {
	ctx := t.Context()
	s, c := newFake(t)
	require.NoError(t, xcache.For[string](c).Set(ctx, "k", "old"))
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
		require.ErrorIs(t, err, codec.ErrUnsupportedValue, how)
		oneLine(t, err)
	}
	require.Zero(t, s.total(), "calls of the store: %v", s.calls)
	got, err := xcache.For[string](c).Get(ctx, "k")
	require.NoError(t, err, "the old value")
	require.Equal(t, "old", got, "the old value")

	loaded, err := v.GetOrSet(ctx, "none", func(context.Context) (unencodable, error) { return unencodable{make(chan int)}, nil })
	require.ErrorIs(t, err, codec.ErrUnsupportedValue)
	require.NotNil(t, loaded.C, "the loaded value was lost")
	require.ErrorIs(t, second(v.Get(ctx, "none")), xcache.ErrNotFound)
}

func TestValueOverTheDriversLimitIsNotSent(t *testing.T) {
	ctx := t.Context()
	s := newFakeStore(t)
	s.caps = func(caps *driver.Caps) { caps.Limits.ValueSize = 10 }
	c := newCache(t, s)
	v := xcache.For[string](c)
	require.NoError(t, v.Set(ctx, "k", "12345678")) // 10 bytes with quotes
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
		require.ErrorIs(t, err, xcache.ErrTooLarge)
		oneLine(t, err)
		require.NotContains(t, err.Error(), "123456789", "%s: shows the value", how)
	}
	require.Zero(t, s.total(), "calls of the store")
	got, err := v.Get(ctx, "k")
	require.NoError(t, err, "the old value")
	require.Equal(t, "12345678", got, "the old value")
}

// Values of many sizes use pooled buffers, and must not get mixed up.
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
				got, err := v.Get(ctx, key)
				assert.NoError(t, err, "read of %d bytes", len(got))
				assert.Equal(t, value, got, "read of %d bytes", len(got))
			}
			done <- nil
		}()
	}
	for range workers {
		require.NoError(t, <-done)
	}
}

// ownStore returns copies of data to its callers, and nil for an empty value.
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
	require.NoError(t, v.SetMany(ctx, map[string][]byte{"full": []byte("abc"), "empty": {}}))
	got, err := v.Get(ctx, "full")
	require.NoError(t, err)
	require.Equal(t, "abc", string(got), "got a copy, or another value")
	require.Same(t, &s.given[0], &got[0], "got a copy, or another value")
	text, err := xcache.For[string](c).Get(ctx, "full")
	require.NoError(t, err)
	s.given[0] = 'X'
	require.Equal(t, "abc", text, "the string changed")
	got, err = v.Get(ctx, "empty")
	require.NotNil(t, got, "an empty value")
	require.Empty(t, got, "an empty value")
	require.NoError(t, err, "an empty value")
}
