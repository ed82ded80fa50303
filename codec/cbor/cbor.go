// Package cbor is CBOR, RFC 8949, for package codec. An import makes the serializer known
// to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/cbor"
//
// A DSN then has serializer=cbor.
package cbor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// Serializer is CBOR.
//
// Values begin with the tag of self-described CBOR, D9 D9 F7, which every reader of the
// format accepts. The serializer recognizes its values by the tag. CBOR without the tag is
// codec.ErrCorrupt, because it could be JSON, decimal text or MessagePack. Other languages
// write the tag on demand, in Python with cbor2.dumps(cbor2.CBORTag(55799, value)).
//
//   - Structs are maps. A cbor tag, or else a json tag, gives the name of a field.
//   - A time.Time is text in RFC 3339 with its tag, with nanoseconds and the offset of
//     its zone, which must be whole minutes. The zero time is null.
//   - A []byte is a byte string. A *big.Int is a big number.
//   - In an any, maps are map[string]any, byte strings []byte, and times time.Time.
//     Integers are int64, or big.Int beyond the range of int64.
//   - A type with MarshalCBOR, MarshalBinary or MarshalText is encoded by the first of
//     these methods, as an item, a byte string or text.
//   - Text that is not valid UTF-8 is codec.ErrUnsupportedValue at writing, and
//     codec.ErrCorrupt at reading. Maps with a repeated key, strings of indefinite
//     length, and a null for a target without nil are codec.ErrCorrupt, too.
//
// Values nest at most 32 levels deep, and hold at most 1 Mi elements. A big number has at
// most 64 KiB. A big number as text, such as a big.Rat, has at most codec.MaxIntegerDigits
// digits.
var Serializer codec.Serializer = serializer{}

func init() { codec.Register(Serializer) }

const (
	name = "cbor"

	// mark is the tag of self-described CBOR.
	mark = "\xD9\xD9\xF7"

	maxDepth    = 32
	maxElements = 1 << 20
	// maxBigNumber is the limit, in bytes, of big numbers. The library writes a big number in
	// decimal if the number does not fit its target. This takes a second for 1 MiB.
	maxBigNumber = 64 << 10
)

var encMode = must(cbor.EncOptions{
	Sort:    cbor.SortBytewiseLexical, // equal values are equal to the byte
	Time:    cbor.TimeRFC3339Nano,
	TimeTag: cbor.EncTagRequired,

	TextMarshaler: cbor.TextMarshalerTextString,
}.UserBufferEncMode())

var decMode = must(cbor.DecOptions{
	DupMapKey:        cbor.DupMapKeyEnforcedAPF,
	MaxNestedLevels:  maxDepth,
	MaxArrayElements: maxElements,
	MaxMapPairs:      maxElements,
	IndefLength:      cbor.IndefLengthForbidden,
	IntDec:           cbor.IntDecConvertSignedOrBigInt,
	DefaultMapType:   reflect.TypeFor[map[string]any](),
	TextUnmarshaler:  cbor.TextUnmarshalerTextString,
}.DecMode())

func must[M any](mode M, err error) M {
	if err != nil {
		panic(err) // options that contradict each other
	}
	return mode
}

type serializer struct{}

func (serializer) Name() string { return name }

// Canonical implements codec.Canonical.
func (serializer) Canonical() {}

func (serializer) Recognize(data []byte) bool { return bytes.HasPrefix(data, []byte(mark)) }

func (serializer) Append(dst []byte, v any) ([]byte, error) {
	if v != nil {
		t := reflect.TypeOf(v)
		if why := rules.Typed(t).Check(v, true); why != nil {
			return dst, refused(t, why)
		}
	}
	out := bytes.NewBuffer(dst)
	out.WriteString(mark)
	if err := encMode.MarshalToBuffer(v, out); err != nil {
		return dst, &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: fmt.Sprintf("it cannot store a %T", v), Err: err}
	}
	value := out.Bytes()[len(dst)+len(mark):]
	if err := decMode.Wellformed(value); err != nil {
		return dst, &codec.Error{Kind: codec.ErrTooLarge, Codec: name,
			Reason: fmt.Sprintf("it nests more than %d levels deep or holds more than %d elements", maxDepth, maxElements), Err: err}
	}
	if err := checkLimits(value, reflect.TypeOf(v)); err != nil {
		return dst, err
	}
	if !validText(value) {
		return dst, &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: "a string is not valid UTF-8; store it as []byte"}
	}
	return out.Bytes(), nil
}

func (serializer) Unmarshal(data []byte, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: fmt.Sprintf("a value is decoded into a non-nil pointer, not a %T", v)}
	}
	t := target.Type().Elem()
	data, marked := bytes.CutPrefix(data, []byte(mark))
	if !marked {
		return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: "it lacks the tag of self-described CBOR, and could be of another format"}
	}
	if isNull(data) && !holdsNull(t) {
		return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: fmt.Sprintf("null cannot be read as %v; read it as a pointer", t)}
	}
	if isNull(data) {
		target.Elem().SetZero() // the library does not change a time
		if !reflect.PointerTo(t).Implements(reflect.TypeFor[cbor.Unmarshaler]()) {
			return nil
		}
	}
	// Shorter data cannot exceed the limits that the library does not check.
	if len(data) > codec.MaxIntegerDigits && (len(data) > maxBigNumber || rules.Typed(t).HoldsMethods()) && decMode.Wellformed(data) == nil {
		if err := checkLimits(data, t); err != nil {
			return err
		}
	}
	err := decMode.Unmarshal(data, v)
	if err == nil {
		return nil
	}
	_, deep := errors.AsType[*cbor.MaxNestedLevelError](err)
	_, long := errors.AsType[*cbor.MaxArrayElementsError](err)
	_, wide := errors.AsType[*cbor.MaxMapPairsError](err)
	if deep || long || wide {
		return &codec.Error{Kind: codec.ErrTooLarge, Codec: name,
			Reason: fmt.Sprintf("it nests more than %d levels deep or holds more than %d elements", maxDepth, maxElements), Err: err}
	}
	return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: fmt.Sprintf("it cannot be read as %v", t), Err: err}
}

// isNull reports whether data is null or undefined.
func isNull(data []byte) bool { return len(data) == 1 && (data[0] == 0xF6 || data[0] == 0xF7) }

func holdsNull(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return true
	}
	return t == reflect.TypeFor[time.Time]() || reflect.PointerTo(t).Implements(reflect.TypeFor[cbor.Unmarshaler]()) // the zero time is null
}

var (
	errElements  = &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("it holds more than %d elements", maxElements)}
	errDigits    = &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("it holds a number, as text, of more than %d digits", codec.MaxIntegerDigits)}
	errBigNumber = &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: fmt.Sprintf("it holds a number of more than %d bytes", maxBigNumber)}
)

// validText reports whether all text in well-formed CBOR without indefinite lengths is
// UTF-8. The library checks text only when it reads.
func validText(data []byte) bool {
	for len(data) > 0 {
		var h head
		if h, data = nextHead(data); h.kind == textKind && !utf8.Valid(h.data) {
			return false
		}
	}
	return true
}

// checkLimits returns the error of well-formed CBOR beyond the limits. The data have no
// indefinite lengths, and come from or are for a value of type t. The library counts the
// elements of each array and each map separately.
func checkLimits(data []byte, t reflect.Type) error {
	var parts *roundtrip.Type
	if t != nil && len(data) > codec.MaxIntegerDigits {
		parts = rules.Typed(t)
	}
	elements := uint64(0)
	for len(data) > 0 {
		bigNumber := data[0] == 0xC2 || data[0] == 0xC3
		var h head
		h, data = nextHead(data)
		if bigNumber && len(data) > maxBigNumber {
			if number, _ := nextHead(data); len(number.data) > maxBigNumber {
				return errBigNumber
			}
		}
		if h.kind == textKind && len(h.data) > codec.MaxIntegerDigits && parts.HoldsMethods() &&
			roundtrip.IsLongNumber(h.data, codec.MaxIntegerDigits, parts.HoldsBig()) {
			return errDigits
		}
		if h.kind == arrayKind || h.kind == mapKind {
			if elements += h.number; elements > maxElements {
				return errElements
			}
		}
	}
	return nil
}

// The kinds of heads that this file handles.
const (
	bytesKind = 2
	textKind  = 3
	arrayKind = 4
	mapKind   = 5
)

// A head begins each item. data is the content of a string.
type head struct {
	kind   byte
	number uint64
	data   []byte
}

// nextHead reads a head, and the content of a string, from the front of well-formed CBOR.
func nextHead(data []byte) (h head, rest []byte) {
	h.kind, h.number = data[0]>>5, uint64(data[0]&0x1F)
	rest = data[1:]
	if h.number >= 24 {
		var number [8]byte
		size := 1 << (h.number - 24)
		copy(number[8-size:], rest[:size])
		h.number, rest = binary.BigEndian.Uint64(number[:]), rest[size:]
	}
	if h.kind == bytesKind || h.kind == textKind {
		h.data, rest = rest[:h.number], rest[h.number:]
	}
	return h, rest
}
