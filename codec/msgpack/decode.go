package msgpack

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/xcache-go/xcache/codec"
)

// A decoder reads values from rest. The decoder checks every length against the length of rest
// before the decoder uses the length.
type decoder struct {
	rest     []byte
	elements int
}

// A token is a value, or the head of an array or a map.
type token struct {
	kind tokenKind
	bits uint64 // a number, a bool as 0 or 1, or the length of an array or map
	data []byte // a string, bytes, or the data of an extension
}

type tokenKind uint8

const (
	nilToken tokenKind = iota
	boolToken
	uintToken
	intToken // a negative number
	floatToken
	stringToken
	binToken
	timeToken
	arrayToken
	mapToken
)

func (k tokenKind) String() string {
	return [...]string{"nil", "a bool", "an integer", "an integer", "a float", "a string", "bytes", "a time", "an array", "a map"}[k]
}

// take removes n bytes from the front.
func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, errShort
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b, nil
}

// number reads a big-endian number of 1, 2, 4 or 8 bytes.
func (d *decoder) number(size int) (uint64, error) {
	b, err := d.take(uint64(size))
	if err != nil {
		return 0, err
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n, nil
}

func (d *decoder) next() (token, error) {
	b, err := d.take(1)
	if err != nil {
		return token{}, err
	}
	switch c := b[0]; {
	case c < codeMap:
		return token{kind: uintToken, bits: uint64(c)}, nil
	case c < codeArray:
		return d.head(mapToken, uint64(c&0x0F))
	case c < codeString:
		return d.head(arrayToken, uint64(c&0x0F))
	case c < codeNil:
		return d.text(uint64(c & 0x1F))
	case c >= codeNegative:
		return token{kind: intToken, bits: uint64(int64(int8(c)))}, nil
	case c == codeNil:
		return token{}, nil
	case c == codeFalse, c == codeTrue:
		return token{kind: boolToken, bits: uint64(c - codeFalse)}, nil
	case c >= codeBin8 && c < codeExt8:
		n, err := d.number(1 << (c - codeBin8))
		if err != nil {
			return token{}, err
		}
		data, err := d.take(n)
		return token{kind: binToken, data: data}, err
	case c >= codeExt8 && c < codeFloat32:
		n, err := d.number(1 << (c - codeExt8))
		if err != nil {
			return token{}, err
		}
		return d.extension(n)
	case c == codeFloat32:
		n, err := d.number(4)
		return token{kind: floatToken, bits: math.Float64bits(float64(math.Float32frombits(uint32(n))))}, err
	case c == codeFloat64:
		n, err := d.number(8)
		return token{kind: floatToken, bits: n}, err
	case c >= codeUint8 && c < codeInt8:
		n, err := d.number(1 << (c - codeUint8))
		return token{kind: uintToken, bits: n}, err
	case c >= codeInt8 && c < codeFixExt1:
		size := 1 << (c - codeInt8)
		n, err := d.number(size)
		if n>>(8*size-1) == 0 {
			return token{kind: uintToken, bits: n}, err
		}
		shift := 64 - 8*size
		return token{kind: intToken, bits: uint64(int64(n<<shift) >> shift)}, err
	case c >= codeFixExt1 && c < codeString8:
		return d.extension(1 << (c - codeFixExt1))
	case c >= codeString8 && c < codeArray16:
		n, err := d.number(1 << (c - codeString8))
		if err != nil {
			return token{}, err
		}
		return d.text(n)
	case c == codeArray16, c == codeArray16+1:
		n, err := d.number(2 << (c - codeArray16))
		if err != nil {
			return token{}, err
		}
		return d.head(arrayToken, n)
	case c == codeMap16, c == codeMap16+1:
		n, err := d.number(2 << (c - codeMap16))
		if err != nil {
			return token{}, err
		}
		return d.head(mapToken, n)
	}
	return token{}, corrupt("it has a byte that starts no value")
}

// head checks the length of an array or a map against the rest: each element has at least
// one byte.
func (d *decoder) head(kind tokenKind, n uint64) (token, error) {
	if n > maxElements || d.elements+int(n) > maxElements {
		return token{}, errElements
	}
	if n > uint64(len(d.rest)) {
		return token{}, errShort
	}
	d.elements += int(n)
	return token{kind: kind, bits: n}, nil
}

func (d *decoder) text(n uint64) (token, error) {
	data, err := d.take(n)
	if err == nil && !utf8.Valid(data) {
		err = errUTF8
	}
	return token{kind: stringToken, data: data}, err
}

// extension reads a time, the only extension that MessagePack itself defines.
func (d *decoder) extension(n uint64) (token, error) {
	kind, err := d.take(1)
	if err != nil {
		return token{}, err
	}
	data, err := d.take(n)
	if err != nil {
		return token{}, err
	}
	if kind[0] != timestamp {
		return token{}, corrupt("it has an extension that is no timestamp")
	}
	if n != 4 && n != 8 && n != 12 {
		return token{}, corrupt("it has a timestamp of a strange length")
	}
	return token{kind: timeToken, data: data}, nil
}

func (t token) time() (time.Time, error) {
	var seconds int64
	var nanos uint64
	switch len(t.data) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(t.data))
	case 8:
		n := binary.BigEndian.Uint64(t.data)
		seconds, nanos = int64(n&(1<<34-1)), n>>34
	default:
		nanos, seconds = uint64(binary.BigEndian.Uint32(t.data)), int64(binary.BigEndian.Uint64(t.data[4:]))
	}
	if nanos >= 1e9 {
		return time.Time{}, corrupt("it has a timestamp with too many nanoseconds")
	}
	return time.Unix(seconds, int64(nanos)).UTC(), nil
}

// value reads a value into v, which must be settable.
func (d *decoder) value(v reflect.Value, depth int) error {
	if v.Kind() == reflect.Pointer && len(d.rest) > 0 && d.rest[0] != codeNil {
		p := reflect.New(v.Type().Elem())
		if err := d.value(p.Elem(), depth); err != nil {
			return err
		}
		v.Set(p)
		return nil
	}
	t, err := d.next()
	if err != nil {
		return err
	}
	return d.set(v, t, depth)
}

func (d *decoder) set(v reflect.Value, t token, depth int) error {
	if depth > maxDepth || depth == maxDepth && t.kind >= arrayToken && t.bits > 0 {
		return errDepth
	}
	if t.kind == nilToken {
		v.SetZero()
		return nil
	}
	info := infoOf(v.Type())
	if info.form != plainForm {
		return setOwn(v, t, info.form)
	}
	ok := false
	switch v.Kind() {
	case reflect.Bool:
		if ok = t.kind == boolToken; ok {
			v.SetBool(t.bits == 1)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := int64(t.bits)
		if ok = (t.kind == intToken || t.kind == uintToken && n >= 0) && !v.OverflowInt(n); ok {
			v.SetInt(n)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if ok = t.kind == uintToken && !v.OverflowUint(t.bits); ok {
			v.SetUint(t.bits)
		}
	case reflect.Float32, reflect.Float64:
		ok = setFloat(v, t)
	case reflect.String:
		if ok = t.kind == stringToken; ok {
			v.SetString(string(t.data))
		}
	case reflect.Interface:
		if v.NumMethod() > 0 {
			return unsupported(fmt.Sprintf("it cannot read into a %v; ask for a type", v.Type()))
		}
		value, err := d.any(t, depth)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(value))
		return nil
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			ok = setBytes(v, t)
		} else if t.kind == arrayToken {
			return d.list(v, int(t.bits), depth)
		}
	case reflect.Map:
		if t.kind == mapToken {
			return d.mapping(v, int(t.bits), depth)
		}
	case reflect.Struct:
		if t.kind == mapToken {
			return d.structure(v, info.fields, int(t.bits), depth)
		}
	default:
		return unsupported(fmt.Sprintf("it cannot read into a %v", v.Type()))
	}
	if !ok {
		return mismatch(v, t)
	}
	return nil
}

func mismatch(v reflect.Value, t token) error {
	return corrupt(fmt.Sprintf("%v cannot be read as %v", t.kind, v.Type()))
}

// setFloat sets v to a number, unless the type cannot hold the number exactly.
func setFloat(v reflect.Value, t token) bool {
	var f float64
	switch n := int64(t.bits); t.kind {
	case floatToken:
		f = math.Float64frombits(t.bits)
		if v.Kind() == reflect.Float32 && float64(float32(f)) != f && f == f {
			return false
		}
	case uintToken, intToken:
		f = float64(n)
		if t.kind == uintToken && n < 0 || math.Abs(f) > 1<<53 || v.Kind() == reflect.Float32 && math.Abs(f) > 1<<24 {
			return false
		}
	default:
		return false
	}
	v.SetFloat(f)
	return true
}

func setBytes(v reflect.Value, t token) bool {
	switch {
	case t.kind != binToken:
		return false
	case v.Kind() == reflect.Slice:
		v.SetBytes(append(make([]byte, 0, len(t.data)), t.data...))
		return true
	case v.Len() != len(t.data):
		return false
	}
	copy(v.Bytes(), t.data)
	return true
}

func setOwn(v reflect.Value, t token, f form) error {
	var err error
	switch p := v.Addr().Interface(); {
	case f == timeForm && t.kind == timeToken:
		at, err := t.time()
		*p.(*time.Time) = at
		return err
	case f == binaryForm && t.kind == binToken:
		err = p.(encoding.BinaryUnmarshaler).UnmarshalBinary(bytes.Clone(t.data))
	case f != binaryForm && t.kind == stringToken && isLongNumber(t.data, v.Type()):
		return errDigits
	case f == jsonForm && t.kind == stringToken:
		if !json.Valid(t.data) {
			return corrupt("it has JSON, of a type that is written so, which is none")
		}
		err = p.(json.Unmarshaler).UnmarshalJSON(bytes.Clone(t.data))
	case f == textForm && t.kind == stringToken:
		err = p.(encoding.TextUnmarshaler).UnmarshalText(bytes.Clone(t.data))
	default:
		return mismatch(v, t)
	}
	if err != nil {
		return &codec.Error{Kind: codec.ErrCorrupt, Codec: name, Reason: fmt.Sprintf("it cannot be read as %v", v.Type()), Err: err}
	}
	return nil
}

// few is the largest number of elements that memory is reserved for in advance.
const few = 1024

func (d *decoder) list(v reflect.Value, n, depth int) error {
	if v.Kind() == reflect.Array && n != v.Len() {
		return corrupt(fmt.Sprintf("an array of %d cannot be read as %v", n, v.Type()))
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), 0, min(n, few)))
	}
	for i := range n {
		if v.Kind() == reflect.Slice {
			if i == v.Cap() {
				v.Grow(1)
			}
			v.SetLen(i + 1)
			v.Index(i).SetZero()
		}
		if err := d.value(v.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) mapping(v reflect.Value, n, depth int) error {
	t := v.Type()
	m := reflect.MakeMapWithSize(t, min(n, few))
	for range n {
		key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := d.value(key, depth+1); err != nil {
			return err
		}
		if !key.Comparable() {
			return corrupt("a key of a map cannot be compared")
		}
		if err := d.value(elem, depth+1); err != nil {
			return err
		}
		m.SetMapIndex(key, elem)
	}
	if m.Len() != n {
		return corrupt("a map has a key twice")
	}
	v.Set(m)
	return nil
}

func (d *decoder) structure(v reflect.Value, fields []field, n, depth int) error {
	v.SetZero()
	seen := make([]bool, len(fields))
	expected := 0 // the next field is most often the next key
	for range n {
		key, err := d.next()
		if err != nil {
			return err
		}
		if key.kind != stringToken {
			return corrupt(fmt.Sprintf("%v cannot be the name of a field", key.kind))
		}
		i := expected
		if i >= len(fields) || fields[i].name != string(key.data) {
			i = find(fields, string(key.data))
		}
		if i < 0 {
			if _, err := d.skip(depth + 1); err != nil {
				return err
			}
			continue
		}
		if seen[i] {
			return corrupt("a map has a key twice")
		}
		seen[i] = true
		expected = i + 1
		if err := d.value(v.FieldByIndex(fields[i].index), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// skip reads a value into an any. The caller discards the values of unknown fields.
func (d *decoder) skip(depth int) (any, error) {
	t, err := d.next()
	if err != nil {
		return nil, err
	}
	return d.any(t, depth)
}

// any reads the rest of a value, and returns it in the Go type of its token.
func (d *decoder) any(t token, depth int) (any, error) {
	if depth > maxDepth || depth == maxDepth && t.kind >= arrayToken && t.bits > 0 {
		return nil, errDepth
	}
	switch t.kind {
	case boolToken:
		return t.bits == 1, nil
	case intToken:
		return int64(t.bits), nil
	case uintToken:
		if n := int64(t.bits); n >= 0 {
			return n, nil
		}
		return t.bits, nil
	case floatToken:
		return math.Float64frombits(t.bits), nil
	case stringToken:
		return string(t.data), nil
	case binToken:
		return append(make([]byte, 0, len(t.data)), t.data...), nil
	case timeToken:
		return t.time()
	case arrayToken:
		list := make([]any, 0, min(int(t.bits), few))
		for range t.bits {
			value, err := d.skip(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case mapToken:
		m := make(map[string]any, min(int(t.bits), few))
		for range t.bits {
			key, err := d.next()
			if err != nil {
				return nil, err
			}
			if key.kind != stringToken {
				return nil, corrupt(fmt.Sprintf("%v cannot be a key of map[string]any; ask for a type", key.kind))
			}
			if m[string(key.data)], err = d.skip(depth + 1); err != nil {
				return nil, err
			}
		}
		if len(m) != int(t.bits) {
			return nil, corrupt("a map has a key twice")
		}
		return m, nil
	}
	return nil, nil
}
