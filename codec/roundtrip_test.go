package codec_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

// Types as services have them.
type (
	level   int8
	token   string
	blob    []byte
	account struct {
		ID      int64
		Name    string
		Admin   bool
		Ratio   float64
		Tags    []string
		Limits  map[string]int
		Created time.Time
		Photo   []byte
		Parent  *account
		Depth   level
	}
)

var (
	created   = time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.UTC)
	ada       = account{ID: 1 << 60, Name: "Ada \U0001F980 <&>", Admin: true, Ratio: 0.1, Tags: []string{"a", "b"}, Limits: map[string]int{"x": -1}, Created: created, Photo: []byte{0, 255}, Depth: 3}
	withChild = func() account { a := ada; b := ada; a.Parent = &b; return a }()
)

// typeClasses are values of every kind of type. raw tells that raw stores
// them, gob that gob does.
var typeClasses = []struct {
	name     string
	value    any
	raw, gob bool
}{
	{"bool", true, false, true},
	{"false", false, false, true},
	{"float64", 3.25, false, true},
	{"whole float64", 5.0, false, true},
	{"float32", float32(0.1), false, true},
	{"smallest float64", math.SmallestNonzeroFloat64, false, true},
	{"string", "hello", true, true},
	{"string of digits", "12345", true, true},
	{"empty string", "", true, true},
	{"unicode string", "日本語 \U0001F980 \x00", true, true},
	{"string like a null", "null", true, true},
	{"named string", token("secret"), true, true},
	{"[]byte", []byte("hello"), true, true},
	{"[]byte of digits", []byte("42"), true, true},
	{"empty []byte", []byte{}, true, false}, // gob reads nil
	{"named []byte", blob{1, 2, 3}, true, true},
	{"every byte", allBytes(), true, true},
	{"array", [3]int{1, 2, 3}, false, true},
	{"slice of ints", []int{1, -2, math.MaxInt}, false, true},
	{"slice of strings", []string{"a", "", "c"}, false, true},
	{"slice of structs", []account{ada, withChild}, false, true},
	{"map of ints", map[string]int{"a": 1, "b": -2}, false, true},
	{"map of structs", map[string]account{"a": ada}, false, true},
	{"struct", ada, false, true},
	{"nested struct", withChild, false, true},
	{"pointer to struct", &withChild, false, true},
	{"pointer to int", new(7), false, true},
	{"time", created, false, true},
	{"time of a zone", created.In(time.FixedZone("", 3600)), false, true},
	{"nil pointer", (*account)(nil), false, false},
	{"nil slice", []int(nil), false, true},
	{"nil map", map[string]int(nil), false, false}, // gob reads an empty one
	{"JSON text", json.RawMessage(`{"a":[1,2]}`), true, true},
	{"long text", strings.Repeat("all work and no play ", 500), true, true},
	{"long list", longList(), false, true},
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func longList() []account {
	list := make([]account, 50)
	for i := range list {
		list[i] = ada
	}
	return list
}

// equal is reflect.DeepEqual, but for the zones of times, which decoders build
// anew.
func equal(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		return x.Equal(b.(time.Time)) && x.Format(time.RFC3339Nano) == b.(time.Time).Format(time.RFC3339Nano)
	}
	return reflect.DeepEqual(a, b)
}

// everyChain returns the chains of one serializer and any compressor, in both
// formats, that New accepts.
func everyChain(t testing.TB) map[string]*codec.Chain {
	chains := map[string]*codec.Chain{}
	for _, s := range []codec.Serializer{codec.JSON, codec.Gob, codec.Raw} {
		for _, m := range []codec.Compressor{nil, codec.Gzip, codec.Zlib} {
			for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
				config := codec.Config{Serializers: []codec.Serializer{s}, Format: format}
				name := fmt.Sprintf("%s+none/%v", s.Name(), format)
				if m != nil {
					if s == codec.Raw && format == codec.Plain {
						continue // refused
					}
					config.Compressors = []codec.Compressor{m}
					name = fmt.Sprintf("%s+%s/%v", s.Name(), m.Name(), format)
				}
				chains[name] = mustChain(t, config)
			}
		}
	}
	return chains
}

func TestEveryTypeComesBackEqualAndOfItsType(t *testing.T) {
	for name, chain := range everyChain(t) {
		for _, class := range typeClasses {
			if strings.HasPrefix(name, "raw") && !class.raw || strings.HasPrefix(name, "gob") && !class.gob {
				continue
			}
			t.Run(name+"/"+class.name, func(t *testing.T) {
				stored, err := chain.Append(nil, class.value)
				require.NoError(t, err)
				before := bytes.Clone(stored)
				into := reflect.New(reflect.TypeOf(class.value))
				read, err := chain.Decode(stored, into.Interface())
				require.NoError(t, err, "Decode")
				require.True(t, equal(into.Elem().Interface(), class.value), "stored %#v", class.value)
				require.False(t, read.Fallback, "the chain's own value was read as a fallback: %+v", read)
				require.Equal(t, string(before), string(stored), "Decode changed its input")
			})
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	for name, chain := range everyChain(t) {
		for _, v := range []any{"a", strings.Repeat("b", 1000), []byte("c"), 7} {
			whole, err := chain.Append([]byte("before "), v)
			alone, err2 := chain.Append(nil, v)
			require.NoError(t, err, "%s: Append(dst, %.10v) = %.30q, %v, want %.30q, %v", name, v, whole, err, alone, err2)
			require.NoError(t, err2, "%s: Append(dst, %.10v) = %.30q, %v, want %.30q, %v", name, v, whole, err, alone, err2)
			require.Equal(t, "before "+string(alone), string(whole), "%s: Append(dst, %.10v) = %.30q, %v, want %.30q, %v", name, v, whole, err, alone, err2)
			if b, ok := v.([]byte); ok {
				whole, err := chain.EncodeBytes([]byte("before "), b)
				require.NoError(t, err, "%s: EncodeBytes(dst, %q) = %q, %v, want %q", name, v, whole, err, alone)
				require.Equal(t, "before "+string(alone), string(whole), "%s: EncodeBytes(dst, %q) = %q, %v, want %q", name, v, whole, err, alone)
			}
		}
	}
}

func TestDecodedValuesDoNotAliasTheirInput(t *testing.T) {
	for name, chain := range everyChain(t) {
		stored, err := chain.Append(nil, []byte("immutable"))
		require.NoError(t, err)
		var direct []byte
		_, err = chain.Decode(stored, &direct)
		require.NoError(t, err)
		fresh, _, err := chain.DecodeBytes(stored)
		require.NoError(t, err)
		for i := range stored {
			stored[i] = 'x'
		}
		require.Equal(t, "immutable", string(direct), "%s: changing the input changed the values to %q and %q", name, direct, fresh)
		require.Equal(t, "immutable", string(fresh), "%s: changing the input changed the values to %q and %q", name, direct, fresh)
	}
}

func TestBytesAreTheSameOnBothPaths(t *testing.T) {
	values := [][]byte{nil, {}, {0}, []byte("12"), []byte("hello"), allBytes(), bytes.Repeat([]byte("abc"), 1000)}
	for name, chain := range everyChain(t) {
		for _, value := range values {
			slow, err := chain.Append(nil, value)
			require.NoError(t, err)
			fast, err := chain.EncodeBytes(nil, value)
			require.NoError(t, err, "%s: EncodeBytes(%.10q) = %.40q, %v, Append wrote %.40q", name, value, fast, err, slow)
			require.Equal(t, string(fast), string(slow), "%s: EncodeBytes(%.10q)", name, value)
			var want []byte
			read1, err1 := chain.Decode(slow, &want)
			got, read2, err2 := chain.DecodeBytes(slow)
			require.NoError(t, err1, "%s: DecodeBytes(%.40q)", name, slow)
			require.NoError(t, err2, "%s: DecodeBytes(%.40q)", name, slow)
			require.Equal(t, read2, read1, "%s: DecodeBytes(%.40q)", name, slow)
			require.Equal(t, string(want), string(got), "%s: DecodeBytes(%.40q)", name, slow)
			require.Equal(t, want == nil, got == nil, "%s: DecodeBytes(%.40q)", name, slow)
		}
	}
}

func TestEncodeBytesReturnsWhatIsStoredAsItIs(t *testing.T) {
	chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw}})
	value := []byte("value")
	stored, err := chain.EncodeBytes(make([]byte, 0, 10), value)
	require.NoError(t, err, "EncodeBytes copied: %q", stored)
	require.Same(t, &value[0], &stored[0], "EncodeBytes copied: %q", stored)
}

func TestValuesReadIntoAny(t *testing.T) {
	tests := []struct {
		serializer codec.Serializer
		value      any
		want       any
	}{
		{codec.JSON, nil, nil},
		{codec.JSON, true, true},
		{codec.JSON, "12345", "12345"},
		{codec.JSON, 12345, int64(12345)},
		{codec.JSON, uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{codec.JSON, time.Second, int64(time.Second)},
		{codec.JSON, 5.0, int64(5)}, // documented: JSON writes 5
		{codec.JSON, 5.5, 5.5},
		{codec.JSON, 1e20, bigInteger("100000000000000000000")}, // likewise
		{codec.JSON, map[string]any{"a": []any{1.0, "x", nil}}, map[string]any{"a": []any{1.0, "x", nil}}},
		{codec.Raw, "text", []byte("text")},
		{codec.Raw, []byte("12345"), []byte("12345")},
		{codec.Raw, []byte{}, []byte{}},
	}
	for _, test := range tests {
		for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
			chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{test.serializer}, Format: format})
			stored, err := chain.Append(nil, test.value)
			require.NoError(t, err)
			want := test.want
			if format == codec.Tagged && test.value == 5.0 {
				want = 5.0 // the header says that JSON wrote it
			}
			got := any("not overwritten")
			_, err = chain.Decode(stored, &got)
			require.NoError(t, err, "%s, %v: %#v read into an any", test.serializer.Name(), format, test.value)
			require.Equal(t, want, got, "%s, %v: %#v read into an any", test.serializer.Name(), format, test.value)
		}
	}
	var v any
	stored, err := codec.Gob.Append(nil, "text")
	require.NoError(t, err)
	require.Error(t, codec.Gob.Unmarshal(stored, &v), "gob read a string into an any: %#v", v)
}
