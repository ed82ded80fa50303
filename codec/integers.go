package codec

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
)

// Decimal is the Read.Serializer of an integer, which no serializer of a chain reads.
const Decimal = "decimal"

// MaxIntegerDigits is the limit of the decimal digits of stored and read integers, as in
// Python. The time to convert an integer grows with the square of its digits.
const MaxIntegerDigits = 4300

// maxIntegerBits is the length of the largest integer of MaxIntegerDigits.
const maxIntegerBits = 14285

var errDigits = &Error{Kind: ErrTooLarge, Codec: Decimal, Reason: fmt.Sprintf("an integer has more than %d digits", MaxIntegerDigits)}

// appendInteger appends v as decimal text if it is of an integer kind.
func appendInteger(dst []byte, v any) (text []byte, ok bool) {
	switch rv := reflect.ValueOf(v); {
	case rv.CanInt():
		return strconv.AppendInt(dst, rv.Int(), 10), true
	case rv.CanUint():
		return strconv.AppendUint(dst, rv.Uint(), 10), true
	}
	return dst, false
}

// bigIntegerOf returns v as a *big.Int if v is a big.Int or points to one, and nil
// otherwise.
func bigIntegerOf(v any) *big.Int {
	switch v := v.(type) {
	case *big.Int:
		return v
	case big.Int:
		return &v
	}
	return nil
}

// appendBigInteger appends n as decimal text.
func appendBigInteger(dst []byte, n *big.Int) ([]byte, error) {
	if n.BitLen() > maxIntegerBits {
		return dst, errDigits
	}
	out := n.Append(dst, 10)
	if !isWithinDigits(out[len(dst):]) {
		return dst, errDigits
	}
	return out, nil
}

// isWithinDigits reports whether decimal text has at most MaxIntegerDigits digits, besides
// a sign.
func isWithinDigits(text []byte) bool {
	return len(text) <= MaxIntegerDigits || len(text) == MaxIntegerDigits+1 && text[0] == '-'
}

// parseBigInteger reads decimal text of any length within the limit.
func parseBigInteger(text []byte) (*big.Int, error) {
	if !isWithinDigits(text) {
		return nil, errDigits
	}
	n, _ := new(big.Int).SetString(string(text), 10)
	return n, nil
}

// A decimal is a magnitude of at most 64 bits and a sign.
type decimal struct {
	magnitude uint64
	negative  bool
}

// parseDecimal reads canonical decimal text, as strconv.AppendInt or AppendUint write it.
// ok is false for any other text, and for a number of more than 64 bits.
func parseDecimal(text []byte) (n decimal, ok bool) {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		n.negative, digits = true, digits[1:]
	}
	if len(digits) == 0 || len(digits) > len("18446744073709551615") ||
		digits[0] == '0' && (len(digits) > 1 || n.negative) {
		return n, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' || n.magnitude > (math.MaxUint64-uint64(c-'0'))/10 {
			return n, false
		}
		n.magnitude = n.magnitude*10 + uint64(c-'0')
	}
	return n, !n.negative || n.magnitude <= 1<<63
}

// isDecimal reports whether text is canonical decimal text of any length.
func isDecimal(text []byte) bool {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(text) > 1 {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// int64 returns the number if it fits.
func (n decimal) int64() (int64, bool) {
	if n.negative {
		return -int64(n.magnitude), true // -1<<63 is its own opposite
	}
	return int64(n.magnitude), n.magnitude <= math.MaxInt64
}

// any returns the number as an int64 if it fits, and as a uint64 otherwise.
func (n decimal) any() any {
	if i, ok := n.int64(); ok {
		return i
	}
	return n.magnitude
}

// readInteger decodes decimal text that a chain reads itself: into an integer, a big.Int, a
// pointer to a big.Int, or an any. wildcard excludes the any, because the chain's
// serializer accepts any bytes. ok is false for another v or another text, which a
// serializer has to read.
func readInteger(v any, target reflect.Value, text []byte, wildcard bool) (ok bool, err error) {
	if isInteger(target.Kind()) {
		return setInteger(target, text)
	}
	switch v := v.(type) {
	case *big.Int:
		if isDecimal(text) {
			return true, setBigInteger(v, text)
		}
	case **big.Int:
		if isDecimal(text) {
			*v = new(big.Int)
			return true, setBigInteger(*v, text)
		}
	default:
		if target.Kind() == reflect.Interface && target.NumMethod() == 0 && !wildcard && isDecimal(text) {
			return true, setAnyInteger(target, text)
		}
	}
	return false, nil
}

// readUnclaimedInteger decodes decimal text that no serializer accepts, into a target that
// holds exactly that number: a float, or the target of a pointer. ok is false for other
// targets.
func readUnclaimedInteger(target reflect.Value, text []byte) (ok bool, err error) {
	for depth := 0; target.Kind() == reflect.Pointer; depth++ {
		if depth > maxDepth {
			return false, nil // a type that points to itself
		}
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		target = target.Elem()
	}
	switch kind := target.Kind(); {
	case isInteger(kind):
		return setInteger(target, text)
	case kind == reflect.Float32 || kind == reflect.Float64:
		n, small := parseDecimal(text)
		if i, fits := n.int64(); small && fits && isExact(i, kind) {
			target.SetFloat(float64(i))
			return true, nil
		}
		return true, doesNotFit(target.Type())
	case kind == reflect.Interface && target.NumMethod() == 0:
		return true, setAnyInteger(target, text)
	case target.Type() == bigIntType:
		return true, setBigInteger(target.Addr().Interface().(*big.Int), text)
	}
	return false, nil
}

var bigIntType = reflect.TypeFor[big.Int]()

// isExact reports whether floats of a kind hold i and all integers nearer to 0.
func isExact(i int64, kind reflect.Kind) bool {
	most := int64(1 << 53)
	if kind == reflect.Float32 {
		most = 1 << 24
	}
	return i >= -most && i <= most
}

// setInteger decodes decimal text into target, which is of an integer kind. ok is false for
// other text, which the chain has to read.
func setInteger(target reflect.Value, text []byte) (ok bool, err error) {
	if !isDecimal(text) {
		return false, nil
	}
	if n, ok := parseDecimal(text); ok {
		if target.CanInt() {
			if i, ok := n.int64(); ok && !target.OverflowInt(i) {
				target.SetInt(i)
				return true, nil
			}
		} else if !n.negative && !target.OverflowUint(n.magnitude) {
			target.SetUint(n.magnitude)
			return true, nil
		}
	}
	return true, doesNotFit(target.Type())
}

// setBigInteger decodes decimal text into n.
func setBigInteger(n *big.Int, text []byte) error {
	read, err := parseBigInteger(text)
	if err == nil {
		n.Set(read)
	}
	return err
}

// setAnyInteger decodes decimal text into an any: as an int64 if it fits, or else as a
// uint64, or else as a *big.Int.
func setAnyInteger(target reflect.Value, text []byte) error {
	n, small := parseDecimal(text)
	if !small {
		large, err := parseBigInteger(text)
		if err == nil {
			target.Set(reflect.ValueOf(large))
		}
		return err
	}
	target.Set(reflect.ValueOf(n.any()))
	return nil
}

func doesNotFit(t reflect.Type) error {
	return &Error{Kind: ErrCorrupt, Codec: Decimal, Reason: "the number does not fit " + t.String()}
}
