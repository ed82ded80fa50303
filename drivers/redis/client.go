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
// connections belong to the client. go-redis' own types would trust the lengths in a
// reply, and take a number for a value. So the wire reads the replies itself. The
// client's hooks see the words of the commands.
type clientWire struct {
	addr   string // address of the server
	source clientSource
	closed atomic.Bool // the store has closed the wire
}

// Exchange implements exchange.Wire.
func (w *clientWire) Exchange(c *exchange.Call) {
	client, err := w.source.client(c)
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
		if !w.fillReply(&replies[i], &c.Commands[i], cmders[i], c) {
			break
		}
	}
}

var errNodeClosed = errors.New("go-redis has closed its client for the node")

// send passes the commands to go-redis. The readers of go-redis trust the lengths in a
// reply, and panic at impossible lengths.
func send(client *goredis.Client, c *exchange.Call, cmders []goredis.Cmder) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = malformed(p)
			for _, cmd := range cmders {
				cmd.SetErr(err) // any of the commands may lack its reply
			}
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

// malformed returns the error of a reader of go-redis that has panicked. Other panics go on.
func malformed(panicked any) error {
	p, ok := panicked.(runtime.Error)
	if !ok {
		panic(panicked)
	}
	return fmt.Errorf("%w: %w", resp.ErrMalformed, p)
}

// A callContext is the context of a call with its deadline. The context needs no timer:
// go-redis sets the deadline on the connection.
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
		// The error reply answers HELLO, AUTH or SELECT of the handshake.
		return servererror.Parse(reply.Error(), nativeError)
	}
	return failureOf(err)
}

// failureOf returns the error for an error of a connection of any kind, or nil.
func failureOf(err error) error {
	if hangUp, ok := errors.AsType[*failure.HangUpError](err); ok {
		return servererror.Parse(hangUp.Text, nativeError)
	}
	return nil
}

// Watch implements exchange.Wire.
func (*clientWire) Watch(time.Time) bool { return false }

// Disconnect implements exchange.Wire. A client that the program owns keeps its
// connections. The callers leave, and Close waits for the client.
func (w *clientWire) Disconnect() { _ = w.Close() }

// Close implements exchange.Wire.
func (w *clientWire) Close() error {
	w.closed.Store(true)
	return w.source.close()
}

// A once is a command that go-redis neither retries nor answers from a cache.
type once struct{ *goredis.RawWriteToCmd }

// NoRetry implements goredis.Cmder.
func (once) NoRetry() bool { return true }

// String returns the words of the command. go-redis would add the number of bytes as the
// result.
func (o once) String() string {
	text := o.RawWriteToCmd.String()
	if end := strings.LastIndex(text, ": "); o.Err() == nil && end >= 0 {
		text = text[:end]
	}
	return text
}

// A word is the name of a command, and its first argument. go-redis asks a word for its
// bytes just before the write of the command. Without that question, nothing was sent.
type word struct {
	text  string
	call  *exchange.Call
	begun *bool
}

// errAbandoned is the error of the bytes of a command whose caller has left. The error is
// an error of contexts, so that go-redis does not use the connection again.
var errAbandoned = errors.Join(errors.New("the caller has left"), context.Canceled)

// MarshalBinary implements encoding.BinaryMarshaler.
func (w *word) MarshalBinary() ([]byte, error) {
	if !w.call.Begin() {
		return nil, errAbandoned
	}
	*w.begun = true
	return []byte(w.text), nil
}

// String returns the text that go-redis' hooks see.
func (w *word) String() string { return w.text }

// wordsOf returns the words of a command as values that hooks can print.
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

// A clientReply is the io.Writer to which go-redis copies the bytes of a reply. Strings
// beyond the limit are left out.
type clientReply struct {
	scanner resp.Scanner
	limits  resp.Limits
	due     int
	held    []byte // the beginning of an incomplete line
	omitted int64  // number of bytes that are still to be left out
	raw     bytes.Buffer
}

const (
	// textLongValue is the error reply in the place of a string beyond the limit.
	textLongValue = "XCACHE the value is longer than max_value"
	// maxItems is the limit of the claimed elements of an array.
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

// Write implements io.Writer. Write returns an error for bytes that are no reply, so that
// go-redis closes the connection. Write also returns an error at the end of an error reply,
// so that go-redis sees that error.
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

// fillReply fills in the reply of a command, if the reply is complete.
func (w *clientWire) fillReply(r *clientReply, command *exchange.Command, cmd goredis.Cmder, c *exchange.Call) (inStep bool) {
	if r.due > 0 || !r.scanner.Between() || r.omitted > 0 || errors.Is(cmd.Err(), resp.ErrMalformed) {
		if c.Err == nil {
			c.Err = cmd.Err()
		}
		return true
	}
	replies := resp.NewReader(&r.raw, func(text string) error {
		if text == textLongValue {
			return driver.Fail(driver.ErrTooLarge, driver.Unknown, resp.ErrLongValue)
		}
		return servererror.MarkSelfRedirect(servererror.Parse(text, nativeError), w.addr)
	})
	reply, err := replies.Next(command.Shape, command.Longest)
	if err != nil {
		c.Err = err
		return false
	}
	command.Reply, command.Replied = reply, true
	return true
}
