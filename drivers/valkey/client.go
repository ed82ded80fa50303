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

// A clientWire is the wire of a store on a client that the program has made. It does
// not see the client's connections.
type clientWire struct {
	source clientSource
	closed atomic.Bool // by the store
}

// errClientClosed is a client that the program has closed.
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
	m.settle(c, nil)
	switch {
	case c.Err == nil:
		client.answered()
	case errors.Is(c.Err, valkeygo.ErrClosing) && w.source.dropped(client):
		c.Err = errClientClosed
	}
}

// A clientContext is the context of a call with a deadline, and without a channel: who
// listens for its end is the caller.
type clientContext struct {
	context.Context
	deadline time.Time
}

func (c clientContext) Deadline() (time.Time, bool) { return c.deadline, true }
func (c clientContext) Done() <-chan struct{}       { return nil }

// leeway is how long a reply may come late without costing others the connection: a
// call that waits for it has the connection's deadline set.
const leeway = 3 * time.Second

// latest returns the deadline for valkey-go of a call with a deadline.
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
		// A client of sentinels says it of its own accord, too, of a primary that
		// it leaves.
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
	case errors.As(err, &reply):
		return handshakeError(reply)
	case c.Context.Err() == nil && failure.IsTimeout(err) && time.Until(c.Deadline) < early:
		return failure.OfTimeout(c.Context, err, 0, sent)
	}
	return nil
}

// early is how long before the deadline of a call valkey-go may report its end.
const early = 10 * time.Millisecond

// handshakeError returns what the server's answer to HELLO, AUTH, SELECT or CLIENT
// means that a client of the program's got. valkey-go has taken the word ERR from it.
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

// Disconnect implements exchange.Wire. A client that the store does not own keeps its
// connections: the callers leave, and Close waits for the client.
func (w *clientWire) Disconnect() {}

// Close implements exchange.Wire.
func (w *clientWire) Close() error {
	w.closed.Store(true)
	w.source.close()
	return nil
}
