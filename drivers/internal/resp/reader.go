package resp

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// A Reader reads replies from a server that may send anything. A Reader allocates no memory
// for a length before enough bytes have come, and accepts no reply of a shape that the
// command does not have. A Reader must not be used after an error. One goroutine at a time
// may use a Reader.
type Reader struct {
	// Pushed, if set, receives the pushed messages that Next reads before a reply.
	Pushed func(driver.Reply)

	source io.Reader
	// parse makes an error from the text of an error reply.
	parse func(text string) error

	buffer []byte // read bytes; buffer[from:to] is not consumed yet
	from   int
	to     int

	longest int64 // limit of the strings of this reply
	due     int   // number of replies that are due, with the current one
	skipped int64 // bytes of dropped strings in this exchange
	reads   int64 // number of reads from source
}

// ErrLongValue is the cause of the error in the place of a string beyond the limit.
var ErrLongValue = errors.New("the value is longer than max_value")

const (
	// bufferSize is the size of one read. Longer strings are read into the caller's memory.
	bufferSize = 16 << 10
	// trustedLength and trustedElements limit the memory that is allocated for a claimed
	// length. More memory needs more bytes.
	trustedLength, trustedElements = 1 << 20, 1 << 8
	// maxElements is the limit of the claimed elements of an array.
	maxElements = 1 << 24
	// maxSkip is the limit of dropped bytes in one exchange with other replies due.
	// maxLastSkip is the limit if no reply is due behind them, because a new connection is
	// cheaper than to read more.
	maxSkip     = 128 << 20
	maxLastSkip = 1 << 20
)

// NewReader returns a reader of source. parse makes an error from the text of an error
// reply, without its dash.
func NewReader(source io.Reader, parse func(text string) error) *Reader {
	return &Reader{source: source, parse: parse}
}

// Begin begins an exchange with a number of due replies.
func (r *Reader) Begin(due int) { r.due, r.skipped = due, 0 }

// Buffered returns the bytes behind the last reply. These bytes are valid until the next
// read.
func (r *Reader) Buffered() []byte { return r.buffer[r.from:r.to] }

// Reads returns the number of reads that returned bytes.
func (r *Reader) Reads() int64 { return r.reads }

// Next reads the reply to a command, and the pushed messages before the reply. longest
// is the limit of strings: an error with an unknown outcome takes the place of a longer
// string. A reply of a shape that is not allowed is ErrMalformed. The bytes of the
// reply belong to the caller.
func (r *Reader) Next(allowed shape.Shape, longest int64) (driver.Reply, error) {
	r.longest = longest
	for {
		reply, kind, err := r.value(0)
		switch {
		case err != nil:
			return driver.Reply{}, err
		case kind == '>':
			if r.Pushed != nil {
				r.Pushed(reply)
			}
			continue
		case kind == '+':
			if !allowed.Allows(kind, string(reply.Data)) {
				return driver.Reply{}, ErrMalformed
			}
		case reply.Kind != driver.ReplyError && !allowed.Allows(kind, ""):
			return driver.Reply{}, ErrMalformed
		}
		r.due--
		return reply, nil
	}
}

// Message reads a pushed message or a reply. kind is the type byte: '_' for every nil, and
// '>' for a message in version 3.
func (r *Reader) Message(longest int64) (reply driver.Reply, kind byte, err error) {
	r.longest = longest
	return r.value(0)
}

// value reads a value, and returns its type byte: '_' for every nil. An attribute describes
// the next value, and is dropped.
func (r *Reader) value(depth int) (driver.Reply, byte, error) {
	line, err := r.line()
	for err == nil && line[0] == '|' {
		if _, _, err = r.aggregate('|', line[1:], depth); err == nil {
			line, err = r.line()
		}
	}
	if err != nil {
		return driver.Reply{}, 0, err
	}
	kind, text := line[0], line[1:]
	switch kind {
	case '$', '=', '!':
		return r.bulk(kind, text, depth)
	case ':':
		n, ok := integer(text)
		return driver.IntReply(n), kind, malformedUnless(ok)
	case '+':
		return driver.DataReply(status(text)), kind, nil
	case '-':
		return r.failed(string(text)), kind, nil
	case '*', '~', '>', '%':
		return r.aggregate(kind, text, depth)
	}
	return scalar(kind, text)
}

// scalar returns a value of version 3 that is one line.
func scalar(kind byte, text []byte) (driver.Reply, byte, error) {
	_, ok := parse(kind, text)
	switch {
	case !ok:
	case kind == '_':
		return driver.Reply{}, kind, nil
	case kind == '#' && text[0] == 't':
		return driver.IntReply(1), kind, nil
	case kind == '#':
		return driver.IntReply(0), kind, nil
	case kind == '(':
		return driver.DataReply(bytes.Clone(text)), kind, nil
	case kind == ',':
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil && !math.IsInf(f, 0) {
			f = math.NaN()
		}
		return driver.FloatReply(f), kind, nil
	}
	return driver.Reply{}, 0, ErrMalformed
}

func malformedUnless(ok bool) error {
	if ok {
		return nil
	}
	return ErrMalformed
}

// okay is the most frequent status. Replies share it, because no code writes to it.
var okay = []byte("OK")

func status(text []byte) []byte {
	if string(text) == "OK" {
		return okay
	}
	return append([]byte{}, text...)
}

func (r *Reader) failed(text string) driver.Reply {
	return driver.Reply{Kind: driver.ReplyError, Err: r.parse(text)}
}

// bulk reads a string.
func (r *Reader) bulk(kind byte, text []byte, depth int) (driver.Reply, byte, error) {
	length, ok := lengthOf(kind, text)
	switch {
	case !ok:
		return driver.Reply{}, 0, ErrMalformed
	case length < 0:
		return driver.Reply{}, '_', nil
	case length > r.longest:
		if err := r.skip(length+int64(len("\r\n")), depth); err != nil {
			return driver.Reply{}, 0, err
		}
		return driver.Reply{Kind: driver.ReplyError, Err: driver.Fail(driver.ErrTooLarge, driver.Unknown, ErrLongValue)}, kind, nil
	}
	data, err := r.data(int(length))
	switch {
	case err != nil:
		return driver.Reply{}, 0, err
	case kind == '!':
		return r.failed(string(data)), kind, nil
	case kind == '=': // three letters for the format, and a colon
		if len(data) < len("txt:") {
			return driver.Reply{}, 0, ErrMalformed
		}
		data = data[len("txt:"):]
	}
	return driver.DataReply(data), kind, nil
}

// lengthOf parses the length of a string, or the number of elements. -1 is the nil of
// version 2.
func lengthOf(kind byte, text []byte) (int64, bool) {
	if n := len(text); n > 0 && n <= 3 { // the usual case
		length := int64(0)
		for _, digit := range text {
			if digit -= '0'; digit > 9 {
				return parse(kind, text)
			}
			length = length*10 + int64(digit)
		}
		return length, true
	}
	return parse(kind, text)
}

// data reads a string of a known length, and its line end.
func (r *Reader) data(length int) ([]byte, error) {
	end := length + len("\r\n")
	if r.to-r.from >= end { // the usual case
		data := append(make([]byte, 0, length), r.buffer[r.from:r.from+length]...)
		lineEnd := r.buffer[r.from+length : r.from+end]
		r.from += end
		return data, malformedUnless(string(lineEnd) == "\r\n")
	}
	data := make([]byte, min(end, max(trustedLength, r.to-r.from)))
	filled := copy(data, r.buffer[r.from:r.to])
	r.from += filled
	for {
		n, err := io.ReadFull(r.source, data[filled:])
		r.heard(n)
		if err != nil {
			return nil, unexpected(err, n)
		}
		if filled = len(data); filled == end {
			return data[:length:length], malformedUnless(string(data[length:]) == "\r\n")
		}
		larger := make([]byte, min(end, 2*filled))
		copy(larger, data)
		data = larger
	}
}

// unexpected returns the error of a connection that has ended inside a value.
func unexpected(err error, n int) error {
	if n > 0 && errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// skip drops bytes, unless the exchange has dropped too many already.
func (r *Reader) skip(size int64, depth int) error {
	limit := int64(maxSkip)
	if depth == 0 && r.due <= 1 {
		limit = maxLastSkip
	}
	if r.skipped += size; r.skipped > limit {
		return ErrLongValue
	}
	n := min(size, int64(r.to-r.from))
	r.from += int(n)
	if size -= n; size == 0 {
		return nil
	}
	n, err := io.CopyN(io.Discard, r.source, size)
	r.heard(int(n))
	if err != nil && n == size {
		return nil
	}
	return err
}

// aggregate reads an array, a set, a map, a push or an attribute.
func (r *Reader) aggregate(kind byte, text []byte, depth int) (driver.Reply, byte, error) {
	count, ok := lengthOf(kind, text)
	switch {
	case !ok, count > maxElements, depth == maxDepth:
		return driver.Reply{}, 0, ErrMalformed
	case count < 0:
		return driver.Reply{}, '_', nil
	case kind == '%' || kind == '|':
		count *= 2
	}
	items := make([]driver.Reply, 0, min(count, trustedElements))
	for range count {
		item, _, err := r.value(depth + 1)
		if err != nil {
			return driver.Reply{}, 0, err
		}
		items = append(items, item)
	}
	return driver.ArrayReply(items...), kind, nil
}

// line reads a line, and returns it without its end. The bytes are valid until the next
// read.
func (r *Reader) line() ([]byte, error) {
	for seen := 0; ; {
		unread := r.buffer[r.from:r.to]
		if i := bytes.IndexByte(unread[seen:], '\n'); i >= 0 {
			end := seen + i
			if end < len("_\r") || unread[end-1] != '\r' {
				return nil, ErrMalformed
			}
			r.from += end + 1
			return unread[:end-1], nil
		}
		if seen = len(unread); seen > longestLine(unread) {
			return nil, ErrMalformed
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// longestLine returns the limit of a line by its first byte.
func longestLine(line []byte) int {
	switch {
	case len(line) == 0:
		return 0
	case line[0] == '+' || line[0] == '-':
		return maxLine
	case line[0] == ',' || line[0] == '(':
		return maxNumber
	case isLine(line[0]):
		return maxHeader
	}
	return 0
}

// heard counts a read of n bytes.
func (r *Reader) heard(n int) {
	if n > 0 {
		r.reads++
	}
}

// fill reads more bytes behind the bytes that are not consumed yet.
func (r *Reader) fill() error {
	switch {
	case r.from == r.to:
		r.from, r.to = 0, 0
		if r.buffer == nil || len(r.buffer) > bufferSize {
			r.buffer = make([]byte, bufferSize)
		}
	case r.to == len(r.buffer) && r.from > 0:
		r.to = copy(r.buffer, r.buffer[r.from:r.to])
		r.from = 0
	case r.to == len(r.buffer): // a long line
		r.buffer = append(r.buffer, make([]byte, len(r.buffer))...)
	}
	n, err := r.source.Read(r.buffer[r.to:])
	r.heard(n)
	r.to += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}
