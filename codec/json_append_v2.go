//go:build goexperiment.jsonv2 && go1.27

package codec

import (
	"encoding/json"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
	"sync"
)

// Since Go 1.27 encoding/json is made of encoding/json/v2, and writes a U+FFFD
// for invalid bytes that cannot be told from one that was there. The package
// beneath it can refuse them. With the experiment of Go 1.26 this package does
// not build, lest it change strings in silence.
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
	// What it only refuses because it is strict is not UTF-8.
	if _, lax := json.Marshal(v); lax == nil {
		return dst, errInvalidUTF8
	}
	return dst, err
}
