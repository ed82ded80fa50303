package codec

import (
	"fmt"
	"reflect"
)

// A destination is the target of a decoded value: the target of the pointer v, or bytes if
// v is nil.
type destination struct {
	v     any
	bytes []byte
}

// A trier recognizes and decodes in one pass.
type trier interface {
	tryUnmarshal(data []byte, v any) (recognized bool, err error)
}

// unmarshal decodes data of serializer s.
func (d *destination) unmarshal(s Serializer, data []byte) (err error) {
	defer recoverDecoder(s, &err)
	if d.v != nil {
		return classify(s.Unmarshal(data, d.v), ErrCorrupt, s.Name(), "it cannot be read")
	}
	if direct, ok := s.(bytesSerializer); ok {
		d.bytes, err = direct.UnmarshalBytes(data)
	} else {
		var b []byte
		err = s.Unmarshal(data, &b)
		d.bytes = b
	}
	return classify(err, ErrCorrupt, s.Name(), "it cannot be read")
}

// tryUnmarshal decodes data if s, a Recognizer, recognizes them.
func (d *destination) tryUnmarshal(s Serializer, data []byte) (recognized bool, err error) {
	if both, ok := s.(trier); ok && d.v != nil {
		defer func() {
			if p := recover(); p != nil {
				recognized, err = true, decoderPanicked(s.Name())
			}
		}()
		return both.tryUnmarshal(data, d.v)
	}
	if !s.(Recognizer).Recognize(data) {
		return false, nil
	}
	return true, d.unmarshal(s, data)
}

// recoverDecoder turns a panic of a decoder into an error. The caller defers
// recoverDecoder.
func recoverDecoder(s Serializer, err *error) {
	if p := recover(); p != nil {
		*err = decoderPanicked(s.Name())
	}
}

func decoderPanicked(codec string) error {
	return &Error{Kind: ErrCorrupt, Codec: codec, Reason: "its decoder panicked"}
}

// pointee returns the target of v, which must be a non-nil pointer.
func pointee(v any) (reflect.Value, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return reflect.Value{}, &Error{Kind: ErrUnsupportedValue, Reason: fmt.Sprintf("a value is decoded into a non-nil pointer, not a %T", v)}
	}
	return rv.Elem(), nil
}

func isInteger(kind reflect.Kind) bool { return kind >= reflect.Int && kind <= reflect.Uintptr }
