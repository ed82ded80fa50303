package redis

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/settings"
)

// A session is one connection, and the client of go-redis that writes to the
// connection. A session carries one call at a time.
//
// go-redis writes the commands, and the session reads the replies. go-redis would trust
// the lengths in replies, accept a reply of any kind, and ignore contexts during a read.
// go-redis reads a stand-in for each reply.
type session struct {
	pool    *pool
	nc      *connection.Conn
	addrs   []string           // address of the server, by name and by number
	socket  *connection.Socket // the socket under TLS, if there is TLS; nil if the socket cannot be examined
	replies *resp.Reader
	login   *settings.Login // nil without a login
	client  *goredis.Client
	conn    *goredis.Conn

	// The exchange in progress uses these fields.
	commands []exchange.Command // commands whose replies are due
	answered int                // number of replies that have come
	stands   int                // number of stand-ins that go-redis has not read
	written  bool               // a byte was written, or may have been
	err      error              // the reason why no more replies come
	drain    *drain             // reads replies during a long write; nil before the first use

	// greeting is the answer to the greeting of go-redis. The server was greeted before.
	greeting []byte
	greeted  bool

	// multi tells that the server has accepted MULTI on this connection.
	multi   bool
	made    time.Time
	hangsUp bool           // the server will close the connection
	heard   time.Time      // time of the last read
	began   *exchange.Tick // begin of the last exchange

	mu          sync.Mutex // guards the fields below
	call        *exchange.Call
	interrupted bool
	left        bool // the session is given up
}

// newSession returns a session on a connection that has logged in.
func newSession(p *pool, nc *connection.Conn) *session {
	s := &session{pool: p, nc: nc, socket: connection.NewSocket(nc.Network()), login: nc.Login, made: time.Now(), addrs: []string{p.dialer.Settings.Addr, nc.RemoteAddr().String()}}
	s.heard = s.made
	s.replies = resp.NewReader(nc.Source, s.errorReply)
	taken := false
	s.client = goredis.NewClient(&goredis.Options{
		Addr: p.dialer.Settings.Addr,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			if taken {
				return nil, errSpent
			}
			taken = true
			return sessionConn{s}, nil
		},
		DialerRetries: 1,
		PoolSize:      1,
		// The store alone retries. The client sends only the calls of the store.
		MaxRetries:               -1,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Protocol:                 2,
		// The pool interrupts calls at their deadlines.
		ReadTimeout: noDeadline, WriteTimeout: noDeadline,
		// Pipelines use the same connection.
		PipelinePoolSize: -1,
	})
	s.conn = s.client.Conn()
	return s
}

// noDeadline lets go-redis set no deadlines.
const noDeadline = -2

// errSpent is the answer to go-redis' attempt to make a second connection.
var errSpent = errors.New("the connection was lost")

// errorReply returns the error for an error reply.
func (s *session) errorReply(text string) error {
	if strings.HasPrefix(text, "ERR Protocol error") {
		s.hangsUp = true
	}
	err := servererror.Parse(text, nativeError)
	if servererror.IsStaleAddress(err, s.addrs...) {
		s.pool.addressMoved()
	}
	for _, addr := range s.addrs {
		err = servererror.MarkSelfRedirect(err, addr)
	}
	return err
}

// exchange sends a call: see exchange.Wire.
func (s *session) exchange(c *exchange.Call) {
	if !s.begin(c) {
		c.Err = net.ErrClosed
		return
	}
	from := 0
	if c.Atomic && !s.multi && !c.ReadOnly() {
		if from = s.beginTransaction(c); from < 0 {
			s.end(c)
			return
		}
	}
	s.send(c, from, len(c.Commands))
	s.end(c)
}

// begin makes the call that of the session. false means that the session is given up.
func (s *session) begin(c *exchange.Call) bool {
	s.err, s.written, s.began = nil, false, c.Began
	s.mu.Lock()
	s.call = c
	left := s.left
	s.mu.Unlock()
	s.pool.clock.Resume()
	return !left
}

// end records the outcome of a call. The session carries no call afterwards.
func (s *session) end(c *exchange.Call) {
	s.mu.Lock()
	s.call = nil
	s.mu.Unlock()
	if c.Err == nil {
		c.Err = s.err
	}
	c.Sent = s.written
	switch {
	case s.err == nil || s.answered == len(s.commands):
	case failure.IsTimeout(s.err):
		s.pool.timedOut(s)
	case s.pool.ctx.Err() == nil:
		s.pool.dialer.Settings.Status.Lost(s.err)
	}
}

// fit returns an error if the connection is closed, or has bytes that no command asked for.
// Under TLS, the server's messages behind the handshake may be unread before the first call.
func (s *session) fit() error {
	if s.socket == nil || !s.greeted && s.pool.dialer.Settings.TLS != nil {
		return nil
	}
	return s.socket.Check(false)
}

// usable reports whether the session can carry another call after the last one.
func (s *session) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.replies.Buffered()
	return s.err == nil && !s.interrupted && !s.left && !s.hangsUp && s.answered == len(s.commands) && s.stands == 0 &&
		(len(rest) == 0 || rest[0] == '>')
}

// beginTransaction sends a transaction up to MULTI, and reads the reply. A server that
// refuses MULTI would run the commands behind it one by one. The result is the index of the
// first command behind MULTI, or a negative number if the rest is not to be sent.
func (s *session) beginTransaction(c *exchange.Call) int {
	end := 1
	for c.Commands[end-1].Name != "MULTI" {
		end++
	}
	s.send(c, 0, end)
	begun := &c.Commands[end-1]
	switch {
	case !begun.Replied:
		s.written = false // no command of the transaction was written
		return -1
	case begun.Reply.Kind != driver.ReplyError:
		s.multi = true
		return end
	}
	notRun := driver.Reply{Kind: driver.ReplyError, Err: servererror.Parse(textNotRun, nativeError)}
	for i := end; i < len(c.Commands); i++ {
		c.Commands[i].Reply, c.Commands[i].Replied = notRun, true
	}
	return -1
}

// textNotRun is the error of commands that are not written because MULTI was refused.
const textNotRun = "EXECABORT Transaction discarded because of MULTI, which was refused."

// send writes some commands of a call, and reads their replies.
func (s *session) send(c *exchange.Call, from, to int) {
	s.commands, s.answered, s.stands = c.Commands[from:to], 0, to-from
	s.replies.Begin(to - from)
	cmders := commandsOf(c, from)[:to-from]
	var err error
	if len(cmders) == 1 {
		err = s.conn.Process(context.Background(), cmders[0])
	} else {
		pipeline := s.conn.Pipeline()
		if err = pipeline.BatchProcess(context.Background(), cmders...); err == nil {
			_, err = pipeline.Exec(context.Background())
		}
	}
	if err != nil && s.err == nil {
		s.err = err
	}
}

// interrupt ends the exchange of a call that has ended. busy reports whether the session
// carries a call.
func (s *session) interrupt(now time.Time) (busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.call == nil {
		return false
	}
	if !s.interrupted && s.call.Ended(now) {
		s.interrupted = true
		_ = s.nc.SetDeadline(time.Unix(1, 0)) // fails on a closed connection only
	}
	return true
}

// leave gives up the session. A call in progress fails.
func (s *session) leave() {
	s.mu.Lock()
	s.left = true
	s.mu.Unlock()
	_ = s.nc.Close()
}

// close releases the resources of a session without a call.
func (s *session) close() {
	s.leave()
	_ = s.client.Close()
}

// A sessionConn is the connection that go-redis writes to and reads from.
type sessionConn struct{ *session }

// Write implements net.Conn.
func (c sessionConn) Write(p []byte) (int, error) {
	s := c.session
	if !s.greeted {
		s.greeted = true
		s.greeting = []byte("-ERR unknown command 'HELLO'\r\n")
		return len(p), nil
	}
	if limit := s.pool.dialer.Settings.WriteTimeout; limit > 0 {
		s.bound(limit, s.nc.SetWriteDeadline)
	}
	n, err := s.write(p)
	if n > 0 || s.pool.dialer.Settings.TLS != nil {
		s.written = true
	}
	if err != nil {
		s.err = s.hangUpReason(err)
		return n, s.err
	}
	return n, nil
}

// write writes p. The drain reads replies during a long write of several commands: some
// servers stop reading until their replies are read.
func (s *session) write(p []byte) (int, error) {
	if len(s.commands) == 1 {
		return s.nc.Write(p)
	}
	if s.drain == nil {
		s.drain = newDrain(s)
	}
	return s.drain.write(p)
}

// bound sets a deadline for a part of an exchange that is not interrupted.
func (s *session) bound(limit time.Duration, set func(time.Time) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.interrupted {
		_ = set(time.Now().Add(limit)) // fails on a closed connection only
	}
}

// standIn is the reply that go-redis reads in the place of each reply.
const standIn = ":0\r\n"

// Read implements net.Conn.
func (c sessionConn) Read(p []byte) (int, error) {
	s := c.session
	if len(s.greeting) > 0 {
		n := copy(p, s.greeting)
		s.greeting = s.greeting[n:]
		return n, nil
	}
	if s.drain.reads() || s.answered < len(s.commands) {
		if err := s.await(); err != nil {
			s.err = err
			return 0, err
		}
	}
	n := 0
	for ; s.stands > 0 && len(p)-n >= len(standIn); s.stands-- {
		n += copy(p[n:], standIn)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// await waits for all replies that are due.
func (s *session) await() error {
	if s.drain.reads() {
		return s.drain.wait()
	}
	return s.read()
}

// read reads all replies that are due.
func (s *session) read() error {
	reads := s.replies.Reads()
	for s.answered < len(s.commands) {
		if limit := s.pool.dialer.Settings.ReadTimeout; limit > 0 {
			s.bound(limit, s.nc.SetReadDeadline)
		}
		command := &s.commands[s.answered]
		reply, err := s.replies.Next(command.Shape, command.Longest)
		if s.replies.Reads() != reads {
			reads = s.replies.Reads()
			s.heard = s.pool.clock.Now().Time()
			s.pool.answered()
		}
		if err != nil {
			return err
		}
		command.Reply, command.Replied = reply, true
		s.answered++
	}
	return nil
}

// hangUpReasonTimeout bounds the read from a connection that the server has closed.
const hangUpReasonTimeout = 50 * time.Millisecond

// hangUpReason returns the error that a server has sent before a hang-up in the middle of a
// request, or err. A server answers a value beyond its limit after the length, and may
// refuse a client's certificate after the handshake. Any other error reply answers the
// first command, and does not explain the hang-up.
func (s *session) hangUpReason(err error) error {
	if s.drain.reads() {
		s.bound(hangUpReasonTimeout, s.nc.SetReadDeadline)
		_ = s.drain.wait() // err is the reason
		return err
	}
	if !failure.IsHangUp(err) {
		return err
	}
	words, readErr := s.replies.Buffered(), error(nil)
	if len(words) == 0 {
		s.bound(hangUpReasonTimeout, s.nc.SetReadDeadline)
		var buffer [256]byte
		var n int
		n, readErr = s.nc.Read(buffer[:])
		words = buffer[:n]
	}
	if text, ok := failure.ErrorLine(words); ok && (strings.HasPrefix(text, "ERR Protocol error") || refusesClient(text)) {
		return &failure.HangUpError{Text: text, Err: err}
	}
	if failure.IsTLS(readErr) {
		return readErr
	}
	return err
}

// refusesClient reports whether the first error reply of a connection means that the server
// refuses the client, and hangs up.
func refusesClient(text string) bool {
	return strings.HasPrefix(text, "ERR max number of clients") || strings.HasPrefix(text, "DENIED")
}

// go-redis calls these methods without any effect.

func (sessionConn) SetDeadline(time.Time) error      { return nil }
func (sessionConn) SetReadDeadline(time.Time) error  { return nil }
func (sessionConn) SetWriteDeadline(time.Time) error { return nil }
func (c sessionConn) LocalAddr() net.Addr            { return c.nc.LocalAddr() }
func (c sessionConn) RemoteAddr() net.Addr           { return c.nc.RemoteAddr() }

// Close implements net.Conn.
func (c sessionConn) Close() error {
	c.leave()
	return nil
}
