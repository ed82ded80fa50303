package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// exclusiveChecks has the checks of exclusive connections. The checks use commands that
// the table need not have: WATCH, BLPOP, SUBSCRIBE and PUBLISH. Every server with such
// connections has these commands.
func exclusiveChecks() []check {
	return []check{
		{
			name:  "exclusive/runs-commands",
			rule:  "a session runs what the store runs, alone, in batches and as a transaction, and a command that is refused fails alone and does not end the session",
			needs: needs(ownConnection, commander, "GET", "SET", "LPUSH"),
			run:   func(s *subject) error { return s.inSession(s.runsCommands) },
		},
		{
			name:  "exclusive/watch",
			rule:  "a transaction of a session fails with ErrConflict, and changes nothing, if a key has changed that the session watches, and succeeds if none has",
			needs: needs(ownConnection, "SET"),
			run:   func(s *subject) error { return s.inSession(s.watchesKeys) },
		},
		{
			name:  "exclusive/subscription",
			rule:  "a session that has subscribed receives what says so, and then the messages that are published, as pushed",
			needs: needs(ownConnection),
			run:   func(s *subject) error { return s.inSession(s.receivesMessages) },
		},
		{
			name:  "exclusive/holds-up-nobody",
			rule:  "calls of the store, and other sessions, do not wait for sessions in which commands wait at the server",
			needs: needs(ownConnection, "LPUSH"),
			run:   func(s *subject) error { return s.holdsUpNobody() },
		},
		{
			name:  "exclusive/receive-loses-nothing",
			rule:  "Receive returns when its context ends, and what had not come by then is what a later Receive returns",
			needs: needs(ownConnection, "LPUSH"),
			run:   func(s *subject) error { return s.inSession(s.losesNothing) },
		},
		{
			name:  "exclusive/call-that-was-left",
			rule:  "Do returns when its context ends, with an unknown outcome; the session has ended then, and later calls of it fail, which have changed nothing",
			needs: needs(ownConnection, "SET"),
			run:   func(s *subject) error { return s.leavesCall() },
		},
		{
			name:  "exclusive/ended-context",
			rule:  "no call of a session does anything if its context has ended",
			needs: needs(ownConnection, "SET"),
			run:   func(s *subject) error { return s.inSession(s.endedContexts) },
		},
		{
			name:  "exclusive/waits-no-longer",
			rule:  "when a session is closed in which a command waits at the server, it soon waits no longer, and takes nothing",
			needs: needs(ownConnection, "LPUSH", "LRANGE"),
			run:   func(s *subject) error { return s.waitsNoLonger() },
		},
		{
			name:  "exclusive/as-new",
			rule:  "a session has nothing of one before: no keys that are watched, no replies, no subscription",
			needs: needs(ownConnection, "GET", "SET"),
			run:   func(s *subject) error { return s.areAsNew() },
		},
		{
			name:  "exclusive/bounded",
			rule:  "there are no more than so many sessions; a caller who finds all in use waits for one until the context ends, and gets one when another caller closes it",
			needs: needs(ownConnection),
			run:   func(s *subject) error { return s.isBounded() },
		},
		{
			name:  "exclusive/closed",
			rule:  "a session that was closed fails every call with ErrClosed, and may be closed again",
			needs: needs(ownConnection, "SET"),
			run: func(s *subject) error {
				session, err := s.session(noDeadline)
				if err != nil {
					return err
				}
				return errors.Join(session.Close(), session.Close(), s.wantEnded(session, driver.ErrClosed))
			},
		},
		{
			name:  "exclusive/closed-store",
			rule:  "Close of the store ends every session, and the calls that wait there, as ErrClosed",
			needs: needs(ownConnection, "SET"),
			run: func(s *subject) error {
				return s.endsSessions(func(other driver.Store) error { return other.Close() })
			},
		},
		{
			name:  "exclusive/disconnected",
			rule:  "Disconnect of the store ends every session, and the calls that wait there, as ErrClosed",
			needs: needs(ownConnection, "SET", disconnect),
			run: func(s *subject) error {
				var disconnected driver.Store
				err := s.endsSessions(func(other driver.Store) error {
					disconnected = other
					driver.CapsOf(other).Disconnector.Disconnect()
					return nil
				})
				return errors.Join(err, disconnected.Close())
			},
		},
	}
}

// sessionTag is the key for which sessions are opened. All keys of these checks are in its
// slot.
func (s *subject) sessionTag() string { return "{" + s.prefix + "}" }

// sessionKey returns a key in the slot of the check's sessions.
func (s *subject) sessionKey(name string) string {
	key := s.sessionTag() + name
	s.own(key)
	return key
}

// session returns a session on the check's keys.
func (s *subject) session(ctx context.Context) (driver.Session, error) {
	session, err := s.caps.Exclusive.Exclusive(ctx, s.sessionTag())
	if err != nil {
		return nil, fmt.Errorf("Exclusive: %w", err)
	}
	return session, nil
}

// inSession calls work with a session, and closes the session afterwards.
func (s *subject) inSession(work func(driver.Session) error) error {
	session, err := s.session(noDeadline)
	if err != nil {
		return err
	}
	return errors.Join(work(session), session.Close())
}

// within returns a context for calls that wait in vain.
func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(noDeadline, 50*time.Millisecond)
}

// doIn runs one command in a session.
func doIn(ctx context.Context, session driver.Session, name string, args ...driver.Arg) (driver.Reply, error) {
	cmd := driver.NewCustomCmd(name, args...)
	err := session.Do(ctx, []*driver.Cmd{cmd}, driver.Plain)
	return cmd.Reply, cmpErr(err, cmd.Err)
}

// popIn waits for an element of a list that stays empty. Before, in the same request, the session
// sets the key sent: when the key has a value, the request has reached the server.
func (s *subject) popIn(ctx context.Context, session driver.Session, sent string) error {
	set := driver.NewCmd("SET", driver.Key(sent), driver.Val([]byte("v")))
	pop := driver.NewCustomCmd("BLPOP", driver.Key(s.sessionKey("none")), driver.Int(0))
	err := session.Do(ctx, []*driver.Cmd{set, pop}, driver.Plain)
	return cmpErr(err, cmpErr(set.Err, pop.Err))
}

// sendIn sends one command in a session.
func sendIn(session driver.Session, name string, args ...driver.Arg) error {
	if err := session.Send(noDeadline, []*driver.Cmd{driver.NewCustomCmd(name, args...)}); err != nil {
		return fmt.Errorf("Send of %s: %w", name, err)
	}
	return nil
}

// wantEnded wants every call of a session to fail with a known outcome, and Err to return
// the reason.
func (s *subject) wantEnded(session driver.Session, want error) error {
	_, doErr := doIn(noDeadline, session, "SET", driver.Key(s.sessionKey("ended")), driver.Val(nil))
	_, receiveErr := session.Receive(noDeadline)
	sendErr := session.Send(noDeadline, []*driver.Cmd{driver.NewCustomCmd("PING")})
	var errs []error
	for i, err := range []error{doErr, receiveErr, sendErr, session.Err()} {
		what := []string{"Do", "Receive", "Send", "Err"}[i] + " of a session that has ended"
		errs = append(errs, s.wantErr(err, want, "%s", what),
			that(!errors.Is(err, driver.ErrUnknownOutcome), "%s: %v has an unknown outcome", what, err))
	}
	return errors.Join(errs...)
}

func (s *subject) runsCommands(session driver.Session) error {
	key := s.sessionKey("k")
	set, push, get := driver.NewCmd("SET", driver.Key(key), driver.Val([]byte("v"))), driver.NewCmd("LPUSH", driver.Key(key), driver.Val([]byte("e"))), driver.NewCmd("GET", driver.Key(key))
	var errs []error
	for _, how := range []driver.How{driver.Plain, driver.Atomic} {
		err := session.Do(noDeadline, []*driver.Cmd{set, push, get}, how)
		errs = append(errs, err, set.Err, s.wantErr(push.Err, driver.ErrWrongType, "LPUSH on a string"), get.Err,
			that(sameReply(get.Reply, driver.DataReply([]byte("v"))), "GET = %s, want v", replyText(get.Reply)))
	}
	_, err := doIn(noDeadline, session, "PING")
	return errors.Join(append(errs, session.Do(noDeadline, nil, driver.Plain), session.Send(noDeadline, nil), err, session.Err())...)
}

func (s *subject) watchesKeys(session driver.Session) error {
	key := s.sessionKey("k")
	var errs []error
	for range 2 {
		for _, conflict := range []bool{true, false} {
			errs = append(errs, s.set(key, "before", long))
			_, err := doIn(noDeadline, session, "WATCH", driver.Key(key))
			errs = append(errs, err)
			want := "after"
			if conflict {
				want = "theirs"
				errs = append(errs, s.set(key, want, long))
			}
			set := driver.NewCmd("SET", driver.Key(key), driver.Val([]byte("after")))
			err = session.Do(noDeadline, []*driver.Cmd{set}, driver.Atomic)
			if conflict {
				errs = append(errs, s.wantErr(err, driver.ErrConflict, "a transaction on a key that has changed"),
					that(!errors.Is(err, driver.ErrUnknownOutcome), "%v has an unknown outcome", err))
			} else {
				errs = append(errs, err, set.Err)
			}
			errs = append(errs, s.wantValue(key, want))
		}
	}
	return errors.Join(errs...)
}

func (s *subject) receivesMessages(session driver.Session) error {
	channel := s.prefix + "channel"
	if err := sendIn(session, "SUBSCRIBE", driver.Literal(channel)); err != nil {
		return err
	}
	receive := func(want driver.Reply) error {
		in, err := session.Receive(noDeadline)
		return errors.Join(err, that(in.Pushed, "%s does not count as pushed", replyText(in.Reply)),
			that(sameReply(in.Reply, want), "received %s, want %s", replyText(in.Reply), replyText(want)))
	}
	word := func(text string) driver.Reply { return driver.DataReply([]byte(text)) }
	if err := receive(driver.ArrayReply(word("subscribe"), word(channel), driver.IntReply(1))); err != nil {
		return err
	}
	var errs []error
	for i := range 3 {
		text := fmt.Sprint(i)
		errs = append(errs, s.inSession(func(other driver.Session) error {
			_, err := doIn(noDeadline, other, "PUBLISH", driver.Literal(channel), driver.Val([]byte(text)))
			return err
		}), receive(driver.ArrayReply(word("message"), word(channel), word(text))))
	}
	return errors.Join(errs...)
}

func (s *subject) holdsUpNobody() error {
	const waiters = 8
	list, key := s.sessionKey("list"), s.sessionKey("k")
	received := make(chan error, waiters)
	for range waiters {
		session, err := s.session(noDeadline)
		if err != nil {
			return err
		}
		if err := sendIn(session, "BLPOP", driver.Key(list), driver.Int(0)); err != nil {
			return errors.Join(err, session.Close())
		}
		go func() {
			in, err := session.Receive(noDeadline)
			received <- errors.Join(err, that(len(in.Reply.Items) == 2, "BLPOP = %s", replyText(in.Reply)), session.Close())
		}()
	}
	s.sleep(20 * time.Millisecond) // the commands wait
	var errs []error
	slow := 0 // rounds: a machine may stop the server for seconds
	for range waiters {
		watch := stopwatch.Start()
		errs = append(errs, s.set(key, "v", long), s.wantValue(key, "v"), s.inSession(func(other driver.Session) error {
			_, err := doIn(noDeadline, other, "SET", driver.Key(key), driver.Val([]byte("w")))
			return err
		}))
		if took := watch.Stop(); took >= 4*promptly {
			if slow++; slow > waiters/4 {
				errs = append(errs, fmt.Errorf("calls beside commands that wait took %v, and were slow before", took))
			}
		}
		_, err := s.do("LPUSH", driver.Key(list), driver.Val([]byte("element")))
		errs = append(errs, err)
	}
	for range waiters {
		errs = append(errs, <-received)
	}
	return errors.Join(errs...)
}

func (s *subject) losesNothing(session driver.Session) error {
	list := s.sessionKey("list")
	var errs []error
	for i := range 3 {
		if err := sendIn(session, "BLPOP", driver.Key(list), driver.Int(0)); err != nil {
			return errors.Join(append(errs, err)...)
		}
		for range 2 {
			ctx, cancel := within()
			watch := stopwatch.Start()
			_, err := session.Receive(ctx)
			took := watch.Stop()
			cancel()
			errs = append(errs, s.wantContextErr(err, context.DeadlineExceeded, "Receive of nothing"), that(took < promptly, "Receive took %v", took))
		}
		element := fmt.Sprint(i)
		_, err := s.do("LPUSH", driver.Key(list), driver.Val([]byte(element)))
		if err = errors.Join(err, session.Err()); err != nil {
			return errors.Join(append(errs, err)...)
		}
		in, err := session.Receive(noDeadline)
		errs = append(errs, err, that(len(in.Reply.Items) == 2 && string(in.Reply.Items[1].Data) == element, "received %s, want %s", replyText(in.Reply), element))
	}
	return errors.Join(errs...)
}

func (s *subject) leavesCall() error {
	// On a busy machine the context may end before the request is sent. Then the outcome is
	// known. The next attempt has more time.
	const tries = 7
	for try, after := 1, 30*time.Millisecond; ; try, after = try+1, 2*after {
		key, decided := s.sessionKey("sent"+after.String()), false
		err := s.inSession(func(session driver.Session) error {
			took, err := endAmid(context.DeadlineExceeded, after, func(ctx context.Context) error { return s.popIn(ctx, session, key) })
			decided = errors.Is(err, driver.ErrUnknownOutcome) || s.wantValue(key, "v") == nil || try == tries || s.late()
			if !decided {
				return s.wantContextErr(err, context.DeadlineExceeded, "BLPOP")
			}
			return errors.Join(s.wantContextErr(err, context.DeadlineExceeded, "BLPOP"), that(took < promptly, "Do returned %v after the end of its context", took),
				that(errors.Is(err, driver.ErrUnknownOutcome), "%v does not tell that the outcome is unknown", err), s.wantEnded(session, driver.ErrUnavailable))
		})
		if err != nil || decided {
			return err
		}
	}
}

func (s *subject) endedContexts(session driver.Session) error {
	key := s.sessionKey("k")
	set := driver.NewCmd("SET", driver.Key(key), driver.Val(nil))
	_, receiveErr := session.Receive(ended())
	_, exclusiveErr := s.caps.Exclusive.Exclusive(ended(), key)
	return errors.Join(
		s.wantContextErr(session.Do(ended(), []*driver.Cmd{set}, driver.Plain), context.Canceled, "Do"),
		s.wantContextErr(session.Send(ended(), []*driver.Cmd{set}), context.Canceled, "Send"),
		s.wantContextErr(receiveErr, context.Canceled, "Receive"), s.wantContextErr(exclusiveErr, context.Canceled, "Exclusive"),
		session.Err(), s.wantMiss(key))
}

func (s *subject) waitsNoLonger() error {
	list := s.sessionKey("list")
	for range 2 {
		err := s.inSession(func(session driver.Session) error {
			err := sendIn(session, "BLPOP", driver.Key(list), driver.Int(0))
			ctx, cancel := within() // the command has reached the server
			defer cancel()
			_, receiveErr := session.Receive(ctx)
			return errors.Join(err, s.wantContextErr(receiveErr, context.DeadlineExceeded, "Receive of nothing"))
		})
		if err != nil {
			return err
		}
	}
	// The server needs a moment to notice, and loses one element until then.
	return s.eventually(func() error {
		if _, err := s.do("LPUSH", driver.Key(list), driver.Val([]byte("element"))); err != nil {
			return err
		}
		s.sleep(20 * time.Millisecond)
		reply, err := s.do("LRANGE", driver.Key(list), driver.Int(0), driver.Int(0))
		return errors.Join(err, that(len(reply.Items) == 1, "an element was taken by a session that is closed"))
	})
}

func (s *subject) areAsNew() error {
	watched, other := s.sessionKey("watched"), s.sessionKey("other")
	leave := map[string]func(driver.Session) error{
		"a session that watches": func(session driver.Session) error {
			_, err := doIn(noDeadline, session, "WATCH", driver.Key(watched))
			return err
		},
		"a session with a reply": func(session driver.Session) error { return sendIn(session, "GET", driver.Key(other)) },
		"a session that has subscribed": func(session driver.Session) error {
			err := sendIn(session, "SUBSCRIBE", driver.Literal(s.prefix+"channel"))
			_, receiveErr := session.Receive(noDeadline)
			return errors.Join(err, receiveErr)
		},
	}
	errs := []error{s.set(other, "other", long)}
	for what, leave := range leave {
		errs = append(errs, s.inSession(leave), s.set(watched, what, long))
		errs = append(errs, s.inSession(func(session driver.Session) error {
			ctx, cancel := within()
			defer cancel()
			set, get := driver.NewCmd("SET", driver.Key(watched), driver.Val([]byte("new"))), driver.NewCmd("GET", driver.Key(watched))
			if err := session.Do(noDeadline, []*driver.Cmd{set, get}, driver.Atomic); err != nil {
				return fmt.Errorf("behind %s, a transaction: %w", what, err)
			}
			_, err := session.Receive(ctx)
			return errors.Join(s.wantErr(err, context.DeadlineExceeded, "behind %s, Receive", what),
				that(sameReply(get.Reply, driver.DataReply([]byte("new"))), "behind %s, GET = %s, want new", what, replyText(get.Reply)))
		}))
	}
	return errors.Join(errs...)
}

// maxSessions is the largest number of sessions that the check opens. A store may have a
// higher bound.
const maxSessions = 256

func (s *subject) isBounded() (err error) {
	var sessions []driver.Session
	defer func() {
		for _, session := range sessions {
			err = errors.Join(err, session.Close())
		}
	}()
	for {
		ctx, cancel := context.WithTimeout(noDeadline, promptly)
		watch := stopwatch.Start()
		session, err := s.session(ctx)
		took := watch.Stop()
		cancel()
		if err != nil {
			errs := []error{s.wantContextErr(err, context.DeadlineExceeded, "Exclusive with %d sessions", len(sessions)),
				that(took < 2*promptly, "Exclusive took %v", took), that(!errors.Is(err, driver.ErrUnknownOutcome), "%v has an unknown outcome", err)}
			if len(sessions) == 0 || s.late() {
				return errors.Join(errs...)
			}
			waited := make(chan error)
			go func() {
				waited <- s.inSession(func(session driver.Session) error {
					_, err := doIn(noDeadline, session, "PING")
					return err
				})
			}()
			errs = append(errs, sessions[0].Close())
			sessions = sessions[1:]
			return errors.Join(append(errs, <-waited)...)
		}
		if sessions = append(sessions, session); len(sessions) > maxSessions {
			return fmt.Errorf("there are %d sessions, and no end of them", len(sessions))
		}
	}
}

// endsSessions opens another store, lets sessions of the store wait, and calls end.
func (s *subject) endsSessions(end func(driver.Store) error) error {
	other := s.with(s.h.Open(s.t))
	list, sent := s.sessionKey("list"), s.sessionKey("sent")
	var sessions []driver.Session
	for range 3 {
		session, err := other.session(noDeadline)
		if err != nil {
			return errors.Join(err, end(other.store))
		}
		sessions = append(sessions, session)
	}
	returned := make(chan error, 2)
	long, cancel := context.WithTimeout(noDeadline, s.h.Timeout)
	defer cancel()
	go func() {
		returned <- s.popIn(long, sessions[0], sent)
	}()
	sendErr := sendIn(sessions[1], "BLPOP", driver.Key(list), driver.Int(0))
	go func() {
		_, err := sessions[1].Receive(long)
		returned <- err
	}()
	sentErr := s.eventually(func() error { return other.wantValue(sent, "v") })
	stopwatch.Rest(50 * time.Millisecond) // the other session waits, too
	watch := stopwatch.Start()
	errs := []error{sendErr, sentErr, end(other.store)}
	for range 2 {
		err := <-returned
		errs = append(errs, s.wantErr(err, driver.ErrClosed, "a call that waits"),
			that(errors.Is(err, driver.ErrUnknownOutcome), "%v does not tell that the outcome is unknown", err))
	}
	took := watch.Stop()
	errs = append(errs, that(took < 8*promptly, "the calls returned after %v", took))
	for _, session := range sessions {
		errs = append(errs, other.wantEnded(session, driver.ErrClosed), session.Close())
	}
	_, err := other.session(noDeadline)
	return errors.Join(append(errs, s.wantErr(err, driver.ErrClosed, "Exclusive afterwards"))...)
}
