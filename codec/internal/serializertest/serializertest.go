// Package serializertest checks the rules of every serializer.
package serializertest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/codec"
)

// An Account has fields of most kinds.
type Account struct {
	ID      int64 `json:"id"`
	Name    string
	Ratio   float64 `cbor:"r" msgpack:"r"`
	Tags    []string
	Limits  map[string]int
	Photo   []byte
	Created time.Time
	Parent  *Account
}

// Ada returns an Account with a value in each field.
func Ada() Account {
	return Account{ID: 1 << 60, Name: "Ada \U0001F980", Ratio: 0.1, Tags: []string{"a", ""}, Limits: map[string]int{"x": -1}, Photo: []byte{0, 255},
		Created: time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.UTC), Parent: &Account{Created: time.Unix(0, 0).UTC()}}
}

// RoundTrip appends values of many types to existing bytes, and reads them. The written
// bytes start with mark.
func RoundTrip(t *testing.T, s codec.Serializer, mark string) {
	for _, value := range []any{
		true, false, 3.25, float32(0.1), 5.0, math.MaxFloat64, "hello", "12345", "", "日本語 \x00", []byte("x"), []byte{}, [3]int{1, 2, 3},
		[]int{1, -2, math.MaxInt}, []uint64{math.MaxUint64}, []string{"a"}, map[string]int{"a": 1}, map[int]string{-1: "x"}, (*Account)(nil),
		[]int(nil), map[string]int(nil), new(7), new(-17), strings.Repeat("long", 9999), map[string]any{"a": []any{int64(1), "x", nil, 1.5, []byte{1}, true}},
		Ada(), []Account{Ada()}, map[string]Account{"a": Ada()},
	} {
		stored, err := s.Append([]byte("before"), value)
		if err != nil || !bytes.HasPrefix(stored, []byte("before"+mark)) {
			t.Errorf("%T: %x, %v", value, stored, err)
			continue
		}
		into := reflect.New(reflect.TypeOf(value))
		if err := s.Unmarshal(stored[len("before"):], into.Interface()); err != nil || !reflect.DeepEqual(into.Elem().Interface(), value) {
			t.Errorf("stored %#v, read %#v, %v", value, into.Elem(), err)
		}
	}
}

// A Refusal is bytes that a serializer must refuse to read into a type.
type Refusal struct {
	What, Hex string
	Into      any
	Want      error
}

// Refuses checks that the bytes of each refusal give its error. All bytes start with mark.
func Refuses(t *testing.T, s codec.Serializer, mark string, refusals []Refusal) {
	t.Helper()
	for _, r := range refusals {
		data, err := hex.DecodeString(r.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Unmarshal(append([]byte(mark), data...), r.Into); !errors.Is(err, r.Want) {
			t.Errorf("%s: %v, want %v", r.What, err, r.Want)
		}
	}
}

// RefusesToStore checks values without a form, and values over a limit.
func RefusesToStore(t *testing.T, s codec.Serializer, tooLarge ...any) {
	t.Helper()
	deep := any(1)
	for range 40 {
		deep = []any{deep}
	}
	check := func(value any, want error) {
		if out, err := s.Append([]byte("x"), value); !errors.Is(err, want) || string(out) != "x" {
			t.Errorf("Append(%T) = %q, %v, want %v", value, out, err, want)
		}
	}
	for _, value := range []any{"\xff", map[string]int{"\xff": 1}, make(chan int)} {
		check(value, codec.ErrUnsupportedValue)
	}
	for _, value := range append(tooLarge, deep) {
		check(value, codec.ErrTooLarge)
	}
}

// read reads arbitrary data into values of many types. An error must match a sentinel, and
// data must be unchanged. read returns the value for an any.
func read(t testing.TB, s codec.Serializer, data []byte) (v any, ok bool) {
	t.Helper()
	before := bytes.Clone(data)
	for _, into := range []any{&v, new(string), new([]byte), new(bool), new(int8), new(float64), new(time.Time), new(Account), new([]Account), new(map[string]int), new(map[any]any)} {
		err := s.Unmarshal(data, into)
		if err != nil && !errors.Is(err, codec.ErrCorrupt) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, codec.ErrUnsupportedValue) {
			t.Fatalf("%x into a %T: %v matches no sentinel", data, into, err)
		}
		if r, recognizes := s.(codec.Recognizer); err == nil && recognizes && !r.Recognize(data) {
			t.Fatalf("%x is read into a %T, but not recognised", data, into)
		}
		ok = ok || into == any(&v) && err == nil
	}
	if !bytes.Equal(before, data) {
		t.Fatalf("%x was changed to %x", before, data)
	}
	return v, ok
}

// ShortInputs reads all inputs of one and two bytes after mark.
func ShortInputs(t *testing.T, s codec.Serializer, mark string) {
	for a := range 256 {
		_, _ = read(t, s, append([]byte(mark), byte(a)))
		for b := range 256 {
			_, _ = read(t, s, append([]byte(mark), byte(a), byte(b)))
		}
	}
}

// Fuzz reads arbitrary bytes. A serializer must not panic, must return errors of the
// package's classes, and must read no value that it does not recognise. A value that is
// read into an any, and can be written, must be read again as the same value.
func Fuzz(f *testing.F, s codec.Serializer) {
	for _, v := range []any{Ada(), 1.5, "x", true, []any{nil, true, int64(-5)}, map[string]any{"a": []byte{1}}, []int{1, 300, -70000}, map[int]string{1: "a"}} {
		if stored, err := s.Append(nil, v); err == nil {
			f.Add(stored)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, ok := read(t, s, data)
		if !ok {
			return
		}
		stored, err := s.Append(nil, v)
		if err != nil {
			return // over a limit in another form
		}
		var again any
		if err := s.Unmarshal(stored, &again); err != nil {
			t.Fatalf("%x is read as %#v and written as %x, which is not read: %v", data, v, stored, err)
		}
		if twice, err := s.Append(nil, again); err != nil || !bytes.Equal(stored, twice) {
			t.Fatalf("%x is written as %x and %x, %v", data, stored, twice, err)
		}
	})
}
