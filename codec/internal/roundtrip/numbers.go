package roundtrip

// IsNumberByte reports whether a byte may be in a number that package math/big reads.
func IsNumberByte(c byte) bool {
	return isDecimalByte(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' ||
		c == '_' || c == 'x' || c == 'X' || c == 'o' || c == 'O' || c == 'p' || c == 'P'
}

func isDecimalByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.' || c == '/' || c == 'e' || c == 'E'
}

// IsLongNumber reports whether text is a number of more than most digits, in decimal or,
// with anyBase, in another base.
//
// Package math/big reads a number in a time that grows with the square of its length.
// Methods of types that use math/big are as slow.
func IsLongNumber(text []byte, most int, anyBase bool) bool {
	digits := 0
	for _, c := range text {
		switch {
		case isDecimalByte(c), anyBase && IsNumberByte(c):
		default:
			return false
		}
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' {
			digits++
		}
	}
	return digits > most
}
