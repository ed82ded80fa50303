package msgpack_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/serializertest"
	"github.com/xcache-go/xcache/codec/msgpack"
)

func TestTypesComeBackEqual(t *testing.T) {
	serializertest.RoundTrip(t, msgpack.Serializer, "")
	for _, at := range []time.Time{time.Unix(-1, 5).UTC(), time.Unix(1<<32, 0).UTC(), time.Unix(1<<35, 0).UTC()} {
		stored, err := msgpack.Serializer.Append(nil, at)
		var got time.Time
		require.NoError(t, err, "stored %v", at)
		require.NoError(t, msgpack.Serializer.Unmarshal(stored, &got), "stored %v", at)
		require.True(t, got.Equal(at))
	}
}

func TestWhatIsRefused(t *testing.T) {
	type small struct{ N int8 }
	serializertest.Refuses(t, msgpack.Serializer, "", []serializertest.Refusal{
		{What: "nothing", Hex: "", Into: new(any), Want: codec.ErrCorrupt},
		{What: "a digit of JSON", Hex: "30", Into: new(float64), Want: codec.ErrCorrupt},
		{What: "a digit of JSON", Hex: "39", Into: new(*int), Want: codec.ErrCorrupt},
		{What: "trailing byte", Hex: "0100", Into: new(any), Want: codec.ErrCorrupt},
		{What: "null for a struct", Hex: "c0", Into: new(serializertest.Account), Want: codec.ErrCorrupt},
		{What: "a key twice", Hex: "82a16101a16102", Into: new(any), Want: codec.ErrCorrupt},
		{What: "a key twice", Hex: "82a16101a16102", Into: new(map[string]int), Want: codec.ErrCorrupt},
		{What: "a field twice", Hex: "82a14e01a14e02", Into: new(small), Want: codec.ErrCorrupt},
		{What: "invalid UTF-8", Hex: "a1ff", Into: new(string), Want: codec.ErrCorrupt},
		{What: "bytes for a string", Hex: "c40161", Into: new(string), Want: codec.ErrCorrupt},
		{What: "a string for bytes", Hex: "a161", Into: new([]byte), Want: codec.ErrCorrupt},
		{What: "300 for an int8", Hex: "81a14ecd012c", Into: new(small), Want: codec.ErrCorrupt},
		{What: "-1 for a uint", Hex: "ff", Into: new(uint), Want: codec.ErrCorrupt},
		{What: "the largest uint64 for an int64", Hex: "cfffffffffffffffff", Into: new(int64), Want: codec.ErrCorrupt},
		{What: "a float for an int", Hex: "cb4008000000000000", Into: new(int), Want: codec.ErrCorrupt},
		{What: "4 Gi elements", Hex: "ddffffffff", Into: new(any), Want: codec.ErrTooLarge},
		{What: "4 Gi elements", Hex: "ddffffffff", Into: new([]serializertest.Account), Want: codec.ErrTooLarge},
		{What: "64 Mi pairs", Hex: "df04000000", Into: new(any), Want: codec.ErrTooLarge},
		{What: "64 Mi pairs", Hex: "df04000000", Into: new(map[string]int), Want: codec.ErrTooLarge},
		{What: "4 Gi bytes", Hex: "c6ffffffff", Into: new([]byte), Want: codec.ErrCorrupt},
		{What: "4 Gi of text", Hex: "dbffffffff", Into: new(string), Want: codec.ErrCorrupt},
		{What: "an extension", Hex: "d40500", Into: new(any), Want: codec.ErrCorrupt},
		{What: "a timestamp of too many nanoseconds", Hex: "d7ffffffffff00000000", Into: new(any), Want: codec.ErrCorrupt},
		{What: "never used", Hex: "c1", Into: new(any), Want: codec.ErrCorrupt},
		{What: "depth", Hex: strings.Repeat("91", 1<<20) + "00", Into: new(any), Want: codec.ErrTooLarge},
		{What: "depth of maps", Hex: strings.Repeat("81a161", 100000) + "00", Into: new(serializertest.Account), Want: codec.ErrTooLarge},
		{What: "depth beside the fields", Hex: "81a178" + strings.Repeat("91", 100000), Into: new(serializertest.Account), Want: codec.ErrTooLarge},
		{What: "no pointer", Hex: "01", Into: 5, Want: codec.ErrUnsupportedValue},
	})
	var circle any
	circle = &circle
	serializertest.RefusesToStore(t, msgpack.Serializer, circle, make([]bool, 1<<20+1))
}

// What Python's msgpack library writes.
func TestWhatPythonWrites(t *testing.T) {
	const data = "\x86\xa2id*\xa4name\xa3Ada\xa1f\xcb?\xe0\x00\x00\x00\x00\x00\x00\xa1b\xc4\x01\xff\xa1n\xc0\xa1l\x93\xff\xcd\x01,\xc3"
	want := map[string]any{"id": int64(42), "name": "Ada", "f": 0.5, "b": []byte{255}, "n": nil, "l": []any{int64(-1), int64(300), true}}
	var got any
	require.NoError(t, msgpack.Serializer.Unmarshal([]byte(data), &got))
	require.Equal(t, any(want), got)
}

// No JSON, and nothing of another format, is read as msgpack, nor the other way.
func TestBesideJSON(t *testing.T) {
	for _, order := range [][]codec.Serializer{{codec.JSON, msgpack.Serializer, codec.Gob}, {msgpack.Serializer, codec.Gob, codec.JSON}} {
		chain, err := codec.New(codec.Config{Serializers: order})
		require.NoError(t, err)
		for n := -40; n < 140; n++ {
			for _, s := range order[:2] {
				stored, err := s.Append(nil, &n)
				require.NoError(t, err)
				var got *int
				read, err := chain.Decode(stored, &got)
				require.NoError(t, err, "%d written by %s is %v, %+v, %v", n, s.Name(), got, read, err)
				require.Equal(t, n, *got, "%d written by %s is %v, %+v, %v", n, s.Name(), got, read, err)
				require.Equal(t, s.Name(), read.Serializer, "%d written by %s is %v, %+v, %v", n, s.Name(), got, read, err)
			}
		}
	}
	_, err := codec.New(codec.Config{Serializers: []codec.Serializer{msgpack.Serializer, codec.Raw}})
	require.ErrorContains(t, err, "format=tagged", "msgpack and raw")
}

func FuzzUnmarshal(f *testing.F) { serializertest.Fuzz(f, msgpack.Serializer) }

func TestShortInputsNeverPanic(t *testing.T) { serializertest.ShortInputs(t, msgpack.Serializer, "") }

func Example() {
	stored, err := msgpack.Serializer.Append(nil, map[string]int{"answer": 42})
	fmt.Printf("%x %v\n", stored, err)

	var back map[string]int
	err = msgpack.Serializer.Unmarshal(stored, &back)
	fmt.Println(back["answer"], err)
	// Output:
	// 81a6616e737765722a <nil>
	// 42 <nil>
}
