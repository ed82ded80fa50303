package codec

import (
	"bytes"
	"fmt"
	"reflect"
)

// Raw stores the bytes of a []byte, of a string, or of a type with one of these kinds,
// unchanged. Every other value is ErrUnsupportedValue. A value that is read into an any is a
// []byte. A nil []byte is stored as an empty []byte.
var Raw Serializer = rawSerializer{}

type rawSerializer struct{}

func (rawSerializer) Name() string { return "raw" }

// Canonical implements Canonical.
func (rawSerializer) Canonical() {}

func (rawSerializer) Wildcard() {}

func (rawSerializer) Append(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return append(dst, v...), nil
	case string:
		return append(dst, v...), nil
	}
	switch rv := reflect.ValueOf(v); {
	case rv.Kind() == reflect.String:
		return append(dst, rv.String()...), nil
	case rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8:
		return append(dst, rv.Bytes()...), nil
	}
	return dst, rawUnsupported(reflect.TypeOf(v))
}

func (rawSerializer) Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *[]byte:
		*v = cloneBytes(data)
		return nil
	case *string:
		*v = string(data)
		return nil
	case *any:
		*v = cloneBytes(data)
		return nil
	}
	target, err := pointee(v)
	if err != nil {
		return err
	}
	switch {
	case target.Kind() == reflect.String:
		target.SetString(string(data))
		return nil
	case target.Kind() == reflect.Slice && target.Type().Elem().Kind() == reflect.Uint8:
		target.SetBytes(cloneBytes(data))
		return nil
	}
	return rawUnsupported(target.Type())
}

func (rawSerializer) AppendBytes(dst, b []byte) ([]byte, error) { return append(dst, b...), nil }

func (rawSerializer) UnmarshalBytes(data []byte) ([]byte, error) { return cloneBytes(data), nil }

// cloneBytes returns a copy that is not nil, because an empty value is not a missing one.
func cloneBytes(data []byte) []byte {
	if len(data) == 0 {
		return []byte{}
	}
	return bytes.Clone(data)
}

func rawUnsupported(t reflect.Type) error {
	return &Error{Kind: ErrUnsupportedValue, Codec: "raw", Reason: fmt.Sprintf("it stores []byte and string, not %v", t)}
}
