package valkey

import (
	"slices"
	"strconv"
	"sync"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// This file has the requests of Get, Set and Delete. They are built in memory that
// is used again, so that a call for one key allocates nothing but the value it
// reads.
//
// Values are copied, and the copy is not used again after a failure: valkey-go
// may read what it was to write after the call has returned.

// newRequest returns a request for one command.
func (s *Store) newRequest() *request {
	r := s.requests.Get().(*request)
	r.commands = r.one[:]
	return r
}

// getRequest returns GET of one key.
func (s *Store) getRequest(key string) *request {
	r := s.newRequest()
	args := r.args(2)
	args[0], args[1] = "GET", key
	r.one[0].args, r.one[0].readOnly, r.one[0].shape = args, true, shape.Value
	return r
}

// isPlain reports whether an entry is stored by SET with or without PX.
func isPlain(e *driver.Entry) bool {
	return e.Cond == driver.Always && e.TTL > 0
}

// setRequest returns SET of one plain entry.
func (s *Store) setRequest(e *driver.Entry) *request {
	r := s.newRequest()
	r.buffer = append(r.buffer[:0], e.Value...)
	var args []string
	if e.TTL == driver.NoExpiry {
		args = r.args(3)
	} else {
		if e.TTL != r.ttl {
			r.ttl, r.milliseconds = e.TTL, strconv.AppendInt(r.milliseconds[:0], driver.Milliseconds(e.TTL), 10)
		}
		args = r.args(5)
		args[3], args[4] = "PX", valkeygo.BinaryString(r.milliseconds)
	}
	args[0], args[1], args[2] = "SET", e.Key, valkeygo.BinaryString(r.buffer)
	r.one[0].args, r.one[0].shape = args, shape.OK
	return r
}

// keysRequest returns a command whose arguments are keys.
func (s *Store) keysRequest(name string, keys []string, readOnly bool, reply shape.Shape) *request {
	r := s.newRequest()
	args := r.args(1 + len(keys))
	args[0] = name
	copy(args[1:], keys)
	r.one[0].args, r.one[0].readOnly, r.one[0].shape = args, readOnly, reply
	return r
}

// A setBatch is a pipeline that stores entries.
type setBatch struct {
	request
	list  []command
	words []string // the arguments, one command's behind the other's
	// other has what driver.SetCommand says for the entries that are not plain,
	// at their positions; nil if all are.
	other []*driver.Cmd
}

// setBatch returns a pipeline that stores entries.
func (s *Store) setBatch(entries []driver.Entry) *setBatch {
	b := s.batches.Get().(*setBatch)
	size := 0
	for i := range entries {
		size += len(entries[i].Value)
	}
	// None of these moves from here on.
	b.buffer = slices.Grow(b.buffer[:0], size)
	b.words = slices.Grow(b.words[:0], maxBuilt*len(entries))
	b.list = slices.Grow(b.list[:0], len(entries))[:len(entries)]
	b.commands = b.list
	b.short = true
	var milliseconds string // of the entry before
	for i := range entries {
		e := &entries[i]
		from := len(b.buffer)
		b.buffer = append(b.buffer, e.Value...)
		value := b.buffer[from:len(b.buffer):len(b.buffer)]
		if !isPlain(e) {
			if b.other == nil {
				b.other = make([]*driver.Cmd, len(entries))
			}
			b.other[i] = driver.SetCommand(&driver.Entry{Key: e.Key, Value: value, TTL: e.TTL, Cond: e.Cond})
			b.commands[i].args = appendArgs([]string{b.other[i].Name}, b.other[i].Args)
			b.commands[i].shape = shape.Of(b.other[i].Name, b.other[i].Args)
			continue
		}
		first := len(b.words)
		b.words = append(b.words, "SET", e.Key, valkeygo.BinaryString(value))
		if e.TTL != driver.NoExpiry {
			if i == 0 || e.TTL != entries[i-1].TTL {
				milliseconds = strconv.FormatInt(driver.Milliseconds(e.TTL), 10)
			}
			b.words = append(b.words, "PX", milliseconds)
		}
		b.commands[i].args, b.commands[i].shape = b.words[first:len(b.words):len(b.words)], shape.OK
	}
	return b
}

const (
	// maxBatchBuffer is how large the copies of a batch may be whose memory is
	// kept for the next.
	maxBatchBuffer = 1 << 20
	// maxBatch is how many entries it may have.
	maxBatch = 1 << 12
)

// release takes the batch back for another call, if it is one that can be.
func (b *setBatch) release(to *sync.Pool) {
	if b.failed || cap(b.buffer) > maxBatchBuffer || cap(b.list) > maxBatch {
		return
	}
	clear(b.list)
	clear(b.words)
	clear(b.batch)
	b.other, b.link = nil, nil
	b.context = requestContext{}
	to.Put(b)
}

// outcomes fills the entries' Err.
func (b *setBatch) outcomes(entries []driver.Entry) {
	for i := range entries {
		c := &b.commands[i]
		entries[i].Err = c.err
		if b.other != nil && b.other[i] != nil {
			cmd := b.other[i]
			c.fill(cmd)
			entries[i].Err = driver.SetOutcome(&entries[i], cmd)
		}
	}
}
