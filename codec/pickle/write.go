package pickle

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/xcache-go/xcache/codec"
)

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

// A writer appends the pickle of a value.
type writer struct {
	out []byte
	size
	steps int
	// The memo has the function datetime.datetime and the time zones. memo is the number of
	// entries.
	memo      int
	datetime  int // the number of its entry plus 1, or 0
	timezones []timezone
}

// A timezone is an entry of the memo.
type timezone struct{ east, memo int }

// op appends an opcode that pushes a value.
func (w *writer) op(op byte, operands ...byte) {
	w.steps++
	w.out = append(append(w.out, op), operands...)
}

// any writes v, without reflection for the common types.
func (w *writer) any(v any, depth int) error {
	if w.steps > maxSteps {
		return errSteps
	}
	switch v := v.(type) {
	case nil:
		w.op(opNone)
	case bool:
		w.bool(v)
	case int:
		w.int(int64(v))
	case int64:
		w.int(v)
	case float64:
		w.float(v)
	case string:
		return w.str(v)
	case []byte:
		w.bytes(v)
	case time.Time:
		return w.time(v)
	case []any:
		if v == nil {
			w.op(opNone)
			return nil
		}
		return w.list(len(v), depth, func(i int) error { return w.any(v[i], depth+1) })
	case map[string]any:
		if v == nil {
			w.op(opNone)
			return nil
		}
		return w.dict(v, depth)
	default:
		return w.value(reflect.ValueOf(v), depth)
	}
	return nil
}

func (w *writer) value(v reflect.Value, depth int) error {
	if w.steps > maxSteps {
		return errSteps
	}
	pointed := false
	for pointers := 0; v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface; pointers++ {
		if v.IsNil() {
			return w.none(v.Type(), pointed)
		}
		if pointers > maxDepth {
			return errDepth
		}
		pointed = v.Kind() == reflect.Pointer // a value in an interface loses its type anyway
		v = v.Elem()
	}
	t := v.Type()
	switch t {
	case timeType:
		return w.time(v.Interface().(time.Time))
	case bigIntType:
		return w.bigInt(addressOf(v).Interface().(*big.Int))
	}
	if reflect.PointerTo(t).Implements(textMarshaler) {
		return w.marshalText(v)
	}
	switch v.Kind() {
	case reflect.Bool:
		w.bool(v.Bool())
	case reflect.Float32, reflect.Float64:
		w.float(v.Float())
	case reflect.String:
		return w.str(v.String())
	case reflect.Slice:
		if v.IsNil() {
			return w.none(t, pointed)
		}
		if t.Elem().Kind() == reflect.Uint8 {
			w.bytes(v.Bytes())
			return nil
		}
		return w.list(v.Len(), depth, func(i int) error { return w.value(v.Index(i), depth+1) })
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			w.bytes(b)
			return nil
		}
		return w.list(v.Len(), depth, func(i int) error { return w.value(v.Index(i), depth+1) })
	case reflect.Map:
		if v.IsNil() {
			return w.none(t, pointed)
		}
		return w.mapping(v, depth)
	case reflect.Struct:
		return w.structure(v, depth)
	default:
		switch {
		case v.CanInt():
			w.int(v.Int())
		case v.CanUint() && v.Uint() <= math.MaxInt64:
			w.int(int64(v.Uint()))
		case v.CanUint():
			return w.bigInt(new(big.Int).SetUint64(v.Uint()))
		default:
			return unsupported("it has no form for %v", t)
		}
	}
	return nil
}

// none writes a nil of type t. A nil behind a pointer is refused, because it would be read
// back as a nil pointer.
func (w *writer) none(t reflect.Type, pointed bool) error {
	if pointed {
		return unsupported("it cannot tell a pointer to a nil %v from a nil pointer", t)
	}
	w.op(opNone)
	return nil
}

// addressOf returns a pointer to v, or to a copy of v, because methods may have a pointer
// receiver.
func addressOf(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v.Addr()
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}

// marshalText writes v as the text of its methods.
func (w *writer) marshalText(v reflect.Value) error {
	text, err := textOf(v)
	if err != nil {
		return err
	}
	return w.str(text)
}

// textOf returns the text of v by its methods.
func textOf(v reflect.Value) (string, error) {
	t := v.Type()
	m, ok := reflect.TypeAssert[encoding.TextMarshaler](v)
	if !ok {
		m = addressOf(v).Interface().(encoding.TextMarshaler)
	}
	text, err := m.MarshalText()
	if err != nil {
		return "", &codec.Error{Kind: codec.ErrUnsupportedValue, Codec: "pickle", Reason: fmt.Sprintf("MarshalText of %v failed", t), Err: err}
	}
	if t.Kind() == reflect.Struct {
		return string(text), checkEmbeddedText(v, text)
	}
	return string(text), nil
}

func (w *writer) bool(v bool) {
	if v {
		w.op(opNewTrue)
	} else {
		w.op(opNewFalse)
	}
}

func (w *writer) int(v int64) {
	switch {
	case v >= 0 && v <= math.MaxUint8:
		w.op(opBinInt1, byte(v))
	case v >= 0 && v <= math.MaxUint16:
		w.op(opBinInt2)
		w.out = binary.LittleEndian.AppendUint16(w.out, uint16(v))
	case v >= math.MinInt32 && v <= math.MaxInt32:
		w.op(opBinInt)
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(v))
	default:
		n := 8
		for n > 1 && v<<(72-8*n)>>(72-8*n) == v { // the value fits in one byte less
			n--
		}
		w.op(opLong1, byte(n))
		for i := range n {
			w.out = append(w.out, byte(v>>(8*i)))
		}
	}
}

// bigInt writes two's complement, the lowest byte first.
func (w *writer) bigInt(v *big.Int) error {
	if v.IsInt64() {
		w.int(v.Int64())
		return nil
	}
	if !withinDigits(v) {
		return errDigits
	}
	// The bits of -1-v are the inverted bits of v.
	negative := v.Sign() < 0
	if negative {
		v = new(big.Int).Not(v)
	}
	b := v.Bytes()
	slices.Reverse(b)
	if b[len(b)-1] >= 0x80 { // the bit would be the sign
		b = append(b, 0)
	}
	if negative {
		for i := range b {
			b[i] = ^b[i]
		}
	}
	if len(b) <= math.MaxUint8 {
		w.op(opLong1, byte(len(b)))
	} else {
		w.op(opLong4)
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(len(b)))
	}
	w.out = append(w.out, b...)
	return nil
}

func (w *writer) float(v float64) {
	w.op(opBinFloat)
	w.out = binary.BigEndian.AppendUint64(w.out, math.Float64bits(v))
}

func (w *writer) str(s string) error {
	if !utf8.ValidString(s) {
		return unsupported("a string is not valid UTF-8; store it as []byte, or with another serializer")
	}
	w.length(len(s), opShortBinUnicode, opBinUnicode, opBinUnicode8)
	w.out = append(w.out, s...)
	return nil
}

// bytes writes None for a nil slice.
func (w *writer) bytes(b []byte) {
	if b == nil {
		w.op(opNone)
		return
	}
	w.length(len(b), opShortBinBytes, opBinBytes, opBinBytes8)
	w.out = append(w.out, b...)
}

func (w *writer) length(n int, short, middle, long byte) {
	switch {
	case n <= math.MaxUint8:
		w.op(short, byte(n))
	case uint64(n) <= math.MaxUint32:
		w.op(middle)
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(n))
	default:
		w.op(long)
		w.out = binary.LittleEndian.AppendUint64(w.out, uint64(n))
	}
}

// Containers.

func (w *writer) list(n, depth int, item func(i int) error) error {
	return w.container(opEmptyList, opAppends, n, depth, item)
}

// container writes n items, or n entries of a dict, by calls of f.
func (w *writer) container(empty, add byte, n, depth int, f func(i int) error) error {
	if err := w.enter(depth, n); err != nil {
		return err
	}
	w.op(empty)
	if n == 0 {
		return nil
	}
	w.op(opMark)
	for i := range n {
		if err := f(i); err != nil {
			return err
		}
	}
	w.out = append(w.out, add)
	return nil
}

func (w *writer) mapping(v reflect.Value, depth int) error {
	keys, err := sortedKeys(v)
	if err != nil {
		return err
	}
	if isSetType(v.Type()) {
		return w.container(opEmptySet, opAddItems, len(keys), depth, func(i int) error { return w.value(keys[i].stored, depth+1) })
	}
	return w.container(opEmptyDict, opSetItems, len(keys), depth, func(i int) error {
		if err := w.value(keys[i].stored, depth+1); err != nil {
			return err
		}
		return w.value(v.MapIndex(keys[i].key), depth+1)
	})
}

func (w *writer) dict(dict map[string]any, depth int) error {
	keys := slices.Sorted(maps.Keys(dict))
	return w.container(opEmptyDict, opSetItems, len(keys), depth, func(i int) error {
		if err := w.str(keys[i]); err != nil {
			return err
		}
		return w.any(dict[keys[i]], depth+1)
	})
}

func (w *writer) structure(v reflect.Value, depth int) error {
	l := layoutOf(v.Type())
	if l.noForm != "" {
		return unsupported("%s", l.noForm)
	}
	if err := l.checkLost(v); err != nil {
		return err
	}
	present := 0
	for i := range l.fields {
		if f, ok := l.fields[i].in(v, false); ok && !l.fields[i].omitted(f) {
			present++
		}
	}
	at := 0
	return w.container(opEmptyDict, opSetItems, present, depth, func(int) error {
		for ; ; at++ {
			field := &l.fields[at]
			if f, ok := field.in(v, false); ok && !field.omitted(f) {
				at++
				if err := w.str(field.name); err != nil {
					return err
				}
				return w.value(f, depth+1)
			}
		}
	})
}

// Times.

func (w *writer) time(t time.Time) error {
	year, month, day := t.Date()
	micros := t.Nanosecond() / 1000
	switch {
	case t.Nanosecond()%1000 != 0:
		return unsupported("Python's times have microseconds and no more; use Truncate(time.Microsecond)")
	case year < 1 || year > 9999:
		return unsupported("Python's times are in the years 1 to 9999")
	}
	if w.datetime == 0 {
		w.global("datetime")
		w.datetime = w.memoize() + 1
	} else {
		w.get(w.datetime - 1)
	}
	w.op(opShortBinBytes, 10,
		byte(year>>8), byte(year), byte(month), byte(day), byte(t.Hour()), byte(t.Minute()), byte(t.Second()),
		byte(micros>>16), byte(micros>>8), byte(micros))
	_, east := t.Zone()
	if east <= -86400 || east >= 86400 {
		return unsupported("Python's time zones are less than a day from UTC")
	}
	w.timezone(east)
	w.op(opTuple2)
	w.op(opReduce)
	return nil
}

func (w *writer) timezone(east int) {
	if i := slices.IndexFunc(w.timezones, func(z timezone) bool { return z.east == east }); i >= 0 {
		w.get(w.timezones[i].memo)
		return
	}
	days := 0
	seconds := east
	if seconds < 0 {
		days, seconds = -1, seconds+86400
	}
	w.global("timezone")
	w.global("timedelta")
	w.int(int64(days))
	w.int(int64(seconds))
	w.int(0)
	w.op(opTuple3)
	w.op(opReduce)
	w.op(opTuple1)
	w.op(opReduce)
	w.timezones = append(w.timezones, timezone{east, w.memoize()})
}

// global writes a name of the module datetime.
func (w *writer) global(name string) {
	const module = "datetime"
	w.length(len(module), opShortBinUnicode, 0, 0)
	w.out = append(w.out, module...)
	w.length(len(name), opShortBinUnicode, 0, 0)
	w.out = append(w.out, name...)
	w.op(opStackGlobal)
}

func (w *writer) memoize() int {
	w.out = append(w.out, opMemoize)
	w.memo++
	return w.memo - 1
}

func (w *writer) get(i int) {
	if i <= math.MaxUint8 {
		w.op(opBinGet, byte(i))
		return
	}
	w.op(opLongBinGet)
	w.out = binary.LittleEndian.AppendUint32(w.out, uint32(i))
}
