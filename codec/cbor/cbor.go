// Package cbor is CBOR, RFC 8949, for package codec. Importing it makes the
// serializer known to DSNs:
//
//	import _ "github.com/xcache-go/xcache/codec/cbor"
//
// and serializer=cbor uses it.
package cbor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/xcache-go/xcache/codec"
)

// Serializer is CBOR.
//
// What it writes starts with the tag of self-described CBOR, D9 D9 F7, which every
// reader of the format accepts, and by which it is recognised. CBOR without the
// tag is codec.ErrCorrupt: it could be JSON, decimal text or MessagePack. Other
// languages write the tag when they are asked, in Python with
// cbor2.dumps(cbor2.CBORTag(55799, value)).
//
//   - Structs are maps; the names are those of a cbor tag, or else of a json tag.
//   - A time.Time is text in RFC 3339 with its tag, with nanoseconds and the
//     offset of its zone. A []byte is a byte string. A *big.Int is a big number.
//   - Read into an any, maps are map[string]any, integers int64 or, if they do
//     not fit, big.Int, byte strings []byte, times time.Time.
//   - Text that is not valid UTF-8 is codec.ErrUnsupportedValue when it is
//     written, and codec.ErrCorrupt when it is read. So are maps with a key
//     twice, strings of indefinite length, and a null read into what has no nil.
//
// Values nest at most 32 levels deep; arrays and maps hold at most 1 Mi elements.
// A value that refers to itself in a circle may not be stored: the library does
// not notice.
var Serializer codec.Serializer = serializer{}

func init() { codec.Register(Serializer) }

const (
	name = "cbor"

	// mark is the tag of self-described CBOR.
	mark = "\xD9\xD9\xF7"

	maxDepth    = 32
	maxElements = 1 << 20
)

var encMode = must(cbor.EncOptions{
	Sort:    cbor.SortBytewiseLexical, // equal values are equal to the byte
	Time:    cbor.TimeRFC3339Nano,
	TimeTag: cbor.EncTagRequired,
}.UserBufferEncMode())

var decMode = must(cbor.DecOptions{
	DupMapKey:        cbor.DupMapKeyEnforcedAPF,
	MaxNestedLevels:  maxDepth,
	MaxArrayElements: maxElements,
	MaxMapPairs:      maxElements,
	IndefLength:      cbor.IndefLengthForbidden,
	IntDec:           cbor.IntDecConvertSignedOrBigInt,
	DefaultMapType:   reflect.TypeFor[map[string]any](),
}.DecMode())

func must[M any](mode M, err error) M {
	if err != nil {
		panic(err) // options that contradict each other
	}
	return mode
}

type serializer struct{}

func (serializer) Name() string { return name }

func (serializer) Recognize(data []byte) bool { return bytes.HasPrefix(data, []byte(mark)) }

func (serializer) Append(dst []byte, v any) ([]byte, error) {
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
	return false
}

// validText reports whether all text in well-formed CBOR without indefinite
// lengths is UTF-8. The library looks at text only when it reads.
func validText(data []byte) bool {
	for len(data) > 0 {
		kind, info := data[0]>>5, data[0]&0x1F
		data = data[1:]
		n := uint64(info)
		if info >= 24 {
			var number [8]byte
			size := 1 << (info - 24)
			copy(number[8-size:], data[:size])
			n, data = binary.BigEndian.Uint64(number[:]), data[size:]
		}
		switch kind {
		case 3: // text
			if !utf8.Valid(data[:n]) {
				return false
			}
			data = data[n:]
		case 2: // bytes
			data = data[n:]
		}
	}
	return true
}
