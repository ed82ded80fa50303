package valkey

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Long values are not copied. A caller may change a value after the call, and valkey-go may
// write the value still later. So valkey-go writes a reference to the value, and conn
// writes the value in its place. A caller that leaves earlier has to copy the value.

// minLent is the length of the shortest value that is lent. A copy of a shorter value costs
// less than a loan.
const minLent = 8 << 10

// A loan is a borrowed value. valkey-go has only a reference to the value.
type loan struct {
	reference [referenceSize]byte

	mu      sync.Mutex
	value   []byte // the bytes that are not written yet
	size    int    // length of the whole value
	written bool   // the whole value is written
	gone    bool   // the value can never be written any more
}

const (
	// markSize is the number of random bytes at the beginning of a reference, which no
	// value contains.
	markSize      = 16
	referenceSize = markSize + 8 // the mark and a number of 8 bytes
)

// header is the RESP header of a reference.
var header = "$" + strconv.Itoa(referenceSize) + "\r\n"

// loans are the values of a connection that are not written yet.
type loans struct {
	mark []byte // the header and the random bytes of a reference
	some atomic.Int64

	mu      sync.Mutex
	last    uint64
	pending map[uint64]*loan

	// The goroutine that writes alone uses these fields.
	begun   []byte // bytes that may be the beginning of a reference
	scratch []byte // buffer of one write
}

// maxScratch is the size of one write with values in it.
const maxScratch = 256 << 10

func newLoans() loans {
	mark := append([]byte(header), make([]byte, markSize)...)
	_, _ = rand.Read(mark[len(header):]) // rand.Read never fails
	return loans{mark: mark, pending: map[uint64]*loan{}}
}

// lend returns a loan of a value. The caller calls end before the value goes back to its
// owner.
func (l *loans) lend(value []byte) *loan {
	lent := &loan{value: value, size: len(value)}
	copy(lent.reference[:], l.mark[len(header):])
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	binary.BigEndian.PutUint64(lent.reference[markSize:], l.last)
	l.pending[l.last] = lent
	l.some.Add(1)
	return lent
}

// end lets the loan forget the memory of the caller. A value that may still be written is
// copied, unless the connection is dead.
func (l *loan) end(dead bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.written:
	case dead:
		l.value, l.gone = nil, true
	default:
		l.value = slices.Clone(l.value)
	}
}

// errGone is the error of a value that cannot be written, because the caller has left a
// dead connection.
var errGone = errors.New("the connection was given up before a value was written")

// take appends the next bytes of the value to buffer, up to the capacity of buffer. all
// tells that no bytes are left.
func (l *loan) take(buffer []byte) (filled []byte, all bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return buffer, false, errGone
	}
	n := min(len(l.value), cap(buffer)-len(buffer))
	buffer = append(buffer, l.value[:n]...)
	l.value = l.value[n:]
	l.written = len(l.value) == 0
	return buffer, l.written, nil
}

// find returns the position of the first reference in p, and its loan. The position is
// negative if p has no reference.
func (l *loans) find(p []byte) (at int, lent *loan) {
	for from := 0; ; {
		at = bytes.Index(p[from:], l.mark)
		if at < 0 || len(p)-from-at < len(header)+referenceSize {
			return -1, nil
		}
		at += from
		number := binary.BigEndian.Uint64(p[at+len(l.mark):])
		l.mu.Lock()
		lent = l.pending[number]
		delete(l.pending, number)
		l.mu.Unlock()
		if lent != nil {
			l.some.Add(-1)
			return at, lent
		}
		from = at + len(l.mark)
	}
}

// write writes p with values in the place of their references. between tells that p ends at
// the end of a command. Otherwise the end of p may be the beginning of a reference, which
// is kept for the next call. n is the number of bytes written.
func (l *loans) write(p []byte, between bool, write func([]byte) (int, error)) (n int, err error) {
	if l.some.Load() == 0 && len(l.begun) == 0 {
		return write(p)
	}
	if len(l.begun) > 0 {
		p = append(l.begun, p...)
		l.begun = nil
	}
	if !between {
		if rest := l.beginning(p); rest > 0 {
			l.begun = slices.Clone(p[len(p)-rest:])
			p = p[:len(p)-rest]
		}
	}
	if l.scratch == nil {
		l.scratch = make([]byte, 0, maxScratch)
	}
	out := l.scratch[:0]
	flush := func() {
		if err == nil && len(out) > 0 {
			var m int
			m, err = write(out)
			n += m
		}
		out = out[:0]
	}
	add := func(data []byte) {
		if len(out)+len(data) > cap(out) {
			flush()
		}
		if len(data) <= cap(out) {
			out = append(out, data...)
		} else if err == nil {
			var m int
			m, err = write(data)
			n += m
		}
	}
	for err == nil {
		at, lent := l.find(p)
		if at < 0 {
			break
		}
		add(p[:at])
		add(append(strconv.AppendInt([]byte{'$'}, int64(lent.size), 10), "\r\n"...))
		for all := false; !all && err == nil; {
			if out, all, err = lent.take(out); !all {
				flush()
			}
		}
		p = p[at+len(header)+referenceSize:]
	}
	add(p)
	flush()
	return n, err
}

// beginning returns the number of bytes at the end of p that may be the beginning of a
// reference.
func (l *loans) beginning(p []byte) int {
	tail := p[max(0, len(p)-len(header)-referenceSize+1):]
	if at := bytes.LastIndex(tail, l.mark); at >= 0 {
		return len(tail) - at // a part of the number is missing
	}
	for n := min(len(tail), len(l.mark)-1); n > 0; n-- {
		if bytes.HasSuffix(tail, l.mark[:n]) {
			return n
		}
	}
	return 0
}
