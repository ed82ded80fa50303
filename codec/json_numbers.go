package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/xcache-go/xcache/codec/internal/roundtrip"
)

// This file limits the numbers of JSON, and reads integers into an any exactly.

// exactDigits is the length of the shortest integer that a float64 may not hold exactly.
const exactDigits = len("9007199254740993")

var errJSONDigits = &Error{Kind: ErrTooLarge, Codec: "json", Reason: fmt.Sprintf("it holds a number of more than %d digits", MaxIntegerDigits)}

// checkNumbers refuses JSON, from or for a value of type t, with a number of more than
// MaxIntegerDigits: the time of package math/big grows with the square of the length. A
// string that methods read may be such a number, too. The result for text that is not JSON
// has no meaning.
func checkNumbers(text []byte, t reflect.Type) error {
	if len(text) <= MaxIntegerDigits || !hasRun(text, MaxIntegerDigits, roundtrip.IsNumberByte) {
		return nil
	}
	rules := jsonRules.Typed(t)
	for part := range jsonScalars(text) {
		switch quoted := part[0] == '"'; {
		case len(part) <= MaxIntegerDigits:
		case !quoted && countDigits(part) > MaxIntegerDigits,
			quoted && rules.HoldsMethods() && roundtrip.IsLongNumber(part[1:len(part)-1], MaxIntegerDigits, rules.HoldsBig()):
			return errJSONDigits
		}
	}
	return nil
}

// hasRun reports whether text has a run of about n or more bytes of a kind. hasRun checks
// every nth byte, and the bytes around a match.
func hasRun(text []byte, n int, of func(c byte) bool) bool {
	for i := n - 1; i < len(text); i += n {
		if !of(text[i]) {
			continue
		}
		start, end := i, i+1
		for start > 0 && of(text[start-1]) {
			start--
		}
		for end < len(text) && of(text[end]) {
			end++
		}
		if end-start >= n {
			return true
		}
		i += (end - i) / n * n
	}
	return false
}

// jsonScalars yields the strings, with their quotes, and the numbers of a text.
func jsonScalars(text []byte) func(yield func(part []byte) bool) {
	return func(yield func(part []byte) bool) {
		for i := 0; i < len(text); i++ {
			start := i
			switch c := text[i]; {
			case c == '"':
				if i = stringEnd(text, i); i <= start || !yield(text[start:i+1]) {
					return
				}
			case c == '-' || c >= '0' && c <= '9':
				for i+1 < len(text) && isJSONNumberByte(text[i+1]) {
					i++
				}
				if !yield(text[start : i+1]) {
					return
				}
			}
		}
	}
}

func isJSONNumberByte(c byte) bool {
	return isDigitByte(c) || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E'
}

func isDigitByte(c byte) bool { return c >= '0' && c <= '9' }

func countDigits(text []byte) int {
	n := 0
	for _, c := range text {
		if isDigitByte(c) {
			n++
		}
	}
	return n
}

// unmarshalJSON is json.Unmarshal with exact integers in an any: beyond 2^53, an integer is
// an int64, a uint64 or a *big.Int.
func unmarshalJSON(data []byte, v any, target reflect.Value) error {
	if !jsonRules.Typed(target.Type()).HoldsAny() || !hasLongInteger(data) || !json.Valid(data) {
		return json.Unmarshal(data, v)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	return resolveNumbers(target)
}

func hasLongInteger(text []byte) bool {
	if !hasRun(text, exactDigits, isDigitByte) {
		return false
	}
	for part := range jsonScalars(text) {
		if part[0] != '"' && len(part) >= exactDigits && isDecimal(part) {
			return true
		}
	}
	return false
}

// resolveNumbers replaces each json.Number in an any within v.
func resolveNumbers(v reflect.Value) error {
	if v.Type() == timeType || v.CanAddr() && v.Addr().Type().Implements(jsonUnmarshaler) {
		return nil // the method of the type has read the value
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.NumMethod() > 0 || v.IsNil() {
			return nil
		}
		resolved, err := resolveNumber(v.Interface())
		if err == nil && resolved != nil {
			v.Set(reflect.ValueOf(resolved))
		}
		return err
	case reflect.Pointer:
		if !v.IsNil() {
			return resolveNumbers(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := resolveNumbers(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		if !jsonRules.Typed(v.Type().Elem()).HoldsAny() {
			return nil
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		for _, key := range v.MapKeys() {
			elem.Set(v.MapIndex(key))
			if err := resolveNumbers(elem); err != nil {
				return err
			}
			v.SetMapIndex(key, elem)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() || v.Type().Field(i).Anonymous && f.Kind() == reflect.Struct {
				if err := resolveNumbers(f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// resolveNumber returns v with each json.Number replaced.
func resolveNumber(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		return parseJSONNumber(string(v))
	case []any:
		for i, elem := range v {
			resolved, err := resolveNumber(elem)
			if err != nil {
				return nil, err
			}
			v[i] = resolved
		}
	case map[string]any:
		for key, elem := range v {
			resolved, err := resolveNumber(elem)
			if err != nil {
				return nil, err
			}
			v[key] = resolved
		}
	}
	return v, nil
}

func parseJSONNumber(text string) (any, error) {
	if len(text) >= exactDigits && isDecimal([]byte(text)) {
		n, small := parseDecimal([]byte(text))
		if !small {
			return parseBigInteger([]byte(text))
		}
		if n.magnitude > 1<<53 {
			return n.any(), nil
		}
	}
	return strconv.ParseFloat(text, 64)
}
