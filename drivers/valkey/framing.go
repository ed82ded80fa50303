package valkey

import (
	"bytes"
	"encoding/binary"
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
	// begun and values are how many values have begun, and how many are
	// complete, but for those inside others. Pushes are not among values.
	begun, values int

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
			if n := f.strings(p[i:]); n > 0 {
				i += n
				continue
			}
			good = i
			n, ok := f.begin(p[i:])
			if !ok {
				return good, errMalformed
			}
			i += n
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

// strings takes what most of a stream is, if it is complete: strings, the
// beginnings of the arrays that they are in, and OK. It returns how much it has
// taken, which is 0 if the next byte begins anything else.
func (f *framing) strings(p []byte) int {
	const okay = "+OK\r\n"
	at := 0
	for at < len(p) {
		switch p[at] {
		case '$':
			n, length := shortLength(p[at+1:])
			end := at + 1 + n + length + len("\r\n")
			if n == 0 || end > len(p) {
				return at
			}
			at = end
		case '*':
			n, length := shortLength(p[at+1:])
			if n == 0 || length == 0 || length > maxElements || len(f.open) > 0 {
				return at
			}
			f.begun++
			f.open = append(f.open, open{missing: length, kind: '*'})
			at += 1 + n
			continue
		case '+':
			if len(p)-at < len(okay) || string(p[at:at+len(okay)]) != okay {
				return at
			}
			at += len(okay)
		default:
			return at
		}
		if len(f.open) == 0 {
			f.begun++
			f.values++
		} else if last := &f.open[len(f.open)-1]; last.missing > 1 {
			last.missing--
		} else {
			f.kind = '$'
			f.end()
		}
	}
	return at
}

// begin takes the beginning of a value: its type, and its length if that is all
// there. It returns how much it has taken.
func (f *framing) begin(p []byte) (n int, ok bool) {
	if len(f.open) == 0 {
		f.begun++
	}
	f.kind, f.length, f.digits, f.minus = p[0], 0, 0, false
	switch f.kind {
	case '$', '*':
		if n, length := shortLength(p[1:]); n > 0 {
			f.length = length
			return 1 + n, f.sized()
		}
		f.state = inLength
	case '%', '~', '>', '|', '=', '!':
		f.state = inLength
	case '+', '-', ':', '_', '#', ',', '(':
		f.state, f.line = inLine, 0
	default:
		return 0, false
	}
	return 1, true
}

// shortLength reads the rest of a line that is a length of up to eight digits,
// and returns how long the rest of the line is. That is 0 if it is not all there,
// or is anything else: then the line has to be taken byte by byte.
func shortLength(p []byte) (n, length int) {
	const end = uint16('\r') | uint16('\n')<<8
	if len(p) >= 8 {
		// Most have up to three digits.
		word := binary.LittleEndian.Uint64(p)
		a, b, c := uint(byte(word))-'0', uint(byte(word>>8))-'0', uint(byte(word>>16))-'0'
		switch {
		case uint16(word>>8) == end && a <= 9:
			return 3, int(a)
		case uint16(word>>16) == end && a <= 9 && b <= 9:
			return 4, int(a*10 + b)
		case uint16(word>>24) == end && a <= 9 && b <= 9 && c <= 9:
			return 5, int(a*100 + b*10 + c)
		}
	}
	return anyShortLength(p)
}

func anyShortLength(p []byte) (n, length int) {
	i := 0
	for ; i < len(p) && i < 8; i++ {
		digit := p[i] - '0'
		if digit > 9 {
			break
		}
		length = length*10 + int(digit)
	}
	if i == 0 || i+1 >= len(p) || p[i] != '\r' || p[i+1] != '\n' {
		return 0, 0
	}
	return i + len("\r\n"), length
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
