package cbor_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/cbor"
	"github.com/xcache-go/xcache/codec/internal/serializertest"
)

func TestTypesComeBackEqual(t *testing.T) {
	serializertest.RoundTrip(t, cbor.Serializer, "\xd9\xd9\xf7")
	zone := time.Date(2026, 2, 28, 23, 59, 59, 1, time.FixedZone("", 3600))
	stored, err := cbor.Serializer.Append(nil, zone)
	var back time.Time
	require.NoError(t, err, "stored %v, read %v", zone, back)
	require.NoError(t, cbor.Serializer.Unmarshal(stored, &back), "stored %v, read %v", zone, back)
	require.Equal(t, zone.Format(time.RFC3339Nano), back.Format(time.RFC3339Nano), "stored %v, read %v", zone, back)
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	stored, err = cbor.Serializer.Append(nil, huge)
	var got big.Int
	require.NoError(t, err, "a big number: %v", &got)
	require.NoError(t, cbor.Serializer.Unmarshal(stored, &got), "a big number: %v", &got)
	require.Zero(t, got.Cmp(huge), "a big number: %v", &got)
}

func TestWhatIsRefused(t *testing.T) {
	type small struct{ N int8 }
	serializertest.Refuses(t, cbor.Serializer, "\xd9\xd9\xf7", []serializertest.Refusal{
		{What: "the tag alone", Hex: "", Into: new(any), Want: codec.ErrCorrupt},
		{What: "trailing byte", Hex: "0100", Into: new(any), Want: codec.ErrCorrupt},
		{What: "null for a struct", Hex: "f6", Into: new(serializertest.Account), Want: codec.ErrCorrupt},
		{What: "null for a string", Hex: "f6", Into: new(string), Want: codec.ErrCorrupt},
		{What: "a key twice", Hex: "a2616101616102", Into: new(any), Want: codec.ErrCorrupt},
		{What: "a key twice", Hex: "a2616101616102", Into: new(map[string]int), Want: codec.ErrCorrupt},
		{What: "invalid UTF-8", Hex: "61ff", Into: new(string), Want: codec.ErrCorrupt},
		{What: "indefinite length", Hex: "9f01ff", Into: new(any), Want: codec.ErrCorrupt},
		{What: "bytes for a string", Hex: "4161", Into: new(string), Want: codec.ErrCorrupt},
		{What: "300 for an int8", Hex: "a1614e19012c", Into: new(small), Want: codec.ErrCorrupt},
		{What: "-1 for a uint", Hex: "20", Into: new(uint), Want: codec.ErrCorrupt},
		{What: "a float for an int", Hex: "f94200", Into: new(int), Want: codec.ErrCorrupt},
		{What: "4 Gi elements", Hex: "9affffffff", Into: new(any), Want: codec.ErrTooLarge},
		{What: "4 Gi pairs", Hex: "baffffffff", Into: new(any), Want: codec.ErrTooLarge},
		{What: "2^63 bytes", Hex: "5b8000000000000000", Into: new(any), Want: codec.ErrCorrupt},
		{What: "depth", Hex: strings.Repeat("81", 100) + "00", Into: new(any), Want: codec.ErrTooLarge},
		{What: "depth of tags", Hex: strings.Repeat("c1", 100000) + "00", Into: new(any), Want: codec.ErrTooLarge},
		{What: "no pointer", Hex: "01", Into: 5, Want: codec.ErrUnsupportedValue},
	})
	serializertest.RefusesToStore(t, cbor.Serializer)
}

// CBOR without the tag may be JSON, MessagePack or decimal text: no chain reads it.
func TestUntaggedCBORIsNotRead(t *testing.T) {
	for _, order := range [][]codec.Serializer{{cbor.Serializer}, {codec.JSON, cbor.Serializer}, {cbor.Serializer, codec.JSON}, {codec.Gob, cbor.Serializer}} {
		chain, err := codec.New(codec.Config{Serializers: order})
		require.NoError(t, err)
		var v any
		for _, untagged := range []string{"", "\xa1\x61a\x01", "\x61a", "\x81\x01", "\xf5"} {
			_, err := chain.Decode([]byte(untagged), &v)
			require.ErrorIs(t, err, codec.ErrCorrupt, "%s first: %x was read as %v", order[0].Name(), untagged, v)
		}
		var f float64 // 80 would be -49
		_, err = chain.Decode([]byte("80"), &f)
		require.False(t, f != 0 && f != 80, "%s first: the integer 80 is read as %v, %v", order[0].Name(), f, err)
		stored, err := cbor.Serializer.Append(nil, "ull           ") // without the tag, the JSON text null
		require.NoError(t, err)
		read, err := chain.Decode(stored, &v)
		require.NoError(t, err, "read %v, %+v, %v", v, read, err)
		require.Equal(t, "ull           ", v, "read %v, %+v, %v", v, read, err)
		require.Equal(t, "cbor", read.Serializer, "read %v, %+v, %v", v, read, err)
	}
}

func FuzzUnmarshal(f *testing.F) { serializertest.Fuzz(f, cbor.Serializer) }

func TestShortInputsNeverPanic(t *testing.T) {
	serializertest.ShortInputs(t, cbor.Serializer, "\xd9\xd9\xf7")
}

func Example() {
	stored, err := cbor.Serializer.Append(nil, map[string]int{"answer": 42})
	fmt.Printf("%x %v\n", stored, err)

	var back map[string]int
	err = cbor.Serializer.Unmarshal(stored, &back)
	fmt.Println(back["answer"], err)
	// Output:
	// d9d9f7a166616e73776572182a <nil>
	// 42 <nil>
}
