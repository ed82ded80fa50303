package valkey

import (
	"bytes"
	"errors"
)

// errMalformed is a reply that is not RESP, or larger than any that is asked
// for.
var errMalformed = errors.New("malformed reply")

const (
	// maxBulk is how long a string may claim to be.
	maxBulk = maxValueSize
	// maxElements is how many elements an array may claim to have.
	maxElements = 1 << 24
	// maxDepth is how deep arrays may be nested.
	maxDepth = 64
	// maxLine is more than the longest line.
	maxLine = 64 << 10
)

// A framing follows a stream of RESP, version 2 or 3, and counts its values.
//
// valkey-go believes what it reads: a negative length, one that no memory holds,
// arrays without end inside each other and a reply that nobody asked for each
// end the process, as it reads in goroutines of its own. So it gets to read only
// what was looked at here.
type framing struct {
	values int // that are complete, but for pushes

	state  byte
	kind   byte   // of the value whose header is read
	length int    // of it, so far
	digits int    // of the length
	minus  bool   // the length is negative
	line   int    // bytes of the line so far
	skip   int    // bytes of a string, and the end of its line, to come
	open   []open // aggregates that are not complete
}

// open is an aggregate that is not complete.
type open struct {
	missing int
	kind    byte
}

// What the next byte is.
const (
	atKind   = iota // the type of a value
	inLength        // a digit of a length
	afterCR         // the end of the line with a length
	inLine          // something on a line of its own
	inBulk          // something in a string
)

// feed takes the next bytes. It returns an error if they are malformed, and
// where the value begins that is.
func (f *framing) feed(p []byte) (good int, err error) {
	for i := 0; i < len(p); {
		switch f.state {
		case inBulk:
			n := min(f.skip, len(p)-i)
			i += n
			if f.skip -= n; f.skip == 0 {
				f.end()
			}
		case inLine:
			n := bytes.IndexByte(p[i:], '\n') + 1
			if n == 0 {
				n = len(p) - i
				f.line += n
				if f.line > maxLine {
					return good, errMalformed
				}
				return len(p), nil
			}
			i += n
			f.end()
		case atKind:
			good = i
			f.begin(p[i])
			i++
			if f.state == atKind {
				return good, errMalformed
			}
		case inLength:
			if !f.digit(p[i]) {
				return good, errMalformed
			}
			i++
		case afterCR:
			if p[i] != '\n' || !f.sized() {
				return good, errMalformed
			}
			i++
		}
	}
	return len(p), nil
}

// begin takes the type of a value.
func (f *framing) begin(kind byte) {
	f.kind = kind
	switch kind {
	case '$', '*', '%', '~', '>', '|', '=', '!':
		f.state, f.length, f.digits, f.minus = inLength, 0, 0, false
	case '+', '-', ':', '_', '#', ',', '(':
		f.state, f.line = inLine, 0
	default:
		f.state = atKind
	}
}

// digit takes a byte of a length.
func (f *framing) digit(b byte) bool {
	switch {
	case b >= '0' && b <= '9':
		f.length = f.length*10 + int(b-'0')
		f.digits++
		return f.length <= maxBulk
	case b == '\r':
		f.state = afterCR
		return f.digits > 0
	case b == '-':
		minus := f.minus
		f.minus = true
		return !minus && f.digits == 0
	}
	return false
}

// sized takes a length that is complete. -1 is what version 2 has for nil.
func (f *framing) sized() bool {
	switch {
	case f.minus && (f.length != 1 || f.kind != '$' && f.kind != '*'):
		return false
	case f.minus:
		f.end()
	case f.kind == '$', f.kind == '=', f.kind == '!':
		f.state, f.skip = inBulk, f.length+len("\r\n")
	case f.length > maxElements, len(f.open) == maxDepth:
		return false
	case f.length == 0:
		f.end()
	default:
		n := f.length
		if f.kind == '%' || f.kind == '|' {
			n *= 2
		}
		f.open = append(f.open, open{missing: n, kind: f.kind})
		f.state = atKind
	}
	return true
}

// end takes the end of a value.
func (f *framing) end() {
	f.state = atKind
	kind := f.kind
	for {
		if kind == '|' { // data about the value that follows
			return
		}
		if len(f.open) == 0 {
			if kind != '>' {
				f.values++
			}
			return
		}
		last := &f.open[len(f.open)-1]
		if last.missing--; last.missing > 0 {
			return
		}
		kind = last.kind
		f.open = f.open[:len(f.open)-1]
	}
}
