package codec

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
)

// jsonDepth knows the types whose JSON nests within bounds. Deeper values in a text are in
// fields that the type does not have, which encoding/json skips without recursion.
var jsonDepth = typeDepth{ownForm: func(t reflect.Type) (own, bounded bool) {
	p := reflect.PointerTo(t)
	switch {
	case t == timeType:
		return true, true
	case p.Implements(jsonMarshaler), p.Implements(jsonUnmarshaler):
		return true, false // the methods may write and read anything
	case p.Implements(textMarshaler) && p.Implements(textUnmarshaler):
		return true, true
	}
	return false, false
}}

// checkNesting refuses JSON, from or for a value of type t, that nests too deep or holds
// too many elements. The result for text that is not JSON has no meaning.
//
// Most values are far from the limits: they are short, have few brackets, or are of a
// bounded type. The count of a byte is cheap, while a pass over the text costs a twentieth
// of its decoding.
func checkNesting(text []byte, t reflect.Type) error {
	containers := bytes.Count(text, []byte("{")) + bytes.Count(text, []byte("["))
	deep := containers > maxDepth && !jsonDepth.bounded(t)
	many := len(text) > maxElements && containers+bytes.Count(text, []byte(",")) > maxElements
	if !deep && !many {
		return nil
	}
	depth, elements := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i)
		case '{', '[':
			elements++
			if depth++; depth > maxDepth && deep {
				return &Error{Kind: ErrTooLarge, Codec: "json", Reason: fmt.Sprintf("it nests more than %d levels deep", maxDepth)}
			}
		case '}', ']':
			depth--
		case ',':
			elements++
		}
	}
	if elements > maxElements {
		return &Error{Kind: ErrTooLarge, Codec: "json", Reason: fmt.Sprintf("it holds more than %d elements", maxElements)}
	}
	return nil
}

// stringEnd returns the index of the quote that ends the string with its first quote at
// start, or the index of the last byte.
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
