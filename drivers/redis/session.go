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

// A session is one connection, and the client of go-redis that writes to it. It
// carries one call at a time.
//
// go-redis writes the commands. Their replies are read by the session, as go-redis
// believes the lengths that replies claim, takes a reply of any kind, and does not
// listen to contexts while it reads; in the place of each reply it gets a stand-in.
type session struct {
	pool    *pool
	nc      *connection.Conn
	addrs   []string           // of the server: its name, and the number behind that
	socket  *connection.Socket // nil if it cannot be looked at
	replies *resp.Reader
	login   *settings.Login // nil if there is none
	client  *goredis.Client
	conn    *goredis.Conn

	// Of the exchange under way:
	commands []exchange.Command // whose replies are due
	answered int                // how many of them have come
	stands   int                // stand-ins that go-redis has not read
	written  bool               // something was written, or may have been
	err      error              // why no more replies come
	drain    *drain             // reads while writing takes long; nil until it is needed

	// greeting is what go-redis is answered when it greets the server, which was
	// greeted before.
	greeting []byte
	greeted  bool

	// multi tells that the server has accepted MULTI on this connection.
	multi   bool
	made    time.Time
	hangsUp bool           // as the server has said
	heard   time.Time      // when something was read last
	began   *exchange.Tick // of the last exchange

	mu          sync.Mutex // guards what follows
	call        *exchange.Call
	interrupted bool
	left        bool // given up
}

// newSession returns a session on a connection that has logged in.
func newSession(p *pool, nc *connection.Conn) *session {
	s := &session{pool: p, nc: nc, socket: connection.NewSocket(nc.Conn), login: nc.Login, made: time.Now(), addrs: []string{p.dialer.Settings.Addr, nc.RemoteAddr().String()}}
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
		// Nothing is sent twice but by the store, and nothing but its calls.
		MaxRetries:               -1,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Protocol:                 2,
		// The pool interrupts calls whose time is up.
		ReadTimeout: noDeadline, WriteTimeout: noDeadline,
		// Pipelines use the same connection.
		PipelinePoolSize: -1,
	})
	s.conn = s.client.Conn()
	return s
}

// noDeadline has go-redis set no deadlines.
const noDeadline = -2

// errSpent is what go-redis gets when it wants a second connection.
var errSpent = errors.New("the connection was lost")

// errorReply returns the error that an error reply means.
func (s *session) errorReply(text string) error {
	if strings.HasPrefix(text, "ERR Protocol error") {
		s.hangsUp = true
	}
	err := servererror.Parse(text, nativeError)
	if servererror.Misleads(err, s.addrs...) {
		s.pool.misled()
	}
	for _, addr := range s.addrs {
		err = servererror.Anew(err, addr)
	}
	return err
}

// exchange sends a call, as exchange.Wire says.
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

// begin tells that the session carries a call, and reports whether it may.
func (s *session) begin(c *exchange.Call) bool {
	s.err, s.written, s.began = nil, false, c.Began
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call = c
	return !s.left
}

// end tells that the session carries no call, and what became of it.
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

// fit reports whether another call may be sent.
func (s *session) fit() error {
	if s.socket == nil {
		return nil
	}
	return s.socket.Look(false)
}

// usable reports whether the session can carry another call, after one has ended.
func (s *session) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.replies.Buffered()
	return s.err == nil && !s.interrupted && !s.left && !s.hangsUp && s.answered == len(s.commands) && s.stands == 0 &&
		(len(rest) == 0 || rest[0] == '>')
}

// beginTransaction sends a transaction up to its MULTI, and reads the reply to that:
// a server that refuses it would run the commands behind it one by one. It returns
// where the rest begins, negative if that is not to be sent.
func (s *session) beginTransaction(c *exchange.Call) int {
	end := 1
	for c.Commands[end-1].Name != "MULTI" {
		end++
	}
	s.send(c, 0, end)
	begun := &c.Commands[end-1]
	switch {
	case !begun.Replied:
		s.written = false // of the transaction
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

// textNotRun is the error of commands that are not written, as MULTI was refused.
const textNotRun = "EXECABORT Transaction discarded because of MULTI, which was refused."

// send writes some of the commands of a call, and reads their replies.
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

// interrupt ends the exchange under way, if its call has ended, and reports whether
// there is one.
func (s *session) interrupt(now time.Time) (busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.call == nil {
		return false
	}
	if !s.interrupted && s.call.Ended(now) {
		s.interrupted = true
		_ = s.nc.SetDeadline(time.Unix(1, 0)) // of a connection that is closed
	}
	return true
}

// leave gives the session up. A call under way fails.
func (s *session) leave() {
	s.mu.Lock()
	s.left = true
	s.mu.Unlock()
	_ = s.nc.Close()
}

// close gives up what the session has, once it carries no call.
func (s *session) close() {
	s.leave()
	_ = s.client.Close()
}

// A sessionConn is what go-redis writes to and reads from.
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
		s.err = s.lastWords(err)
		return n, s.err
	}
	return n, nil
}

// write writes p. If replies may come before all is written, they are read when it
// takes long: a server may not read on while nobody reads its replies.
func (s *session) write(p []byte) (int, error) {
	if len(s.commands) == 1 {
		return s.nc.Write(p)
	}
	if s.drain == nil {
		s.drain = newDrain(s)
	}
	return s.drain.write(p)
}

// bound sets a deadline for a part of an exchange, unless that is interrupted.
func (s *session) bound(limit time.Duration, set func(time.Time) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.interrupted {
		_ = set(time.Now().Add(limit)) // of a connection that is closed
	}
}

// standIn is what go-redis reads in the place of a reply.
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

// await waits for the replies that are due.
func (s *session) await() error {
	if s.drain.reads() {
		return s.drain.wait()
	}
	return s.read()
}

// read reads the replies that are due.
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
		}
		if err != nil {
			return err
		}
		command.Reply, command.Replied = reply, true
		s.answered++
	}
	return nil
}

// lastWordsTimeout is how long a server that closed a connection is listened to.
const lastWordsTimeout = 50 * time.Millisecond

// lastWords returns why a server hung up in the middle of a request, if it said so
// before it answered anything, or else err. Of a value beyond its limit a server reads
// no more than the length, and it may refuse a client's certificate after the
// handshake. Any other error reply is the answer to the first command of the request,
// and says nothing about those behind it.
func (s *session) lastWords(err error) error {
	if s.drain.reads() {
		s.bound(lastWordsTimeout, s.nc.SetReadDeadline)
		_ = s.drain.wait() // err is the reason
		return err
	}
	if !failure.IsHangUp(err) {
		return err
	}
	words, readErr := s.replies.Buffered(), error(nil)
	if len(words) == 0 {
		s.bound(lastWordsTimeout, s.nc.SetReadDeadline)
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

// refusesClient reports whether an error reply, the first on its connection, is the
// only one: the server does not want this client, and hangs up.
func refusesClient(text string) bool {
	return strings.HasPrefix(text, "ERR max number of clients") || strings.HasPrefix(text, "DENIED")
}

// What follows go-redis sets and asks, and makes no difference.

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
