package codec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
)

var (
	jsonOnly = []codec.Serializer{codec.JSON}
	gobOnly  = []codec.Serializer{codec.Gob}
	rawOnly  = []codec.Serializer{codec.Raw}
	jsonGob  = []codec.Serializer{codec.JSON, codec.Gob}
	gobJSON  = []codec.Serializer{codec.Gob, codec.JSON}
	gzipOnly = []codec.Compressor{codec.Gzip}
	zlibOnly = []codec.Compressor{codec.Zlib}
	gzipZlib = []codec.Compressor{codec.Gzip, codec.Zlib}
	zlibGzip = []codec.Compressor{codec.Zlib, codec.Gzip}
)

func mustChain(tb testing.TB, config codec.Config) *codec.Chain {
	tb.Helper()
	c, err := codec.New(config)
	require.NoError(tb, err)
	return c
}

func TestValuesOfEveryOtherChainAreReadAsFallback(t *testing.T) {
	value := longList()
	small := account{Name: "small", Created: created}
	configs := []codec.Config{}
	for _, s := range [][]codec.Serializer{jsonGob, gobJSON} {
		for _, m := range [][]codec.Compressor{gzipZlib, zlibGzip} {
			for _, f := range []codec.Format{codec.Plain, codec.Tagged} {
				configs = append(configs, codec.Config{Serializers: s, Compressors: m, Format: f})
			}
		}
	}
	describe := func(c codec.Config) string {
		return fmt.Sprintf("%s+%s/%v", c.Serializers[0].Name(), c.Compressors[0].Name(), c.Format)
	}
	for _, writer := range configs {
		for _, reader := range configs {
			w, r := mustChain(t, writer), mustChain(t, reader)
			same := describe(writer) == describe(reader)
			want := codec.Read{Serializer: writer.Serializers[0].Name(), Compressor: writer.Compressors[0].Name(),
				Tagged: writer.Format == codec.Tagged, Fallback: !same}
			stored, err := w.Append(nil, value)
			require.NoError(t, err)
			var got []account
			read, err := r.Decode(stored, &got)
			require.NoError(t, err, "%s read by %s", describe(writer), describe(reader))
			require.Equal(t, want, read, "%s read by %s", describe(writer), describe(reader))
			require.True(t, equal(got, value), "%s read by %s: %+v, %v, want %+v", describe(writer), describe(reader), read, err, want)
			stored, err = w.Append(nil, small)
			require.NoError(t, err)
			var gotSmall account
			read, err = r.Decode(stored, &gotSmall)
			want.Compressor = ""
			want.Fallback = writer.Serializers[0] != reader.Serializers[0] || writer.Format != reader.Format
			require.NoError(t, err, "%s read by %s, not compressed", describe(writer), describe(reader))
			require.Equal(t, want, read, "%s read by %s, not compressed", describe(writer), describe(reader))
			require.True(t, equal(gotSmall, small), "%s read by %s, not compressed: %+v, %v, want %+v", describe(writer), describe(reader), read, err, want)
		}
	}
}

func TestPlainValuesStayReadableInATaggedChain(t *testing.T) {
	plainRaw := mustChain(t, codec.Config{Serializers: rawOnly})
	tagged := mustChain(t, codec.Config{Serializers: rawOnly, Compressors: gzipOnly, Format: codec.Tagged})
	gzipped, err := codec.Gzip.Append(nil, bytes.Repeat([]byte("x"), 1000))
	require.NoError(t, err)
	for _, value := range [][]byte{{}, []byte("hello"), []byte(`{"a":1}`), []byte("5"), gzipped, allBytes()} {
		stored, err := plainRaw.EncodeBytes(nil, value)
		require.NoError(t, err)
		got, read, err := tagged.DecodeBytes(stored)
		require.NoError(t, err, "plain %.20q read by a tagged chain", value)
		require.Equal(t, string(value), string(got), "plain")
		require.Equal(t, (codec.Read{Serializer: "raw", Fallback: true}), read, "plain %.20q read by a tagged chain", value)
	}
}

// Raw in front of JSON would take its values for bytes, and JSON some of Raw's for
// JSON.
func TestPlainValuesThatCouldBeOfTwoSerializersAreRefused(t *testing.T) {
	tagged := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw, codec.JSON}, Format: codec.Tagged})
	for _, plain := range []string{`"text"`, "text", `{"a":1}`} {
		var text string
		read, err := tagged.Decode([]byte(plain), &text)
		require.ErrorIs(t, err, codec.ErrCorrupt, "%s is read as %q by %+v", plain, text, read)
	}
}

func TestAPlainChainOfRawReturnsTaggedBytesAsTheyAre(t *testing.T) {
	tagged := mustChain(t, codec.Config{Serializers: rawOnly, Format: codec.Tagged})
	value, err := tagged.EncodeBytes(nil, []byte("inner"))
	require.NoError(t, err)
	got, _, err := mustChain(t, codec.Config{Serializers: rawOnly}).DecodeBytes(value)
	require.NoError(t, err, "got %q, %v, want %q", got, err, value)
	require.Equal(t, string(value), string(got))
}

func TestCompressionStartsAboveTheMinimumAndOnlyWhenItShrinks(t *testing.T) {
	noise := make([]byte, 1000)
	state := uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = byte(state >> 24)
	}
	tests := []struct {
		min        int
		length     int // of the encoded value, with its two quotes
		compressed bool
	}{
		{0, 256, false}, {0, 257, true}, {100, 100, false}, {100, 101, true}, {codec.CompressAlways, 99, true},
		{codec.CompressAlways, 2, false}, // it would not shrink
	}
	for _, test := range tests {
		for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
			chain := mustChain(t, codec.Config{Compressors: zlibOnly, CompressMin: test.min, Format: format})
			value := strings.Repeat("a", test.length-2)
			stored, err := chain.Append(nil, value)
			require.NoError(t, err)
			var got string
			read, err := chain.Decode(stored, &got)
			require.NoError(t, err, "%d bytes, minimum %d, %v: %+v", test.length, test.min, format, read)
			require.Equal(t, value, got, "%d bytes, minimum %d, %v: %+v", test.length, test.min, format, read)
			require.Equal(t, test.compressed, read.Compressor != "", "%d bytes, minimum %d, %v: %+v", test.length, test.min, format, read)
			require.False(t, format == codec.Plain && !test.compressed && string(stored) != `"`+value+`"`, "%d bytes, minimum %d: not stored as they are: %.20q", test.length, test.min, stored)
		}
	}
	chain := mustChain(t, codec.Config{Serializers: rawOnly, Compressors: gzipOnly, Format: codec.Tagged})
	stored, err := chain.EncodeBytes(nil, noise)
	require.NoError(t, err, "noise was compressed")
	require.True(t, bytes.HasSuffix(stored, noise), "noise was compressed: %v", err)
	// A compressor that is the first writes, and its format is the standard's.
	stored, err = mustChain(t, codec.Config{Compressors: gzipZlib}).Append(nil, strings.Repeat("a", 1000))
	require.NoError(t, err, "got %.10x", stored)
	require.True(t, bytes.HasPrefix(stored, []byte{0x1f, 0x8b}), "got %.10x, %v, want gzip", stored, err)
}

func TestValuesOverTheLimitAreRefused(t *testing.T) {
	const limit = 1000
	for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
		for _, s := range [][]codec.Serializer{rawOnly, jsonOnly, gobOnly} {
			chain := mustChain(t, codec.Config{Serializers: s, MaxValue: limit, Format: format})
			require.Equal(t, limit, chain.MaxValue(), "MaxValue()")
			value := bytes.Repeat([]byte("x"), limit+1)
			out, err := chain.Append([]byte("dst"), value)
			require.ErrorIs(t, err, codec.ErrTooLarge, "%s, %v: Append", s[0].Name(), format)
			require.Equal(t, "dst", string(out), "%s, %v: Append", s[0].Name(), format)
			out, err = chain.EncodeBytes(nil, value)
			require.ErrorIs(t, err, codec.ErrTooLarge, "%s, %v: EncodeBytes", s[0].Name(), format)
			require.Empty(t, out, "%s, %v: EncodeBytes", s[0].Name(), format)
			unlimited := mustChain(t, codec.Config{Serializers: s, Format: format})
			stored, err := unlimited.Append(nil, value)
			require.NoError(t, err)
			var into []byte
			_, err = chain.Decode(stored, &into)
			require.ErrorIs(t, err, codec.ErrTooLarge, "%s, %v: Decode", s[0].Name(), format)
			_, _, err = chain.DecodeBytes(stored)
			require.ErrorIs(t, err, codec.ErrTooLarge, "%s, %v: DecodeBytes", s[0].Name(), format)
		}
		chain := mustChain(t, codec.Config{Serializers: rawOnly, MaxValue: limit, Format: format})
		_, err := chain.EncodeBytes(nil, make([]byte, limit))
		require.NoError(t, err, "%v: a value of exactly the limit", format)
	}
}

func TestValuesThatCannotBeEncoded(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	deep := any("bottom")
	for range 33 {
		deep = []any{deep}
	}
	type list struct{ Next *list }
	var chainOf40 *list
	for range 40 {
		chainOf40 = &list{chainOf40}
	}
	tests := []struct {
		name       string
		serializer codec.Serializer
		value      any
		want       error
	}{
		{"channel", codec.JSON, make(chan int), codec.ErrUnsupportedValue},
		{"function", codec.JSON, func() {}, codec.ErrUnsupportedValue},
		{"complex number", codec.JSON, 1i, codec.ErrUnsupportedValue},
		{"NaN", codec.JSON, math.NaN(), codec.ErrUnsupportedValue},
		{"infinity", codec.JSON, []float64{math.Inf(1)}, codec.ErrUnsupportedValue},
		{"cycle", codec.JSON, cycle, codec.ErrUnsupportedValue},
		{"invalid UTF-8", codec.JSON, "canary\xff", codec.ErrUnsupportedValue},
		{"invalid UTF-8 in a field", codec.JSON, account{Name: "\xc3"}, codec.ErrUnsupportedValue},
		{"invalid UTF-8 in a key", codec.JSON, map[string]bool{"\xc3": true}, codec.ErrUnsupportedValue},
		{"invalid UTF-8 in JSON", codec.JSON, json.RawMessage("[\"canary\xff\"]"), codec.ErrUnsupportedValue},
		{"failing method", codec.JSON, failing{}, codec.ErrUnsupportedValue},
		{"33 levels", codec.JSON, deep, codec.ErrTooLarge},
		{"list of 40", codec.JSON, chainOf40, codec.ErrTooLarge},
		{"many elements", codec.JSON, make([]int, 1<<20+1), codec.ErrTooLarge},
		{"many elements", codec.Gob, make([]int, 1<<20+1), codec.ErrTooLarge},
		{"list of 40", codec.Gob, chainOf40, codec.ErrTooLarge},
		{"nil", codec.Gob, nil, codec.ErrUnsupportedValue},
		{"nil pointer", codec.Gob, (*account)(nil), codec.ErrUnsupportedValue},
		{"channel", codec.Gob, make(chan int), codec.ErrUnsupportedValue},
		{"nothing exported", codec.Gob, struct{ a int }{1}, codec.ErrUnsupportedValue},
		{"nil in a list", codec.Gob, []*account{nil}, codec.ErrUnsupportedValue},
		{"failing method", codec.Gob, failing{}, codec.ErrUnsupportedValue},
		{"nil", codec.Raw, nil, codec.ErrUnsupportedValue},
		{"struct", codec.Raw, ada, codec.ErrUnsupportedValue},
		{"bool", codec.Raw, true, codec.ErrUnsupportedValue},
		{"strings", codec.Raw, []string{"a"}, codec.ErrUnsupportedValue},
	}
	for _, test := range tests {
		for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
			chain := mustChain(t, codec.Config{Serializers: []codec.Serializer{test.serializer}, Format: format})
			out, err := chain.Append([]byte("dst"), test.value)
			require.ErrorIs(t, err, test.want, "%s of %s", test.name, test.serializer.Name())
			require.Equal(t, "dst", string(out), "%s of %s", test.name, test.serializer.Name())
			require.NotContains(t, fmt.Sprint(err), "canary", "%s of %s: the error shows the value", test.name, test.serializer.Name())
		}
	}
}

type failing struct{ A int }

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("no canary") }
func (failing) GobEncode() ([]byte, error)   { return nil, errors.New("no canary") }
func (*failing) GobDecode([]byte) error      { panic("canary") }
func (*failing) UnmarshalJSON([]byte) error  { panic("canary") }

func TestWhatJSONAcceptsAndRefuses(t *testing.T) {
	type pair struct{ A, B string }
	tests := []struct {
		text string
		into any
		ok   bool
	}{
		{`{"A":"x"}`, new(pair), true},
		{"  {\"A\":\"x\"}\n", new(pair), true},
		{`{"A":"x"} `, new(pair), true},
		{`{"A":"x"}{}`, new(pair), false},
		{`{"A":"x"},`, new(pair), false},
		{`{"A":1}`, new(pair), false},
		{`{"A":"` + "\xff" + `"}`, new(pair), false},
		{`{"A":"\ufffd"}`, new(pair), true},
		{`{"A":"\udc80"}`, new(pair), false},
		{`{"A":"\uD83D"}`, new(pair), false},
		{`{"A":"\ud83dx\ude00"}`, new(pair), false},
		{`{"A":"\ud83d\ud83d\ude00"}`, new(pair), false},
		{`{"\ud83d":"A"}`, new(map[string]string), false},
		{`{"A":"\ud83d\ude00\u00e4\n\\udc80"}`, new(pair), true},
		{`["\udc80"]`, new(any), false},
		{`[]`, new(pair), false},
		{`null`, new(pair), false},
		{` null`, new(pair), false},
		{`null`, new(string), false},
		{`null`, new(bool), false},
		{`null`, new(float64), false},
		{`null`, new([2]int), false},
		{`null`, new(time.Time), false},
		{`null`, new(*pair), true},
		{`null`, new([]pair), true},
		{`null`, new(map[string]pair), true},
		{`null`, new(any), true},
		{`null`, new(json.RawMessage), true},
		{`NaN`, new(float64), false},
		{`1e400`, new(float64), false},
		{`'a'`, new(string), false},
		{"\xef\xbb\xbf1", new(float64), false}, // a byte order mark
		{strings.Repeat("[", 32) + strings.Repeat("]", 32), new(any), true},
		{strings.Repeat("[", 33) + strings.Repeat("]", 33), new(any), false},
		{`["` + strings.Repeat("[", 100) + `\"` + strings.Repeat("[", 100) + `"]`, new(any), true},
		{`{"Unknown":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, new(pair), true},
	}
	for _, test := range tests {
		err := codec.JSON.Unmarshal([]byte(test.text), test.into)
		require.Equal(t, test.ok, err == nil, "%.40q into a %T", test.text, test.into)
		require.False(t, err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge), "%.40q into a %T: %v matches no sentinel", test.text, test.into, err)
	}
}

// A method may write what no string of Go holds.
func TestJSONOfHalfASurrogatePairIsNotWritten(t *testing.T) {
	out, err := codec.JSON.Append([]byte("before"), json.RawMessage(`{"A":"\udc80"}`))
	require.ErrorIs(t, err, codec.ErrUnsupportedValue)
	require.Equal(t, "before", string(out))
}

func TestJSONIsWrittenAsOtherLanguagesDo(t *testing.T) {
	tests := []struct {
		value any
		text  string
	}{
		{"<a href=\"x\">&</a>", `"<a href=\"x\">&</a>"`},
		{"\ufffd", "\"\ufffd\""},
		{`\ufffd`, `"\\ufffd"`},
		{nil, "null"},
		{[]byte("hi"), `"aGk="`},
		{map[string]any{"b": 1, "a": nil}, `{"a":null,"b":1}`},
		{created, `"2026-02-28T23:59:59.123456789Z"`},
	}
	for _, test := range tests {
		out, err := codec.JSON.Append(nil, test.value)
		require.NoError(t, err, "%#v is written as", test.value)
		require.Equal(t, test.text, string(out), "%#v is written as", test.value)
	}
}

func TestErrorsTellWhatIsWrongWithoutTheValue(t *testing.T) {
	type order struct {
		Amount int8
		Totals map[string]struct{ Sum int8 }
		Lines  []struct {
			Count int8 `json:"n"`
		}
	}
	chain := mustChain(t, codec.Config{Serializers: jsonGob, Compressors: gzipOnly})
	stored := []string{`{"Totals":{"canary":"x"}}`, `{"Totals":{"canary":{"Sum":"x"}}}`, `{"Amount":"canary"}`, `{"Amount":48151623}`, `{"canary":`, `canary`, `"canary"`, `["canary"]`, "\x1f\x8b\x08\x00canary canary canary", "canary canary"}
	for _, text := range stored {
		var into order
		_, err := chain.Decode([]byte(text), &into)
		require.ErrorIs(t, err, codec.ErrCorrupt, "%q", text)
		for _, shown := range []string{fmt.Sprintf("%v", err), fmt.Sprintf("%q", err), fmt.Sprintf("%s", err)} {
			require.NotContains(t, shown, "canary", "%q: the error shows the value", text)
			require.NotContains(t, shown, "48151623", "%q: the error shows the value", text)
		}
		require.Equal(t, 1, strings.Count(err.Error(), "xcache: "), "%q: want one prefix", text)
		require.True(t, strings.HasPrefix(err.Error(), "xcache: "), "%q: want one prefix: %v", text, err)
	}
	_, err := chain.Decode([]byte(`{"Amount":"canary"}`), new(order))
	var native *json.UnmarshalTypeError
	require.ErrorAs(t, err, &native, "the cause is gone, or the field is not named")
	require.ErrorContains(t, err, "Amount", "the cause is gone, or the field is not named")
	_, err = chain.Decode([]byte(`{"Lines":[{"n":"canary"}]}`), new(order))
	require.ErrorContains(t, err, `in field "Lines.n"`)
}

func TestDecodingNeedsAPointer(t *testing.T) {
	for name, chain := range everyChain(t) {
		stored, err := chain.Append(nil, "x")
		require.NoError(t, err)
		for _, into := range []any{nil, "x", 5, (*string)(nil), account{}} {
			_, err := chain.Decode(stored, into)
			require.ErrorIs(t, err, codec.ErrUnsupportedValue, "%s: Decode into %#v", name, into)
		}
	}
}

func TestAChainMayBeUsedConcurrently(t *testing.T) {
	for _, chain := range everyChain(t) {
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				value := strings.Repeat(fmt.Sprint("caller ", i, " "), 100)
				for range 20 {
					stored, err := chain.Append(nil, value)
					if !assert.NoError(t, err) {
						return
					}
					var got string
					_, err = chain.Decode(stored, &got)
					if !assert.NoError(t, err) {
						return
					}
					if !assert.Equal(t, value, got) {
						return
					}
				}
			})
		}
		group.Wait()
	}
}
