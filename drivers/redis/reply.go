package redis

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

const (
	// maxDepth is how deep the arrays of a reply may be nested.
	maxDepth = 64
	// maxElements is how many elements an array of a reply may claim to have.
	maxElements = 1 << 30
	// trustedLength and trustedElements are how much memory is taken at once
	// because a reply claims to be that large. For more, its bytes must come.
	trustedLength   = 64 << 20
	trustedElements = 1 << 10
	// maxHeader is more than the longest line that is not an error.
	maxHeader = 64 << 10
)

const lineEnd = "\r\n"

// okay is the most frequent reply. Data is immutable, so all may share it.
var okay = []byte("OK")

// A replyReader reads one reply of RESP, version 2 or 3, into a driver.Reply.
// It is the io.Writer that go-redis pours a raw reply into.
//
// go-redis' own commands would do the same with two copies of a value, an
// interface around each element and no bound on what a length may claim, and
// they leave a connection out of step after some errors inside arrays.
type replyReader struct {
	reply    driver.Reply
	err      error // the error reply, if it is one
	complete bool

	line []byte // the header that is being read
	open []aggregate

	// maxValue is the length of the longest string; 0 is any. What is longer is read
	// and dropped, up to a limit, and an error stands in its place.
	maxValue int64
	dropped  int64
	drop     bool // the string that is being read
	// lines is how many strings were lines of their own.
	lines int

	bulk     []byte // the string that is being read
	bulkKind byte   // its type; 0 when none is
	missing  int    // how many of its bytes
	newline  int    // how many bytes of the line end after it

	scratch [len(lineEnd)]byte
}

// aggregate is an array, map or set that is not complete.
type aggregate struct {
	items   []driver.Reply
	missing int
	discard bool // an attribute: data about the reply that follows
}

func (r *replyReader) reset() {
	*r = replyReader{line: r.line[:0], open: r.open[:0], maxValue: r.maxValue}
}

// Write takes the next piece of the reply. It returns an error for what is not
// a reply, so that go-redis closes the connection, and at the end of an error
// reply, so that go-redis sees it too.
func (r *replyReader) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if r.complete {
			return len(p), errReply
		}
		if r.bulkKind != 0 {
			n, err := r.addBulk(rest)
			if err != nil {
				return len(p), err
			}
			rest = rest[n:]
			continue
		}
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			r.line = append(r.line, rest...)
			if len(r.line) > maxHeader {
				return len(p), errReply
			}
			break
		}
		r.line = append(r.line, rest[:end]...)
		rest = rest[end+1:]
		if err := r.header(); err != nil {
			return len(p), err
		}
	}
	return len(p), nil
}

// ReadFrom takes the bytes of a string, and their line end, straight from the
// connection's buffer to where they stay.
func (r *replyReader) ReadFrom(src io.Reader) (total int64, err error) {
	if n, ok := r.readWhole(src); ok {
		return n, r.endBulk()
	}
	for err == nil {
		var n int
		if r.bulkKind == 0 {
			n, err = src.Read(r.scratch[:])
			if n > 0 {
				_, writeErr := r.Write(r.scratch[:n])
				err = cmp.Or(writeErr, err)
			}
		} else if n, err = r.readBulk(src); err == nil && r.missing == 0 && r.newline == 0 {
			err = r.endBulk()
		}
		total += int64(n)
	}
	if errors.Is(err, io.EOF) && r.bulkKind == 0 {
		err = nil
	}
	return total, err
}

// readWhole reads a string that is in the connection's buffer already: most
// are, and the way through all the readers costs more than the copy.
func (r *replyReader) readWhole(src io.Reader) (n int64, ok bool) {
	limited, ok := src.(*io.LimitedReader)
	if !ok || r.bulkKind == 0 || r.bulk != nil || r.drop {
		return 0, false
	}
	buffer, ok := limited.R.(*bufio.Reader)
	size := r.missing + r.newline
	if !ok || limited.N != int64(size) || buffer.Buffered() < size {
		return 0, false
	}
	data, _ := buffer.Peek(size)
	if string(data[size-r.newline:]) != lineEnd[len(lineEnd)-r.newline:] {
		return 0, false
	}
	r.bulk = make([]byte, r.missing)
	copy(r.bulk, data)
	_, _ = buffer.Discard(size)
	r.missing, r.newline, limited.N = 0, 0, 0
	return int64(size), true
}

// readBulk reads more of the current string, or its line end.
func (r *replyReader) readBulk(src io.Reader) (n int, err error) {
	if r.missing == 0 {
		n, err = io.ReadFull(src, r.scratch[:r.newline])
		if string(r.scratch[:n]) != lineEnd[len(lineEnd)-r.newline:][:n] {
			return n, errReply
		}
		r.newline -= n
		return n, err
	}
	if r.drop {
		dropped, err := io.CopyN(io.Discard, src, int64(r.missing))
		r.missing -= int(dropped)
		return int(dropped), err
	}
	r.grow()
	free := r.bulk[len(r.bulk):cap(r.bulk)]
	n, err = io.ReadFull(src, free[:min(len(free), r.missing)])
	r.bulk = r.bulk[:len(r.bulk)+n]
	r.missing -= n
	return n, err
}

// addBulk takes the start of p that belongs to the current string, and returns
// its length.
func (r *replyReader) addBulk(p []byte) (int, error) {
	n := min(len(p), r.missing)
	if !r.drop {
		r.grow()
		n = min(n, cap(r.bulk)-len(r.bulk))
		r.bulk = append(r.bulk, p[:n]...)
	}
	r.missing -= n
	if r.missing == 0 {
		end := min(len(p)-n, r.newline)
		if string(p[n:n+end]) != lineEnd[len(lineEnd)-r.newline:][:end] {
			return n, errReply
		}
		r.newline -= end
		n += end
	}
	if r.missing == 0 && r.newline == 0 {
		return n, r.endBulk()
	}
	return n, nil
}

// grow makes room for the string's next bytes, as many as it claims to have or
// has already.
func (r *replyReader) grow() {
	if r.missing == 0 || len(r.bulk) < cap(r.bulk) {
		return
	}
	larger := make([]byte, len(r.bulk), len(r.bulk)+min(r.missing, max(trustedLength, len(r.bulk))))
	copy(larger, r.bulk)
	r.bulk = larger
}

func (r *replyReader) endBulk() error {
	data, kind, long := r.bulk, r.bulkKind, r.drop
	r.bulk, r.bulkKind, r.drop = nil, 0, false
	if long {
		r.failWith(tooLong())
		return nil
	}
	switch kind {
	case '!':
		return r.fail(string(data))
	case '=': // three letters that name a format, and a colon
		if len(data) < 4 {
			return errReply
		}
		data = data[4:]
	}
	if data == nil {
		data = []byte{}
	}
	r.add(driver.DataReply(data))
	return nil
}

// header takes a complete line.
func (r *replyReader) header() error {
	line := r.line
	r.line = r.line[:0]
	if len(line) < 2 || line[len(line)-1] != '\r' {
		return errReply
	}
	kind, text := line[0], line[1:len(line)-1]
	switch kind {
	case '+':
		r.lines++
		if string(text) == "OK" {
			r.add(driver.DataReply(okay))
		} else {
			r.add(driver.DataReply([]byte(string(text))))
		}
	case '(':
		r.lines++
		if digits := bytes.TrimPrefix(text, []byte("-")); len(digits) == 0 || len(bytes.Trim(digits, "0123456789")) > 0 {
			return errReply
		}
		r.add(driver.DataReply([]byte(string(text))))
	case '-':
		return r.fail(string(text))
	case ':':
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return errReply
		}
		r.add(driver.IntReply(n))
	case '_':
		r.add(driver.Reply{})
	case '#':
		switch string(text) {
		case "t":
			r.add(driver.IntReply(1))
		case "f":
			r.add(driver.IntReply(0))
		default:
			return errReply
		}
	case ',':
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil && !math.IsInf(f, 0) {
			return errReply
		}
		r.add(driver.FloatReply(f))
	case '$', '=', '!':
		return r.beginBulk(kind, text)
	case '*', '~', '>', '%', '|':
		return r.beginAggregate(kind, text)
	default:
		return errReply
	}
	return nil
}

func (r *replyReader) beginBulk(kind byte, text []byte) error {
	n, ok := length(text, math.MaxInt/2)
	if !ok || n < 0 && kind != '$' {
		return errReply
	}
	if r.maxValue > 0 && int64(n) > r.maxValue {
		if r.dropped += int64(n); r.dropped > maxSkip {
			return errLongValue
		}
		r.drop = true
	}
	if n < 0 {
		r.add(driver.Reply{})
		return nil
	}
	r.bulkKind, r.missing, r.newline = kind, n, len("\r\n")
	return nil
}

func (r *replyReader) beginAggregate(kind byte, text []byte) error {
	n, ok := length(text, maxElements)
	if !ok || n < 0 && kind != '*' || len(r.open) == maxDepth {
		return errReply
	}
	if n < 0 {
		r.add(driver.Reply{})
		return nil
	}
	if kind == '%' || kind == '|' {
		n *= 2
	}
	a := aggregate{missing: n, discard: kind == '|'}
	if n == 0 {
		r.end(a)
		return nil
	}
	a.items = make([]driver.Reply, 0, min(n, trustedElements))
	r.open = append(r.open, a)
	return nil
}

// length reads the length of a string or the number of an array's elements; -1
// is what RESP 2 has for nil.
func length(text []byte, limit int) (int, bool) {
	n, err := strconv.Atoi(string(text))
	signed := len(text) > 0 && (text[0] == '+' || text[0] == '-') && n != -1
	return n, err == nil && !signed && n >= -1 && n <= limit
}

// fail takes an error reply: the whole reply, or an element of it.
func (r *replyReader) fail(text string) error {
	inside := len(r.open) > 0
	if r.failWith(replyError(text)); inside {
		return nil
	}
	return nativeError(servererror.Clean(text))
}

// failWith takes an error, which is the whole reply or an element of it.
func (r *replyReader) failWith(err error) {
	if len(r.open) > 0 {
		r.add(driver.Reply{Kind: driver.ReplyError, Err: err})
		return
	}
	r.err, r.complete = err, true
}

// replyError returns what an error reply means. Of a value that was too long to be
// read the server had no complaint: what was asked for has been done.
func replyError(text string) error {
	if text == textLongValue {
		return tooLong()
	}
	return servererror.Parse(text, nativeError)
}

func tooLong() error { return driver.Fail(driver.ErrTooLarge, driver.Unknown, errLongValue) }

// unwritten returns err, or, if it is that of a value that a command would only have
// read, the same as a failure that changed nothing.
func unwritten(err error, readOnly bool) error {
	if readOnly && errors.Is(err, errLongValue) {
		return driver.Fail(driver.ErrTooLarge, driver.NotApplied, errLongValue)
	}
	return err
}

// add takes the next complete value, at the level where the reply is.
func (r *replyReader) add(value driver.Reply) {
	for len(r.open) > 0 {
		last := &r.open[len(r.open)-1]
		last.items = append(last.items, value)
		last.missing--
		if last.missing > 0 {
			return
		}
		done := *last
		last.items = nil
		r.open = r.open[:len(r.open)-1]
		if done.discard {
			return
		}
		value = driver.ArrayReply(done.items...)
	}
	r.reply, r.complete = value, true
}

// end takes an aggregate without elements.
func (r *replyReader) end(a aggregate) {
	if !a.discard {
		r.add(driver.ArrayReply())
	}
}

// nativeError returns the error that go-redis itself makes of an error reply:
// a value of a type that it does not export, but exports a constant of.
func nativeError(text string) error { return retyped(goredis.Nil, text) }

func retyped[E interface {
	~string
	error
}](_ E, text string) E {
	return E(text)
}
