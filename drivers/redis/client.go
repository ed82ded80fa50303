package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A clientWire is the wire of a store on a client that the program has made. The
// connections are the client's, so no reply is read by go-redis' own types, which
// believe what a length claims and take a number for a value; and its hooks see words.
type clientWire struct {
	addr   string // of the server
	source clientSource
	closed atomic.Bool // by the store
}

// Exchange implements exchange.Wire.
func (w *clientWire) Exchange(c *exchange.Call) {
	client, err := w.source.client(callContext{c.Context, c.Deadline})
	if err != nil {
		c.Err = err
		return
	}
	replies := make([]clientReply, len(c.Commands))
	cmders := make([]goredis.Cmder, len(c.Commands))
	begun := false
	for i := range c.Commands {
		replies[i] = newClientReply(&c.Commands[i])
		first := &word{c.Commands[i].Name, c, &begun}
		cmd := goredis.NewRawWriteToCmd(context.Background(), &replies[i], wordsOf(first, &c.Commands[i])...)
		if len(c.Commands[i].Head) > 0 {
			cmd.SetFirstKeyPos(int8(1 + len(c.Commands[i].Head))) //nolint:gosec // two words
		}
		cmders[i] = once{cmd}
	}
	c.Err = send(client, c, cmders)
	if errors.Is(c.Err, goredis.ErrClosed) && w.source.dropped(client) {
		c.Err = errNodeClosed
	}
	c.Sent = begun
	for i := range replies {
		w.settle(&replies[i], &c.Commands[i], cmders[i], c)
	}
}

var errNodeClosed = errors.New("go-redis has closed its client for the node")

// send leaves the sending to go-redis. Its readers trust the lengths that a reply
// claims, and panic at impossible ones.
func send(client *goredis.Client, c *exchange.Call, cmders []goredis.Cmder) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("%w: %w", resp.ErrMalformed, p)
			for _, cmd := range cmders {
				cmd.SetErr(err) // nobody knows which of them were read
			}
		default:
			panic(p)
		}
	}()
	ctx := callContext{c.Context, c.Deadline}
	if len(cmders) == 1 {
		return client.Process(ctx, cmders[0])
	}
	pipeline := client.Pipeline()
	if err := pipeline.BatchProcess(ctx, cmders...); err != nil {
		return err
	}
	_, err = pipeline.Exec(ctx)
	return err
}

// A callContext is the context of a call with its deadline. It costs no timer:
// go-redis asks for the deadline and sets it on the connection.
type callContext struct {
	context.Context
	deadline time.Time
}

func (c callContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Failure implements exchange.Wire.
func (w *clientWire) Failure(c *exchange.Call, sent bool) error {
	err := c.Err
	var reply goredis.Error
	switch {
	case errors.Is(err, goredis.ErrClosed) && w.closed.Load():
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
	case errors.Is(err, goredis.ErrClosed):
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nodes.ErrClientClosed)
	case errors.Is(err, goredis.ErrPoolTimeout), errors.Is(err, goredis.ErrPoolExhausted):
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	case errors.As(err, &reply) && !sent:
		// Of the handshake: HELLO, AUTH, SELECT.
		return servererror.Parse(reply.Error(), nativeError)
	}
	return failureOf(err)
}

// failureOf returns what an error means that a connection of any kind reports.
func failureOf(err error) error {
	if hangUp, ok := errors.AsType[*failure.HangUpError](err); ok {
		return servererror.Parse(hangUp.Text, nativeError)
	}
	return nil
}

// Watch implements exchange.Wire.
func (*clientWire) Watch(time.Time) bool { return false }

// Disconnect implements exchange.Wire. A client that the store does not own keeps its
// connections: the callers leave, and Close waits for the client.
func (w *clientWire) Disconnect() { _ = w.Close() }

// Close implements exchange.Wire.
func (w *clientWire) Close() error {
	w.closed.Store(true)
	return w.source.close()
}

// once is a command that go-redis does not send a second time, whatever happens to
// the first, and does not answer from a cache.
type once struct{ *goredis.RawWriteToCmd }

// NoRetry implements goredis.Cmder.
func (once) NoRetry() bool { return true }

// String returns the words, without the number of bytes that go-redis would call the
// result.
func (o once) String() string {
	text := o.RawWriteToCmd.String()
	if end := strings.LastIndex(text, ": "); o.Err() == nil && end >= 0 {
		text = text[:end]
	}
	return text
}

// A word is the name of a command, its first argument. go-redis asks it for its bytes
// when it begins to write the command, and not before: that is how the store knows
// that nothing was sent.
type word struct {
	text  string
	call  *exchange.Call
	begun *bool
}

// errAbandoned is what go-redis gets to hear when it asks for the bytes of a command
// that nobody waits for any more. It is a context error, so go-redis does not use the
// connection again.
var errAbandoned = errors.Join(errors.New("the caller has left"), context.Canceled)

// MarshalBinary implements encoding.BinaryMarshaler.
func (w *word) MarshalBinary() ([]byte, error) {
	if !w.call.Begin() {
		return nil, errAbandoned
	}
	*w.begun = true
	return []byte(w.text), nil
}

// String is what go-redis' hooks see.
func (w *word) String() string { return w.text }

// wordsOf returns a command as values that hooks know how to print.
func wordsOf(first *word, c *exchange.Command) []any {
	words := append(make([]any, 0, c.Words()), first)
	for _, text := range c.Head {
		words = append(words, text)
	}
	for i := range c.Args {
		switch n, isInteger := c.Args[i].Integer(); {
		case c.Args[i].Role == driver.RoleValue:
			words = append(words, c.Args[i].Data)
		case isInteger:
			words = append(words, n)
		default:
			words = append(words, c.Args[i].String())
		}
	}
	return words
}

// A clientReply takes the bytes of a reply, as go-redis reads it: it is the io.Writer
// that go-redis pours them into. What is longer than it may be is left out.
type clientReply struct {
	scanner resp.Scanner
	limits  resp.Limits
	due     int
	held    []byte // the beginning of a line that has not come to its end
	omitted int64  // how many bytes are still to be left out
	raw     bytes.Buffer
}

const (
	// textLongValue is the error reply that stands in the place of a string that is
	// too long.
	textLongValue = "XCACHE the value is longer than max_value"
	// maxItems is how many elements an array of a reply may claim to have.
	maxItems = 1 << 24
)

func newClientReply(c *exchange.Command) clientReply {
	return clientReply{limits: resp.Limits{String: c.Longest, Elements: maxItems}, due: 1}
}

// Next implements resp.Due.
func (r *clientReply) Next() *resp.Limits {
	if r.due == 0 {
		return nil
	}
	r.due--
	return &r.limits
}

// Others implements resp.Due.
func (r *clientReply) Others() *resp.Limits { return &r.limits }

// Write implements io.Writer. It returns an error for what is not a reply, so that
// go-redis closes the connection, and at the end of an error reply, so that go-redis
// sees it too.
func (r *clientReply) Write(p []byte) (int, error) {
	size := len(p)
	if len(r.held) > 0 {
		p = append(r.held, p...)
		r.held = nil
	}
	for len(p) > 0 {
		if r.omitted > 0 {
			n := min(r.omitted, int64(len(p)))
			p, r.omitted = p[n:], r.omitted-n
			continue
		}
		n, err := r.scanner.Scan(p, r)
		r.raw.Write(p[:n])
		p = p[n:]
		switch {
		case errors.Is(err, resp.ErrTooLong):
			r.omitted = r.scanner.Omit()
			fmt.Fprintf(&r.raw, "-%s\r\n", textLongValue)
		case err != nil:
			return size, err
		case len(p) > 0:
			r.held = bytes.Clone(p)
			p = nil
		}
	}
	if r.due == 0 && r.scanner.Between() && r.scanner.Top() == '-' {
		text, _ := failure.ErrorLine(r.raw.Bytes())
		return size, nativeError(servererror.Clean(text))
	}
	return size, nil
}

// settle gives a command its reply, if that has come.
func (w *clientWire) settle(r *clientReply, command *exchange.Command, cmd goredis.Cmder, c *exchange.Call) {
	if r.due > 0 || !r.scanner.Between() || r.omitted > 0 || errors.Is(cmd.Err(), resp.ErrMalformed) {
		if c.Err == nil {
			c.Err = cmd.Err()
		}
		return
	}
	replies := resp.NewReader(&r.raw, func(text string) error {
		if text == textLongValue {
			return driver.Fail(driver.ErrTooLarge, driver.Unknown, resp.ErrLongValue)
		}
		return servererror.Anew(servererror.Parse(text, nativeError), w.addr)
	})
	reply, err := replies.Next(command.Shape, command.Longest)
	if err != nil {
		c.Err = err
		return
	}
	command.Reply, command.Replied = reply, true
}
