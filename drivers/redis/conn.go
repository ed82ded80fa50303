package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
)

// dialFunc is net.Dialer.DialContext, or what takes its place.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func connect(ctx context.Context, dial dialFunc, network, addr string, config *tls.Config) (net.Conn, error) {
	nc, err := dial(ctx, network, addr)
	if err != nil || config == nil {
		return nc, err
	}
	secure := tls.Client(nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close() // err says why
		return nil, failure.OfHandshake(err)
	}
	return secure, nil
}

// conn is a connection that is made by the first write, and that looks at what
// passes through it: see written.go and read.go. Like those of go-redis, it is
// written and read by one goroutine at a time, and may be closed by any.
type conn struct {
	network *network
	dial    func(context.Context) (net.Conn, error)
	ctx     context.Context // ends when the connection is closed
	cancel  context.CancelFunc

	readDeadline, writeDeadline time.Time // as they were set last
	// oneDeadline tells that the deadline for writing is the one for reading,
	// too: those of an exchange are the same, and setting them is not cheap.
	oneDeadline bool

	plain         bool // without TLS
	requests      resp.Requests
	transaction   bool // MULTI was written, and no EXEC
	multiAccepted bool // by the server, on this connection
	multiRefused  bool // what is behind MULTI is not written

	drain *drain // reads while that takes long; nil until it is needed

	due     dueReplies
	replies resp.Scanner
	greeted bool // by the server: its first bytes were read
	// welcomed tells that it has answered with something else than an error.
	welcomed bool
	ready    []byte  // what is read before anything that comes
	held     []byte  // the beginning of a line that has not come to its end
	skipped  int64   // bytes of strings that were too long, in this exchange
	broken   error   // what is read behind ready; nothing more is written
	sent     *moment // when the last exchange began
	heard    *moment // when something was read last

	made   atomic.Pointer[net.Conn]
	mu     sync.Mutex // orders establish and Close
	closed bool

	leaseMu sync.Mutex            // orders the deadlines of a call with a lease
	lease   atomic.Pointer[lease] // the call that has the connection, if its deadline is far
}

// current returns the connection that was made, or nil.
func (c *conn) current() net.Conn {
	if nc := c.made.Load(); nc != nil {
		return *nc
	}
	return nil
}

func (c *conn) establish() (net.Conn, error) {
	ctx := c.ctx
	if !c.writeDeadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, c.writeDeadline)
		defer cancel()
	}
	nc, err := c.dial(ctx)
	switch {
	case c.ctx.Err() != nil && nc == nil:
		return nil, &dialError{net.ErrClosed} // no context of the caller's has ended
	case err != nil:
		return nil, &dialError{err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, &dialError{errors.Join(net.ErrClosed, nc.Close())}
	}
	c.leaseMu.Lock()
	defer c.leaseMu.Unlock()
	c.made.Store(&nc)
	return nc, errors.Join(nc.SetReadDeadline(c.readDeadline), nc.SetWriteDeadline(c.writeDeadline))
}

// idle reports whether all replies have been read.
func (c *conn) idle() bool {
	return c.due.left() == 0 && len(c.ready) == 0 && c.replies.Between()
}

// breakOff closes the connection. What is ready is still read, and then err.
func (c *conn) breakOff(err error) {
	if c.broken == nil {
		c.broken = err
	}
	_ = c.Close()
}

// unfit returns why no exchange may begin, an unfitError, or nil.
func (c *conn) unfit() error {
	switch {
	case c.broken != nil:
		return &unfitError{c.broken}
	case c.network.doubts(c.heard):
		return &unfitError{errDoubtful}
	}
	return nil
}

// errDoubtful is a connection on which nothing was heard since the server was
// silent on another one.
var errDoubtful = errors.New("the connection may be dead, as another one is")

// An unfitError is a connection that is to be replaced: nothing of the exchange was
// written.
type unfitError struct{ err error }

func (e *unfitError) Error() string { return "the connection is of no use any more: " + e.err.Error() }

// An unsentError is a failure before anything was written that the server may act on.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// Close ends the connection, or the attempt to make it.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	closed := c.closed
	c.closed = true
	c.cancel()
	if nc := c.current(); nc != nil && !closed {
		return nc.Close()
	}
	return nil
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	if c.lease.Load() != nil {
		c.leaseMu.Lock()
		defer c.leaseMu.Unlock()
	}
	return c.setDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	if c.lease.Load() != nil {
		c.leaseMu.Lock()
		defer c.leaseMu.Unlock()
	}
	c.readDeadline = t
	if nc := c.current(); nc != nil {
		return nc.SetReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline is called before each exchange.
func (c *conn) SetWriteDeadline(t time.Time) error {
	next := c.network.far.of(t)
	if next == nil && c.lease.Load() == nil {
		return c.setWriteDeadline(t)
	}
	c.leaseMu.Lock()
	defer c.leaseMu.Unlock()
	c.lease.Store(next)
	if next != nil {
		next.conn.Store(c)
	}
	return c.setWriteDeadline(t)
}

func (c *conn) setWriteDeadline(t time.Time) error {
	if c.oneDeadline {
		return c.setDeadline(t)
	}
	c.writeDeadline = t
	if nc := c.current(); nc != nil {
		return nc.SetWriteDeadline(t)
	}
	return nil
}

func (c *conn) setDeadline(t time.Time) error {
	c.readDeadline, c.writeDeadline = t, t
	if nc := c.current(); nc != nil {
		return nc.SetDeadline(t)
	}
	return nil
}

// restoreReadDeadline ends a deadline that was only for a part of an exchange.
func (c *conn) restoreReadDeadline(nc net.Conn) {
	c.leaseMu.Lock()
	defer c.leaseMu.Unlock()
	_ = nc.SetReadDeadline(c.readDeadline) // of a connection that is closed
}

// shorten brings the deadlines of an exchange forward, unless the connection is
// some other call's by now.
func (c *conn) shorten(call *lease, t time.Time) {
	c.leaseMu.Lock()
	defer c.leaseMu.Unlock()
	if c.lease.Load() != call || c.current() == nil || !t.Before(c.writeDeadline) {
		return
	}
	_ = c.setDeadline(t) // of a connection that is closed
}

func (c *conn) LocalAddr() net.Addr {
	if nc := c.current(); nc != nil {
		return nc.LocalAddr()
	}
	return unconnected{}
}

func (c *conn) RemoteAddr() net.Addr {
	if nc := c.current(); nc != nil {
		return nc.RemoteAddr()
	}
	return unconnected{}
}

// unconnected is the address of a connection that is not made yet.
type unconnected struct{}

func (unconnected) Network() string { return "" }
func (unconnected) String() string  { return "not connected" }

// checkedConn is a conn that go-redis looks at before it uses it again: whether
// the server has closed it, or sent what nobody asked for. An error has it take
// another one.
type checkedConn struct{ *conn }

// SyscallConn implements syscall.Conn.
func (c checkedConn) SyscallConn() (syscall.RawConn, error) {
	if err := c.unfit(); err != nil {
		return nil, err
	}
	if nc, ok := c.current().(syscall.Conn); ok {
		return nc.SyscallConn()
	}
	return nil, net.ErrClosed
}

// A dialError is why a connection could not be made. go-redis takes errors of
// the handshake apart by one Unwrap, which this one survives.
type dialError struct{ err error }

func (e *dialError) Error() string   { return e.err.Error() }
func (e *dialError) Unwrap() []error { return []error{e.err} }

// refusesClient reports whether an error reply, the first on its connection, is
// the only one: the server does not want this client, and hangs up. go-redis
// takes any error in reply to its HELLO for an old server.
func refusesClient(text string) bool {
	return strings.HasPrefix(text, "ERR max number of clients") || strings.HasPrefix(text, "DENIED")
}

// lastWordsTimeout is how long a server that closed a connection is listened to.
const lastWordsTimeout = 50 * time.Millisecond

// lastWords returns why a server hung up in the middle of a request, if it said
// so before it answered anything, or else err. Of a value beyond its limit a
// server reads no more than the length, and it may refuse a client's certificate
// after the handshake. Any other error reply is the answer to the first command
// of the request, and says nothing about those behind it.
func (c *conn) lastWords(nc net.Conn, err error) error {
	if !failure.IsHangUp(err) {
		return err
	}
	words, readErr := c.ready, error(nil)
	if len(words) == 0 {
		if nc.SetReadDeadline(time.Now().Add(lastWordsTimeout)) != nil {
			return err
		}
		var buf [256]byte
		var n int
		n, readErr = nc.Read(buf[:])
		words = buf[:n]
	}
	if text, ok := failure.ErrorLine(words); ok && (strings.HasPrefix(text, "ERR Protocol error") || refusesClient(text)) {
		return &failure.HangUpError{Text: text, Err: err}
	}
	if failure.IsTLS(readErr) {
		return readErr
	}
	return err
}
