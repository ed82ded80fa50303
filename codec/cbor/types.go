package cbor

import (
	"fmt"
	"math/big"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// rules describe the values that the library cannot read back, stores incompletely, or
// encodes without an end.
var rules = roundtrip.Rules{
	Forms:     []roundtrip.Form{roundtrip.CBOR, roundtrip.Binary, roundtrip.Text},
	Known:     isKnown,
	Fields:    fields,
	Key:       key,
	Circles:   true,
	Times:     true,
	NullTimes: true,
	NullForm:  isNullForm,
}

// isKnown reports whether the library has a form of its own for a type.
func isKnown(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[big.Int](), reflect.TypeFor[cbor.Tag](), reflect.TypeFor[cbor.SimpleValue]():
		return true
	}
	return false
}

// fields follows the library's rules: the rules of encoding/json with another tag.
func fields(t reflect.Type, typed bool) ([]roundtrip.Field, string) {
	fields, lost := roundtrip.TaggedFields(t, typed, "cbor", "json")
	for i := range fields {
		fields[i].Quoted = false // the library has no such option
	}
	return fields, lost
}

func key(t reflect.Type, typed bool) string {
	if typed && t.Kind() == reflect.Interface {
		return "what is read back may be of another type"
	}
	if !typed && t.Kind() != reflect.String && !isText(t) {
		return "in an interface, maps are read as map[string]any; ask for a type"
	}
	return ""
}

// isText reports whether values of a type are text.
func isText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(roundtrip.Text.Marshal.Of()) && !p.Implements(roundtrip.Binary.Marshal.Of()) && !p.Implements(roundtrip.CBOR.Marshal.Of())
}

// isNullForm reports whether the methods of v, a pointer, write null.
func isNullForm(v reflect.Value) bool {
	m, ok := reflect.TypeAssert[cbor.Marshaler](v)
	if !ok {
		return false
	}
	data, err := m.MarshalCBOR()
	return err == nil && isNull(data)
}

// CheckType implements codec.TypeChecker.
func (serializer) CheckType(t reflect.Type) error {
	if why := rules.Typed(t).Refusal(); why != nil {
		return refused(t, why)
	}
	return nil
}

func refused(t reflect.Type, why *roundtrip.Refusal) error {
	if why.TooLarge {
		return &codec.Error{Kind: codec.ErrTooLarge, Codec: name, Reason: why.Reason}
	}
	return &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: fmt.Sprintf("it cannot store a %v: %s", t, why.Reason)}
}
