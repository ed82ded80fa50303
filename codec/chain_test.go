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
	if err != nil {
		tb.Fatal(err)
	}
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
			if err != nil {
				t.Fatal(err)
			}
			var got []account
			if read, err := r.Decode(stored, &got); err != nil || read != want || !equal(got, value) {
				t.Errorf("%s read by %s: %+v, %v, want %+v", describe(writer), describe(reader), read, err, want)
			}
			if stored, err = w.Append(nil, small); err != nil {
				t.Fatal(err)
			}
			var gotSmall account
			read, err := r.Decode(stored, &gotSmall)
			want.Compressor = ""
			want.Fallback = writer.Serializers[0] != reader.Serializers[0] || writer.Format != reader.Format
			if err != nil || read != want || !equal(gotSmall, small) {
				t.Errorf("%s read by %s, not compressed: %+v, %v, want %+v", describe(writer), describe(reader), read, err, want)
			}
		}
	}
}

func TestPlainValuesStayReadableInATaggedChain(t *testing.T) {
	plainRaw := mustChain(t, codec.Config{Serializers: rawOnly})
	tagged := mustChain(t, codec.Config{Serializers: rawOnly, Compressors: gzipOnly, Format: codec.Tagged})
	gzipped, err := codec.Gzip.Append(nil, bytes.Repeat([]byte("x"), 1000))
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range [][]byte{{}, []byte("hello"), []byte(`{"a":1}`), []byte("5"), gzipped, allBytes()} {
		stored, err := plainRaw.EncodeBytes(nil, value)
		if err != nil {
			t.Fatal(err)
		}
		got, read, err := tagged.DecodeBytes(stored)
		if want := (codec.Read{Serializer: "raw", Fallback: true}); err != nil || !bytes.Equal(got, value) || read != want {
			t.Errorf("plain %.20q read by a tagged chain: %.20q, %+v, %v", value, got, read, err)
		}
	}
}

// Raw in front of JSON would take its values for bytes, and JSON some of Raw's for
// JSON.
func TestPlainValuesThatCouldBeOfTwoSerializersAreRefused(t *testing.T) {
	tagged := mustChain(t, codec.Config{Serializers: []codec.Serializer{codec.Raw, codec.JSON}, Format: codec.Tagged})
	for _, plain := range []string{`"text"`, "text", `{"a":1}`} {
		var text string
		if read, err := tagged.Decode([]byte(plain), &text); !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%s is read as %q by %+v, %v", plain, text, read, err)
		}
	}
}

func TestAPlainChainOfRawReturnsTaggedBytesAsTheyAre(t *testing.T) {
	tagged := mustChain(t, codec.Config{Serializers: rawOnly, Format: codec.Tagged})
	value, err := tagged.EncodeBytes(nil, []byte("inner"))
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := mustChain(t, codec.Config{Serializers: rawOnly}).DecodeBytes(value)
	if err != nil || !bytes.Equal(got, value) {
		t.Errorf("got %q, %v, want %q", got, err, value)
	}
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
			if err != nil {
				t.Fatal(err)
			}
			var got string
			read, err := chain.Decode(stored, &got)
			if err != nil || got != value || (read.Compressor != "") != test.compressed {
				t.Errorf("%d bytes, minimum %d, %v: %+v, %v, want compressed %v", test.length, test.min, format, read, err, test.compressed)
			}
			if format == codec.Plain && !test.compressed && string(stored) != `"`+value+`"` {
				t.Errorf("%d bytes, minimum %d: not stored as they are: %.20q", test.length, test.min, stored)
			}
		}
	}
	chain := mustChain(t, codec.Config{Serializers: rawOnly, Compressors: gzipOnly, Format: codec.Tagged})
	stored, err := chain.EncodeBytes(nil, noise)
	if err != nil || !bytes.HasSuffix(stored, noise) {
		t.Errorf("noise was compressed: %v", err)
	}
	// A compressor that is the first writes, and its format is the standard's.
	stored, err = mustChain(t, codec.Config{Compressors: gzipZlib}).Append(nil, strings.Repeat("a", 1000))
	if err != nil || !bytes.HasPrefix(stored, []byte{0x1f, 0x8b}) {
		t.Errorf("got %.10x, %v, want gzip", stored, err)
	}
}

func TestValuesOverTheLimitAreRefused(t *testing.T) {
	const limit = 1000
	for _, format := range []codec.Format{codec.Plain, codec.Tagged} {
		for _, s := range [][]codec.Serializer{rawOnly, jsonOnly, gobOnly} {
			chain := mustChain(t, codec.Config{Serializers: s, MaxValue: limit, Format: format})
			if chain.MaxValue() != limit {
				t.Errorf("MaxValue() = %d", chain.MaxValue())
			}
			value := bytes.Repeat([]byte("x"), limit+1)
			if out, err := chain.Append([]byte("dst"), value); !errors.Is(err, codec.ErrTooLarge) || string(out) != "dst" {
				t.Errorf("%s, %v: Append: %q, %v", s[0].Name(), format, out, err)
			}
			if out, err := chain.EncodeBytes(nil, value); !errors.Is(err, codec.ErrTooLarge) || len(out) > 0 {
				t.Errorf("%s, %v: EncodeBytes: %d bytes, %v", s[0].Name(), format, len(out), err)
			}
			unlimited := mustChain(t, codec.Config{Serializers: s, Format: format})
			stored, err := unlimited.Append(nil, value)
			if err != nil {
				t.Fatal(err)
			}
			var into []byte
			if _, err := chain.Decode(stored, &into); !errors.Is(err, codec.ErrTooLarge) {
				t.Errorf("%s, %v: Decode: %v", s[0].Name(), format, err)
			}
			if _, _, err := chain.DecodeBytes(stored); !errors.Is(err, codec.ErrTooLarge) {
				t.Errorf("%s, %v: DecodeBytes: %v", s[0].Name(), format, err)
			}
		}
		chain := mustChain(t, codec.Config{Serializers: rawOnly, MaxValue: limit, Format: format})
		if _, err := chain.EncodeBytes(nil, make([]byte, limit)); err != nil {
			t.Errorf("%v: a value of exactly the limit: %v", format, err)
		}
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
			if !errors.Is(err, test.want) || string(out) != "dst" {
				t.Errorf("%s of %s: %.30q, %v, want %v", test.name, test.serializer.Name(), out, err, test.want)
			} else if strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("%s of %s: the error shows the value: %v", test.name, test.serializer.Name(), err)
			}
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
		if (err == nil) != test.ok {
			t.Errorf("%.40q into a %T: %v", test.text, test.into, err)
		}
		if err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) {
			t.Errorf("%.40q into a %T: %v matches no sentinel", test.text, test.into, err)
		}
	}
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
		if err != nil || string(out) != test.text {
			t.Errorf("%#v is written as %q, %v, want %q", test.value, out, err, test.text)
		}
	}
}

func TestErrorsTellWhatIsWrongWithoutTheValue(t *testing.T) {
	type order struct{ Amount int8 }
	chain := mustChain(t, codec.Config{Serializers: jsonGob, Compressors: gzipOnly})
	stored := []string{`{"Amount":"canary"}`, `{"Amount":48151623}`, `{"canary":`, `canary`, `"canary"`, `["canary"]`, "\x1f\x8b\x08\x00canary canary canary", "canary canary"}
	for _, text := range stored {
		var into order
		_, err := chain.Decode([]byte(text), &into)
		if !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%q: %v, want ErrCorrupt", text, err)
		}
		for _, shown := range []string{fmt.Sprintf("%v", err), fmt.Sprintf("%q", err), fmt.Sprintf("%s", err)} {
			if strings.Contains(shown, "canary") || strings.Contains(shown, "48151623") {
				t.Errorf("%q: the error shows the value: %s", text, shown)
			}
		}
		if n := strings.Count(err.Error(), "xcache: "); n != 1 || !strings.HasPrefix(err.Error(), "xcache: ") {
			t.Errorf("%q: want one prefix: %v", text, err)
		}
	}
	_, err := chain.Decode([]byte(`{"Amount":"canary"}`), new(order))
	var native *json.UnmarshalTypeError
	if !errors.As(err, &native) || !strings.Contains(err.Error(), "Amount") {
		t.Errorf("the cause is gone, or the field is not named: %v", err)
	}
}

func TestDecodingNeedsAPointer(t *testing.T) {
	for name, chain := range everyChain(t) {
		stored, err := chain.Append(nil, "x")
		if err != nil {
			t.Fatal(err)
		}
		for _, into := range []any{nil, "x", 5, (*string)(nil), account{}} {
			if _, err := chain.Decode(stored, into); !errors.Is(err, codec.ErrUnsupportedValue) {
				t.Errorf("%s: Decode into %#v: %v", name, into, err)
			}
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
					if err != nil {
						t.Error(err)
						return
					}
					var got string
					if _, err := chain.Decode(stored, &got); err != nil || got != value {
						t.Errorf("got %.20q, %v, want %.20q", got, err, value)
						return
					}
				}
			})
		}
		group.Wait()
	}
}
