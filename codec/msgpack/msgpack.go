// Package msgpack is MessagePack for package codec, compatible with Python's msgpack
// library. An import makes the serializer known to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/msgpack"
//
// A DSN then has serializer=msgpack.
//
// The package implements the format itself. The other libraries that were measured silently
// read 300 into an int8 as 44, or the largest uint64 as -1.
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
//   - Strings are str. A []byte and an array of bytes are bin. Neither form is read as
//     the other. Text that is not valid UTF-8 is codec.ErrUnsupportedValue at writing,
//     and codec.ErrCorrupt at reading.
//   - Structs are maps. A msgpack tag, or else a json tag, gives the name, omitempty
//     and "-". Fields of an embedded struct without a tag are fields of the outer
//     struct.
//   - A time.Time is the timestamp extension, with nanoseconds. The time is read as UTC.
//   - A type with MarshalBinary and UnmarshalBinary is bin. A type with MarshalText and
//     UnmarshalText is str. A struct with unexported fields, MarshalJSON and
//     UnmarshalJSON is str, too: its JSON, as text.
//   - An integer is read into any integer type that holds the integer. An integer is
//     also read into a float64 up to 2^53, and into a float32 up to 2^24. A float is
//     read only into a float type that holds exactly this number.
//   - nil inside a value is read as the zero value. A nil that is the whole value is
//     read only into a type that has a nil.
//   - A number from 48 to 57 that is the whole value is written in two bytes. A single
//     byte would be a digit, which is decimal text or JSON, and is codec.ErrCorrupt at
//     reading.
//   - In an any, maps are map[string]any, arrays []any, floats float64, and bin is
//     []byte. Integers are int64, or uint64 above the range of int64.
//   - Maps are written in the order of their keys, so that equal values have equal
//     bytes. A map with a repeated key is codec.ErrCorrupt.
//
// Values nest at most 32 levels deep, and hold at most 1 Mi elements.
//
// The format has no mark of its own. No value of the format is mistaken for a value of a
// format with a mark.
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
