package valkey

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// newConn returns the connection of a pool that has logged in.
func newConn(nc *connection.Conn, s *settings.Settings, p *pool) *conn {
	c := &conn{
		Conn:         nc.Conn,
		source:       nc.Source,
		addr:         s.Addr,
		pool:         p,
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

// conn is a connection that sees what valkey-go writes and reads, so that the
// store knows whether a call may have been written, and whether replies are due.
//
// valkey-go uses a connection in two ways. At first whoever calls writes, and
// reads the reply himself; the next caller waits for him. As soon as somebody
// has to wait it goes over, for good, to one goroutine that writes and another
// that reads.
type conn struct {
	net.Conn
	addr         string // that it was made to
	pool         *pool
	source       io.Reader          // reads what the Conn reads
	socket       *connection.Socket // nil if it cannot be looked at
	writeTimeout time.Duration
	plain        bool        // what is written is what is sent
	taken        atomic.Bool // by valkey-go
	greeted      bool        // by valkey-go

	pipelining atomic.Bool  // one goroutine writes, another one reads
	commands   atomic.Int64 // that were written, perhaps in part
	answered   atomic.Int64 // that were replied to
	parts      atomic.Int64 // of replies that were not complete

	loans    loans
	requests framing // used by the writer
	begun    []byte  // line of a request that is not complete; likewise
	replies  framing // used by the reader
	held     []byte  // what was read and cannot be judged yet; likewise
	passed   []byte  // what is good, and was not asked for yet; likewise
	refused  error   // what is returned behind that; likewise

	dead      atomic.Bool   // nothing is written any more
	abandoned atomic.Bool   // as a caller has left in the middle of what he wrote or read
	readEnded chan struct{} // closed when reads have failed
	readOnce  sync.Once

	mu          sync.Mutex   // guards what follows
	cause       error        // why it was killed
	served      *callContext // whose goroutine writes and reads; nil if two others do
	interrupted bool         // as that call has ended
}

var (
	// errSpent is what valkey-go gets when it wants a second connection.
	errSpent = errors.New("the connection was lost")
	// errRetired is a connection that was closed because nobody used it any more.
	errRetired = errors.New("the connection was given up")
	// errGreeting is what valkey-go gets when it says something else first than
	// it is expected to.
	errGreeting = errors.New("valkey-go does not begin with HELLO 2")
	// errTooLong is a command that no server takes.
	errTooLong = errors.New("an argument is longer than the server takes")
	// errSilent is a connection on which no reply came for too long.
	errSilent = timeoutError("the server does not answer")
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

// unsent reports whether no command of a call was written, and none will be. There were
// so many commands before it. served tells whether its own goroutine would have written
// them: the others write none until two goroutines do it for all.
func (c *conn) unsent(before int64, served bool) bool {
	return c.dead.Load() && (c.commands.Load() == before || !served && !c.pipelining.Load())
}

// due returns how many replies are to come.
func (c *conn) due() int64 { return c.commands.Load() - c.answered.Load() }

// SetDeadline implements net.Conn. valkey-go sets one for each request, which makes no
// difference as calls are told when they have ended, and none when it goes over to two
// goroutines.
func (c *conn) SetDeadline(t time.Time) error {
	if t.IsZero() {
		c.pipelining.Store(true)
		c.serve(nil)
	}
	return nil
}

// serve tells that a call is written and read by its caller's goroutine.
func (c *conn) serve(call *callContext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.served = call
	if c.interrupted {
		c.interrupted = false
		_ = c.Conn.SetDeadline(time.Time{}) // of a connection that is closed
	}
}

// interrupt ends the writing and reading of a call that has ended, if it is under way.
func (c *conn) interrupt(call *callContext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.served != call || c.interrupted {
		return
	}
	c.interrupted = true
	if c.Conn.SetDeadline(time.Unix(1, 0)) != nil {
		c.abandoned.Store(true)
		_ = c.Conn.Close() // it knows no deadlines
	}
}

func (c *conn) isInterrupted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.interrupted
}

// standIn is what valkey-go reads in the place of a reply that is not waited for.
const standIn = "-XCACHE the caller has left\r\n"

// giveUp has valkey-go read something else in the place of the replies to a call that has
// ended, if that is why a read has failed. The replies are dropped when they come. It
// reports false if there is no other way than to close the connection: part of a reply
// has been read.
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
		if err := c.socket.Look(c.due() > 0); err != nil {
			return 0, c.refuse(before, err)
		}
	}
	// The count goes up before the connection is known to be alive: who sees it
	// dead, and the count as it was, knows that nothing will be written.
	c.commands.Store(c.requested())
	if c.dead.Load() {
		return 0, c.refuse(before, c.why(net.ErrClosed))
	}
	n, err := c.loans.write(p, c.between(), c.write)
	if err == nil {
		return len(p), nil
	}
	if c.isInterrupted() {
		c.abandoned.Store(true)
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

// write writes p to the connection.
func (c *conn) write(p []byte) (int, error) {
	if c.writeTimeout > 0 {
		c.boundWrite()
	}
	return c.Conn.Write(p)
}

// between reports whether what was followed ends where a command does.
func (c *conn) between() bool {
	return len(c.begun) == 0 && len(c.requests.open) == 0 && c.requests.bulk == 0
}

// follow counts the commands that p holds, or holds parts of. It reports false if
// one has an argument that no server takes.
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

// requested returns how many commands have begun.
func (c *conn) requested() int64 {
	n := c.requests.begun
	if len(c.begun) > 0 && len(c.requests.open) == 0 {
		n++
	}
	return int64(n)
}

// boundWrite sets the deadline of the next write, unless it is interrupted.
func (c *conn) boundWrite() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.interrupted {
		_ = c.SetWriteDeadline(time.Now().Add(c.writeTimeout)) // of a connection that is closed
	}
}

// refuse takes the count of commands back: nothing was written.
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
			n = c.judge(p[:n], true)
		default:
			// What is held comes first.
			c.held = slices.Grow(c.held, max(minRead, min(len(c.held), maxRead)))
			n, err = c.source.Read(c.held[len(c.held):cap(c.held)])
			data := c.held[:len(c.held)+n]
			c.held = nil
			n = c.judge(data, false)
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

// How much is read at least, and at most, while something is held.
const (
	minRead = 4 << 10
	maxRead = 1 << 20
)

// judge looks at what was read, and divides it into what is passed on, what is
// dropped, and what is held. If inPlace, it returns how much of the beginning of
// data is passed on as it is.
func (c *conn) judge(data []byte, inPlace bool) (good int) {
	ours := !inPlace // data is what was held, and more
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
	}
	return good
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
	if text, ok := failure.ErrorLine(buf[:n]); ok && isProtocolError(text) {
		c.pool.unproven()
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

// What valkey-go says on a new connection, and what it hears. Which version is
// spoken makes no difference to it otherwise.
const (
	clientGreeting = "*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n"
	serverGreeting = "*2\r\n$5\r\nproto\r\n:2\r\n"
)

// answerGreeting answers what valkey-go says first: the server was greeted before.
func (c *conn) answerGreeting(p []byte) (int, error) {
	if string(p) != clientGreeting {
		return 0, errGreeting
	}
	c.greeted = true
	c.passed = []byte(serverGreeting)
	return len(p), nil
}
