package resp

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// A Due has the limits of the next replies.
type Due interface {
	// Next is called at the beginning of each reply that is neither a push nor inside
	// another value. Next returns the limits of that reply, or nil if no reply is due. The
	// limits are valid until the next call.
	Next() *Limits
	// Others returns the limits of pushes, and of attributes.
	Others() *Limits
}

// A Scanner follows a stream of replies. The zero value is at its start.
type Scanner struct {
	limits *Limits
	kind   byte // type of the last value that has begun
	top    byte // type of the last value that is not inside another
	// The next bytes are the rest of a value, unless all of these are zero.
	data   int64 // number of bytes of a string
	end    int   // number of bytes of its line end
	inLine bool  // the rest of a line of text
	line   int   // number of bytes of that line so far
	cr     bool  // the last byte of that line is \r

	open   []aggregate
	header int   // number of bytes of the header of a string beyond the limit
	length int64 // length of that string
}

// An aggregate is an incomplete array, map, set, push or attribute.
type aggregate struct {
	missing int64
	kind    byte
}

// Between reports whether the stream is between two replies.
func (s *Scanner) Between() bool {
	return len(s.open) == 0 && s.data == 0 && s.end == 0 && !s.inLine && s.kind != '|'
}

// Top returns the type of the last reply that has begun.
func (s *Scanner) Top() byte { return s.top }

// Scan consumes the next bytes. n is the number of bytes that may be passed on. The bytes
// behind n are the beginning of an incomplete line if err is nil: these bytes must be
// scanned again, together with more bytes.
//
// ErrTooLong means that a string beyond the limit begins at n: see Omit. The Scanner must
// not be used after any other error.
func (s *Scanner) Scan(p []byte, due Due) (n int, err error) {
	if s.Between() {
		if n, err = s.whole(p, due); err != nil {
			return 0, err
		}
	} else if len(s.open) == 1 {
		n = s.strings(p)
	}
	for n < len(p) {
		switch {
		case s.data > 0:
			taken := min(s.data, int64(len(p)-n))
			s.data -= taken
			n += int(taken)
		case s.end > 0:
			if p[n] != "\n\r"[s.end-1] {
				return n, ErrMalformed
			}
			n++
			if s.end--; s.end == 0 {
				s.complete()
			}
		case s.inLine:
			taken, err := s.more(p[n:])
			if err != nil {
				return n, err
			}
			n += taken
		default:
			taken, err := s.value(p[n:], due)
			if err != nil || taken == 0 {
				return n, err
			}
			if n += taken; len(s.open) == 1 {
				n += s.strings(p[n:])
			}
		}
	}
	return n, nil
}

// whole consumes a complete short string, which is the usual reply. n is 0 for any other
// reply.
func (s *Scanner) whole(p []byte, due Due) (n int, err error) {
	if len(p) < len("$0\r\n\r\n") || p[0] != '$' {
		return 0, nil
	}
	length, n := short(p[1:])
	end := 1 + n + length + len("\r\n")
	if n == 0 || end > len(p) || p[end-2] != '\r' || p[end-1] != '\n' {
		return 0, nil
	}
	if err := s.admit('$', due); err != nil {
		return 0, err
	}
	s.kind = '$'
	if int64(length) > s.limits.String {
		s.header, s.length = 1+n, int64(length)
		return 0, ErrTooLong
	}
	return end, nil
}

// strings consumes complete short strings of an array, but not its last element. n is the
// number of bytes.
func (s *Scanner) strings(p []byte) (n int) {
	last := &s.open[0]
	if s.data > 0 || s.end > 0 || s.inLine {
		return 0
	}
	for last.missing > 1 && n < len(p) && p[n] == '$' {
		length, header := short(p[n+1:])
		end := n + 1 + header + length + len("\r\n")
		if header == 0 || end > len(p) || int64(length) > s.limits.String || p[end-2] != '\r' || p[end-1] != '\n' {
			break
		}
		n = end
		last.missing--
		s.kind = 0
	}
	return n
}

// Omit skips the string of ErrTooLong: the caller puts another value in its place. size is
// the number of bytes of the stream to drop.
func (s *Scanner) Omit() (size int64) {
	s.complete()
	return int64(s.header) + s.length + int64(len("\r\n"))
}

// more consumes more bytes of a line of text.
func (s *Scanner) more(p []byte) (n int, err error) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		s.line += len(p)
		s.cr = p[len(p)-1] == '\r'
		if s.line > maxLine {
			return 0, ErrMalformed
		}
		return len(p), nil
	}
	if s.line+i > maxLine || i == 0 && !s.cr || i > 0 && p[i-1] != '\r' {
		return 0, ErrMalformed
	}
	s.inLine = false
	s.complete()
	return i + 1, nil
}

// value consumes the beginning of a value, or a whole short value. An incomplete line is
// not consumed.
func (s *Scanner) value(p []byte, due Due) (n int, err error) {
	kind := p[0]
	var number int64
	if kind == '+' || kind == '-' {
		n = 1
	} else if n, number, err = header(p); n == 0 {
		return 0, err
	}
	inside := len(s.open)
	if err := s.admit(kind, due); err != nil {
		return 0, err
	}
	s.kind = kind
	switch kind {
	case '+', '-':
		s.inLine, s.line, s.cr = true, 0, false
		return 1, nil
	case '$', '=', '!':
		if number < 0 {
			break // nil
		}
		if number > s.limits.String {
			s.header, s.length = n, number
			return 0, ErrTooLong
		}
		s.data, s.end = number, len("\r\n")
		return n, nil
	case '*', '~', '>', '%', '|':
		if number <= 0 {
			break
		}
		if number > s.limits.Elements || inside == maxDepth {
			return 0, ErrMalformed
		}
		if kind == '%' || kind == '|' {
			number *= 2
		}
		s.open = append(s.open, aggregate{number, kind})
		return n, nil
	}
	s.complete()
	return n, nil
}

// admit returns an error if no value of a type may come here.
func (s *Scanner) admit(kind byte, due Due) error {
	switch {
	case len(s.open) > 0:
		return nil
	case kind == '>' || kind == '|':
		s.limits = due.Others()
		return nil
	}
	limits := due.Next()
	if limits == nil {
		return ErrUnasked
	}
	s.limits, s.top = limits, kind
	return nil
}

// complete records the end of a value, and of the aggregates that end with the value.
func (s *Scanner) complete() {
	kind := s.kind
	for kind != '|' && len(s.open) > 0 { // an attribute belongs to the next value
		last := &s.open[len(s.open)-1]
		if last.missing--; last.missing > 0 {
			s.kind = 0
			return
		}
		kind = last.kind
		s.open = s.open[:len(s.open)-1]
	}
	s.kind = kind
}

// isLine reports whether the first line of a type is consumed as a whole.
func isLine(kind byte) bool { return strings.IndexByte("$=!*~%>|:,(#_", kind) >= 0 }

// header reads a line with a length or a number. n is the length of the line, or 0 for an
// incomplete line and for an error.
func header(p []byte) (n int, number int64, err error) {
	if p[0] == '$' || p[0] == '*' {
		if length, n := short(p[1:]); n > 0 {
			return 1 + n, int64(length), nil
		}
	}
	limit := maxHeader
	if p[0] == ',' || p[0] == '(' {
		limit = maxNumber
	}
	end := bytes.IndexByte(p[:min(len(p), limit)], '\n')
	switch {
	case !isLine(p[0]), end < 0 && len(p) >= limit:
		return 0, 0, ErrMalformed
	case end < 0:
		return 0, 0, nil
	case p[end-1] != '\r':
		return 0, 0, ErrMalformed
	}
	number, ok := parse(p[0], p[1:end-1])
	if !ok {
		return 0, 0, ErrMalformed
	}
	return end + 1, number, nil
}

// short reads the rest of a line with a length of up to three digits, the usual case. n is
// the length of that rest, or 0 for anything else.
func short(p []byte) (number, n int) {
	if len(p) < len("123\r\n") {
		return shortEnd(p)
	}
	a, b, c := uint(p[0])-'0', uint(p[1])-'0', uint(p[2])-'0'
	switch {
	case a > 9:
	case p[1] == '\r':
		if p[2] == '\n' {
			return int(a), 3
		}
	case b > 9:
	case p[2] == '\r':
		if p[3] == '\n' {
			return int(a*10 + b), 4
		}
	case c <= 9 && p[3] == '\r' && p[4] == '\n':
		return int(a*100 + b*10 + c), 5
	}
	return 0, 0
}

// shortEnd is short for the last bytes of a read.
func shortEnd(p []byte) (number, n int) {
	for n < len(p) && n < 3 && p[n]-'0' <= 9 {
		number = number*10 + int(p[n]-'0')
		n++
	}
	if n == 0 || n+1 >= len(p) || p[n] != '\r' || p[n+1] != '\n' {
		return 0, 0
	}
	return number, n + len("\r\n")
}

// parse parses the text between the type and the end of a line. For a length, number is the
// length, and -1 is the nil of version 2.
func parse(kind byte, text []byte) (number int64, ok bool) {
	switch kind {
	case ':':
		_, ok = integer(text)
		return 0, ok
	case '_':
		return 0, len(text) == 0
	case '#':
		return 0, len(text) == 1 && (text[0] == 't' || text[0] == 'f')
	case ',':
		f, err := strconv.ParseFloat(string(text), 64)
		return 0, err == nil || math.IsInf(f, 0) || string(text) == "-nan"
	case '(':
		digits := bytes.TrimPrefix(text, []byte("-"))
		return 0, len(digits) > 0 && len(bytes.Trim(digits, "0123456789")) == 0
	}
	if string(text) == "-1" && (kind == '$' || kind == '*') {
		return -1, true
	}
	if len(text) == 0 || text[0] == '-' || text[0] == '+' {
		return 0, false
	}
	number, ok = integer(text)
	return number, ok && number <= maxString
}

func integer(text []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}
