package msgpack

import (
	"cmp"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/xcache-go/xcache/codec"
)

type encoder struct {
	out      []byte
	elements int
}

func (e *encoder) value(v reflect.Value, depth int) error {
	if !v.IsValid() {
		e.out = append(e.out, codeNil)
		return nil
	}
	if depth > maxDepth {
		return errDepth
	}
	t := v.Type()
	info := infoOf(t)
	if info.form != plainForm {
		return e.own(v, info.form)
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			e.out = append(e.out, codeTrue)
		} else {
			e.out = append(e.out, codeFalse)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.uint(v.Uint())
	case reflect.Float32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, codeFloat32), math.Float32bits(float32(v.Float())))
	case reflect.Float64:
		e.out = binary.BigEndian.AppendUint64(append(e.out, codeFloat64), math.Float64bits(v.Float()))
	case reflect.String:
		return e.string(v.String())
	case reflect.Pointer, reflect.Interface:
		return e.indirect(v, depth)
	case reflect.Slice, reflect.Array:
		return e.list(v, depth)
	case reflect.Map:
		return e.mapping(v, depth)
	case reflect.Struct:
		return e.structure(v, info.fields, depth)
	default:
		return unsupported(fmt.Sprintf("it has no form for %v", t))
	}
	return nil
}

// indirect writes the value that a pointer or an interface holds.
func (e *encoder) indirect(v reflect.Value, depth int) error {
	to := v.Elem() // invalid for nil
	switch to.Kind() {
	case reflect.Pointer, reflect.Interface:
		depth++ // the value may refer to itself
		fallthrough
	case reflect.Map, reflect.Slice:
		if v.Kind() == reflect.Pointer && to.IsNil() {
			return unsupported(fmt.Sprintf("a %v points to a nil, and would be read back as a nil itself", v.Type()))
		}
	}
	if v.Kind() == reflect.Interface && to.IsValid() {
		if why := rules.Untyped(to.Type()).Refusal(); why != nil {
			return refused(to.Type(), why)
		}
	}
	return e.value(to, depth)
}

// own writes a value of a type that has methods for its form, or a time.
func (e *encoder) own(v reflect.Value, f form) error {
	if f == timeForm {
		e.time(v.Interface().(time.Time))
		return nil
	}
	var data []byte
	var err error
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	switch f {
	case textForm:
		data, err = p.Interface().(encoding.TextMarshaler).MarshalText()
	case jsonForm:
		data, err = p.Interface().(json.Marshaler).MarshalJSON()
	default:
		data, err = p.Interface().(encoding.BinaryMarshaler).MarshalBinary()
	}
	if err != nil {
		return &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: name, Reason: fmt.Sprintf("it cannot store a %v", v.Type()), Err: err}
	}
	if f == binaryForm {
		e.bytes(data)
		return nil
	}
	if isLongNumber(data, v.Type()) {
		return errDigits
	}
	return e.string(string(data))
}

func (e *encoder) uint(n uint64) {
	switch {
	case n < codeMap:
		e.out = append(e.out, byte(n))
	case n <= math.MaxUint8:
		e.out = append(e.out, codeUint8, byte(n))
	case n <= math.MaxUint16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, codeUint8+1), uint16(n))
	case n <= math.MaxUint32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, codeUint8+2), uint32(n))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, codeUint8+3), n)
	}
}

func (e *encoder) int(n int64) {
	switch {
	case n >= 0:
		e.uint(uint64(n))
	case n >= -32:
		e.out = append(e.out, byte(n))
	case n >= math.MinInt8:
		e.out = append(e.out, codeInt8, byte(n))
	case n >= math.MinInt16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, codeInt8+1), uint16(n))
	case n >= math.MinInt32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, codeInt8+2), uint32(n))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, codeInt8+3), uint64(n))
	}
}

func (e *encoder) string(s string) error {
	if !utf8.ValidString(s) {
		return unsupported("a string is not valid UTF-8; store it as []byte")
	}
	switch n := len(s); {
	case n < 32:
		e.out = append(e.out, codeString|byte(n))
	case n <= math.MaxUint8:
		e.out = append(e.out, codeString8, byte(n))
	default:
		e.length(codeString16, n)
	}
	e.out = append(e.out, s...)
	return nil
}

func (e *encoder) bytes(b []byte) {
	if len(b) <= math.MaxUint8 {
		e.out = append(e.out, codeBin8, byte(len(b)))
	} else {
		e.length(codeBin8+1, len(b))
	}
	e.out = append(e.out, b...)
}

// length writes a length in two bytes or, with the next code, in four.
func (e *encoder) length(code byte, n int) {
	if n <= math.MaxUint16 {
		e.out = binary.BigEndian.AppendUint16(append(e.out, code), uint16(n))
	} else {
		e.out = binary.BigEndian.AppendUint32(append(e.out, code+1), uint32(n))
	}
}

// count writes the number of elements of an array or a map.
func (e *encoder) count(fix, code byte, n int) error {
	if e.elements += n; e.elements > maxElements {
		return errElements
	}
	if n < 16 {
		e.out = append(e.out, fix|byte(n))
	} else {
		e.length(code, n)
	}
	return nil
}

func (e *encoder) list(v reflect.Value, depth int) error {
	if v.Kind() == reflect.Slice && v.IsNil() {
		e.out = append(e.out, codeNil)
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if v.Kind() == reflect.Array && !v.CanAddr() {
			addressable := reflect.New(v.Type()).Elem()
			addressable.Set(v)
			v = addressable
		}
		e.bytes(v.Bytes())
		return nil
	}
	if err := e.count(codeArray, codeArray16, v.Len()); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := e.value(v.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) mapping(v reflect.Value, depth int) error {
	if v.IsNil() {
		e.out = append(e.out, codeNil)
		return nil
	}
	if err := e.count(codeMap, codeMap16, v.Len()); err != nil {
		return err
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, compareKeys)
	for _, key := range keys {
		if err := e.value(key, depth+1); err != nil {
			return err
		}
		if err := e.value(v.MapIndex(key), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// compareKeys orders text and integers. Other keys have no order.
func compareKeys(a, b reflect.Value) int {
	switch {
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	}
	return 0
}

func (e *encoder) structure(v reflect.Value, fields []field, depth int) error {
	n := len(fields)
	for i := range fields {
		if fields[i].omitEmpty && isEmpty(v.FieldByIndex(fields[i].index)) {
			n--
		}
	}
	if err := e.count(codeMap, codeMap16, n); err != nil {
		return err
	}
	for i := range fields {
		f := v.FieldByIndex(fields[i].index)
		if fields[i].omitEmpty && isEmpty(f) {
			continue
		}
		if err := e.string(fields[i].name); err != nil {
			return err
		}
		if err := e.value(f, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// isEmpty reports whether encoding/json would omit v.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct:
		return false
	case reflect.Slice, reflect.Map, reflect.Array:
		return v.Len() == 0
	}
	return v.IsZero()
}

func (e *encoder) time(t time.Time) {
	seconds, nanos := t.Unix(), uint64(t.Nanosecond())
	switch {
	case seconds>>34 != 0: // negative seconds, too
		e.out = append(e.out, codeExt8, 12, timestamp)
		e.out = binary.BigEndian.AppendUint32(e.out, uint32(nanos))
		e.out = binary.BigEndian.AppendUint64(e.out, uint64(seconds))
	case nanos == 0 && seconds <= math.MaxUint32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, codeFixExt4, timestamp), uint32(seconds))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, codeFixExt8, timestamp), nanos<<34|uint64(seconds))
	}
}
