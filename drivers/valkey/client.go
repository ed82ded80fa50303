package valkey

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	nodes "github.com/xcache-go/xcache/drivers/internal/node"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A clientWire is the wire of a store on a client that the program has made. The wire does
// not see the client's connections.
type clientWire struct {
	source clientSource
	closed atomic.Bool // the store has closed the wire
}

// errClientClosed is the error of a client that the program has closed.
var errClientClosed = fmt.Errorf("%w: %w", valkeygo.ErrClosing, nodes.ErrClientClosed)

// Exchange implements exchange.Wire.
func (w *clientWire) Exchange(c *exchange.Call) {
	client, err := w.source.client(c)
	switch {
	case err != nil:
		c.Err = err
		return
	case !c.Begin():
		c.Err = context.Canceled
		return
	}
	m := memoryOf(c)
	m.send(clientContext{c.Context, latest(c.Deadline)}, client, nil, c)
	c.Sent = true
	m.fillReplies(c, nil)
	switch {
	case c.Err == nil:
		client.answered()
	case errors.Is(c.Err, valkeygo.ErrClosing) && w.source.dropped(client):
		c.Err = errClientClosed
	}
}

// A clientContext is the context of a call for valkey-go: with a deadline, and without a
// channel. The caller itself listens for the end of the context.
type clientContext struct {
	context.Context
	deadline time.Time
}

func (c clientContext) Deadline() (time.Time, bool) { return c.deadline, true }
func (c clientContext) Done() <-chan struct{}       { return nil }

// leeway is the time for a late reply. A call that waits in valkey-go beyond its deadline
// sets the deadline of the connection, and the connection's other calls would fail with it.
const leeway = 3 * time.Second

// latest returns the deadline of a call for valkey-go.
func latest(deadline time.Time) time.Time {
	if late := time.Now().Add(leeway); late.After(deadline) {
		return late
	}
	return deadline
}

// Failure implements exchange.Wire.
func (w *clientWire) Failure(c *exchange.Call, sent bool) error {
	var (
		reply *valkeygo.ValkeyError
		dial  *net.OpError
	)
	switch err := c.Err; {
	case errors.As(err, &dial) && dial.Op == "dial":
		return driver.Fail(driver.ErrUnavailable, driver.NotApplied, err).Retryable()
	case errors.Is(err, errClientClosed):
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nodes.ErrClientClosed)
	case errors.Is(err, valkeygo.ErrClosing) && w.closed.Load():
		// The client of a sentinel setup reports ErrClosing also for a primary that the
		// client leaves.
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
	case errors.As(err, &reply):
		return handshakeError(reply)
	case c.Context.Err() == nil && failure.IsTimeout(err) && time.Until(c.Deadline) < early:
		return failure.OfTimeout(c.Context, err, 0, sent)
	}
	return nil
}

// early is the longest time before a deadline at which valkey-go may report the deadline as
// passed.
const early = 10 * time.Millisecond

// handshakeError returns the error for the server's reply to HELLO, AUTH, SELECT or CLIENT
// of the program's client. valkey-go has removed the word ERR from the text.
func handshakeError(reply *valkeygo.ValkeyError) error {
	native := func(text string) error { return &replyError{text, reply} }
	err := servererror.Parse(reply.Error(), native)
	if errors.Is(err, servererror.ErrRefused) {
		return servererror.Parse("ERR "+reply.Error(), native)
	}
	return err
}

// Watch implements exchange.Wire.
func (*clientWire) Watch(time.Time) bool { return false }

// Disconnect implements exchange.Wire. The callers leave, the client keeps its connections,
// and Close waits for the client.
func (w *clientWire) Disconnect() {}

// Close implements exchange.Wire.
func (w *clientWire) Close() error {
	w.closed.Store(true)
	w.source.close()
	return nil
}
