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
	// errMalformed is the error of a reply that is not RESP, or that is beyond all limits.
	errMalformed = resp.ErrMalformed
	// errUnasked is the error of a reply without a command.
	errUnasked = resp.ErrUnasked
)

const (
	// maxBulk is proto-max-bulk-len of a server with the default configuration: the longest
	// argument that the server takes.
	maxBulk = 512 << 20
	// maxClaim is the limit of the claimed length of a string.
	maxClaim = math.MaxInt32 - len("\r\n")
	// maxElements is the limit of the claimed elements of an array.
	maxElements = 1 << 24
	// freeElements is the limit of claimed elements whose bytes have not come yet. The
	// header of a larger array is held until enough bytes have come.
	freeElements = 1 << 16
	// minElement is the least number of bytes of an element.
	minElement = len("_\r\n")
	// maxDepth is the limit of nested arrays.
	maxDepth = 64
	// maxLine is beyond the longest line.
	maxLine = 64 << 10
	// maxAttributes is the limit of attributes in a reply. Servers send one in front of the
	// reply, and valkey-go allocates memory for each.
	maxAttributes = 1 << 14
)

// A framing follows a stream of RESP, version 2 or 3, and counts its values.
//
// valkey-go trusts the bytes that it reads. A negative length, a length beyond all memory,
// endlessly nested arrays and a reply without a command each end the process, because
// valkey-go reads in goroutines of its own. A malformed number is read as another number.
// So valkey-go reads only bytes that a framing has checked.
type framing struct {
	// begun counts the values that have begun, and values counts the complete values.
	// Values inside others, and pushes, do not count.
	begun, values int

	asked   int               // number of values that may begin
	longest int               // length of the longest string that is passed on
	free    int               // number of elements that may be claimed before their bytes come
	pushes  bool              // pushes may come, and are dropped
	failed  func(text []byte) // receives the text of error replies; may be nil

	kind    byte   // kind of the current value
	bulk    int    // bytes to come of a string and its line end
	tooLong int    // length of the string that is dropped; 0 if there is none
	pushing bool   // the current value is in a push
	skip    int    // number of values that are still to be dropped
	skipped bool   // the current value is in such a value
	open    []open // incomplete aggregates
	missing int    // number of missing elements in all of them

	attributes   int // number of attributes since attributesIn
	attributesIn int // number of complete values before the last attribute
}

// An open is an incomplete aggregate.
type open struct {
	missing int
	kind    byte
}

// ofRequests returns a framing of the written bytes.
func ofRequests() framing {
	return framing{asked: math.MaxInt, longest: maxBulk, free: math.MaxInt}
}

// ofReplies returns a framing of the read bytes.
func ofReplies(longest int, pushes bool, failed func([]byte)) framing {
	return framing{longest: longest, free: freeElements, pushes: pushes, failed: failed}
}

// A verdict tells what ends the good bytes.
type verdict uint8

const (
	all       verdict = iota // the end of the bytes
	dropped                  // bytes that are dropped
	tooLong                  // the header of a string that is dropped
	tooShort                 // the beginning of a line or an array that is not complete
	malformed                // bytes that are not RESP
	unasked                  // a reply without a command
)

// next checks the bytes behind the bytes of the call before. good is the number of good
// bytes, and end is the end of the dropped bytes behind them. The next call continues at
// end.
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

// hides reports whether the next bytes are dropped.
func (f *framing) hides() bool {
	return f.pushing || f.tooLong > 0 || f.skipped || f.skip > 0 && len(f.open) == 0 && f.bulk == 0
}

// Of the first asked values, leave drops all values that have not begun, and returns
// their number. leave drops nothing and returns 0 if a part of a value has been passed
// on.
func (f *framing) leave(asked int) int {
	partly := len(f.open) > 0 || f.bulk > 0 && f.tooLong == 0
	if partly && !f.pushing && !f.skipped {
		return 0
	}
	n := asked - f.begun - f.skip
	f.skip += n
	return n
}

// strings is a fast path for complete strings, for arrays of them, and for OK. strings
// returns the number of consumed bytes, which is 0 if the next bytes are anything
// else.
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

// content consumes bytes of a string, or of its line end.
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

// line consumes a line: a value, or the header of a value.
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

// begin records the beginning of a value.
func (f *framing) begin(kind byte) {
	if f.kind = kind; len(f.open) == 0 && kind != '>' {
		f.begun++
		if f.skip > 0 {
			f.skip--
			f.skipped = true
		}
	}
}

// beginString records the header of a string. -1 is nil in version 2.
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

// beginAggregate records the header of an aggregate. behind is the number of bytes behind
// the header. valkey-go allocates memory for all claimed elements.
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
	case kind == '|' && !f.countAttribute():
		return malformed
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

// countAttribute counts the attributes of a value, and reports whether there may be one more.
func (f *framing) countAttribute() bool {
	if f.attributesIn != f.values {
		f.attributes, f.attributesIn = 0, f.values
	}
	f.attributes++
	return f.attributes <= maxAttributes
}

// end records the end of a value.
func (f *framing) end() {
	kind := f.kind
	for {
		if kind == '|' { // attributes of the value behind them
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

// shortLength reads the rest of a line with a length of up to eight digits. n is the
// length of that rest. n is 0 for an incomplete line and for anything else: both need the
// slow path.
func shortLength(p []byte) (n, length int) {
	const end = uint16('\r') | uint16('\n')<<8
	if len(p) >= 8 {
		// Most lengths have up to three digits.
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

// parseLength reads a length. false means that text is no length, or is beyond limit.
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
