package valkey

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// Exchange implements exchange.Wire.
func (p *pool) Exchange(c *exchange.Call) {
	m := memoryOf(c)
	for {
		l, err := p.enter(c, &m.context)
		if err != nil {
			c.Err = err
			return
		}
		l.exchange(c, m)
		if c.Sent || !l.conn.abandoned.Load() || c.Ended(time.Now()) {
			return
		}
		c.Err = nil // another caller has left the connection; this is no error of the call
	}
}

// exchange sends an admitted call.
func (l *link) exchange(c *exchange.Call, m *memory) {
	before := l.conn.commands.Load()
	m.send(&m.context, l.client, l.conn, c)
	c.Sent = !l.conn.unsent(before, m.context.serving.Load())
	if l.alone {
		l.conn.pool.releaseAlone(l, m.proven(c))
	}
	l.callers.leave(&m.context)
	m.returnLoans(l.conn.dead.Load())
	m.fillReplies(c, l)
}

// memory is kept with a Call for its next use.
type memory struct {
	commands []valkeygo.Completed
	words    []string
	numbers  []byte                           // digits of numbers
	built    [maxBuilt + 1]valkeygo.Completed // reused commands of a single command, by number of words
	one      [1]valkeygo.ValkeyResult
	results  []valkeygo.ValkeyResult
	context  callContext
	// failed tells that valkey-go may still read the words of commands: a reply is missing,
	// or is an error. A server may send an error before the server has read the whole
	// command.
	failed bool
	loans  []*loan // loans of the values that were not copied
}

func memoryOf(c *exchange.Call) *memory {
	m, ok := c.Memory.(*memory)
	if !ok {
		m = new(memory)
		c.Memory = m
	}
	return m
}

// maxBuilt is the limit of the words of a reused command.
const maxBuilt = 5

// send passes the commands to valkey-go. valkey-go retries only commands that are built
// as reads, and no command here is built as a read.
//
// conn lends long values. conn is nil for a client of the program's, which gets copies.
func (m *memory) send(ctx context.Context, client valkeygo.Client, conn *conn, c *exchange.Call) {
	words, numbers := 0, 0
	for i := range c.Commands {
		words += c.Commands[i].Words()
		numbers += len(c.Commands[i].Args)
	}
	if m.failed {
		m.words, m.numbers, m.commands = nil, nil, nil // valkey-go may still read the old slices
	}
	m.numbers = slices.Grow(m.numbers[:0], numbers*maxDigits)
	if len(c.Commands) == 1 {
		m.one[0] = client.Do(ctx, m.build(client, conn, &c.Commands[0]))
		m.results = m.one[:]
		return
	}
	m.words = slices.Grow(m.words[:0], words)
	m.commands = slices.Grow(m.commands[:0], len(c.Commands))
	builder, size := client.B(), 0
	short := true
	for i := range c.Commands {
		first := len(m.words)
		m.words = m.appendWords(m.words, conn, &c.Commands[i])
		m.commands = append(m.commands, builder.Arbitrary(m.words[first:]...).Build())
		for _, word := range m.words[first:] {
			size += len(word)
		}
		short = short && c.Commands[i].Shape == shape.OK
	}
	for _, lent := range m.loans {
		size += lent.size
	}
	if size > muchToWrite && (!short || len(c.Commands) > fewReplies) {
		ctx = bothWays{ctx}
	}
	m.results = client.DoMulti(ctx, m.commands...)
}

// build returns the command of a call with a single command. Without Pin, valkey-go would
// take each short command from a pool and fold its name, which is a tenth of the time of a
// call.
func (m *memory) build(client valkeygo.Client, conn *conn, c *exchange.Command) valkeygo.Completed {
	n := c.Words()
	if n > maxBuilt || m.failed {
		m.words = m.appendWords(slices.Grow(m.words[:0], n), conn, c)
		return client.B().Arbitrary(m.words...).Build()
	}
	built := &m.built[n]
	if built.IsEmpty() {
		*built = client.B().Arbitrary(m.appendWords(make([]string, 0, n), conn, c)...).Build().Pin()
		return *built
	}
	m.appendWords(built.Commands()[:0], conn, c)
	return *built
}

// maxDigits is the limit of the length of a number.
const maxDigits = len("-9223372036854775808")

func (m *memory) appendWords(words []string, conn *conn, c *exchange.Command) []string {
	words = append(words, c.Name)
	words = append(words, c.Head...)
	for i := range c.Args {
		arg := &c.Args[i]
		switch n, isInteger := arg.Integer(); {
		case arg.Role == driver.RoleValue && conn != nil && len(arg.Data) >= minLent && len(arg.Data) <= maxBulk:
			lent := conn.loans.lend(arg.Data)
			m.loans = append(m.loans, lent)
			words = append(words, valkeygo.BinaryString(lent.reference[:]))
		case arg.Role == driver.RoleValue:
			words = append(words, valkeygo.BinaryString(arg.Data))
		case isInteger:
			first := len(m.numbers)
			m.numbers = strconv.AppendInt(m.numbers, n, 10)
			words = append(words, valkeygo.BinaryString(m.numbers[first:]))
		case arg.Text != "":
			words = append(words, arg.Text)
		default: // a number with a fraction, or an empty argument
			words = append(words, arg.String())
		}
	}
	return words
}

// returnLoans ends the loans of the call: the caller's memory is not used any more.
func (m *memory) returnLoans(dead bool) {
	for _, lent := range m.loans {
		lent.end(dead)
	}
	clear(m.loans)
	m.loans = m.loans[:0]
}

// proven returns the length of the longest argument if the server has read all commands,
// and 0 otherwise.
func (m *memory) proven(c *exchange.Call) int {
	if m.context.unanswered > 0 {
		return 0
	}
	for i := range m.results {
		if m.results[i].NonValkeyError() != nil {
			return 0
		}
		if err := m.results[i].Error(); err != nil && strings.HasPrefix(err.Error(), "Protocol error") {
			return 0
		}
	}
	return longest(c)
}

// fillReplies fills in the replies of a call. l is the connection of the call, or nil for a
// client of the program's.
func (m *memory) fillReplies(c *exchange.Call, l *link) {
	answered := len(c.Commands) - m.context.unanswered
	for i := range c.Commands[:answered] {
		if !m.take(&m.results[i], &c.Commands[i], c, l) {
			break
		}
	}
	if answered < len(c.Commands) {
		m.failed = true
		c.Err = m.context.reason()
	}
	if m.failed {
		c.Retained = true
	}
	m.one[0], m.results = valkeygo.ValkeyResult{}, nil
	m.context.end()
}

// take fills in the reply of a command. false means that the reply is of another kind: the
// connection is out of step, and all further replies answer other commands.
func (m *memory) take(result *valkeygo.ValkeyResult, command *exchange.Command, c *exchange.Call, l *link) (inStep bool) {
	message, err := result.ToMessage()
	if err != nil && !isNil(err) {
		m.failed = true
		if cause := result.NonValkeyError(); cause != nil {
			if c.Err == nil {
				c.Err = cause
			}
			return true
		}
		command.Reply = driver.Reply{Kind: driver.ReplyError, Err: l.markSelfRedirect(messageError(&message))}
		command.Replied = true
		return true
	}
	if !allows(command.Shape, &message) {
		m.failed = true
		c.Err = errUnexpected
		l.kill(errUnexpected)
		return false
	}
	command.Replied = true
	if err == nil {
		command.Reply = reply(&message)
	}
	return true
}

// errUnexpected is the error of a reply in another shape than the command's.
var errUnexpected = unexpectedError{}

type unexpectedError struct{}

func (unexpectedError) Error() string { return "unexpected reply" }
func (unexpectedError) Unwrap() error { return resp.ErrMalformed }
