package arguments

import (
	"math/big"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// Redis adds such numbers as C's long double, which has 80 bits on the usual machines.
const (
	mantissaBits = 64
	maxExponent  = 16384
	minExponent  = -16445 // of the smallest number that is not 0
	decimals     = 17
	maxDigits    = 255
)

// LongDouble returns argument i as a number to add. An infinity is an error.
func (l List) LongDouble(i int) (*big.Float, error) {
	f, ok := ParseLongDouble(l.Text(i))
	if !ok || f.IsInf() {
		return nil, l.Fail("argument %d is not a number, or not a finite one", i+1)
	}
	return f, nil
}

// ParseLongDouble parses a number with Redis' rules for INCRBYFLOAT: the number may have a
// sign and an exponent, and may be hexadecimal or infinite.
func ParseLongDouble[T string | []byte](text T) (f *big.Float, ok bool) {
	digits := strings.ToLower(string(text))
	if len(digits) > maxDigits || strings.Contains(digits, "_") {
		return nil, false
	}
	if infinite, ok := parseInfinity(digits); ok {
		return infinite, true
	}
	base, significant := 10, "0123456789+-.e"
	if strings.HasPrefix(strings.TrimLeft(digits, "+-"), "0x") {
		base, significant = 0, "0123456789abcdef+-.px"
	}
	if strings.Trim(digits, significant) != "" {
		return nil, false
	}
	f, _, err := big.ParseFloat(digits, base, mantissaBits, big.ToNearestEven)
	if err != nil || f.IsInf() || f.MantExp(nil) > maxExponent || f.Sign() != 0 && f.MantExp(nil) < minExponent {
		return nil, false
	}
	return f, true
}

func parseInfinity(text string) (*big.Float, bool) {
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	return new(big.Float).SetInf(negative), text == "inf" || text == "infinity"
}

// AddLongDoubles returns the text of the sum of two numbers, or ErrOverflow. delta must be
// finite.
func AddLongDoubles(a, delta *big.Float) ([]byte, error) {
	sum := new(big.Float).SetPrec(mantissaBits).Add(a, delta)
	if sum.IsInf() || sum.MantExp(nil) > maxExponent {
		return nil, driver.ErrOverflow
	}
	text := sum.Text('f', decimals)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	if text == "-0" {
		text = "0"
	}
	return []byte(text), nil
}
