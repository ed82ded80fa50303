//go:build goexperiment.jsonv2 && go1.27

package codec

import (
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
	"sync"
)

// Since Go 1.27 encoding/json is built on encoding/json/v2, and writes a U+FFFD for invalid
// bytes. Such a U+FFFD cannot be told from a valid one. The package beneath can refuse
// invalid bytes. This package does not build with the experiment of Go 1.26, which would
// silently change strings.
var jsonOptions = jsonv2.JoinOptions(json.DefaultOptionsV1(), jsontext.AllowInvalidUTF8(false), jsontext.EscapeForHTML(false))

var jsonSinks = sync.Pool{New: func() any { return new(sink) }}

// appendJSON appends v in JSON to dst. The error is one of encoding/json, or
// errInvalidUTF8.
func appendJSON(dst []byte, v any) ([]byte, error) {
	s := jsonSinks.Get().(*sink)
	s.text = dst
	err := jsonv2.MarshalWrite(s, v, jsonOptions)
	out := s.text
	s.text = nil
	jsonSinks.Put(s)
	if err == nil {
		return out, nil
	}
	// An error of the strict rules alone means invalid UTF-8.
	if _, lax := json.Marshal(v); lax == nil {
		return dst, errInvalidUTF8
	}
	return dst, err
}
