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

// Long values are not copied. A caller may change them when the call has returned, and
// valkey-go may write them later than that: so it gets to write a reference to the value,
// and conn writes the value in its place. A caller who leaves before that has to copy it.

// minLent is the length of the shortest value that is lent. To copy less costs less.
const minLent = 8 << 10

// A loan is a value that valkey-go has a reference to.
type loan struct {
	reference [referenceSize]byte

	mu      sync.Mutex
	value   []byte // what is not written yet
	size    int    // of the whole value
	written bool   // all of it is
	gone    bool   // it cannot be written any more
}

const (
	// markSize is the size of what no value has in it: random bytes.
	markSize      = 16
	referenceSize = markSize + 8 // and a number
)

// header begins a string of the length of a reference.
var header = "$" + strconv.Itoa(referenceSize) + "\r\n"

// loans are those of a connection whose values are not written yet.
type loans struct {
	mark []byte // the header of a reference, and what it begins with
	some atomic.Int64

	mu      sync.Mutex
	last    uint64
	pending map[uint64]*loan

	// Of the goroutine that writes:
	begun   []byte // what may be the beginning of a reference
	scratch []byte // what is written in one go
}

// maxScratch is how much is written in one go where values are put in.
const maxScratch = 256 << 10

func newLoans() loans {
	mark := append([]byte(header), make([]byte, markSize)...)
	_, _ = rand.Read(mark[len(header):]) // it never fails
	return loans{mark: mark, pending: map[uint64]*loan{}}
}

// lend returns a loan of a value. The caller ends it when the value is his no more.
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

// end has the loan know no memory of the caller's any more. What may still be written is
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

// errGone is a value whose caller has left after the connection was given up.
var errGone = errors.New("the connection was given up before a value was written")

// take copies what comes next of a value to the end of buffer, as far as there is room,
// and reports whether that was all.
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

// find returns where the first reference is in p, and its loan; negative if there is none.
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

// write writes p, and values in the place of references to them. between tells that p
// ends where a command does: else it may end in a reference, the rest of which comes with
// the next call. n is how many bytes were written.
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

// beginning returns how many bytes at the end of p may be the beginning of a reference.
func (l *loans) beginning(p []byte) int {
	tail := p[max(0, len(p)-len(header)-referenceSize+1):]
	if at := bytes.LastIndex(tail, l.mark); at >= 0 {
		return len(tail) - at // its number is not all there
	}
	for n := min(len(tail), len(l.mark)-1); n > 0; n-- {
		if bytes.HasSuffix(tail, l.mark[:n]) {
			return n
		}
	}
	return 0
}
