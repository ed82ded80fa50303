package pickle_test

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/pickle"
)

// A written is a line of a file of testdata.
type written struct {
	name, by string
	data     []byte
}

func cpython(t testing.TB) []written { return pickles(t, "cpython.txt") }

func power(base, exponent int64) *big.Int {
	return new(big.Int).Exp(big.NewInt(base), big.NewInt(exponent), nil)
}

func counted[T any](n int, f func(i int) T) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = f(i)
	}
	return list
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// These are the values of testdata/cpython.py in Go.
var inGo = map[string]any{
	"none": nil, "true": true, "false": false,
	"zero": int64(0), "byte": int64(255), "short": int64(65535), "negative": int64(-1),
	"int32": int64(math.MinInt32), "int40": int64(1 << 40), "negative-int40": int64(-1 << 40),
	"int64": int64(math.MaxInt64), "least-int64": int64(math.MinInt64), "uint64": uint64(math.MaxUint64),
	"big": power(2, 64), "negative-big": new(big.Int).Neg(power(2, 70)), "huge": power(3, 2000),
	"float": 0.1, "whole-float": 1.0, "infinity": math.Inf(1),
	"empty-str": "", "str": "hello", "unicode": "naïve 日本語 \U0001f980 \x00", "long-str": strings.Repeat("ab", 200),
	"empty-bytes": []byte{}, "bytes": allBytes(), "long-bytes": bytes.Repeat([]byte("ab"), 200),
	"empty-bytearray": []byte{}, "bytearray": []byte{250, 251, 252, 253, 254, 255},
	"empty-list": []any{}, "list-of-one": []any{int64(1)}, "list": []any{int64(1), "two", nil, 3.0},
	"long-list":   counted(2500, func(i int) int64 { return int64(i) }),
	"empty-tuple": []any{}, "tuple1": counted(1, one), "tuple2": counted(2, one), "tuple3": counted(3, one), "tuple4": counted(4, one),
	"empty-dict": map[string]any{}, "dict-of-one": map[string]any{"a": int64(1)},
	"dict":      map[string]any{"a": int64(1), "b": []any{int64(2)}, "c": map[string]any{"d": nil}},
	"int-keys":  map[any]any{int64(1): "d", nil: "b", 2.5: "c"}, // in Python, True is 1
	"empty-set": []any{}, "set": []any{int64(7)}, "frozenset": []any{int64(7)}, "empty-frozenset": []any{},
	"datetime":   time.Date(2026, 2, 28, 23, 59, 58, 123456000, time.UTC),
	"utc":        time.Date(2026, 2, 28, 23, 59, 58, 123456000, time.UTC),
	"zone":       time.Date(2026, 2, 28, 1, 2, 3, 0, time.FixedZone("", -(3*3600+30*60))),
	"named-zone": time.Date(2026, 2, 28, 1, 2, 3, 0, time.FixedZone("", 3600)),
	"fold":       time.Date(2026, 10, 25, 2, 30, 0, 0, time.UTC),
	"date":       time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC),
	"time":       23*time.Hour + 59*time.Minute + 58*time.Second + 123456*time.Microsecond,
	"timedelta":  -24*time.Hour + 5*time.Second + 7*time.Microsecond,
	"shared":     []any{[]any{"x"}, []any{"x"}, "x"},
	"nested": map[string]any{"users": counted(3, func(i int) any {
		return map[string]any{"id": int64(i), "name": "user", "tags": []any{"a", "b"}, "at": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	})},
}

func one(i int) int64 { return int64(i + 1) }

func TestWhatCPythonWrites(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range cpython(t) {
		seen[w.name] = true
		want, known := inGo[w.name]
		require.True(t, known, "testdata/cpython.txt has %s, which the test does not know", w.name)
		before := bytes.Clone(w.data)
		var got any
		require.NoError(t, pickle.Serializer.Unmarshal(w.data, &got), "%s, %s", w.name, w.by)
		require.Equal(t, want, got, "%s, %s", w.name, w.by)
		require.Equal(t, string(w.data), string(before), "%s: Unmarshal changed its input", w.name)
		require.True(t, recognize(w.data), "%s, %s is not recognised", w.name, w.by)
	}
	require.Len(t, seen, len(inGo), "testdata/cpython.txt has")
}

func recognize(data []byte) bool { return pickle.Serializer.(codec.Recognizer).Recognize(data) }

// Types as in services.
type (
	level int8
	Base  struct {
		ID int64 `json:"id"`
	}
	account struct {
		Base
		Name    string            `json:"name"`
		Admin   bool              `json:"admin,omitempty"`
		Ratio   float64           `json:"ratio"`
		Tags    []string          `json:"tags"`
		Limits  map[string]int    `json:"limits"`
		Labels  map[string]string `json:"labels,omitzero"`
		Created time.Time
		Photo   []byte
		Parent  *account `json:",omitempty"`
		Depth   level
		Secret  string `json:"-"`
		Address netip.Addr
		Hash    [4]byte
		Roles   map[string]struct{}
		Large   *big.Int
		Any     any
		hidden  int
	}
)

var ada = account{Base: Base{1 << 60}, Name: "Ada \U0001F980", Admin: true, Ratio: 0.1, Tags: []string{"a", ""}, Limits: map[string]int{"x": -1},
	Created: time.Date(2026, 2, 28, 23, 59, 59, 123456000, time.UTC), Photo: []byte{0, 255}, Depth: 3, Address: netip.MustParseAddr("::1"),
	Hash: [4]byte{1, 2, 3, 4}, Roles: map[string]struct{}{"a": {}, "b": {}}, Large: power(2, 100), Any: []any{int64(1), "x"}}

func TestTypesComeBackEqual(t *testing.T) {
	withParent := ada
	withParent.Parent = &ada
	for _, v := range []any{
		true, 1, int8(-5), uint64(math.MaxUint64), int64(math.MinInt64), 255, 256, 65535, 65536, -1, -32768, math.MinInt32, math.MaxInt32 + 1,
		1 << 39, 1<<39 - 1, -1 << 39, -1<<39 - 1, 3.25, float32(0.1), math.Inf(-1), math.SmallestNonzeroFloat64, 1e300,
		"", "hello", strings.Repeat("日本語", 100), level(7), []byte{}, []byte("x"), []byte(nil), allBytes(), bytes.Repeat([]byte("long"), 1000),
		[3]int{1, 2, 3}, [3]byte{1, 2, 3}, []int{1, -2}, []int(nil), []string{}, []any{nil, true, "x"}, [][]int{{1}, nil, {}},
		map[string]int{"a": 1}, map[string]int(nil), map[string]int{}, map[int]string{1: "a", -1: "b"}, map[bool]float64{true: 1.5},
		map[any]any{"a": int64(1), int64(2): nil, 1.5: true, nil: "x"}, map[float64]bool{0.5: true}, map[uint64]int{math.MaxUint64: 1},
		map[netip.Addr]int{netip.MustParseAddr("127.0.0.1"): 1}, map[string]any{"b": map[string]any{"c": []any{int64(1)}}, "a": nil},
		map[int]struct{}{1: {}, 2: {}}, ada, withParent, &withParent, []account{ada, withParent}, []*account{nil, &ada},
		power(2, 63), power(2, 2040), new(big.Int).Neg(power(2, 63)), new(big.Int).Neg(power(2, 71)), *power(5, 300), big.NewInt(0), (*big.Int)(nil),
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", -5*3600)), time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 20*60+1)),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", -86399)), time.Duration(5), []time.Duration{1, -1},
		[]time.Time{time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC(), time.Unix(3, 0).In(time.FixedZone("", 60))},
		netip.MustParseAddr("10.0.0.1"), struct{}{}, (*account)(nil), new("x"),
	} {
		stored, err := pickle.Serializer.Append([]byte("before"), v)
		require.NoError(t, err, "%#v", v)
		stored = bytes.TrimPrefix(stored, []byte("before"))
		into := reflect.New(reflect.TypeOf(v))
		err = pickle.Serializer.Unmarshal(stored, into.Interface())
		require.NoError(t, err, "stored %#v, read %#v", v, into.Elem())
		require.Equal(t, v, into.Elem().Interface(), "stored %#v, read %#v, %v", v, into.Elem(), err)
		again, err := pickle.Serializer.Append(nil, v)
		require.NoError(t, err, "%#v: stored %x and %x", v, stored, again)
		require.Equal(t, string(stored), string(again), "%#v", v)
		require.True(t, recognize(stored), "%#v: stored %x and %x, %v", v, stored, again, err)
	}
}

// Values that were read into an any can be written, and read again.
func TestWhatIsReadCanBeWritten(t *testing.T) {
	for name, want := range inGo {
		stored, err := pickle.Serializer.Append(nil, want)
		require.NoError(t, err, name)
		if d, ok := want.(time.Duration); ok {
			want = int64(d) // an integer kind of Go
		}
		var got any
		require.NoError(t, pickle.Serializer.Unmarshal(stored, &got), "%s", name)
		require.Equal(t, want, got, "%s", name)
	}
}

func TestStructs(t *testing.T) {
	stored, err := pickle.Serializer.Append(nil, map[string]any{"id": 7, "name": "Ada", "Name": "no field", "Secret": "no field either", "Depth": 1, "hidden": 2, "unknown": []any{1}})
	require.NoError(t, err)
	var got account
	require.NoError(t, pickle.Serializer.Unmarshal(stored, &got))
	require.Equal(t, account{Base: Base{7}, Name: "Ada", Depth: 1}, got)
	stored, err = pickle.Serializer.Append(nil, account{Secret: "x", hidden: 1})
	require.NoError(t, err)
	var dict map[string]any
	require.NoError(t, pickle.Serializer.Unmarshal(stored, &dict))
	for name, want := range map[string]bool{"id": true, "name": true, "admin": false, "labels": false, "tags": true, "Parent": false, "Secret": false, "hidden": false, "Base": false} {
		_, got := dict[name]
		require.Equal(t, want, got, "field %s is stored", name)
	}
}

func TestEmbeddedStructs(t *testing.T) {
	type Inner struct{ A, B int }
	type outer struct {
		*Inner
		Named Inner `json:"named"`
		B     string
	}
	for _, v := range []outer{{Inner: &Inner{A: 1}, Named: Inner{2, 3}, B: "x"}, {B: "y"}} {
		stored, err := pickle.Serializer.Append(nil, v)
		require.NoError(t, err)
		var got outer
		require.NoError(t, pickle.Serializer.Unmarshal(stored, &got), "stored %+v", v)
		require.Equal(t, v, got)
	}
}

func TestIntegersFitWhatTheyAreReadInto(t *testing.T) {
	for _, test := range []struct {
		v    any
		into any
		want any // nil for an error
	}{
		{300, new(int8), nil}, {-1, new(uint), nil}, {uint64(1 << 63), new(int64), nil}, {power(2, 64), new(uint64), nil},
		{127, new(int8), int8(127)}, {uint64(1 << 63), new(uint64), uint64(1 << 63)}, {5, new(float64), 5.0}, {1 << 53, new(float64), float64(1 << 53)},
		{1<<53 + 1, new(float64), nil}, {5.0, new(int), nil}, {true, new(int), nil}, {1, new(bool), nil}, {"1", new(int), nil}, {1, new(string), nil},
		{1e300, new(float32), nil}, {7, new(big.Int), *big.NewInt(7)}, {"x", new([]byte), nil}, {[]byte("x"), new(string), nil},
		{[]int{1, 2}, new([3]int), nil}, {[]byte{1, 2}, new([3]byte), nil}, {[]int{1, 2}, new([]byte), []byte{1, 2}},
		{nil, new(int), nil}, {nil, new(account), nil}, {nil, new(time.Time), nil}, {nil, new([2]int), nil}, {nil, new(*int), (*int)(nil)},
		{[]int{1}, new(map[string]int), nil}, {map[string]int{}, new([]int), nil}, {map[int]int{1: 1}, new(map[string]int), nil},
		{map[int]int{1: 2}, new(account), account{}}, {"no address", new(netip.Addr), nil}, {1, new(error), nil}, {1, new(chan int), nil},
		{time.Unix(0, 0), new(string), nil}, {time.Unix(0, 0), new(int64), nil},
	} {
		stored, err := pickle.Serializer.Append(nil, test.v)
		require.NoError(t, err, "%#v", test.v)
		err = pickle.Serializer.Unmarshal(stored, test.into)
		if test.want == nil {
			require.False(t, !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrUnsupportedValue), "%#v into %T: %v, want an error", test.v, test.into, err)
			continue
		}
		require.NoError(t, err, "%#v into %T", test.v, test.into)
		require.Equal(t, test.want, reflect.ValueOf(test.into).Elem().Interface(), "%#v into %T", test.v, test.into)
	}
}

type noText struct{ A int }

func (noText) MarshalText() ([]byte, error) { return nil, errors.New("a secret") }

func TestWhatCannotBeStored(t *testing.T) {
	type loop struct{ Next *loop }
	circle := &loop{}
	circle.Next = circle
	for _, v := range []any{
		"\xff", []string{"\xff"}, map[string]int{"\xff": 1}, make(chan int), func() {}, 1i, map[[2]int]int{{1, 2}: 3}, map[complex64]int{1: 1}, noText{},
		map[noText]int{{}: 1}, map[any]any{1: 1, 1.0: 2}, map[any]int{true: 1, uint(1): 2}, map[float64]int{math.NaN(): 1}, struct{ a int }{1},
		time.Unix(0, 1), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0).In(time.FixedZone("", 86400)),
	} {
		out, err := pickle.Serializer.Append([]byte("x"), v)
		require.ErrorIs(t, err, codec.ErrUnsupportedValue, "%T", v)
		require.Equal(t, "x", string(out), "%T", v)
		require.NotContains(t, err.Error(), "secret", "%T", v)
	}
	_, err := pickle.Serializer.Append(nil, circle)
	require.ErrorIs(t, err, codec.ErrTooLarge, "a circle")
	_, err = pickle.Serializer.Append(nil, make([]bool, 1<<20+1))
	require.ErrorIs(t, err, codec.ErrTooLarge, "too many elements")
	largest, err := pickle.Serializer.Append(nil, make([]bool, 1<<20))
	require.NoError(t, err, "as many elements as may be")
	require.NoError(t, pickle.Serializer.Unmarshal(largest, new([]bool)))
	_, err = pickle.Serializer.Append(nil, make([]time.Time, 1<<20))
	require.ErrorIs(t, err, codec.ErrTooLarge, "too many steps")
}

func TestUnmarshalIntoNoPointer(t *testing.T) {
	for _, v := range []any{nil, 1, (*int)(nil)} {
		require.ErrorIs(t, pickle.Serializer.Unmarshal([]byte("\x80\x04N."), v), codec.ErrUnsupportedValue, "%T", v)
	}
}

var update = flag.Bool("update", false, "write the golden files that are missing")

// goldenValue is the value in the golden file. Caches store such bytes: the value and the
// file must never change.
var goldenValue = map[string]any{
	"bool": true, "none": nil, "int": int64(-1 << 60), "big": power(2, 100), "float": 0.1, "str": "Ada \U0001F980", "long": strings.Repeat("ab", 200),
	"bytes": []byte{0, 127, 255}, "list": []any{"a", int64(1)}, "dict": map[any]any{int64(1): "a", "b": 2.5},
	"times": []any{time.Date(2026, 2, 28, 23, 59, 59, 123456000, time.UTC), time.Date(2026, 2, 28, 0, 0, 0, 0, time.FixedZone("", 3600)), time.Unix(0, 0).UTC()},
}

func TestTheGoldenFileIsReadAndWrittenTheSame(t *testing.T) {
	file := filepath.Join("testdata", "golden.pickle")
	now, err := pickle.Serializer.Append(nil, goldenValue)
	require.NoError(t, err)
	if _, err := os.Stat(file); os.IsNotExist(err) && *update {
		require.NoError(t, os.WriteFile(file, now, 0o644))
	}
	stored, err := os.ReadFile(file)
	require.NoError(t, err)
	var got any
	require.NoError(t, pickle.Serializer.Unmarshal(stored, &got))
	require.Equal(t, any(goldenValue), got)
	require.Equal(t, string(stored), string(now), "written today")
}

func TestInAChain(t *testing.T) {
	serializers, _, err := codec.Parse("pickle,json,gob", "")
	require.NoError(t, err)
	chain, err := codec.New(codec.Config{Serializers: serializers, Compressors: []codec.Compressor{codec.Gzip}})
	require.NoError(t, err)
	for i, s := range serializers {
		for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
			writer, err := codec.New(codec.Config{Serializers: []codec.Serializer{s}, Compressors: []codec.Compressor{codec.Gzip}, Format: format})
			require.NoError(t, err)
			for _, text := range []string{"", "x", strings.Repeat("long ", 100)} {
				stored, err := writer.Append(nil, text)
				require.NoError(t, err)
				var got string
				read, err := chain.Decode(stored, &got)
				require.NoError(t, err, "%s wrote %.10q, the chain read %.10q, %+v, %v", s.Name(), text, got, read, err)
				require.Equal(t, text, got, "%s wrote %.10q, the chain read %.10q, %+v, %v", s.Name(), text, got, read, err)
				require.Equal(t, s.Name(), read.Serializer, "%s wrote %.10q, the chain read %.10q, %+v, %v", s.Name(), text, got, read, err)
				require.Equal(t, i > 0 || format == codec.Tagged, read.Fallback, "%s wrote %.10q, the chain read %.10q, %+v, %v", s.Name(), text, got, read, err)
			}
		}
	}
	for _, b := range [][]byte{nil, {}, []byte("bytes")} {
		stored, err := chain.EncodeBytes(nil, b)
		require.NoError(t, err)
		got, _, err := chain.DecodeBytes(stored)
		require.NoError(t, err, "stored %#v", b)
		require.Equal(t, b, got)
	}
	// The pickle of an object is recognized, although reading fails.
	_, err = chain.Decode([]byte("\x80\x04\x8c\x05model\x8c\x04User\x93)\x81."), new(any))
	require.ErrorIs(t, err, codec.ErrCorrupt, "an object")
	require.ErrorContains(t, err, "model.User", "an object")
}
