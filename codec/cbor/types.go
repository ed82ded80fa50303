package cbor

import (
	"fmt"
	"math/big"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// rules are what the library writes and cannot read back, leaves out, or does not
// come to an end with.
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

// isKnown reports whether the library itself has a form for a type.
func isKnown(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[big.Int](), reflect.TypeFor[cbor.Tag](), reflect.TypeFor[cbor.SimpleValue]():
		return true
	}
	return false
}

// fields has the library's rules, which are those of encoding/json with a tag of its
// own.
func fields(t reflect.Type, typed bool) ([]roundtrip.Field, string) {
	fields, lost := roundtrip.TaggedFields(t, typed, "cbor", "json")
	for i := range fields {
		fields[i].Quoted = false // it knows no such option
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

// isNullForm reports whether v, a pointer, is written as null by its methods.
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
