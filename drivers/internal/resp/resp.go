// Package resp reads RESP, version 2 or 3, from servers that may send anything.
//
// Client libraries trust the bytes that they read. A length beyond all memory, endlessly
// nested arrays, or an endless line end the process. A malformed length, a reply of a wrong
// type, or an extra reply become the reply to another call. A [Reader] makes replies of a
// stream, and detects all of these. A [Scanner] follows a stream that a library reads, and
// detects all but replies of a wrong type.
package resp

import "errors"

// The errors of a stream of replies.
var (
	// ErrMalformed is the error of bytes that are not RESP, or beyond all limits. For a
	// Reader, a reply of a wrong type is malformed, too.
	ErrMalformed = errors.New("malformed reply")
	// ErrUnasked is the error of a reply while none is due.
	ErrUnasked = errors.New("a reply that nobody asked for")
	// ErrTooLong is the error of a string beyond the limit.
	ErrTooLong = errors.New("a string is longer than the limit")
)

// Limits bound one reply.
type Limits struct {
	// String is the length in bytes of the longest string.
	String int64
	// Elements is the limit of the elements of an array, or of the pairs of a map.
	Elements int64
}

const (
	// maxString is beyond any string of a server: a longer string is malformed.
	maxString = 1 << 32
	// maxDepth is the limit of nested arrays.
	maxDepth = 64
	// maxLine is beyond the longest line of text.
	maxLine = 64 << 10
	// maxHeader is beyond the longest line with a length, an integer or a boolean.
	// maxNumber is beyond the longest other number.
	maxHeader, maxNumber = 32, 1 << 10
)
