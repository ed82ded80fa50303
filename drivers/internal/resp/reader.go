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

// A Reader reads replies, one behind the other, from a server that may send
// anything: no length is believed before its bytes have come, and no reply is of
// another kind than the command has. After an error the Reader is not used again.
// It is used by one goroutine at a time.
type Reader struct {
	// Pushed, if set, gets what Next reads past: what servers send of their own accord.
	Pushed func(driver.Reply)

	source io.Reader
	// parse makes an error of the text of an error reply.
	parse func(text string) error

	buffer []byte // what was read, of which buffer[from:to] was not taken yet
	from   int
	to     int

	longest int64 // the longest string of this reply
	due     int   // how many replies are to come, this one included
	skipped int64 // bytes of longer strings that were read past, in this exchange
	reads   int64 // of the source
}

// ErrLongValue is the cause of the error that stands in the place of a string which
// is longer than the caller takes.
var ErrLongValue = errors.New("the value is longer than max_value")

const (
	// bufferSize is how much is read at once. Longer strings are read into the
	// memory that the caller gets.
	bufferSize = 16 << 10
	// trustedLength and trustedElements are how much memory is taken at once
	// because a reply claims to be that large. For more, its bytes must come.
	trustedLength, trustedElements = 1 << 20, 1 << 8
	// maxElements is how many elements an array may claim to have.
	maxElements = 1 << 24
	// maxSkip is how many bytes of strings that are too long are read in one
	// exchange, so that others of it have their replies, and maxLastSkip how many if
	// nothing is due behind them: making a new connection is cheaper than more.
	maxSkip     = 128 << 20
	maxLastSkip = 1 << 20
)

// NewReader returns a reader of what source sends. parse makes an error of the text
// of an error reply, without its dash.
func NewReader(source io.Reader, parse func(text string) error) *Reader {
	return &Reader{source: source, parse: parse}
}

// Begin tells that an exchange begins, in which so many replies are due.
func (r *Reader) Begin(due int) { r.due, r.skipped = due, 0 }

// Buffered returns what was read behind the last reply. It is valid until the next
// reply is read.
func (r *Reader) Buffered() []byte { return r.buffer[r.from:r.to] }

// Reads returns how often something has come.
func (r *Reader) Reads() int64 { return r.reads }

// Next reads the reply to a command, and reads past what servers send of their own
// accord. A string may have longest bytes; in the place of a longer one stands an
// error, whose outcome is unknown. A reply of another shape than allowed is
// ErrMalformed. The bytes of the reply are the caller's.
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

// Message reads what the server sends of its own accord, or the reply to a command. It
// returns the type byte, too: '_' for every nil, '>' for what is no reply in version 3.
func (r *Reader) Message(longest int64) (reply driver.Reply, kind byte, err error) {
	r.longest = longest
	return r.value(0)
}

// value reads a value, and returns its type too: '_' for every nil.
func (r *Reader) value(depth int) (driver.Reply, byte, error) {
	line, err := r.line()
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
	case '|':
		if _, _, err := r.aggregate(kind, text, depth); err != nil {
			return driver.Reply{}, 0, err
		}
		return r.value(depth) // the attribute belongs to it
	}
	return scalar(kind, text)
}

// scalar returns a value of version 3 that is a line.
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

// okay is the most frequent status. It is never written to: all may share it.
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
	case kind == '=': // three letters that name a format, and a colon
		if len(data) < len("txt:") {
			return driver.Reply{}, 0, ErrMalformed
		}
		data = data[len("txt:"):]
	}
	return driver.DataReply(data), kind, nil
}

// lengthOf reads the length of a string, or the number of elements; -1 is what
// version 2 has for nil.
func lengthOf(kind byte, text []byte) (int64, bool) {
	if n := len(text); n > 0 && n <= 3 { // as most are
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

// data reads a string of a length, and the line end behind it.
func (r *Reader) data(length int) ([]byte, error) {
	end := length + len("\r\n")
	if r.to-r.from >= end { // as most are
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

// unexpected returns the error of a connection that has ended in the middle.
func unexpected(err error, n int) error {
	if n > 0 && errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// skip reads past so many bytes, if there are not too many of them already.
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

// aggregate reads an array, set, map, push or attribute.
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

// line reads a line, and returns it without its end. It is valid until something
// else is read.
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

// longestLine returns how long a line may be that begins like this.
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

// fill reads more behind what was not taken yet.
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
