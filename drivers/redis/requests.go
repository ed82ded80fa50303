package redis

import (
	"context"
	"errors"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
)

// This file has the requests of Get, Set and Delete. They are built so that a
// call for one key allocates nothing but the value it reads. The replies to
// GET, MGET and SET are read by go-redis' own types, which saves a hit a tenth of
// its time against having a reader of ours read them. A miss costs what it costs there:
// three times a hit, as to go-redis it is an error.

// A getRequest is GET of one key.
type getRequest struct {
	request request
	command command
	key     string
	reply   *goredis.StringCmd
}

func newGetRequest(pool *sync.Pool) *getRequest {
	g := &getRequest{}
	g.reply = goredis.NewStringCmd(context.Background(), g.command.name(&g.request, get), &g.key)
	g.command.wire.Cmder = g.reply
	g.command.readOnly = true
	g.request.commands = []*command{&g.command}
	g.request.recycle = func() {
		g.key = ""
		g.reply.SetVal("")
		g.request.context = requestContext{}
		pool.Put(g)
	}
	return g
}

// value returns the outcome.
func (g *getRequest) value() ([]byte, error) {
	if g.command.err != nil {
		return nil, g.command.err
	}
	return g.reply.Bytes()
}

// A mgetRequest is MGET.
type mgetRequest struct {
	request request
	command command
	reply   *goredis.SliceCmd
}

func newMgetRequest(keys []string) *mgetRequest {
	m := &mgetRequest{}
	args := make([]any, 1+len(keys))
	args[0] = m.command.name(&m.request, mget)
	for i := range keys {
		args[1+i] = &keys[i]
	}
	m.reply = goredis.NewSliceCmd(context.Background(), args...)
	m.command.wire.Cmder = m.reply
	m.command.readOnly = true
	m.request.commands = []*command{&m.command}
	return m
}

// values fills in the outcomes.
func (m *mgetRequest) values(dst []driver.Value) error {
	if m.command.err != nil && !errors.Is(m.command.err, driver.ErrNotFound) {
		return m.command.err
	}
	items := m.reply.Val()
	if len(items) != len(dst) {
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReply)
	}
	for i, item := range items {
		switch item := item.(type) {
		case nil:
			dst[i].Err = driver.ErrNotFound
		case string:
			dst[i].Data = bytesOf(item)
		case error: // of one key
			dst[i].Err = unwritten(replyError(item.Error()), true)
		default:
			return driver.Fail(driver.ErrUnavailable, driver.NotApplied, errReply)
		}
	}
	return nil
}

// isPlain reports whether an entry is stored by SET with or without PX.
func isPlain(e *driver.Entry) bool {
	return e.Cond == driver.Always && e.TTL > 0
}

// A setCommand is SET of a plain entry.
type setCommand struct {
	command
	key          string
	value        bytesArg
	milliseconds int64
	hasTTL       bool
	args         [5]any
	status       *goredis.StatusCmd
}

func (c *setCommand) init(r *request, hasTTL bool) {
	c.hasTTL = hasTTL
	c.args = [5]any{c.name(r, set), &c.key, &c.value, "PX", &c.milliseconds}
	args := c.args[:]
	if !hasTTL {
		args = args[:3]
	}
	c.status = goredis.NewStatusCmd(context.Background(), args...)
	c.wire.Cmder = c.status
}

// outcome returns what became of the entry.
func (c *setCommand) outcome() error {
	if c.err == nil && c.status.Val() == "OK" {
		return nil
	}
	return notStored(c.err)
}

// notStored returns err, or that of a reply which is neither OK nor an error.
func notStored(err error) error {
	if err == nil || errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrNotStored) {
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, errReply)
	}
	return err
}

// take fills in a plain entry.
func (c *setCommand) take(e *driver.Entry) {
	c.key, c.value = e.Key, e.Value
	if e.TTL != driver.NoExpiry {
		c.milliseconds = driver.Milliseconds(e.TTL)
	}
}

// A setRequest is SET of one plain entry.
type setRequest struct {
	request request
	command setCommand
	buffer  []byte // holds the copy of a borrowed value
}

// maxBuffer is the largest copy whose memory is kept for the next call.
const maxBuffer = 64 << 10

func newSetRequest(pool *sync.Pool, hasTTL bool) *setRequest {
	w := &setRequest{}
	w.command.init(&w.request, hasTTL)
	w.request.commands = []*command{&w.command.command}
	w.request.recycle = func() {
		w.command.key, w.command.value = "", nil
		if cap(w.buffer) > maxBuffer {
			w.buffer = nil
		}
		w.request.context = requestContext{}
		pool.Put(w)
	}
	return w
}

// copyValue replaces the value by a copy of it.
func (w *setRequest) copyValue() {
	w.buffer = append(w.buffer[:0], w.command.value...)
	w.command.value = w.buffer
}

// A setBatch is a pipeline that stores entries.
type setBatch struct {
	request request
	plain   []setCommand
	// other has the entries that are not plain, at their positions; nil if all
	// are.
	other  []otherSet
	buffer []byte // holds the copies of borrowed values, one behind the other
	// ownClient tells that no reply is read by go-redis' own types.
	ownClient bool
}

// An otherSet is what driver.SetCommand says for an entry.
type otherSet struct {
	generalCommand
	cmd *driver.Cmd
}

// The memory of a batch is kept for the next if it is no larger than this.
const (
	maxBatch       = 1 << 10 // entries
	maxBatchBuffer = 1 << 20 // bytes of copies
)

func newSetBatch(pool *sync.Pool, ownClient bool) *setBatch {
	b := &setBatch{ownClient: ownClient}
	b.request.recycle = func() {
		if len(b.plain) > maxBatch || cap(b.buffer) > maxBatchBuffer {
			return
		}
		for i := range b.request.commands {
			b.plain[i].key, b.plain[i].value = "", nil
		}
		b.other = nil
		b.request.context = requestContext{}
		pool.Put(b)
	}
	return b
}

// take fills in the entries, and copies their values if they are borrowed.
func (b *setBatch) take(entries []driver.Entry, borrowed bool) {
	if len(entries) > len(b.plain) {
		b.plain = make([]setCommand, len(entries)) // commands do not move
		b.request.commands = make([]*command, len(entries))
	}
	b.request.commands = b.request.commands[:len(entries)]
	if borrowed {
		size := 0
		for i := range entries {
			size += len(entries[i].Value)
		}
		b.buffer = slices.Grow(b.buffer[:0], size)
	}
	for i := range entries {
		e := &entries[i]
		value := e.Value
		if borrowed {
			from := len(b.buffer)
			b.buffer = append(b.buffer, value...)
			value = b.buffer[from:len(b.buffer):len(b.buffer)]
		}
		if isPlain(e) && !b.ownClient {
			c := &b.plain[i]
			if hasTTL := e.TTL != driver.NoExpiry; c.wire.Cmder == nil || c.hasTTL != hasTTL {
				c.init(&b.request, hasTTL)
			}
			c.take(e)
			c.value = value
			b.request.commands[i] = &c.command
			continue
		}
		if b.other == nil {
			b.other = make([]otherSet, len(entries))
		}
		c := &b.other[i]
		c.cmd = driver.SetCommand(&driver.Entry{Key: e.Key, Value: value, TTL: e.TTL, Cond: e.Cond})
		c.init(&b.request, []byte(c.cmd.Name), appendArgs(make([]any, 1), c.cmd.Args)...)
		b.request.commands[i] = &c.command
	}
}

// outcomes fills the entries' Err.
func (b *setBatch) outcomes(entries []driver.Entry) {
	for i := range entries {
		if b.other == nil || b.other[i].cmd == nil {
			entries[i].Err = b.plain[i].outcome()
			continue
		}
		c := &b.other[i]
		c.cmd.Reply, c.cmd.Err = c.reader.reply, c.err
		e := &entries[i]
		if e.Err = driver.SetOutcome(e, c.cmd); isPlain(e) && (e.Err != nil || string(c.cmd.Reply.Data) != "OK") {
			e.Err = notStored(e.Err)
		}
	}
}

// A keysRequest is a command whose arguments are keys.
type keysRequest struct {
	request request
	command generalCommand
}

func newKeysRequest(name []byte, keys []string) *keysRequest {
	k := &keysRequest{}
	args := make([]any, 1+len(keys))
	for i := range keys {
		args[1+i] = &keys[i]
	}
	k.command.init(&k.request, name, args...)
	k.request.commands = []*command{&k.command.command}
	return k
}
