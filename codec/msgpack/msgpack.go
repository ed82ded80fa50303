// Package msgpack is MessagePack for package codec, compatible with Python's msgpack
// library. An import makes the serializer known to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/msgpack"
//
// and serializer=msgpack uses it.
//
// The package implements the format itself. Other libraries silently read 300 into an int8
// as 44, or the largest uint64 as -1.
// measured read 300 into an int8 as 44, or the largest uint64 as -1, in silence.
package msgpack

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// Serializer is MessagePack.
//
//   - Strings are str, []byte and arrays of bytes are bin, and neither is read as
//     the other. Text that is not valid UTF-8 is codec.ErrUnsupportedValue when it
//     is written, and codec.ErrCorrupt when it is read.
//   - Structs are maps; names, omitempty and "-" are those of a msgpack tag, or else
//     of a json tag. Fields of embedded structs without a tag are its own.
//   - A time.Time is the timestamp extension, with nanoseconds; it is read as UTC.
//   - A type with MarshalBinary and UnmarshalBinary is bin, one with MarshalText and
//     UnmarshalText is str. So is a struct with fields that are not exported and
//     MarshalJSON and UnmarshalJSON: its JSON, as text.
//   - A number is read into any type that holds exactly this number, and into no
//     other. nil inside a value is read as the zero value; alone it is read only
//     into what has a nil.
//   - A number from 48 to 57 that is the whole of a value is written in two bytes. In
//     one it would be a digit: decimal text, or JSON. That is codec.ErrCorrupt.
//   - Read into an any, maps are map[string]any, arrays []any, integers int64 or,
//     if they do not fit, uint64, floats float64, bin []byte.
//   - Maps are written in the order of their keys, so that equal values are equal
//     to the byte. A map with a key twice is codec.ErrCorrupt.
//
// Values nest at most 32 levels deep and hold at most 1 Mi elements.
//
// The format has no mark of its own. Its values are never mistaken for those of formats
// with a mark.
var Serializer codec.Serializer = serializer{}

func init() { codec.Register(Serializer) }

const (
	name = "msgpack"

	maxDepth    = 32
	maxElements = 1 << 20
)

type serializer struct{}

func (serializer) Name() string { return name }

// Canonical implements codec.Canonical.
func (serializer) Canonical() {}

func (serializer) Append(dst []byte, v any) ([]byte, error) {
	if v != nil {
		if err := (serializer{}).CheckType(reflect.TypeOf(v)); err != nil {
			return dst, err
		}
	}
	e := encoder{out: dst}
	if err := e.value(reflect.ValueOf(v), 0); err != nil {
		return dst, err
	}
	// Alone, the numbers 48 to 57 would be the JSON texts 0 to 9. The second byte prevents
	// that.
	if out := e.out[len(dst):]; isDigit(out) {
		return append(dst, codeInt8, out[0]), nil
	}
	return e.out, nil
}

// CheckType implements codec.TypeChecker.
func (serializer) CheckType(t reflect.Type) error {
	if why := rules.Typed(t).Refusal(); why != nil {
		return refused(t, why)
	}
	return nil
}

func (serializer) Unmarshal(data []byte, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return unsupported(fmt.Sprintf("a value is decoded into a non-nil pointer, not a %T", v))
	}
	target = target.Elem()
	if len(data) == 1 && data[0] == codeNil && !holdsNil(target.Kind()) {
		return corrupt(fmt.Sprintf("nil cannot be read as %v; read it as a pointer", target.Type()))
	}
	if isDigit(data) {
		return corrupt("it is a digit, which is decimal text or JSON")
	}
	d := decoder{rest: data}
	if err := d.value(target, 0); err != nil {
		return err
	}
	if len(d.rest) > 0 {
		return corrupt("bytes follow its end")
	}
	return nil
}

// isDigit reports whether data is one ASCII digit.
func isDigit(data []byte) bool { return len(data) == 1 && data[0] >= '0' && data[0] <= '9' }

func holdsNil(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Map || k == reflect.Slice || k == reflect.Interface
}

func corrupt(reason string) error {
	return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: reason}
}

func unsupported(reason string) error {
	return &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: reason}
}

func refused(t reflect.Type, why *roundtrip.Refusal) error {
	return unsupported(fmt.Sprintf("it cannot store a %v: %s", t, why.Reason))
}

// isLongNumber reports whether text for a type is a number beyond the limit of digits.
func isLongNumber(text []byte, t reflect.Type) bool {
	return len(text) > codec.MaxIntegerDigits &&
		roundtrip.IsLongNumber(bytes.Trim(text, `"`), codec.MaxIntegerDigits, t.PkgPath() == "math/big")
}

var (
	errDigits   = &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("it holds a number, as text, of more than %d digits", codec.MaxIntegerDigits)}
	errDepth    = &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("it nests more than %d levels deep", maxDepth)}
	errElements = &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("it holds more than %d elements", maxElements)}
	errShort    = corrupt("it is cut short")
	errUTF8     = corrupt("a string is not valid UTF-8")
)
