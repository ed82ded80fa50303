package cbor_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/cbor"
)

type account struct {
	ID      int64 `json:"id"`
	Name    string
	Ratio   float64 `cbor:"r"`
	Tags    []string
	Limits  map[string]int
	Photo   []byte
	Created time.Time
	Parent  *account
}

var (
	created = time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.UTC)
	ada     = account{ID: 1 << 60, Name: "Ada \U0001F980", Ratio: 0.1, Tags: []string{"a", ""}, Limits: map[string]int{"x": -1}, Photo: []byte{0, 255}, Created: created, Parent: &account{}}
)

func TestEveryTypeComesBackEqualAndOfItsType(t *testing.T) {
	for _, value := range []any{
		true, false, 3.25, float32(0.1), 5.0, math.MaxFloat64, "hello", "12345", "", "日本語 \x00", []byte("x"), []byte{}, [3]int{1, 2, 3},
		[]int{1, -2, math.MaxInt}, []uint64{math.MaxUint64}, []string{"a"}, map[string]int{"a": 1}, map[int]string{-1: "x"}, []account{{}}, (*account)(nil),
		[]int(nil), map[string]int(nil), new(7), new(-17), strings.Repeat("long", 9999), map[string]any{"a": []any{int64(1), "x", nil, 1.5, []byte{1}, true}},
	} {
		stored, err := cbor.Serializer.Append([]byte("before"), value)
		if err != nil || !bytes.HasPrefix(stored, []byte("before\xd9\xd9\xf7")) {
			t.Errorf("%T: %x, %v", value, stored, err)
			continue
		}
		into := reflect.New(reflect.TypeOf(value))
		if err := cbor.Serializer.Unmarshal(stored[6:], into.Interface()); err != nil || !reflect.DeepEqual(into.Elem().Interface(), value) {
			t.Errorf("stored %#v, read %#v, %v", value, into.Elem(), err)
		}
	}
	for _, value := range []account{ada, {Created: created.In(time.FixedZone("", 3600))}} {
		stored, err := cbor.Serializer.Append(nil, value)
		var got account
		if err2 := cbor.Serializer.Unmarshal(stored, &got); err != nil || err2 != nil || got.Created.Format(time.RFC3339Nano) != value.Created.Format(time.RFC3339Nano) {
			t.Errorf("%+v, %v, %v", got, err, err2)
		}
		got.Created, value.Created = time.Time{}, time.Time{}
		if got.Parent != nil {
			got.Parent.Created = time.Time{}
		}
		if !reflect.DeepEqual(got, value) {
			t.Errorf("stored %+v, read %+v", value, got)
		}
	}
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	stored, err := cbor.Serializer.Append(nil, huge)
	var got big.Int
	if err2 := cbor.Serializer.Unmarshal(stored, &got); err != nil || err2 != nil || got.Cmp(huge) != 0 {
		t.Errorf("a big number: %v, %v, %v", &got, err, err2)
	}
}

func TestWhatIsRefused(t *testing.T) {
	type small struct{ N int8 }
	for _, test := range []struct {
		what, data string
		into       any
		want       error
	}{
		{"the tag alone", "", new(any), codec.ErrCorrupt},
		{"trailing byte", "0100", new(any), codec.ErrCorrupt},
		{"null for a struct", "f6", new(account), codec.ErrCorrupt},
		{"null for a string", "f6", new(string), codec.ErrCorrupt},
		{"a key twice", "a2616101616102", new(any), codec.ErrCorrupt},
		{"a key twice", "a2616101616102", new(map[string]int), codec.ErrCorrupt},
		{"invalid UTF-8", "61ff", new(string), codec.ErrCorrupt},
		{"indefinite length", "9f01ff", new(any), codec.ErrCorrupt},
		{"bytes for a string", "4161", new(string), codec.ErrCorrupt},
		{"300 for an int8", "a1614e19012c", new(small), codec.ErrCorrupt},
		{"-1 for a uint", "20", new(uint), codec.ErrCorrupt},
		{"a float for an int", "f94200", new(int), codec.ErrCorrupt},
		{"4 Gi elements", "9affffffff", new(any), codec.ErrTooLarge},
		{"4 Gi pairs", "baffffffff", new(any), codec.ErrTooLarge},
		{"2^63 bytes", "5b8000000000000000", new(any), codec.ErrCorrupt},
		{"depth", strings.Repeat("81", 100) + "00", new(any), codec.ErrTooLarge},
		{"depth of tags", strings.Repeat("c1", 100000) + "00", new(any), codec.ErrTooLarge},
		{"no pointer", "01", 5, codec.ErrUnsupportedValue},
	} {
		data, err := hex.DecodeString("d9d9f7" + test.data)
		if err != nil {
			t.Fatal(err)
		}
		if err := cbor.Serializer.Unmarshal(data, test.into); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
		}
	}
	deep := any(1)
	for range 40 {
		deep = []any{deep}
	}
	for _, test := range []struct {
		value any
		want  error
	}{{"\xff", codec.ErrUnsupportedValue}, {map[string]int{"\xff": 1}, codec.ErrUnsupportedValue}, {make(chan int), codec.ErrUnsupportedValue}, {deep, codec.ErrTooLarge}} {
		if out, err := cbor.Serializer.Append([]byte("x"), test.value); !errors.Is(err, test.want) || string(out) != "x" {
			t.Errorf("Append(%T) = %q, %v, want %v", test.value, out, err, test.want)
		}
	}
}

// CBOR without the tag may be JSON, MessagePack or decimal text: no chain reads it.
func TestUntaggedCBORIsNotRead(t *testing.T) {
	for _, order := range [][]codec.Serializer{{cbor.Serializer}, {codec.JSON, cbor.Serializer}, {cbor.Serializer, codec.JSON}, {codec.Gob, cbor.Serializer}} {
		chain, err := codec.New(codec.Config{Serializers: order})
		if err != nil {
			t.Fatal(err)
		}
		var v any
		for _, untagged := range []string{"", "\xa1\x61a\x01", "\x61a", "\x81\x01", "\xf5"} {
			if _, err := chain.Decode([]byte(untagged), &v); !errors.Is(err, codec.ErrCorrupt) {
				t.Errorf("%s first: %x was read as %v, %v", order[0].Name(), untagged, v, err)
			}
		}
		var f float64 // 80 would be -49
		if _, err := chain.Decode([]byte("80"), &f); f != 0 && f != 80 {
			t.Errorf("%s first: the integer 80 is read as %v, %v", order[0].Name(), f, err)
		}
		stored, err := cbor.Serializer.Append(nil, "ull           ") // without the tag, the JSON text null
		if err != nil {
			t.Fatal(err)
		}
		if read, err := chain.Decode(stored, &v); err != nil || v != "ull           " || read.Serializer != "cbor" {
			t.Errorf("read %v, %+v, %v", v, read, err)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, v := range []any{ada, 1.5, "x", []any{nil, true, int64(-5)}, map[string]any{"a": []byte{1}}} {
		stored, err := cbor.Serializer.Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(stored)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, into := range []any{new(any), new(string), new([]byte), new(int8), new(account), new(map[string]int)} {
			before := bytes.Clone(data)
			err := cbor.Serializer.Unmarshal(data, into)
			if err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) || !bytes.Equal(before, data) {
				t.Fatalf("%x into a %T: %v", data, into, err)
			}
		}
	})
}

func TestShortInputsNeverPanic(t *testing.T) {
	for a := range 1 << 16 {
		data := []byte{byte(a >> 8), byte(a)}
		for _, into := range []any{new(any), new(account)} {
			_ = cbor.Serializer.Unmarshal(data, into) // a panic fails the test
			_ = cbor.Serializer.Unmarshal(data[:1], into)
		}
	}
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
