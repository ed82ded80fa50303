package exclusive

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/connection"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A link is a connection that has logged in, with its reader, and with a store whose
// exchange.Wire is the link. Sessions use a link one after the other.
type link struct {
	pool    *Pool
	nc      *connection.Conn
	socket  *connection.Socket // nil if the socket cannot be examined
	addrs   []string           // address of the server, by name and by number
	source  *recorder
	replies *resp.Reader
	store   *exchange.Store
	session *Session // nil between two sessions
	made    time.Time
	// idleSince is the time when the last session ended.
	idleSince time.Time
	// multi tells that the server has accepted MULTI on this connection.
	multi bool
	// misplaced is an error reply that means that another server has the role or the slot
	// now.
	misplaced error
}

func newLink(p *Pool, nc *connection.Conn) *link {
	l := &link{
		pool: p, nc: nc, socket: connection.NewSocket(nc.Conn), made: time.Now(),
		addrs:  []string{p.dialer.Settings.Addr, nc.RemoteAddr().String()},
		source: &recorder{source: nc.Source},
	}
	l.store = exchange.NewStore(l, p.clock, p.options)
	l.read()
	return l
}

// read starts a new reader.
func (l *link) read() {
	l.replies = resp.NewReader(l.source, l.errorReply)
	l.replies.Pushed = func(message driver.Reply) { l.session.keep(message) }
}

// errorReply returns the error for an error reply.
func (l *link) errorReply(text string) error {
	err := servererror.Parse(text, l.pool.dialer.Native)
	if servererror.IsStaleAddress(err, l.addrs...) {
		l.pool.addressMoved()
	}
	if isMisplaced(err) && l.misplaced == nil {
		l.misplaced = err
	}
	for _, addr := range l.addrs {
		err = servererror.MarkSelfRedirect(err, addr)
	}
	return err
}

// loginExpired reports whether the login of the link may have to be renewed.
func (l *link) loginExpired() bool {
	if l.nc.Login == nil {
		return false
	}
	renew := l.nc.Login.RenewAt(l.idleSince)
	return !renew.IsZero() && time.Now().After(renew)
}

// close closes the connection.
func (l *link) close() { _ = l.nc.Close() }

// passed is a deadline that has passed.
var passed = time.Unix(1, 0)

// during runs a function that reads or writes. set sets the deadline of the connection; the
// end of ctx sets a deadline in the past.
func during(ctx context.Context, deadline time.Time, set func(time.Time) error, do func() error) error {
	if err := set(deadline); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return do()
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = set(passed) // fails on a closed connection only
	})
	err := do()
	if !stop() {
		<-ended
	}
	return err
}

// Exchange implements exchange.Wire.
func (l *link) Exchange(c *exchange.Call) {
	err := during(c.Context, c.Deadline, l.nc.SetDeadline, func() error {
		from := 0
		if c.Atomic && l.socket != nil && len(l.replies.Buffered()) == 0 {
			// The connection may have been lost in the time since WATCH. A transaction on a
			// lost connection would have an unknown outcome, although no server gets the
			// transaction.
			if err := l.socket.Check(false); err != nil {
				return err
			}
		}
		if c.Atomic && !l.multi && !c.ReadOnly() {
			var err error
			if from, err = l.beginTransaction(c); err != nil || from == len(c.Commands) {
				return err
			}
		}
		return l.send(c, c.Commands[from:])
	})
	if err != nil {
		c.Err = err
		l.session.fail(err)
	}
}

// beginTransaction sends MULTI, which is the first command, and reads the reply. A server
// that refuses MULTI would run the commands behind it one by one. rest is the index of the
// first command behind MULTI.
func (l *link) beginTransaction(c *exchange.Call) (rest int, err error) {
	err = l.send(c, c.Commands[:1])
	switch begun := &c.Commands[0]; {
	case err != nil:
		c.Sent = false // no command of the transaction was sent
		return 0, err
	case begun.Reply.Kind != driver.ReplyError:
		l.multi = true
		return 1, nil
	}
	notRun := driver.Reply{Kind: driver.ReplyError, Err: servererror.Parse(textNotRun, l.pool.dialer.Native)}
	for i := range c.Commands[1:] {
		c.Commands[1+i].Reply, c.Commands[1+i].Replied = notRun, true
	}
	return len(c.Commands), nil
}

// textNotRun is the error of commands that are not written because MULTI was refused.
const textNotRun = "EXECABORT Transaction discarded because of MULTI, which was refused."

// maxUnread is the most that is written before replies are read: some servers stop reading
// until their replies are read.
const maxUnread = 16 << 10

// send writes commands and reads their replies.
func (l *link) send(c *exchange.Call, commands []exchange.Command) error {
	var text []byte
	for i := range commands {
		text = appendCommand(text, &commands[i])
	}
	if len(text) <= maxUnread {
		n, err := l.nc.Write(text)
		c.Sent = c.Sent || n > 0 || l.pool.dialer.Settings.TLS != nil
		if err != nil {
			return err
		}
		return l.receiveAll(commands)
	}
	c.Sent = true
	written := make(chan error, 1)
	go func() {
		_, err := l.nc.Write(text)
		if err != nil {
			_ = l.nc.SetReadDeadline(passed) // no more replies come
		}
		written <- err
	}()
	err := l.receiveAll(commands)
	if err != nil {
		_ = l.nc.SetWriteDeadline(passed)
	}
	if writeErr := <-written; writeErr != nil && (err == nil || !failure.IsTimeout(writeErr)) {
		return writeErr
	}
	return err
}

// receiveAll reads the replies to commands.
func (l *link) receiveAll(commands []exchange.Command) error {
	l.replies.Begin(len(commands))
	for i := range commands {
		reply, err := l.replies.Next(commands[i].Shape, commands[i].Longest)
		if err != nil {
			return err
		}
		commands[i].Reply, commands[i].Replied = reply, true
	}
	l.pool.dialer.Settings.Status.Answered()
	return nil
}

// Failure implements exchange.Wire. A session that was ended for a reason returns that
// reason.
func (l *link) Failure(_ *exchange.Call, sent bool) error {
	if reason := l.session.endedFor(); reason != nil {
		return withOutcome(reason, sent)
	}
	return nil
}

// Watch implements exchange.Wire.
func (*link) Watch(time.Time) bool { return false }

// Disconnect implements exchange.Wire.
func (l *link) Disconnect() { l.close() }

// Close implements exchange.Wire.
func (l *link) Close() error { return l.nc.Close() }

// message reads the next message or reply of the server. A partly read message is kept if
// ctx ends first.
func (l *link) message(ctx context.Context, longest int64) (reply driver.Reply, kind byte, err error) {
	l.source.record(l.replies.Buffered())
	err = during(ctx, time.Time{}, l.nc.SetReadDeadline, func() (err error) {
		reply, kind, err = l.replies.Message(longest)
		return err
	})
	switch {
	case err == nil:
		l.pool.dialer.Settings.Status.Answered()
	case failure.IsTimeout(err) && l.source.rewind():
		l.read()
	}
	l.source.forget()
	return reply, kind, err
}

// A recorder is a source that can be rewound to the start of the recording.
type recorder struct {
	source    io.Reader
	again     []byte // recorded bytes, which are read first
	recorded  []byte
	recording bool
}

// maxRecord is the limit of the memory that is kept for the next message.
const maxRecord = 64 << 10

// Read implements io.Reader.
func (r *recorder) Read(p []byte) (n int, err error) {
	if len(r.again) > 0 {
		n = copy(p, r.again)
		r.again = r.again[n:]
	} else {
		n, err = r.source.Read(p)
	}
	if r.recording {
		r.recorded = append(r.recorded, p[:n]...)
	}
	return n, err
}

// record starts a recording with the bytes that were read but not used.
func (r *recorder) record(unused []byte) {
	r.recorded = append(r.recorded[:0], unused...)
	r.recording = true
}

// rewind lets all recorded bytes be read again. false means that there are none.
func (r *recorder) rewind() bool {
	if len(r.recorded) == 0 {
		return false
	}
	r.again = append(append([]byte(nil), r.recorded...), r.again...)
	return true
}

// forget ends the recording.
func (r *recorder) forget() {
	r.recording = false
	if cap(r.recorded) > maxRecord {
		r.recorded = nil
	}
}

// appendCommand appends a command in the form of RESP.
func appendCommand(text []byte, c *exchange.Command) []byte {
	text = appendHeader(text, '*', c.Words())
	text = appendWord(text, c.Name)
	for _, word := range c.Head {
		text = appendWord(text, word)
	}
	var number [32]byte
	for i := range c.Args {
		switch arg := &c.Args[i]; {
		case arg.Role == driver.RoleValue:
			text = appendWord(text, arg.Data)
		case arg.Text != "":
			text = appendWord(text, arg.Text)
		default: // a number, or an empty argument
			text = appendWord(text, arg.Append(number[:0]))
		}
	}
	return text
}

func appendWord[Word string | []byte](text []byte, word Word) []byte {
	text = appendHeader(text, '$', len(word))
	text = append(text, word...)
	return append(text, "\r\n"...)
}

func appendHeader(text []byte, kind byte, n int) []byte {
	text = strconv.AppendInt(append(text, kind), int64(n), 10)
	return append(text, "\r\n"...)
}
