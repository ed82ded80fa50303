package pickle

import (
	"encoding"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"time"

	"github.com/xcache-go/xcache/codec"
)

var (
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	bigIntType      = reflect.TypeFor[big.Int]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// A reader makes Go values from a machine's nodes.
type reader struct {
	*machine
	size
	// bytesLeft is the number of bytes that may still be copied. Bytes at many places
	// therefore have a limit, too.
	bytesLeft int
	// keyBytesLeft is the number of bytes that a str may still have as a key: Go hashes a key
	// at each of its places.
	keyBytesLeft int64
	// field is the name of the current struct field, for errors.
	field string
}

// value reads a node into target, which must be settable.
func (r *reader) value(i uint32, depth int, target reflect.Value) error {
	n := r.nodes[i]
	for pointers := 0; target.Kind() == reflect.Pointer; pointers++ {
		if n.kind == kindNone {
			target.SetZero()
			return nil
		}
		if pointers > maxDepth {
			return errDepth // a type that points to itself
		}
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		target = target.Elem()
	}
	t := target.Type()
	switch t {
	case timeType:
		if n.kind != kindDatetime && n.kind != kindDate {
			return r.mismatch(n, t)
		}
		target.Set(reflect.ValueOf(r.moment(n)))
		return nil
	case bigIntType:
		return r.intoBigInt(n, target.Addr().Interface().(*big.Int))
	case durationType:
		switch n.kind {
		case kindTimedelta:
			target.SetInt(int64(n.bits()))
			return nil
		case kindTime:
			target.SetInt(int64(clockPart(r.slice(n.a, 6))))
			return nil
		}
	}
	if n.kind == kindStr && reflect.PointerTo(t).Implements(textUnmarshaler) {
		return r.unmarshalText(i, target)
	}

	switch kind := t.Kind(); kind {
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return unsupported("it cannot read into a %v; ask for a type", t)
		}
		v, err := r.any(i, depth)
		if err != nil {
			return err
		}
		if v == nil {
			target.SetZero()
		} else {
			target.Set(reflect.ValueOf(v))
		}
		return nil
	case reflect.Bool:
		if n.kind == kindBool {
			target.SetBool(n.a != 0)
			return nil
		}
	case reflect.String:
		if n.kind == kindStr {
			target.SetString(r.text(i))
			return nil
		}
	case reflect.Float32, reflect.Float64:
		return r.float(n, target)
	case reflect.Slice, reflect.Map:
		if n.kind == kindNone {
			target.SetZero()
			return nil
		}
		if kind == reflect.Map {
			return r.intoMap(n, depth, target)
		}
		return r.sequence(n, depth, target)
	case reflect.Array:
		return r.array(n, depth, target)
	case reflect.Struct:
		return r.structure(n, depth, target)
	default:
		switch {
		case target.CanInt(), target.CanUint():
			return r.integer(n, target)
		}
		return unsupported("it cannot read into a %v", t)
	}
	return r.mismatch(n, t)
}

// mismatch is the error for a value that does not fit the target's type.
func (r *reader) mismatch(n node, t reflect.Type) error {
	if n.kind == kindObject || n.kind == kindCallable {
		return r.notPlain(n, r.field)
	}
	if r.field != "" {
		return corrupt("a %v cannot be read as %v in field %q", n.kind, t, r.field)
	}
	return corrupt("a %v cannot be read as %v", n.kind, t)
}

// Texts and bytes.

// text returns a str. A str at many places is made only once: a str that was fetched, and
// each str of a container that was fetched.
func (r *reader) text(i uint32) string {
	n := &r.nodes[i]
	if n.c != 0 {
		return r.strings[n.c-1]
	}
	s := string(r.bytes(*n))
	if n.shared || r.doubles {
		r.strings = append(r.strings, s)
		n.c = uint32(len(r.strings))
	}
	return s
}

func (r *reader) copyBytes(n node) ([]byte, error) {
	b := r.bytes(n)
	if r.bytesLeft -= len(b); r.bytesLeft < 0 {
		return nil, tooLarge("its bytes, counted as often as they appear, are too many")
	}
	return append(make([]byte, 0, len(b)), b...), nil
}

func (r *reader) unmarshalText(i uint32, target reflect.Value) (err error) {
	n := r.nodes[i]
	text, err := r.copyBytes(n)
	if err != nil {
		return err
	}
	defer func() {
		if recover() != nil {
			err = corrupt("UnmarshalText of %v panicked", target.Type())
		}
	}()
	if err := target.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(text); err != nil {
		return &codec.Error{Kind: codec.ErrCorrupt, Codec: "pickle", Reason: fmt.Sprintf("UnmarshalText of %v refuses a str", target.Type()), Err: err}
	}
	return nil
}

// Numbers.

func (r *reader) integer(n node, target reflect.Value) error {
	number := int64(n.bits())
	switch {
	case n.kind == kindLong && target.CanUint(): // the bytes may have a ninth byte of zeros
		large, err := r.bigInt(n)
		if err != nil {
			return err
		}
		if large.IsUint64() && !target.OverflowUint(large.Uint64()) {
			target.SetUint(large.Uint64())
			return nil
		}
	case n.kind != kindInt:
	case target.CanInt() && !target.OverflowInt(number):
		target.SetInt(number)
		return nil
	case target.CanUint() && number >= 0 && !target.OverflowUint(uint64(number)):
		target.SetUint(uint64(number))
		return nil
	}
	if n.kind == kindInt || n.kind == kindLong {
		return corrupt("an int does not fit %v", target.Type())
	}
	return r.mismatch(n, target.Type())
}

// float also accepts an int that a float can hold exactly.
func (r *reader) float(n node, target reflect.Value) error {
	exact := int64(1 << 53)
	if target.Kind() == reflect.Float32 {
		exact = 1 << 24
	}
	switch number := int64(n.bits()); {
	case n.kind == kindFloat:
		f := math.Float64frombits(n.bits())
		if target.OverflowFloat(f) && !math.IsInf(f, 0) {
			return corrupt("a float does not fit %v", target.Type())
		}
		target.SetFloat(f)
		return nil
	case n.kind == kindInt && number >= -exact && number <= exact:
		target.SetFloat(float64(number))
		return nil
	}
	return r.mismatch(n, target.Type())
}

func (r *reader) bigInt(n node) (*big.Int, error) {
	if n.b > maxIntBytes {
		return nil, errDigits
	}
	b, err := r.copyBytes(n)
	if err != nil {
		return nil, err
	}
	slices.Reverse(b)
	number := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		number.Sub(number, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if !withinDigits(number) {
		return nil, errDigits
	}
	return number, nil
}

func (r *reader) intoBigInt(n node, target *big.Int) error {
	switch n.kind {
	case kindInt:
		target.SetInt64(int64(n.bits()))
		return nil
	case kindLong:
		number, err := r.bigInt(n)
		if err == nil {
			target.Set(number)
		}
		return err
	}
	return r.mismatch(n, bigIntType)
}

// Containers.

func isSequence(k kind) bool { return k == kindList || k == kindTuple || k == kindSet }

func (r *reader) sequence(n node, depth int, target reflect.Value) error {
	t := target.Type()
	if t.Elem().Kind() == reflect.Uint8 && n.kind == kindBytes {
		b, err := r.copyBytes(n)
		if err == nil {
			target.SetBytes(b)
		}
		return err
	}
	if !isSequence(n.kind) {
		return r.mismatch(n, t)
	}
	if err := r.enter(depth, int(n.c)); err != nil {
		return err
	}
	list := reflect.MakeSlice(t, int(n.c), int(n.c))
	target.Set(list)
	return r.items(n, func(i int, item uint32) error { return r.value(item, depth+1, list.Index(i)) })
}

func (r *reader) array(n node, depth int, target reflect.Value) error {
	t := target.Type()
	length := int(n.c)
	if n.kind == kindBytes {
		length = int(n.b)
	}
	switch {
	case !isSequence(n.kind) && (n.kind != kindBytes || t.Elem().Kind() != reflect.Uint8):
		return r.mismatch(n, t)
	case length != t.Len():
		return corrupt("a %v of another length cannot be read as %v", n.kind, t)
	case n.kind == kindBytes:
		for i, b := range r.bytes(n) {
			target.Index(i).SetUint(uint64(b))
		}
		return nil
	}
	if err := r.enter(depth, length); err != nil {
		return err
	}
	return r.items(n, func(i int, item uint32) error { return r.value(item, depth+1, target.Index(i)) })
}

func (r *reader) intoMap(n node, depth int, target reflect.Value) error {
	t := target.Type()
	isSet := isSetType(t)
	entries := int(n.c)
	switch {
	case isSet && n.kind == kindSet:
	case n.kind == kindDict:
		entries /= 2
	default:
		return r.mismatch(n, t)
	}
	if err := r.enter(depth, entries); err != nil {
		return err
	}
	dict := reflect.MakeMapWithSize(t, entries)
	target.Set(dict)
	key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	return r.items(n, func(i int, item uint32) error {
		if n.kind == kindSet || i%2 == 0 {
			key.SetZero()
			if err := r.key(item, key); err != nil || n.kind == kindDict {
				return err
			}
		} else {
			elem.SetZero()
			if err := r.value(item, depth+1, elem); err != nil {
				return err
			}
		}
		dict.SetMapIndex(key, elem)
		return nil
	})
}

// isSetType reports whether a map type is a set in Go.
func isSetType(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Struct && t.Elem().NumField() == 0
}

// key reads a key of a dict or a member of a set into the key of a map.
func (r *reader) key(i uint32, target reflect.Value) error {
	key, err := r.anyKey(i)
	switch {
	case err != nil:
		return err
	case target.Kind() == reflect.Pointer:
		return unsupported("it cannot read into a map with keys of %v", target.Type())
	case target.Kind() != reflect.Interface:
		return r.value(i, maxDepth, target)
	case target.NumMethod() > 0:
		return unsupported("it cannot read into a %v; ask for a type", target.Type())
	case key != nil:
		target.Set(reflect.ValueOf(key))
	}
	return nil
}

func (r *reader) structure(n node, depth int, target reflect.Value) error {
	t := target.Type()
	if n.kind != kindDict {
		return r.mismatch(n, t)
	}
	if err := r.enter(depth, int(n.c/2)); err != nil {
		return err
	}
	l := layoutOf(t)
	outer := r.field
	var into reflect.Value
	var known bool
	err := r.items(n, func(i int, item uint32) error {
		if i%2 != 0 {
			if !known {
				return nil
			}
			return r.value(item, depth+1, into)
		}
		if known = r.nodes[item].kind == kindStr; !known {
			return nil
		}
		var at int
		if at, known = l.byName[string(r.bytes(r.nodes[item]))]; known {
			f := &l.fields[at]
			r.field = f.name
			if into, known = f.in(target, true); !known {
				return unsupported("it cannot read field %q of %v: it is embedded by a pointer to an unexported type", f.name, t)
			}
		}
		return nil
	})
	if err == nil {
		r.field = outer
	}
	return err
}
