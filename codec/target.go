package codec

import (
	"fmt"
	"reflect"
)

// A target is where a value is decoded to: what a pointer points to, or a
// []byte that no interface holds.
type target interface {
	unmarshal(s Serializer, data []byte) error
	// tryUnmarshal reports as recognized what s, a Recognizer, claims, even
	// when it cannot be read into the target.
	tryUnmarshal(s Serializer, data []byte) (recognized bool, err error)
}

// A trier recognises and decodes in one pass.
type trier interface {
	tryUnmarshal(data []byte, v any) (recognized bool, err error)
}

type valueTarget struct{ v any }

func (t valueTarget) unmarshal(s Serializer, data []byte) (err error) {
	defer recoverDecoder(s, &err)
	return classify(s.Unmarshal(data, t.v), ErrCorrupt, s.Name(), "it cannot be read")
}

func (t valueTarget) tryUnmarshal(s Serializer, data []byte) (recognized bool, err error) {
	if both, ok := s.(trier); ok {
		defer recoverDecoder(s, &err)
		recognized = true // what panics had been recognised
		return both.tryUnmarshal(data, t.v)
	}
	if !s.(Recognizer).Recognize(data) {
		return false, nil
	}
	return true, t.unmarshal(s, data)
}

type bytesTarget struct{ bytes []byte }

func (t *bytesTarget) unmarshal(s Serializer, data []byte) (err error) {
	defer recoverDecoder(s, &err)
	if direct, ok := s.(bytesSerializer); ok {
		t.bytes, err = direct.UnmarshalBytes(data)
	} else {
		err = s.Unmarshal(data, &t.bytes)
	}
	return classify(err, ErrCorrupt, s.Name(), "it cannot be read")
}

func (t *bytesTarget) tryUnmarshal(s Serializer, data []byte) (recognized bool, err error) {
	if !s.(Recognizer).Recognize(data) {
		return false, nil
	}
	return true, t.unmarshal(s, data)
}

// recoverDecoder is deferred around a decoder: whatever the bytes, a panic is
// an error.
func recoverDecoder(s Serializer, err *error) {
	if p := recover(); p != nil {
		*err = &Error{Kind: ErrCorrupt, Codec: s.Name(), Reason: "its decoder panicked"}
	}
}

// pointee returns what v, which must be a non-nil pointer, points to.
func pointee(v any) (reflect.Value, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return reflect.Value{}, &Error{Kind: ErrUnsupportedValue, Reason: fmt.Sprintf("a value is decoded into a non-nil pointer, not a %T", v)}
	}
	return rv.Elem(), nil
}

func isInteger(kind reflect.Kind) bool { return kind >= reflect.Int && kind <= reflect.Uintptr }
