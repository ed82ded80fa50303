package codec

import (
	"math"
	"reflect"
	"strconv"
)

// Decimal is what Read.Serializer says of an integer, which no serializer of a
// chain reads.
const Decimal = "decimal"

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

// decimal is an integer of at most 64 bits and a sign.
type decimal struct {
	magnitude uint64
	negative  bool
}

// parseDecimal reads canonical decimal text: what strconv.AppendInt or
// AppendUint writes. ok is false for anything else, also for a number of more
// than 64 bits.
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
		return -int64(n.magnitude), true // -1<<63 is its own negative
	}
	return int64(n.magnitude), n.magnitude <= math.MaxInt64
}

// any returns the number as an int64, or as a uint64 if it fits only there.
func (n decimal) any() any {
	if i, ok := n.int64(); ok {
		return i
	}
	return n.magnitude
}

// setInteger decodes decimal text into target, which is of an integer kind.
// ok is false if text is something else, for the chain to read.
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
	return true, &Error{Kind: ErrCorrupt, Codec: Decimal, Reason: "the number does not fit " + target.Type().String()}
}
