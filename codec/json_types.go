package codec

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"

	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// jsonRules describe the values that encoding/json stores incompletely, or cannot read
// back.
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

// jsonKey follows the order in which encoding/json tries the forms of keys, which differs
// between writing and reading.
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

// isJSONNull reports whether the methods of v, a pointer, write null.
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

// refused returns the error of a serializer that refuses a value.
func refused(codec string, t reflect.Type, why *roundtrip.Refusal) error {
	if why.TooLarge {
		return &Error{Kind: ErrTooLarge, Codec: codec, Reason: why.Reason}
	}
	return &Error{Kind: ErrUnsupportedValue, Codec: codec, Reason: fmt.Sprintf("it cannot store a %v: %s", t, why.Reason)}
}
