package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
)

// hasHalfPair reports whether a string in valid JSON has an escape for half of a surrogate
// pair, such as "\udc80". Python writes such escapes for bytes that are not UTF-8, and
// encoding/json would read each as U+FFFD.
func hasHalfPair(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		unit, escaped := utf16Unit(text[i:])
		switch {
		case !escaped:
			text = text[min(i+2, len(text)):]
		case unit < 0xd800 || unit > 0xdfff:
			text = text[i+utf16Escape:]
		default:
			low, _ := utf16Unit(text[i+utf16Escape:])
			if unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff {
				return true
			}
			text = text[i+2*utf16Escape:]
		}
	}
}

// utf16Escape is the length of an escape.
const utf16Escape = len(`\ud800`)

// utf16Unit returns the unit of UTF-16 that text begins with as an escape.
func utf16Unit(text []byte) (unit uint16, escaped bool) {
	if len(text) < utf16Escape || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var big [2]byte
	_, err := hex.Decode(big[:], text[2:utf16Escape])
	return binary.BigEndian.Uint16(big[:]), err == nil
}
