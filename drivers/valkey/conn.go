package valkey

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// dialFunc is net.Dialer.DialContext, or what takes its place.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// dial makes a connection.
func dial(ctx context.Context, s *settings.Settings, by dialFunc) (*conn, error) {
	// What the socket says is of use only where nothing is in between.
	checked := by == nil && s.TLS == nil
	if by == nil {
		by = new(net.Dialer).DialContext
	}
	nc, err := by(ctx, s.Network, s.Addr)
	if err != nil {
		return nil, err
	}
	if s.TLS != nil {
		secure := tls.Client(nc, s.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, nc.Close())
		}
		nc = secure
	}
	c := &conn{Conn: nc, writeTimeout: s.WriteTimeout, plain: s.TLS == nil, readEnded: make(chan struct{})}
	if checked {
		c.socket = newSocket(nc)
	}
	return c, nil
}

// conn is a connection that sees what valkey-go writes and reads, so that the
// store knows whether a call may have been written, and whether replies are due.
//
// valkey-go uses a connection in two ways. At first whoever calls writes, and
// reads the reply himself; the next caller waits for him. As soon as somebody
// has to wait it goes over, for good, to one goroutine that writes and another
// that reads.
type conn struct {
	net.Conn
	socket       *socket // nil if it cannot be looked at
	writeTimeout time.Duration
	plain        bool        // what is written is what is sent
	taken        atomic.Bool // by valkey-go

	deadline   time.Time    // of the request, until one goroutine writes for all
	pipelining atomic.Bool  // one goroutine writes, another one reads
	commands   atomic.Int64 // that were written, perhaps in part
	answered   atomic.Int64 // that were replied to
	parts      atomic.Int64 // of replies that were not complete

	requests framing // used by the writer
	replies  framing // used by the reader
	refused  error   // what the next read returns; used by the reader

	dead      atomic.Bool // nothing is written any more
	mu        sync.Mutex
	cause     error         // why it was killed
	readEnded chan struct{} // closed when reads have failed
	readOnce  sync.Once
}

var (
	// errSpent is what valkey-go gets when it wants a second connection.
	errSpent = errors.New("the connection was lost")
	// errRetired is a connection that was closed because nobody used it any more.
	errRetired = errors.New("the connection was given up")
	// errHungUp is a connection that the server has closed while nothing was
	// under way.
	errHungUp = errors.New("the server has closed the connection")
	// errUnasked is a reply to nothing.
	errUnasked = errors.New("a reply that nobody asked for")
	// errTooLong is a command that no server takes.
	errTooLong = errors.New("an argument is longer than the server takes")
	// errSilent is a connection on which no reply came for too long.
	errSilent = errors.New("the server does not answer")
)

// kill closes the connection. Calls on it fail with the cause.
func (c *conn) kill(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	c.dead.Store(true)
	_ = c.Conn.Close()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.dead.Store(true)
	return c.Conn.Close()
}

// why returns err, or why the connection was killed.
func (c *conn) why(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return err
}

// unsent reports whether no command was written since there were so many before,
// and none will be.
func (c *conn) unsent(before int64) bool {
	return c.dead.Load() && c.commands.Load() == before
}

// due returns how many replies are to come.
func (c *conn) due() int64 { return c.commands.Load() - c.answered.Load() }

// SetDeadline implements net.Conn. valkey-go sets one for each request, until it
// goes over to two goroutines.
func (c *conn) SetDeadline(t time.Time) error {
	if t.Equal(c.deadline) && !t.IsZero() {
		return nil // calls of the same tick
	}
	if c.deadline = t; t.IsZero() {
		c.pipelining.Store(true)
	}
	return c.Conn.SetDeadline(t)
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	pipelining := c.pipelining.Load()
	before := int64(c.requests.begun)
	_, err := c.requests.feed(p)
	switch {
	case err != nil:
		return 0, c.refuse(before, errTooLong)
	case !pipelining && c.socket != nil && c.socket.hungUp():
		return 0, c.refuse(before, errHungUp)
	}
	// The count goes up before the connection is known to be alive: who sees it
	// dead, and the count as it was, knows that nothing will be written.
	c.commands.Store(int64(c.requests.begun))
	if c.dead.Load() {
		return 0, c.refuse(before, c.why(net.ErrClosed))
	}
	if c.writeTimeout > 0 {
		c.boundWrite()
	}
	n, err := c.Conn.Write(p)
	if err == nil {
		return n, nil
	}
	if pipelining {
		c.awaitLastWords(err)
	} else {
		err = c.lastWords(err)
	}
	if n == 0 && c.plain {
		return 0, c.refuse(before, c.why(err))
	}
	c.dead.Store(true)
	return n, c.why(err)
}

// boundWrite sets the deadline of the next write, which is that of the request
// if this is earlier.
func (c *conn) boundWrite() {
	t := time.Now().Add(c.writeTimeout)
	if !c.deadline.IsZero() && c.deadline.Before(t) {
		t = c.deadline
	}
	_ = c.SetWriteDeadline(t)
}

// refuse takes the count of commands back: nothing was written.
func (c *conn) refuse(before int64, err error) error {
	c.commands.Store(before)
	c.dead.Store(true)
	return err
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (n int, err error) {
	if err = c.refused; err == nil {
		n, err = c.Conn.Read(p)
	}
	if n > 0 {
		if n, c.refused = c.check(p[:n]); n == 0 {
			err = c.refused
		}
	}
	if err != nil {
		c.dead.Store(true)
		c.readOnce.Do(func() { close(c.readEnded) })
		err = c.why(err)
	}
	return n, err
}

// check returns how much of what was read may be believed, and why the rest may
// not.
func (c *conn) check(p []byte) (int, error) {
	good, err := c.replies.feed(p)
	if err != nil {
		return good, err
	}
	values := int64(c.replies.values)
	if values > c.commands.Load() {
		return 0, errUnasked
	}
	if values == c.answered.Load() {
		c.parts.Add(1)
	} else {
		c.answered.Store(values)
	}
	return good, nil
}

// lastWordsTimeout is how long a server that closed a connection is listened to.
const lastWordsTimeout = 50 * time.Millisecond

// lastWords returns why a server hung up in the middle of a request, if it said
// so, or else err: of a value beyond its limit it reads no more than the length.
// Nobody reads from the connection.
func (c *conn) lastWords(err error) error {
	if !failure.IsHangUp(err) || c.Conn.SetReadDeadline(time.Now().Add(lastWordsTimeout)) != nil {
		return err
	}
	var buf [256]byte
	n, _ := c.Conn.Read(buf[:])
	if text, ok := failure.ErrorLine(buf[:n]); ok && strings.HasPrefix(text, "ERR Protocol error") {
		return &failure.HangUpError{Text: text, Err: err}
	}
	return err
}

// awaitLastWords gives the reader the time to read what the server said before
// it hung up: valkey-go closes the connection when it cannot write.
func (c *conn) awaitLastWords(err error) {
	if !failure.IsHangUp(err) {
		return
	}
	timer := time.NewTimer(lastWordsTimeout)
	defer timer.Stop()
	select {
	case <-c.readEnded:
	case <-timer.C:
	}
}
