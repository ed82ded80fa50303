package codec

import "bytes"

// The limits of every decoder.
const (
	maxDepth    = 32
	maxElements = 1 << 20
)

// checkNesting refuses JSON that nests too deep or holds too many elements.
// Of text that is not JSON it may say anything.
func checkNesting(text []byte) error {
	// Most values cannot come near the limits, and counting is cheap.
	containers := bytes.Count(text, []byte("{")) + bytes.Count(text, []byte("["))
	if containers <= maxDepth && len(text) <= maxElements {
		return nil
	}
	depth, elements := 0, containers
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i)
		case '{', '[':
			if depth++; depth > maxDepth {
				return &Error{Kind: ErrTooLarge, Codec: "json", Reason: "it nests more than 32 levels deep"}
			}
		case '}', ']':
			depth--
		case ',':
			if elements++; elements > maxElements {
				return &Error{Kind: ErrTooLarge, Codec: "json", Reason: "it holds more than 1048576 elements"}
			}
		}
	}
	return nil
}

// stringEnd returns the index of the quote that ends the string whose first
// quote is at start, or that of the last byte.
func stringEnd(text []byte, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text) - 1
}
