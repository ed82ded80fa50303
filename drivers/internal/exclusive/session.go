package exclusive

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// A Session is a driver.Session on a link. At the end of a session its place is free, and
// its link is closed or idle.
type Session struct {
	pool *Pool
	link *link
	key  string

	// writing is locked while commands are written. reading is locked while replies or
	// messages are read.
	writing, reading sync.Mutex
	// kept are messages that came before the reply to a command of Do. reading guards kept.
	kept []driver.Reply

	mu    sync.Mutex // guards the fields below
	ended *driver.Error
	// forReason tells that the session was ended for a reason other than a failure of its
	// connection.
	forReason bool
	// ending is the reason of a session that ends soon: when no reply is due any more, or
	// at expiry.
	ending *driver.Error
	expiry *time.Timer
	due    []expectation // commands of Send whose replies or confirmations are due
	traces traces
}

// An expectation is a command of Send whose reply or confirmations are still due.
type expectation struct {
	command exchange.Command
	// confirms is the name of the messages that confirm the command. missing is the number
	// of messages that are still due. confirms is "" for a command with a reply.
	confirms string
	missing  int
	// subscribed tells that the session had subscribed before the command was sent.
	subscribed bool
}

// The errors of calls that do not fit the state of the session.
var (
	errInUse      = driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("the session is in use by another call"))
	errUnreceived = driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("the replies to what Send has sent are to be received before Do"))
	errSubscribed = driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("a session that has subscribed has Send and Receive, and not Do"))
	errOwnClose   = driver.Fail(driver.ErrClosed, driver.NotApplied, errors.New("the session is closed"))
	errLeft       = errors.New("a call has ended before its reply came")
)

// Do implements driver.Session.
func (s *Session) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) == 0 {
		return nil
	}
	for _, c := range cmds {
		if err := refused(c, true); err != nil {
			return err
		}
	}
	if !s.writing.TryLock() {
		return s.unless(errInUse)
	}
	defer s.writing.Unlock()
	if !s.reading.TryLock() {
		return s.unless(errInUse)
	}
	defer s.reading.Unlock()
	if ctx.Err() != nil {
		return failure.OfContext(ctx, false)
	}
	if err := s.beginDo(cmds); err != nil {
		return err
	}
	err := s.link.store.Do(ctx, cmds, how)
	s.mu.Lock()
	s.traces.applyReplies(cmds, how, err)
	s.mu.Unlock()
	s.endIfMisplaced()
	return err
}

func (s *Session) beginDo(cmds []*driver.Cmd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended != nil:
		return s.ended
	case s.ending != nil:
		return s.ending
	case s.traces.subscribed:
		return errSubscribed
	case len(s.due) > 0:
		return errUnreceived
	}
	s.traces.leave(cmds)
	return nil
}

// unless returns the reason why the session has ended, or else err.
func (s *Session) unless(err error) error {
	if ended := s.Err(); ended != nil {
		return ended
	}
	return err
}

// Send implements driver.Session.
func (s *Session) Send(ctx context.Context, cmds []*driver.Cmd) error {
	if len(cmds) == 0 {
		return nil
	}
	for _, c := range cmds {
		if err := refused(c, false); err != nil {
			return err
		}
	}
	if _, err := dialect.Known(s.pool.options.Driver, cmds, driver.Atomic, true); err != nil {
		return err
	}
	if !s.writing.TryLock() {
		return s.unless(errInUse)
	}
	defer s.writing.Unlock()
	if ctx.Err() != nil {
		return failure.OfContext(ctx, false)
	}
	text, readOnly := []byte(nil), true
	var due []expectation
	for _, c := range cmds {
		row := c.Command()
		e := expectation{command: exchange.Command{
			Name: c.Name, Args: c.Args, ReadOnly: row.ReadOnly, Shape: shape.Of(c.Name, c.Args), Longest: s.longest(),
		}}
		text = appendCommand(text, &e.command)
		e.confirms, e.missing = confirmations(c)
		e.command.ReadOnly = row.ReadOnly || e.confirms != ""
		e.command.Args = nil // the arguments are borrowed
		due = append(due, e)
		readOnly = readOnly && e.command.ReadOnly
	}
	if err := s.beginSend(cmds, due); err != nil {
		return err
	}
	limit := s.pool.options.OpTimeout
	ctx, cancel := failure.Bound(ctx, time.Now().Add(limit), limit)
	defer cancel()
	deadline, _ := ctx.Deadline()
	n, nc := 0, s.link.nc
	err := during(ctx, deadline, nc.SetWriteDeadline, func() (err error) {
		n, err = nc.Write(text)
		return err
	})
	if err == nil {
		return nil
	}
	s.fail(err)
	return s.failure(ctx, err, !readOnly && (n > 0 || s.pool.dialer.Settings.TLS != nil))
}

func (s *Session) beginSend(cmds []*driver.Cmd, due []expectation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended != nil:
		return s.ended
	case s.ending != nil:
		return s.ending
	}
	s.traces.leave(cmds)
	for i := range due {
		due[i].subscribed = s.traces.subscribed
	}
	s.due = append(s.due, due...)
	return nil
}

// longest returns the limit of strings in replies.
func (s *Session) longest() int64 { return max(int64(s.pool.options.MaxValue), 4<<10) }

// Receive implements driver.Session.
func (s *Session) Receive(ctx context.Context) (driver.Incoming, error) {
	if !s.reading.TryLock() {
		return driver.Incoming{}, s.unless(errInUse)
	}
	defer s.reading.Unlock()
	if ctx.Err() != nil {
		return driver.Incoming{}, failure.OfContext(ctx, false)
	}
	if len(s.kept) > 0 {
		message := s.kept[0]
		s.kept = s.kept[1:]
		return driver.Incoming{Reply: message, Pushed: true}, nil
	}
	if err := s.Err(); err != nil {
		return driver.Incoming{}, err
	}
	reply, kind, err := s.link.message(ctx, s.longest())
	switch {
	case err != nil && ctx.Err() != nil && failure.IsTimeout(err):
		return driver.Incoming{}, failure.OfContext(ctx, s.awaitsWrite())
	case err != nil:
		s.fail(err)
		return driver.Incoming{}, s.failure(ctx, err, s.awaitsWrite())
	}
	in, err := s.sort(reply, kind)
	s.endIfMisplaced()
	s.endIfDue()
	return in, err
}

// awaitsWrite reports whether a command that writes has no reply yet.
func (s *Session) awaitsWrite() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.due {
		if !s.due[i].command.ReadOnly {
			return true
		}
	}
	return false
}

// sort tells whether a message of the server is a reply or was pushed.
func (s *Session) sort(reply driver.Reply, kind byte) (driver.Incoming, error) {
	s.mu.Lock()
	if kind == '>' || s.isMessage(&reply, kind) {
		s.confirm(&reply)
		s.mu.Unlock()
		return driver.Incoming{Reply: reply, Pushed: true}, nil
	}
	if len(s.due) == 0 {
		s.mu.Unlock()
		s.fail(resp.ErrUnasked)
		return driver.Incoming{}, s.failure(context.Background(), resp.ErrUnasked, false)
	}
	e := s.due[0]
	s.due = s.due[1:]
	if reply.Kind != driver.ReplyError {
		s.traces.replied(e.command.Name)
	}
	s.mu.Unlock()
	text := ""
	if kind == '+' {
		text = string(reply.Data)
	}
	switch {
	case reply.Kind == driver.ReplyError:
		return driver.Incoming{}, reply.Err
	case e.confirms == "" && e.command.Shape.Allows(kind, text):
		dialect.ReshapeWaiting(e.command.Name, &reply)
		return driver.Incoming{Reply: reply}, nil
	}
	s.fail(resp.ErrMalformed)
	return driver.Incoming{}, s.failure(context.Background(), resp.ErrMalformed, !e.command.ReadOnly)
}

// isMessage reports whether an array is a pushed message, in version 2 of RESP, which does
// not mark them. A command that was sent before the session subscribed gets its reply
// before any message. s.mu is locked.
func (s *Session) isMessage(reply *driver.Reply, kind byte) bool {
	if kind != '*' || !s.traces.subscribed || len(s.due) > 0 && !s.due[0].subscribed || len(reply.Items) == 0 {
		return false
	}
	return isMessage(string(reply.Items[0].Data))
}

// confirm counts a message that confirms the first due command. s.mu is locked.
func (s *Session) confirm(message *driver.Reply) {
	if len(s.due) == 0 || len(message.Items) == 0 || s.due[0].confirms == "" || string(message.Items[0].Data) != s.due[0].confirms {
		return
	}
	if s.due[0].missing--; s.due[0].missing <= 0 {
		s.due = s.due[1:]
	}
}

// maxKept is the limit of messages that are kept during Do.
const maxKept = 1 << 10

// keep keeps a message that came during Do.
func (s *Session) keep(message driver.Reply) {
	if len(s.kept) == maxKept {
		s.endFor(driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("more than %d messages were not received", maxKept)))
		return
	}
	s.kept = append(s.kept, message)
}

// Err implements driver.Session.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		return nil
	}
	return s.ended
}

// Close implements driver.Session.
func (s *Session) Close() error {
	// A locked mutex belongs to a call in progress. The state of the connection is unknown
	// then.
	quiet := s.writing.TryLock()
	if quiet {
		defer s.writing.Unlock()
		if quiet = s.reading.TryLock(); quiet {
			defer s.reading.Unlock()
		}
	}
	if !s.finish(errOwnClose, true) {
		return nil
	}
	s.pool.end(s, quiet && s.isClean())
	return nil
}

// isClean reports whether the connection has no state of the session. No call is in
// progress.
func (s *Session) isClean() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.due) == 0 && len(s.kept) == 0 && !s.traces.any() &&
		len(s.link.replies.Buffered()) == 0 && len(s.link.source.again) == 0 &&
		(s.link.socket == nil || s.link.socket.Check(false) == nil)
}

// check reports whether a new session can use its idle connection. Otherwise the session
// has ended. A connection that was not checked because ctx has ended stays idle.
func (s *Session) check(ctx context.Context) bool {
	switch {
	case s.link.idleSince.IsZero():
		return true
	case s.link.socket != nil:
		err := s.link.socket.Check(false)
		if err != nil {
			s.fail(err)
		}
		return err == nil
	case ctx.Err() != nil:
		_ = s.Close() // never fails
		return false
	}
	soon, cancel := context.WithTimeout(ctx, s.pool.dialer.Settings.DialTimeout)
	defer cancel()
	ping := driver.NewCmd("PING")
	if err := s.Do(soon, []*driver.Cmd{ping}, driver.Plain); err != nil || ping.Err != nil {
		s.endFor(driver.Fail(driver.ErrUnavailable, driver.NotApplied, errLostIdle))
		return false
	}
	return true
}

var errLostIdle = errors.New("the connection was lost while it was not used")

// isMisplaced reports whether an error reply tells that another server has the role or the
// slot.
func isMisplaced(err error) bool {
	var to *servererror.RedirectError
	return errors.Is(err, driver.ErrReadOnly) || errors.As(err, &to) && !to.Ask || servererror.IsUnblocked(err)
}

// endIfMisplaced ends the session if another server has the role or the slot.
func (s *Session) endIfMisplaced() {
	if err, ok := errors.AsType[*driver.Error](s.link.misplaced); ok {
		s.endFor(err)
	}
}

// replyGracePeriod is the time for due replies after the server has lost its role or its
// slot. A live server still answers a command that waits, with an element or with an error.
// An earlier end of the session would make the outcome of the command unknown.
const replyGracePeriod = 300 * time.Millisecond

// endSoon ends the session when all replies to commands that write have come. false means
// that none is due. The pool is locked.
func (s *Session) endSoon(reason *driver.Error) bool {
	if !s.awaitsWrite() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil && s.ending == nil {
		s.ending = reason
		s.expiry = time.AfterFunc(replyGracePeriod, func() { s.endFor(reason) })
		s.pool.ending.Add(1)
	}
	return true
}

// endIfDue ends a session that ends soon, if no reply is due any more.
func (s *Session) endIfDue() {
	s.mu.Lock()
	ending, due := s.ending, len(s.due)
	s.mu.Unlock()
	if ending != nil && due == 0 {
		s.endFor(ending)
	}
}

// endFor ends the session, and all calls on it, for a reason other than a failure of its
// connection.
func (s *Session) endFor(reason *driver.Error) {
	if s.finish(reason, true) {
		s.pool.end(s, false)
	}
}

// fail ends the session because its connection has failed.
func (s *Session) fail(err error) {
	cause := err
	if failure.IsTimeout(err) {
		cause = errLeft
	}
	reason := driver.Fail(driver.ErrUnavailable, driver.NotApplied, fmt.Errorf("the session has ended: %w", cause)).Retryable()
	if !s.finish(reason, false) {
		return
	}
	if !failure.IsTimeout(err) {
		s.pool.dialer.Settings.Status.Lost(err)
	}
	s.pool.end(s, false)
}

// finish records the reason of the session's end. false means that the session had ended
// before.
func (s *Session) finish(reason *driver.Error, forReason bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return false
	}
	s.ended, s.forReason = reason, forReason
	if s.ending != nil {
		s.expiry.Stop()
		if reason != errOwnClose && errors.Is(reason, driver.ErrClosed) {
			s.ended = s.ending // the pool closes because the server has lost its role
		}
		s.pool.ending.Done()
	}
	return true
}

// endedFor returns the reason of a session that was ended for a reason other than a failure
// of its connection, or nil.
func (s *Session) endedFor() *driver.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.forReason {
		return nil
	}
	return s.ended
}

// failure returns the error of a call of the session that has failed with err.
func (s *Session) failure(ctx context.Context, err error, sent bool) error {
	reason := s.endedFor()
	switch {
	case reason != nil:
		return withOutcome(reason, sent)
	case ctx.Err() != nil:
		return failure.OfContext(ctx, sent)
	case failure.IsTimeout(err):
		return failure.OfTimeout(ctx, err, s.pool.options.OpTimeout, sent)
	}
	e := driver.Fail(driver.ErrUnavailable, failure.Outcome(sent), err)
	if !failure.IsTLS(err) && !errors.Is(err, resp.ErrMalformed) {
		e.Transient = true
	}
	return e
}

// withOutcome returns a copy of reason with the outcome of a call.
func withOutcome(reason *driver.Error, sent bool) *driver.Error {
	e := *reason
	e.Outcome = failure.Outcome(sent)
	return &e
}
