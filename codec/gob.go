package codec

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"fmt"
	"reflect"

	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// Gob is encoding/gob. Each value is a stream with the description of its type.
//
// Gob does not tell a nil slice or map from an empty one, and stores no nil pointer. Gob
// reads into no interface at the top: ask for a type, as with xcache.For[User]. Entries of
// maps have no fixed order. Values that encoding/gob would store incompletely are
// ErrUnsupportedValue: fields that are channels or functions, unexported fields of embedded
// structs, and pointers to a zero value, which would be read back as nil.
var Gob Serializer = gobSerializer{}

type gobSerializer struct{}

// gobDepth knows the types whose gobs nest within bounds.
var gobDepth = typeDepth{ownForm: func(t reflect.Type) (own, bounded bool) {
	p := reflect.PointerTo(t)
	own = p.Implements(reflect.TypeFor[gob.GobEncoder]()) || p.Implements(reflect.TypeFor[encoding.BinaryMarshaler]())
	return own, own // the methods produce bytes
}}

func (gobSerializer) Name() string { return "gob" }

func (gobSerializer) Recognize(data []byte) bool { return isGob(data) }

func (gobSerializer) Append(dst []byte, v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() || rv.Kind() == reflect.Pointer && rv.IsNil() {
		return dst, &Error{Kind: ErrUnsupportedValue, Codec: "gob", Reason: "it cannot store nil"}
	}
	rules := gobRules.Typed(rv.Type())
	if why := rules.Check(v, true); why != nil {
		return dst, refused("gob", rv.Type(), why)
	}
	out := sink{dst}
	if err := gob.NewEncoder(&out).Encode(rules.Addressed(v)); err != nil {
		return dst, &Error{Kind: ErrUnsupportedValue, Codec: "gob", Reason: fmt.Sprintf("it cannot store a %T", v), Err: err}
	}
	if stream := out.text[len(dst):]; len(stream) > maxElements || !gobDepth.bounded(rv.Type()) {
		if err := checkGob(stream); err != nil {
			return dst, err
		}
	}
	return out.text, nil
}

// gobRules describe the values that encoding/gob stores incompletely, or cannot read back.
var gobRules = roundtrip.Rules{
	Forms:        []roundtrip.Form{roundtrip.Gob, roundtrip.Binary},
	NeedsAddress: true,
	Fields:       roundtrip.GobFields,
	Key:          func(reflect.Type, bool) string { return "" },
	Interfaces:   true,
	Complex:      true,
	Circles:      true,
	OmitsZero:    true,
}

// CheckType implements TypeChecker.
func (gobSerializer) CheckType(t reflect.Type) error {
	if t.Kind() == reflect.Interface {
		return gobReadsNoInterface(t)
	}
	if why := gobRules.Typed(t).Refusal(); why != nil {
		return refused("gob", t, why)
	}
	return nil
}

func gobReadsNoInterface(t reflect.Type) error {
	return &Error{Kind: ErrUnsupportedValue, Codec: "gob", Reason: fmt.Sprintf("it cannot read into %v, an interface; ask for a type", t)}
}

func (gobSerializer) Unmarshal(data []byte, v any) (err error) {
	target, err := pointee(v)
	if err != nil {
		return err
	}
	if target.Kind() == reflect.Interface {
		return gobReadsNoInterface(target.Type())
	}
	if err := checkGob(data); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = decoderPanicked("gob")
		}
	}()
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(v); err != nil {
		return &Error{Kind: ErrCorrupt, Codec: "gob", Reason: fmt.Sprintf("it cannot be read as %v", target.Type()), Err: err}
	}
	return nil
}
