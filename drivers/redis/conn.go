package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// dialFunc is net.Dialer.DialContext, or what takes its place.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer returns the function by which go-redis gets connections. It never
// fails: the connection it returns connects when it is first written to, within
// the deadline of the call that writes.
//
// go-redis would dial in a goroutine that the call does not wait for and Close
// does not stop, for longer than the call may take; after a number of failures
// it would not dial at all, but leave that to a goroutine which looks once a
// second; and it would log each failure to standard error.
func dialer(s *settings.Settings, dial dialFunc) dialFunc {
	// Connections through TLS, or of somebody else's dialer, cannot be checked.
	checked := dial == nil && s.TLS == nil
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(_ context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(context.Background())
		c := &conn{
			dial: func(ctx context.Context) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, s.DialTimeout)
				defer cancel()
				nc, err := connect(ctx, dial, network, addr, s.TLS)
				if err == nil && s.NoHello {
					nc = &withoutHello{Conn: nc}
				}
				return nc, err
			},
			ctx:    ctx,
			cancel: cancel,

			oneDeadline: s.ReadTimeout == 0,
			plain:       s.TLS == nil,
		}
		if checked {
			return checkedConn{c}, nil
		}
		return c, nil
	}
}

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

// conn is a connection that is made by the first write. Like those of go-redis,
// it is written by one goroutine at a time, and may be closed by any.
type conn struct {
	dial   func(context.Context) (net.Conn, error)
	ctx    context.Context // ends when the connection is closed
	cancel context.CancelFunc

	readDeadline, writeDeadline time.Time // until it is made
	// oneDeadline tells that the deadline for writing is the one for reading,
	// too: those of an exchange are the same, and setting them is not cheap.
	oneDeadline bool

	plain   bool // without TLS
	greeted bool // by the server: its first bytes were read

	made   atomic.Pointer[net.Conn]
	mu     sync.Mutex // orders establish and Close
	closed bool
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
	c.made.Store(&nc)
	return nc, errors.Join(nc.SetReadDeadline(c.readDeadline), nc.SetWriteDeadline(c.writeDeadline))
}

func (c *conn) Write(p []byte) (int, error) {
	nc := c.current()
	if nc == nil {
		var err error
		if nc, err = c.establish(); err != nil {
			return 0, err
		}
	}
	n, err := nc.Write(p)
	if err != nil {
		err = lastWords(nc, err)
	}
	return n, err
}

func (c *conn) Read(p []byte) (int, error) {
	nc := c.current()
	if nc == nil {
		return 0, net.ErrClosed
	}
	n, err := nc.Read(p)
	if !c.greeted && c.plain {
		if reason := failure.OfFirstRead(p[:n], err); reason != nil && (n == 0 || err == nil) {
			return 0, reason
		}
	}
	if !c.greeted && n > 0 {
		c.greeted = true
		if text, ok := failure.ErrorLine(p[:n]); ok && refusesClient(text) {
			return 0, &failure.HangUpError{Text: text, Err: io.EOF}
		}
	}
	return n, err
}

// Close ends the connection, or the attempt to make it.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.cancel()
	if nc := c.current(); nc != nil {
		return nc.Close()
	}
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	if nc := c.current(); nc != nil {
		return nc.SetDeadline(t)
	}
	c.readDeadline, c.writeDeadline = t, t
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	if nc := c.current(); nc != nil {
		return nc.SetReadDeadline(t)
	}
	c.readDeadline = t
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.oneDeadline {
		return c.SetDeadline(t)
	}
	if nc := c.current(); nc != nil {
		return nc.SetWriteDeadline(t)
	}
	c.writeDeadline = t
	return nil
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
// the server has closed it, or sent what nobody asked for.
type checkedConn struct{ *conn }

func (c checkedConn) SyscallConn() (syscall.RawConn, error) {
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
func lastWords(nc net.Conn, err error) error {
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		return err
	}
	if nc.SetReadDeadline(time.Now().Add(lastWordsTimeout)) != nil {
		return err
	}
	var buf [256]byte
	n, readErr := nc.Read(buf[:])
	if text, ok := failure.ErrorLine(buf[:n]); ok && (strings.HasPrefix(text, "ERR Protocol error") || refusesClient(text)) {
		return &failure.HangUpError{Text: text, Err: err}
	}
	if failure.IsTLS(readErr) {
		return readErr
	}
	return err
}
