//go:build !goexperiment.jsonv2

package codec

import (
	"bytes"
	"encoding/json"
	"sync"
	"unicode/utf8"
)

// A jsonEncoder appends to its sink, which saves the copy of the result that json.Marshal
// makes.
type jsonEncoder struct {
	*json.Encoder
	out sink
}

var jsonEncoders = sync.Pool{New: func() any {
	e := &jsonEncoder{}
	e.Encoder = json.NewEncoder(&e.out)
	e.SetEscapeHTML(false)
	return e
}}

// appendJSON appends v in JSON to dst. The error is one of encoding/json, or
// errInvalidUTF8.
func appendJSON(dst []byte, v any) ([]byte, error) {
	e := jsonEncoders.Get().(*jsonEncoder)
	e.out.text = dst
	err := e.Encode(v)
	out := e.out.text
	e.out.text = nil
	jsonEncoders.Put(e)
	if err != nil {
		return dst, err
	}
	out = out[:len(out)-1] // the encoder writes a newline at the end
	// A MarshalJSON method may have returned any bytes between quotes.
	if text := out[len(dst):]; hasReplacedUTF8(text) || !utf8.Valid(text) {
		return dst, errInvalidUTF8
	}
	return out, nil
}

// hasReplacedUTF8 reports whether encoding/json has written the escape for invalid bytes. A
// valid U+FFFD is not escaped.
func hasReplacedUTF8(text []byte) bool {
	const escape = `\ufffd`
	for {
		i := bytes.Index(text, []byte(escape))
		if i < 0 {
			return false
		}
		before := i
		for before > 0 && text[before-1] == '\\' {
			before--
		}
		if (i-before)%2 == 0 {
			return true
		}
		text = text[i+len(escape):]
	}
}
