package redis

import (
	"context"
	"unsafe"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
)

// A command is a command that go-redis writes, but neither retries nor answers from a
// cache.
type command struct {
	goredis.Cmder // reads the reply
	args          []any
}

// Args implements goredis.Cmder.
func (c *command) Args() []any { return c.args }

// Name implements goredis.Cmder.
func (c *command) Name() string { return string(*c.args[0].(*text)) }

// FullName implements goredis.Cmder.
func (c *command) FullName() string { return c.Name() }

// NoRetry implements goredis.Cmder.
func (*command) NoRetry() bool { return true }

// text and data are arguments that become interfaces without an allocation. go-redis copies
// them only into the bytes that it writes.
type (
	text string
	data []byte
)

// MarshalBinary implements encoding.BinaryMarshaler.
func (t *text) MarshalBinary() ([]byte, error) {
	return unsafe.Slice(unsafe.StringData(string(*t)), len(*t)), nil
}

// String returns the text.
func (t *text) String() string { return string(*t) }

// MarshalBinary implements encoding.BinaryMarshaler.
func (d *data) MarshalBinary() ([]byte, error) { return *d, nil }

// String returns the data.
func (d *data) String() string { return string(*d) }

// commands are the commands of a call for go-redis. Their memory is kept with the call.
type commands struct {
	list   []command
	cmders []goredis.Cmder
	args   []any
	ints   []int64
}

// commandsOf returns the commands of a call from an index on.
func commandsOf(c *exchange.Call, from int) []goredis.Cmder {
	m, ok := c.Memory.(*commands)
	if !ok {
		m = new(commands)
		c.Memory = m
	}
	words, numbers := 0, 0
	for i := from; i < len(c.Commands); i++ {
		words += c.Commands[i].Words()
		numbers += len(c.Commands[i].Args)
	}
	// The slices keep their memory below: go-redis gets pointers into them.
	m.args, m.ints = grown(m.args, words)[:0], grown(m.ints, numbers)[:0]
	m.list, m.cmders = grown(m.list, len(c.Commands)-from), grown(m.cmders, len(c.Commands)-from)
	for i := range m.list {
		if m.list[i].Cmder == nil {
			m.list[i].Cmder = goredis.NewIntCmd(context.Background())
		}
		m.list[i].SetErr(nil)
		first := len(m.args)
		m.appendWords(&c.Commands[from+i])
		m.list[i].args = m.args[first:len(m.args):len(m.args)]
		m.cmders[i] = &m.list[i]
	}
	return m.cmders
}

// grown returns a slice of a length that begins with all elements of s.
func grown[T any](s []T, length int) []T {
	if length <= cap(s) {
		return s[:length]
	}
	larger := make([]T, length)
	copy(larger, s[:cap(s)])
	return larger
}

func (m *commands) appendWords(c *exchange.Command) {
	m.args = append(m.args, (*text)(&c.Name))
	for i := range c.Head {
		m.args = append(m.args, (*text)(&c.Head[i]))
	}
	for i := range c.Args {
		arg := &c.Args[i]
		switch n, isInteger := arg.Integer(); {
		case arg.Role == driver.RoleValue:
			m.args = append(m.args, (*data)(&arg.Data))
		case isInteger:
			m.ints = append(m.ints, n)
			m.args = append(m.args, &m.ints[len(m.ints)-1])
		case arg.Text != "":
			m.args = append(m.args, (*text)(&arg.Text))
		default: // a number with a fraction, or an empty argument
			m.args = append(m.args, arg.String())
		}
	}
}

// A replyError is an error reply. errors.As finds a goredis.Error in a replyError, as in
// go-redis' own errors.
type replyError string

func (e replyError) Error() string { return string(e) }

// RedisError implements goredis.Error.
func (replyError) RedisError() {}

func nativeError(text string) error { return replyError(text) }
