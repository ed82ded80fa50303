package codec

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON is encoding/json, with rules for cases in which encoding/json would silently change
// a value:
//
//   - A string that is not valid UTF-8 is ErrUnsupportedValue when it is
//     written, and ErrCorrupt when it is read. The same holds for an escape of half a
//     surrogate pair, such as \udc80, which other languages write.
//
//   - null is read into a pointer, a map, a slice, an interface, or a type with
//     an UnmarshalJSON method. For any other target, such as a struct, null is
//     ErrCorrupt.
//
//   - An integer is read from canonical decimal text only, the text that the
//     chain writes: no spaces, no -0.
//
//   - Methods with a pointer receiver count for values, too. A value that could
//     not be read back, or only in part, is ErrUnsupportedValue when it is
//     written: docs/codecs.md has a list.
//
//   - A time.Time with a zone that is not whole minutes from UTC is
//     ErrUnsupportedValue: its text would be another instant.
//
//   - A number of more than MaxIntegerDigits is ErrTooLarge, at writing and at
//     reading.
//
// Values nest at most 32 levels deep, and hold at most 1 Mi elements. < > and & are not
// escaped, so that other languages write the same bytes. A []byte is base64 text. A
// number that is read into an any is a float64. An integer beyond 2^53, and an integer at
// the top, is an int64, a uint64 or a *big.Int instead: see the package comment.
var JSON Serializer = jsonSerializer{}

type jsonSerializer struct{}

func (jsonSerializer) Name() string { return "json" }

// Canonical implements Canonical.
func (jsonSerializer) Canonical() {}

func (jsonSerializer) Recognize(data []byte) bool { return mayBeJSON(data) && json.Valid(data) }

func (jsonSerializer) Append(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, "null"...), nil
	}
	t := reflect.TypeOf(v)
	rules := jsonRules.Typed(t)
	if why := rules.Refusal(); why != nil {
		return dst, refused("json", t, why)
	}
	// A check of the written text finds most values that are too large. A pointer to itself
	// must be found before, because encoding/json may never end.
	looks, forNulls := rules.Looks()
	if looks {
		if why := rules.Check(v, false); why != nil && !why.TooLarge {
			return dst, refused("json", t, why)
		}
	}
	out, err := appendJSON(dst, rules.Addressed(v))
	if err != nil {
		return dst, jsonUnsupported(v, err)
	}
	text := out[len(dst):]
	if hasHalfPair(text) {
		return dst, jsonUnsupported(v, errHalfPair)
	}
	if err := checkNesting(text, t); err != nil {
		return dst, err
	}
	if err := checkNumbers(text, t); err != nil {
		return dst, err
	}
	if looks && forNulls && bytes.Contains(text, []byte("null")) {
		if why := rules.Check(v, true); why != nil {
			return dst, refused("json", t, why)
		}
	}
	return out, nil
}

// CheckType implements TypeChecker.
func (jsonSerializer) CheckType(t reflect.Type) error {
	if why := jsonRules.Typed(t).Refusal(); why != nil {
		return refused("json", t, why)
	}
	return nil
}

// errInvalidUTF8 is the error of appendJSON for a string that encoding/json would change.
var errInvalidUTF8 = errors.New("a string is not valid UTF-8")

// errHalfPair is the error of text that no string of Go holds.
var errHalfPair = errors.New("a string has half of a surrogate pair, which is not a character")

func (s jsonSerializer) Unmarshal(data []byte, v any) error {
	recognized, err := s.tryUnmarshal(data, v)
	if err == nil && !recognized {
		return &Error{Kind: ErrCorrupt, Codec: "json", Reason: "it is not JSON"}
	}
	return err
}

// tryUnmarshal is Recognize and Unmarshal in one pass over data.
func (jsonSerializer) tryUnmarshal(data []byte, v any) (recognized bool, err error) {
	target, err := pointee(v)
	if err != nil {
		return true, err
	}
	if !mayBeJSON(data) {
		return false, nil
	}
	if err := checkNesting(data, target.Type()); err != nil {
		return json.Valid(data), err
	}
	if err := checkNumbers(data, target.Type()); err != nil {
		return json.Valid(data), err
	}
	if err := unmarshalJSON(data, v, target); err != nil {
		if !json.Valid(data) {
			return false, nil
		}
		return true, jsonMismatch(target.Type(), err)
	}
	// encoding/json may have read valid JSON into something else than was stored.
	switch {
	case !utf8.Valid(data):
		return true, &Error{Kind: ErrCorrupt, Codec: "json", Reason: "a string is not valid UTF-8"}
	case hasHalfPair(data):
		return true, &Error{Kind: ErrCorrupt, Codec: "json", Reason: errHalfPair.Error()}
	case isInteger(target.Kind()) && !isDecimal(data) && !hasOwnJSON(target):
		return true, &Error{Kind: ErrCorrupt, Codec: "json", Reason: "it is not an integer in canonical decimal text"}
	case isNull(data) && !holdsNull(target):
		return true, &Error{Kind: ErrCorrupt, Codec: "json", Reason: fmt.Sprintf("null cannot be read as %v; read it as a pointer", target.Type())}
	}
	return true, nil
}

func (s jsonSerializer) AppendBytes(dst, b []byte) ([]byte, error) {
	if b == nil {
		return append(dst, "null"...), nil
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"'), nil
}

func (s jsonSerializer) UnmarshalBytes(data []byte) ([]byte, error) {
	if n := len(data); n >= 2 && data[0] == '"' && data[n-1] == '"' {
		text := data[1 : n-1]
		b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		// The decoder skips line breaks, which JSON does not allow.
		if n, err := base64.StdEncoding.Decode(b, text); err == nil && base64.StdEncoding.EncodedLen(n) == len(text) {
			return b[:n], nil
		}
	}
	var b []byte
	err := s.Unmarshal(data, &b)
	return b, err
}

// mayBeJSON checks the first byte.
func mayBeJSON(data []byte) bool {
	if len(data) == 0 {
		return false
	}
	switch c := data[0]; c {
	case '{', '[', '"', '-', 't', 'f', 'n', ' ', '\t', '\r', '\n':
		return true
	default:
		return c >= '0' && c <= '9'
	}
}

func isNull(data []byte) bool {
	return (data[0] == 'n' || data[0] <= ' ') && string(bytes.TrimSpace(data)) == "null"
}

// holdsNull reports whether target holds the stored value after null was read.
func holdsNull(target reflect.Value) bool {
	switch target.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return true
	}
	// A time.Time ignores null.
	return target.Type() != timeType && target.Addr().Type().Implements(jsonUnmarshaler)
}

func hasOwnJSON(target reflect.Value) bool {
	t := target.Addr().Type()
	return t.Implements(jsonUnmarshaler) || t.Implements(textUnmarshaler)
}

func jsonUnsupported(v any, err error) error {
	reason := fmt.Sprintf("it cannot store a %T", v)
	var badType *json.UnsupportedTypeError
	var badValue *json.UnsupportedValueError
	switch {
	case errors.Is(err, errInvalidUTF8):
		reason = "a string is not valid UTF-8; store it as []byte, or with another serializer"
	case errors.Is(err, errHalfPair): // from a method of the value
		reason = errHalfPair.Error()
	case errors.As(err, &badType):
		reason += ": it has no form for " + badType.Type.String()
	case errors.As(err, &badValue) && isNotFinite(badValue.Str):
		reason += ": it has no form for NaN and infinities"
	case errors.As(err, &badValue):
		reason += ": it refers to itself or nests too deep"
	}
	return &Error{Kind: ErrUnsupportedValue, Codec: "json", Reason: reason, Err: err}
}

func isNotFinite(number string) bool {
	return number == "NaN" || number == "+Inf" || number == "-Inf"
}

// jsonMismatch returns the error of valid JSON that does not fit the wanted type.
func jsonMismatch(t reflect.Type, err error) error {
	reason := fmt.Sprintf("it cannot be read as %v", t)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(mismatch.Value, " ") // "number 300": the rest is a value
		reason += fmt.Sprintf(": %s for %v", kind, mismatch.Type)
		if field := fieldsOf(t, mismatch.Field); field != "" {
			reason += " in field " + strconv.Quote(field)
		}
	}
	return &Error{Kind: ErrCorrupt, Codec: "json", Reason: reason, Err: err}
}

// fieldsOf returns the beginning of a path that consists of fields of t. Since Go 1.27
// encoding/json names keys of maps too, which belong to the value.
func fieldsOf(t reflect.Type, path string) string {
	var names []string
	for name := range strings.SplitSeq(path, ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			t = t.Elem()
		}
		if _, err := strconv.Atoi(name); err == nil {
			continue // an index
		}
		if t.Kind() != reflect.Struct {
			break
		}
		at := slices.IndexFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return strings.EqualFold(jsonName(f), name) })
		if at < 0 {
			break
		}
		names, t = append(names, name), reflect.VisibleFields(t)[at].Type
	}
	return strings.Join(names, ".")
}

// jsonName returns the name of a field in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return cmp.Or(name, f.Name)
}
