package valkey

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/settings"
	"github.com/xcache-go/xcache/drivers/internal/status"
)

// newConn returns a connection of a pool. The connection has logged in.
func newConn(nc *connection.Conn, s *settings.Settings, p *pool) *conn {
	c := &conn{
		Conn:         nc.Conn,
		source:       nc.Source,
		addr:         s.Addr,
		pool:         p,
		status:       p.status,
		socket:       connection.NewSocket(nc.Conn),
		writeTimeout: s.WriteTimeout,
		plain:        s.TLS == nil,
		readEnded:    make(chan struct{}),
		requests:     ofRequests(),
		loans:        newLoans(),
	}
	c.replies = ofReplies(s.MaxValue, s.Protocol == 3, c.serverFailed)
	return c
}

// A conn is a connection between valkey-go and the server. conn follows the writes and
// reads of valkey-go, so that the store knows whether a call may have been written,
// and whether replies are due.
//
// valkey-go uses a connection in two ways. At first the goroutine of the caller writes the
// command and reads the reply, and the next caller waits. As soon as a caller has to wait,
// valkey-go changes for good to two goroutines: one writes, and the other one reads.
type conn struct {
	net.Conn
	addr         string // the address of the server
	pool         *pool
	status       *status.Server
	source       io.Reader          // reads from Conn
	socket       *connection.Socket // nil if the socket cannot be examined
	writeTimeout time.Duration
	plain        bool        // bytes go to the network as they are, without TLS
	taken        atomic.Bool // valkey-go has got the connection
	greeted      bool        // valkey-go has sent its greeting

	pipelining atomic.Bool  // one goroutine writes, another one reads
	commands   atomic.Int64 // commands that were written, perhaps in part
	answered   atomic.Int64 // commands that got their replies
	parts      atomic.Int64 // reads that completed no reply

	loans    loans
	requests framing // used by the goroutine that writes, as is begun
	begun    []byte  // the beginning of an incomplete line of a request
	replies  framing // used by the goroutine that reads, as are the next three
	held     []byte  // bytes that cannot be judged before more bytes come
	passed   []byte  // good bytes that valkey-go has not read yet
	refused  error   // the error of a read behind passed

	dead      atomic.Bool   // nothing is written any more
	abandoned atomic.Bool   // a caller has left in the middle of a write or a read
	readEnded chan struct{} // closed when reads have failed
	readOnce  sync.Once

	mu          sync.Mutex   // guards the fields below
	cause       error        // the reason of the kill
	served      *callContext // the call whose goroutine writes and reads; nil in the way of two goroutines
	interrupted bool         // the deadline was set to end the call in served
}

var (
	// errSpent is the answer to valkey-go's attempt to make a second connection.
	errSpent = errors.New("the connection was lost")
	// errRetired is the error of a connection that was closed because there were no calls on
	// the connection.
	errRetired = errors.New("the connection was given up")
	// errGreeting is the error of a greeting of valkey-go that is not the expected one.
	errGreeting = errors.New("valkey-go does not begin with HELLO 2")
	// errTooLong is the error of a command that no server takes.
	errTooLong = errors.New("an argument is longer than the server takes")
	// errSilent is the error of a connection without replies for too long.
	errSilent = timeoutError("the server does not answer")
)

// kill closes the connection. Calls on the connection fail with the cause.
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

// why returns the cause of the kill, or err for a connection that was not killed.
func (c *conn) why(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return err
}

// unsent reports whether no command of a call was written, and none will be. before is the
// number of commands before the call, perhaps with those of a write that was refused
// afterwards. served tells whether the goroutine of the call itself would have written: other
// calls write nothing before the two goroutines run.
func (c *conn) unsent(before int64, served bool) bool {
	return c.dead.Load() && (c.commands.Load() <= before || !served && !c.pipelining.Load())
}

// due returns the number of replies that are due.
func (c *conn) due() int64 { return c.commands.Load() - c.answered.Load() }

// SetDeadline implements net.Conn. The deadlines of valkey-go for single requests are
// ignored, because callers tell ended calls themselves. The zero deadline means that
// valkey-go changes to two goroutines.
func (c *conn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.pipelining.Store(true)
		c.serve(nil)
	}
	return nil
}

// serve tells that the goroutine of the call writes and reads. nil tells that two
// goroutines do.
func (c *conn) serve(call *callContext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served = call
	if c.interrupted {
		c.interrupted = false
		_ = c.Conn.SetDeadline(time.Time{}) // fails on a closed connection only
	}
}

// interrupt ends the write or the read of an ended call, if the call is the served one.
func (c *conn) interrupt(call *callContext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.served != call || c.interrupted {
		return
	}
	c.interrupted = true
	if c.Conn.SetDeadline(time.Unix(1, 0)) != nil {
		c.abandoned.Store(true)
		_ = c.Conn.Close() // a connection without deadlines
	}
}

func (c *conn) isInterrupted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.interrupted
}

// standIn is the reply for valkey-go in the place of a reply that no caller waits for.
const standIn = "-XCACHE the caller has left\r\n"

// giveUp handles the failed read of an ended call. valkey-go reads stand-ins for the
// replies to the call, and later the real replies are dropped. false means that the
// connection must be closed: a part of a reply has been read already, or the error has
// another reason.
func (c *conn) giveUp(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.served == nil || !c.interrupted {
		return false
	}
	n := c.replies.leave(int(c.commands.Load()))
	if n == 0 {
		c.abandoned.Store(true)
	}
	c.served.unanswered = n
	c.passed = append(c.passed, strings.Repeat(standIn, n)...)
	return n > 0
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if !c.greeted {
		return c.answerGreeting(p)
	}
	pipelining := c.pipelining.Load()
	before := c.commands.Load()
	if !c.follow(p) {
		return 0, c.refuse(before, errTooLong)
	}
	if !pipelining && c.socket != nil {
		if err := c.socket.Check(c.due() > 0); err != nil {
			return 0, c.refuse(before, err)
		}
	}
	// The count goes up before the check of dead. A caller that sees the connection dead
	// and the count unchanged knows that nothing will be written.
	c.commands.Store(c.requested())
	if c.dead.Load() {
		return 0, c.refuse(before, c.why(net.ErrClosed))
	}
	n, err := c.loans.write(p, c.between(), c.write)
	if err == nil {
		if pipelining && c.due() >= crowd {
			runtime.Gosched()
		}
		return len(p), nil
	}
	if c.isInterrupted() {
		c.abandoned.Store(true)
	}
	if pipelining {
		c.awaitLastWords(err)
	} else {
		err = c.hangUpReason(err)
	}
	if n == 0 && c.plain {
		return 0, c.refuse(before, c.why(err))
	}
	c.dead.Store(true)
	return n, c.why(err)
}

// crowd is how many replies must be due on a connection before its writer pauses. In the
// pause, other callers queue their commands. All queued commands are written in one go: a
// write to the system costs more than all other work of a call, and without a pause each
// write has only a command or two. With fewer replies due, there is nobody to wait for.
const crowd = 4

// write writes p to the connection.
func (c *conn) write(p []byte) (int, error) {
	if c.writeTimeout > 0 {
		c.boundWrite()
	}
	return c.Conn.Write(p)
}

// between reports whether the bytes so far end at the end of a command.
func (c *conn) between() bool {
	return len(c.begun) == 0 && len(c.requests.open) == 0 && c.requests.bulk == 0
}

// follow counts the commands in p. A command that only begins or ends in p counts, too.
// false means that a command has an argument that no server takes.
func (c *conn) follow(p []byte) bool {
	if len(c.begun) > 0 {
		end := bytes.IndexByte(p, '\n') + 1
		if end == 0 {
			c.begun = append(c.begun, p...)
			return len(c.begun) < maxLine
		}
		line := append(c.begun, p[:end]...)
		c.begun, p = c.begun[:0], p[end:]
		if _, _, v := c.requests.next(line); v != all {
			return false
		}
	}
	good, _, v := c.requests.next(p)
	if v == tooShort {
		c.begun = append(c.begun, p[good:]...)
	}
	return v == all || v == tooShort
}

// requested returns the number of commands that have begun.
func (c *conn) requested() int64 {
	n := c.requests.begun
	if len(c.begun) > 0 && len(c.requests.open) == 0 {
		n++
	}
	return int64(n)
}

// boundWrite sets the deadline of the next write, unless the write is interrupted.
func (c *conn) boundWrite() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.interrupted {
		_ = c.SetWriteDeadline(time.Now().Add(c.writeTimeout)) // fails on a closed connection only
	}
}

// refuse restores the count of commands: nothing was written.
func (c *conn) refuse(before int64, err error) error {
	c.commands.Store(before)
	c.dead.Store(true)
	return err
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (n int, err error) {
	for {
		switch {
		case len(c.passed) > 0:
			n = copy(p, c.passed)
			if c.passed = c.passed[n:]; len(c.passed) == 0 {
				c.passed = nil
			}
			return n, nil
		case c.refused != nil:
			c.dead.Store(true)
			c.readOnce.Do(func() { close(c.readEnded) })
			return 0, c.why(c.refused)
		case len(p) == 0:
			return 0, nil
		case len(c.held) == 0:
			n, err = c.source.Read(p)
			n = c.divide(p[:n], true)
		default:
			// The held bytes come before the new ones.
			c.held = slices.Grow(c.held, max(minRead, min(len(c.held), maxRead)))
			n, err = c.source.Read(c.held[len(c.held):cap(c.held)])
			data := c.held[:len(c.held)+n]
			c.held = nil
			n = c.divide(data, false)
		}
		if c.refused == nil && err != nil && !c.giveUp(err) {
			c.lost(err)
			c.refused = err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// minRead and maxRead bound the size of one read behind held bytes.
const (
	minRead = 4 << 10
	maxRead = 1 << 20
)

// divide divides the bytes of a read into bytes to pass on, bytes to drop, and bytes to
// hold. With inPlace, good is the length of the first part of data, which is passed on
// without a copy.
func (c *conn) divide(data []byte, inPlace bool) (good int) {
	ours := !inPlace // data is not the caller's buffer, but held bytes and new ones
	if len(data) == 0 {
		return 0
	}
	c.replies.asked = int(c.commands.Load())
	for len(data) > 0 && c.refused == nil {
		n, end, v := c.replies.next(data)
		if inPlace {
			good, inPlace = n, false
		} else {
			c.passed = append(c.passed, data[:n]...)
		}
		switch v {
		case all, dropped:
		case tooLong:
			c.passed = append(c.passed, tooLongReply(c.replies.tooLong, c.replies.longest)...)
		case tooShort:
			if c.held = data[n:]; !ours {
				c.held = slices.Clone(c.held)
			}
			end = len(data)
		case malformed:
			c.refused = errMalformed
		case unasked:
			c.refused = errUnasked
		}
		data = data[end:]
	}
	if c.refused != nil {
		c.dead.Store(true)
	}
	if values := int64(c.replies.values); values == c.answered.Load() {
		c.parts.Add(1)
	} else {
		c.answered.Store(values)
		c.status.Answered()
	}
	return good
}

// hangUpReasonTimeout bounds the read from a connection that the server has closed.
const hangUpReasonTimeout = 50 * time.Millisecond

// hangUpReason returns the error that a server has sent before a hang-up in the middle of a
// request, or err. A server answers a value beyond its limit after the length, and does not
// read the value. No other goroutine reads from the connection.
func (c *conn) hangUpReason(err error) error {
	if !failure.IsHangUp(err) || c.Conn.SetReadDeadline(time.Now().Add(hangUpReasonTimeout)) != nil {
		return err
	}
	var buf [256]byte
	n, _ := c.Conn.Read(buf[:])
	if text, ok := failure.ErrorLine(buf[:n]); ok && isProtocolError(text) {
		c.pool.unproven()
		return &failure.HangUpError{Text: text, Err: err}
	}
	return err
}

// awaitLastWords waits until the reader has read the server's error before a hang-up.
// valkey-go closes the connection as soon as a write fails.
func (c *conn) awaitLastWords(err error) {
	if !failure.IsHangUp(err) {
		return
	}
	timer := time.NewTimer(hangUpReasonTimeout)
	defer timer.Stop()
	select {
	case <-c.readEnded:
	case <-timer.C:
	}
}

// The greeting of valkey-go on a new connection, and the answer to it. The version in the
// answer has no other effect on valkey-go.
const (
	clientGreeting = "*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n"
	serverGreeting = "*2\r\n$5\r\nproto\r\n:2\r\n"
)

// answerGreeting answers the greeting of valkey-go. The server was greeted before.
func (c *conn) answerGreeting(p []byte) (int, error) {
	if string(p) != clientGreeting {
		return 0, errGreeting
	}
	c.greeted = true
	c.passed = []byte(serverGreeting)
	return len(p), nil
}
