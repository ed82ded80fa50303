package msgpack_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/msgpack"
)

type account struct {
	ID      int64 `json:"id"`
	Name    string
	Ratio   float64 `msgpack:"r"`
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
		stored, err := msgpack.Serializer.Append([]byte("before"), value)
		if err != nil || !bytes.HasPrefix(stored, []byte("before")) {
			t.Errorf("%T: %x, %v", value, stored, err)
			continue
		}
		into := reflect.New(reflect.TypeOf(value))
		if err := msgpack.Serializer.Unmarshal(stored[6:], into.Interface()); err != nil || !reflect.DeepEqual(into.Elem().Interface(), value) {
			t.Errorf("stored %#v, read %#v, %v", value, into.Elem(), err)
		}
	}
	for _, value := range []account{ada, {Created: time.Unix(-1, 5).UTC()}, {Created: time.Unix(1<<35, 0).UTC()}} {
		stored, err := msgpack.Serializer.Append(nil, value)
		var got account
		if err2 := msgpack.Serializer.Unmarshal(stored, &got); err != nil || err2 != nil || got.Created.Format(time.RFC3339Nano) != value.Created.Format(time.RFC3339Nano) {
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
}

func TestWhatIsRefused(t *testing.T) {
	type small struct{ N int8 }
	for _, test := range []struct {
		what, data string
		into       any
		want       error
	}{
		{"nothing", "", new(any), codec.ErrCorrupt},
		{"a digit of JSON", "30", new(float64), codec.ErrCorrupt},
		{"a digit of JSON", "39", new(*int), codec.ErrCorrupt},
		{"trailing byte", "0100", new(any), codec.ErrCorrupt},
		{"null for a struct", "c0", new(account), codec.ErrCorrupt},
		{"a key twice", "82a16101a16102", new(any), codec.ErrCorrupt},
		{"a key twice", "82a16101a16102", new(map[string]int), codec.ErrCorrupt},
		{"a field twice", "82a14e01a14e02", new(small), codec.ErrCorrupt},
		{"invalid UTF-8", "a1ff", new(string), codec.ErrCorrupt},
		{"bytes for a string", "c40161", new(string), codec.ErrCorrupt},
		{"a string for bytes", "a161", new([]byte), codec.ErrCorrupt},
		{"300 for an int8", "81a14ecd012c", new(small), codec.ErrCorrupt},
		{"-1 for a uint", "ff", new(uint), codec.ErrCorrupt},
		{"the largest uint64 for an int64", "cfffffffffffffffff", new(int64), codec.ErrCorrupt},
		{"a float for an int", "cb4008000000000000", new(int), codec.ErrCorrupt},
		{"4 Gi elements", "ddffffffff", new(any), codec.ErrTooLarge},
		{"4 Gi elements", "ddffffffff", new([]account), codec.ErrTooLarge},
		{"64 Mi pairs", "df04000000", new(any), codec.ErrTooLarge},
		{"64 Mi pairs", "df04000000", new(map[string]int), codec.ErrTooLarge},
		{"4 Gi bytes", "c6ffffffff", new([]byte), codec.ErrCorrupt},
		{"4 Gi of text", "dbffffffff", new(string), codec.ErrCorrupt},
		{"an extension", "d40500", new(any), codec.ErrCorrupt},
		{"a timestamp of too many nanoseconds", "d7ffffffffff00000000", new(any), codec.ErrCorrupt},
		{"never used", "c1", new(any), codec.ErrCorrupt},
		{"depth", strings.Repeat("91", 1<<20) + "00", new(any), codec.ErrTooLarge},
		{"depth of maps", strings.Repeat("81a161", 100000) + "00", new(account), codec.ErrTooLarge},
		{"depth beside the fields", "81a178" + strings.Repeat("91", 100000), new(account), codec.ErrTooLarge},
		{"no pointer", "01", 5, codec.ErrUnsupportedValue},
	} {
		data, err := hex.DecodeString(test.data)
		if err != nil {
			t.Fatal(err)
		}
		if err := msgpack.Serializer.Unmarshal(data, test.into); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
		}
	}
	deep := any(1)
	for range 40 {
		deep = []any{deep}
	}
	var circle any
	circle = &circle
	for _, test := range []struct {
		value any
		want  error
	}{{"\xff", codec.ErrUnsupportedValue}, {map[string]int{"\xff": 1}, codec.ErrUnsupportedValue}, {make(chan int), codec.ErrUnsupportedValue},
		{deep, codec.ErrTooLarge}, {circle, codec.ErrTooLarge}, {make([]bool, 1<<20+1), codec.ErrTooLarge}} {
		if out, err := msgpack.Serializer.Append([]byte("x"), test.value); !errors.Is(err, test.want) || string(out) != "x" {
			t.Errorf("Append(%T) = %q, %v, want %v", test.value, out, err, test.want)
		}
	}
}

// What Python's msgpack library writes.
func TestWhatPythonWrites(t *testing.T) {
	const data = "\x86\xa2id*\xa4name\xa3Ada\xa1f\xcb?\xe0\x00\x00\x00\x00\x00\x00\xa1b\xc4\x01\xff\xa1n\xc0\xa1l\x93\xff\xcd\x01,\xc3"
	want := map[string]any{"id": int64(42), "name": "Ada", "f": 0.5, "b": []byte{255}, "n": nil, "l": []any{int64(-1), int64(300), true}}
	var got any
	if err := msgpack.Serializer.Unmarshal([]byte(data), &got); err != nil || !reflect.DeepEqual(got, any(want)) {
		t.Errorf("got %v, %v", got, err)
	}
}

// No JSON, and nothing of another format, is read as msgpack, nor the other way.
func TestBesideJSON(t *testing.T) {
	for _, order := range [][]codec.Serializer{{codec.JSON, msgpack.Serializer, codec.Gob}, {msgpack.Serializer, codec.Gob, codec.JSON}} {
		chain, err := codec.New(codec.Config{Serializers: order})
		if err != nil {
			t.Fatal(err)
		}
		for n := -40; n < 140; n++ {
			for _, s := range order[:2] {
				stored, err := s.Append(nil, &n)
				if err != nil {
					t.Fatal(err)
				}
				var got *int
				if read, err := chain.Decode(stored, &got); err != nil || *got != n || read.Serializer != s.Name() {
					t.Errorf("%d written by %s is %v, %+v, %v", n, s.Name(), got, read, err)
				}
			}
		}
	}
	_, err := codec.New(codec.Config{Serializers: []codec.Serializer{msgpack.Serializer, codec.Raw}})
	if err == nil || !strings.Contains(err.Error(), "format=tagged") {
		t.Errorf("msgpack and raw: %v", err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, v := range []any{ada, 1.5, "x", []any{nil, true, int64(-5)}, map[string]any{"a": []byte{1}}} {
		stored, err := msgpack.Serializer.Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(stored)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, into := range []any{new(any), new(string), new([]byte), new(int8), new(account), new(map[string]int)} {
			before := bytes.Clone(data)
			err := msgpack.Serializer.Unmarshal(data, into)
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
			_ = msgpack.Serializer.Unmarshal(data, into) // a panic fails the test
			_ = msgpack.Serializer.Unmarshal(data[:1], into)
		}
	}
}

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
