package valkey

import (
	"strconv"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
)

// This file has the requests of Get, Set and Delete. They are built so that a
// call for one key allocates nothing but the value it reads.
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
	r.words[0], r.words[1] = "GET", key
	r.one[0].args, r.one[0].readOnly = r.words[:2], true
	return r
}

// isPlain reports whether an entry is stored by SET with or without PX.
func isPlain(e *driver.Entry) bool {
	return e.Cond == driver.Always && e.TTL > 0
}

// maxBuffer is the largest copy whose memory is kept for the next call.
const maxBuffer = 64 << 10

// setRequest returns SET of one plain entry.
func (s *Store) setRequest(e *driver.Entry) *request {
	r := s.newRequest()
	r.buffer = append(r.buffer[:0], e.Value...)
	n := 3
	if e.TTL != driver.NoExpiry {
		r.buffer = strconv.AppendInt(r.buffer, driver.Milliseconds(e.TTL), 10)
		r.words[3], r.words[4] = "PX", valkeygo.BinaryString(r.buffer[len(e.Value):])
		n = 5
	}
	r.words[0], r.words[1], r.words[2] = "SET", e.Key, valkeygo.BinaryString(r.buffer[:len(e.Value)])
	r.one[0].args = r.words[:n]
	return r
}

// keysRequest returns a command whose arguments are keys.
func keysRequest(name string, keys []string, readOnly bool) *request {
	args := make([]string, 1, 1+len(keys))
	args[0] = name
	return &request{commands: []command{{args: append(args, keys...), readOnly: readOnly}}}
}

// A setBatch is a pipeline that stores entries.
type setBatch struct {
	request
	// other has what driver.SetCommand says for the entries that are not plain,
	// at their positions; nil if all are.
	other []*driver.Cmd
}

func newSetBatch(entries []driver.Entry) *setBatch {
	b := &setBatch{}
	b.commands = make([]command, len(entries))
	size := 0
	for i := range entries {
		size += len(entries[i].Value)
	}
	values := make([]byte, 0, size) // the copies, one behind the other
	words := make([]string, 0, 5*len(entries))
	var milliseconds string // of the entry before
	for i := range entries {
		e := &entries[i]
		from := len(values)
		values = append(values, e.Value...)
		value := values[from:len(values):len(values)]
		if !isPlain(e) {
			if b.other == nil {
				b.other = make([]*driver.Cmd, len(entries))
			}
			b.other[i] = driver.SetCommand(&driver.Entry{Key: e.Key, Value: value, TTL: e.TTL, Cond: e.Cond})
			b.commands[i].args = appendArgs([]string{b.other[i].Name}, b.other[i].Args)
			continue
		}
		first := len(words)
		words = append(words, "SET", e.Key, valkeygo.BinaryString(value))
		if e.TTL != driver.NoExpiry {
			if i == 0 || e.TTL != entries[i-1].TTL {
				milliseconds = strconv.FormatInt(driver.Milliseconds(e.TTL), 10)
			}
			words = append(words, "PX", milliseconds)
		}
		b.commands[i].args = words[first:len(words):len(words)]
	}
	return b
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
