// Package resp reads RESP, of version 2 or 3, from servers that may send anything.
//
// Client libraries believe what they read. A length that no memory holds, arrays
// without end inside each other, or a line without end take the process down; a
// malformed length, a reply of another type than the command has, or one reply too
// many become the answer to a call that got none. A [Reader] makes replies of a stream,
// and a [Scanner] follows one that a library reads, and finds all of these.
package resp

import "errors"

// What is wrong with a stream of replies.
var (
	// ErrMalformed is what is not RESP, larger than anything that is asked for, or
	// of another type than the reply that is due.
	ErrMalformed = errors.New("malformed reply")
	// ErrUnasked is a reply when none is due.
	ErrUnasked = errors.New("a reply that nobody asked for")
	// ErrTooLong is a string that is longer than the caller takes.
	ErrTooLong = errors.New("a string is longer than the limit")
)

// Kinds is a set of types of values. The zero value is all of them. The nils of
// version 2 are of the type that version 3 has for nil.
type Kinds uint32

// KindsOf returns the types that begin with the bytes of text.
func KindsOf(text string) Kinds {
	var k Kinds
	for i := range len(text) {
		k |= bit(text[i])
	}
	return k
}

// Has reports whether the type that begins with a byte is in the set.
func (k Kinds) Has(kind byte) bool { return k == 0 || k&bit(kind) != 0 }

// bit maps the bytes that types begin with to bits of their own.
func bit(kind byte) Kinds {
	switch {
	case kind == '_':
		return 1 << 31
	case kind == '|':
		return 1 << 30
	case kind == '~':
		return 1 << 29
	case kind >= '!' && kind <= '>':
		return 1 << (kind - '!') // up to bit 29, which ~ shares with >
	}
	return 0
}

// Limits bound one reply.
type Limits struct {
	// Kinds are the types that the reply may have, and Items those of the elements
	// if it is an array.
	Kinds, Items Kinds
	// Text is what the reply says if it is a line of text, with the end of the line;
	// empty is anything.
	Text string
	// Refused is a line of text, with its end, that the reply is not.
	Refused string
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
