package codec

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"

	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// jsonRules are what encoding/json writes and cannot read back, or leaves out.
var jsonRules = roundtrip.Rules{
	Forms:        []roundtrip.Form{roundtrip.JSON, roundtrip.Text},
	NeedsAddress: true,
	NeedsName:    true,
	Fields: func(t reflect.Type, typed bool) ([]roundtrip.Field, string) {
		return roundtrip.TaggedFields(t, typed, "json")
	},
	Key:      jsonKey,
	TextKeys: true,
	Times:    true,
	NullForm: isJSONNull,
}

// jsonKey follows the order in which encoding/json writes and reads keys, which is
// not the same.
func jsonKey(t reflect.Type, typed bool) string {
	writesText, readsText := t.Implements(textMarshaler), reflect.PointerTo(t).Implements(textUnmarshaler)
	switch {
	case t.Kind() == reflect.String && readsText && typed:
		return "it is written as it is and read by its UnmarshalText"
	case t.Kind() == reflect.String:
		return ""
	case writesText != readsText && typed:
		return "it has only one of the methods MarshalText and UnmarshalText, with a receiver that is no pointer"
	case !writesText && !isInteger(t.Kind()):
		return "it is no string, no integer and no text"
	}
	return ""
}

// isJSONNull reports whether v, a pointer, is written as null by its methods.
func isJSONNull(v reflect.Value) bool {
	switch v.Type().Elem() {
	case reflect.TypeFor[big.Int](), reflect.TypeFor[big.Rat]():
		return false
	}
	m, ok := reflect.TypeAssert[json.Marshaler](v)
	if !ok {
		return false
	}
	text, err := m.MarshalJSON()
	return err == nil && len(text) > 0 && isNull(text)
}

// refused is the error of a serializer that does not write a v.
func refused(codec string, t reflect.Type, why *roundtrip.Refusal) error {
	if why.TooLarge {
		return &Error{Kind: ErrTooLarge, Codec: codec, Reason: why.Reason}
	}
	return &Error{Kind: ErrUnsupportedValue, Codec: codec, Reason: fmt.Sprintf("it cannot store a %v: %s", t, why.Reason)}
}
