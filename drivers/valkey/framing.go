package valkey

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/xcache-go/xcache/drivers/internal/resp"
)

var (
	// errMalformed is a reply that is not RESP, or larger than any that is asked
	// for.
	errMalformed = resp.ErrMalformed
	// errUnasked is a reply to nothing.
	errUnasked = resp.ErrUnasked
)

const (
	// maxBulk is how long a string is that servers take unless they are configured
	// otherwise: proto-max-bulk-len.
	maxBulk = 512 << 20
	// maxClaim is how long a string may claim to be, or it is no string.
	maxClaim = math.MaxInt32 - len("\r\n")
	// maxElements is how many elements an array may claim to have.
	maxElements = 1 << 24
	// freeElements is how many elements arrays may claim to have that are not
	// there yet. For more of them the bytes must come first.
	freeElements = 1 << 16
	// minElement is how many bytes an element has at least.
	minElement = len("_\r\n")
	// maxDepth is how deep arrays may be nested.
	maxDepth = 64
	// maxLine is more than the longest line.
	maxLine = 64 << 10
)

// A framing follows a stream of RESP, version 2 or 3, and counts its values.
//
// valkey-go believes what it reads: a negative length, one that no memory holds,
// arrays without end inside each other and a reply that nobody asked for each
// end the process, as it reads in goroutines of its own; a number that is none is
// read as another one. So it gets to read only what was looked at here.
type framing struct {
	// begun and values are how many values have begun, and how many are
	// complete, but for those inside others. Pushes are not among values.
	begun, values int

	asked   int               // values may begin
	longest int               // string that is passed on
	free    int               // elements may be claimed before they are there
	pushes  bool              // there may be some; they are dropped
	failed  func(text []byte) // is told of errors; may be nil

	kind    byte   // of the value that is read
	bulk    int    // bytes of a string, and the end of its line, to come
	tooLong int    // length of the string that is dropped; 0 if none is
	pushing bool   // what is read is in a push
	skip    int    // values that are still to be dropped
	skipped bool   // what is read is in such a value
	open    []open // aggregates that are not complete
	missing int    // elements of all of them that have not ended
}

// open is an aggregate that is not complete.
type open struct {
	missing int
	kind    byte
}

// ofRequests returns the framing of what is written.
func ofRequests() framing {
	return framing{asked: math.MaxInt, longest: maxBulk, free: math.MaxInt}
}

// ofReplies returns the framing of what is read.
func ofReplies(longest int, pushes bool, failed func([]byte)) framing {
	return framing{longest: longest, free: freeElements, pushes: pushes, failed: failed}
}

// A verdict says what ended the bytes that are good.
type verdict uint8

const (
	all       verdict = iota // nothing
	dropped                  // bytes that nobody is to see
	tooLong                  // the header of a string that will be dropped
	tooShort                 // the beginning of something of which more must come
	malformed                // what is not RESP
	unasked                  // what answers nothing
)

// next looks at the next bytes, which begin where those before ended. It returns
// how many of them are good, and where those end that are dropped behind them.
// What follows is looked at by the next call.
func (f *framing) next(p []byte) (good, end int, v verdict) {
	for at := 0; at < len(p); {
		var n int
		hidden := f.hides()
		if f.bulk > 0 {
			if n, v = f.content(p[at:]); v != all {
				return at + n, at + n, v
			}
		} else if n = f.strings(p[at:]); n == 0 {
			if n, v = f.line(p[at:]); v != all {
				return at, at, v
			}
			hidden = hidden || f.hides()
		}
		switch {
		case f.tooLong > 0 && f.bulk == f.tooLong+len("\r\n") && !f.pushing && !f.skipped:
			return at, at + n, tooLong
		case hidden:
			if f.bulk == 0 {
				f.tooLong = 0
			}
			return at, at + n, dropped
		}
		at += n
	}
	return len(p), len(p), all
}

// hides reports whether the bytes that follow are dropped.
func (f *framing) hides() bool {
	return f.pushing || f.tooLong > 0 || f.skipped || f.skip > 0 && len(f.open) == 0 && f.bulk == 0
}

// leave has the values dropped that are still to come when so many have been asked for,
// and returns how many they are. It does nothing if part of one of them is passed on.
func (f *framing) leave(asked int) int {
	partly := len(f.open) > 0 || f.bulk > 0 && f.tooLong == 0
	if partly && !f.pushing && !f.skipped {
		return 0
	}
	n := asked - f.begun - f.skip
	f.skip += n
	return n
}

// strings takes what most of a stream is, if it is complete: strings, the
// beginnings of the arrays that they are in, and OK. It returns how much it has
// taken, which is 0 if the next byte begins anything else.
func (f *framing) strings(p []byte) int {
	const okay = "+OK\r\n"
	if f.pushing || f.skipped || f.skip > 0 {
		return 0
	}
	at := 0
	for at < len(p) {
		if len(f.open) == 0 && f.begun == f.asked {
			return at
		}
		switch p[at] {
		case '$':
			n, length := shortLength(p[at+1:])
			end := at + 1 + n + length + len("\r\n")
			if n == 0 || end > len(p) || length > f.longest || p[end-2] != '\r' || p[end-1] != '\n' {
				return at
			}
			at = end
		case '*':
			n, length := shortLength(p[at+1:])
			if n == 0 || length == 0 || length > freeElements || len(f.open) > 0 {
				return at
			}
			f.begun++
			f.open = append(f.open, open{missing: length, kind: '*'})
			f.missing += length
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
			f.missing--
		} else {
			f.kind = '$'
			f.end()
		}
	}
	return at
}

// content takes bytes of a string, or of the end of its line.
func (f *framing) content(p []byte) (n int, v verdict) {
	before := f.bulk
	n = min(before, len(p))
	for left := min(before, len("\r\n")); left > before-n; left-- {
		if at := before - left; p[at] != "\n\r"[left-1] {
			return at, malformed
		}
	}
	if f.bulk -= n; f.bulk == 0 {
		f.end()
	}
	return n, all
}

// line takes a line: a value, or the header of one.
func (f *framing) line(p []byte) (n int, v verdict) {
	push := p[0] == '>' && f.pushes && len(f.open) == 0
	if len(f.open) == 0 && f.begun == f.asked && !push {
		return 0, unasked
	}
	n = bytes.IndexByte(p[:min(len(p), maxLine)], '\n') + 1
	switch {
	case n == 0 && len(p) < maxLine:
		return 0, tooShort
	case n < len("_\r\n") || p[n-2] != '\r':
		return 0, malformed
	}
	kind, text := p[0], p[1:n-2]
	switch kind {
	case '+', '-':
	case ':':
		v = valid(isInteger(text))
	case '_':
		v = valid(len(text) == 0)
	case '#':
		v = valid(len(text) == 1 && (text[0] == 't' || text[0] == 'f'))
	case ',':
		v = valid(isFloat(text))
	case '(':
		v = valid(isDigits(bytes.TrimPrefix(text, []byte("-"))))
	case '$', '=', '!':
		return n, f.beginString(kind, text)
	case '*', '%', '~', '|', '>':
		if kind == '>' && !push {
			return 0, malformed
		}
		return n, f.beginAggregate(kind, text, len(p)-n)
	default:
		v = malformed
	}
	if v != all {
		return 0, v
	}
	if kind == '-' && f.failed != nil && !f.pushing {
		f.failed(text)
	}
	f.begin(kind)
	f.end()
	return n, all
}

func valid(ok bool) verdict {
	if ok {
		return all
	}
	return malformed
}

// begin takes the beginning of a value.
func (f *framing) begin(kind byte) {
	if f.kind = kind; len(f.open) == 0 && kind != '>' {
		f.begun++
		if f.skip > 0 {
			f.skip--
			f.skipped = true
		}
	}
}

// beginString takes the header of a string. -1 is what version 2 has for nil.
func (f *framing) beginString(kind byte, text []byte) verdict {
	length, ok := parseLength(text, maxClaim)
	switch {
	case kind == '$' && string(text) == "-1":
		f.begin(kind)
		f.end()
		return all
	case !ok:
		return malformed
	}
	f.begin(kind)
	f.bulk = length + len("\r\n")
	if length > f.longest {
		f.tooLong = length
	}
	return all
}

// beginAggregate takes the header of an aggregate, with so many bytes behind it.
// valkey-go makes room for all elements that it claims to have.
func (f *framing) beginAggregate(kind byte, text []byte, behind int) verdict {
	length, ok := parseLength(text, maxElements)
	if kind == '%' || kind == '|' {
		length *= 2
	}
	switch {
	case kind == '*' && string(text) == "-1":
		f.begin(kind)
		f.end()
		return all
	case !ok || len(f.open) == maxDepth:
		return malformed
	case f.missing+length > f.free && (f.missing+length-f.free)*minElement > behind:
		return tooShort
	}
	f.begin(kind)
	f.pushing = f.pushing || kind == '>'
	if length == 0 {
		f.end()
		return all
	}
	f.open = append(f.open, open{missing: length, kind: kind})
	f.missing += length
	return all
}

// end takes the end of a value.
func (f *framing) end() {
	kind := f.kind
	for {
		if kind == '|' { // data about the value that follows
			if len(f.open) == 0 {
				f.begun--
				if f.skipped {
					f.skip++
					f.skipped = false
				}
			}
			return
		}
		if len(f.open) == 0 {
			if kind == '>' {
				f.pushing = false
			} else {
				f.values++
				f.skipped = false
			}
			return
		}
		last := &f.open[len(f.open)-1]
		f.missing--
		if last.missing--; last.missing > 0 {
			return
		}
		kind = last.kind
		f.open = f.open[:len(f.open)-1]
	}
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

// parseLength reads a length, and reports false if that is none, or beyond limit.
func parseLength(text []byte, limit int) (int, bool) {
	if !isDigits(text) {
		return 0, false
	}
	n := int64(0)
	for _, b := range text {
		if n = n*10 + int64(b-'0'); n > int64(limit) {
			return 0, false
		}
	}
	return int(n), true
}

func isDigits(text []byte) bool {
	for _, b := range text {
		if b < '0' || b > '9' {
			return false
		}
	}
	return len(text) > 0
}

// isInteger reports whether text is an integer of 64 bits.
func isInteger(text []byte) bool {
	if digits := bytes.TrimPrefix(text, []byte("-")); len(digits) < len("9223372036854775807") {
		return isDigits(digits)
	}
	_, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil && text[0] != '+'
}

func isFloat(text []byte) bool {
	_, err := strconv.ParseFloat(string(text), 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}
