// Package resp reads RESP, of version 2 or 3, from servers that may send anything.
//
// Client libraries believe what they read. A length that no memory holds, arrays
// without end inside each other, or a line without end take the process down; a
// malformed length, a reply of another type than the command has, or one reply too
// many become the answer to a call that got none. A [Reader] makes replies of a stream, and
// finds all of these. A [Scanner] follows a stream that a library reads, and finds all but
// replies of another type.
package resp

import "errors"

// What is wrong with a stream of replies.
var (
	// ErrMalformed is what is not RESP, larger than anything that is asked for, or, to
	// a Reader, of another type than the reply that is due.
	ErrMalformed = errors.New("malformed reply")
	// ErrUnasked is a reply when none is due.
	ErrUnasked = errors.New("a reply that nobody asked for")
	// ErrTooLong is a string that is longer than the caller takes.
	ErrTooLong = errors.New("a string is longer than the limit")
)

// Limits bound one reply.
type Limits struct {
	// String is the length in bytes of the longest string.
	String int64
	// Elements is how many elements an array may have; of a map, how many pairs.
	Elements int64
}

const (
	// maxString is longer than any string of a server: a longer one is malformed.
	maxString = 1 << 32
	// maxDepth is how deep arrays may be nested.
	maxDepth = 64
	// maxLine is more than the longest line of text.
	maxLine = 64 << 10
	// maxHeader is more than the longest line that is a length, a number or a
	// boolean, maxNumber than the longest other one.
	maxHeader, maxNumber = 32, 1 << 10
)
