// Package blocking runs commands that wait at the server, such as BLPOP, on connections of
// the caller's own, so that a caller can leave at any time and loses no element.
package blocking

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/attempt"
)

const (
	// slice is how long a command waits at the server before it is sent again. A server
	// takes no command back. So a caller whose context ends waits for the reply to the
	// slice that is under way, which may hold an element. A server that has nothing else to
	// do looks at time-outs ten times a second only, and so answers up to 100 ms late.
	slice = 100 * time.Millisecond
	// grace is how long the reply to the last slice is waited for, once the caller's context
	// has ended.
	grace = 240 * time.Millisecond
	// outage is how long a caller who waits bears with servers that cannot be reached, at
	// least: a failover takes some seconds.
	outage = 10 * time.Second
	// firstPause and longestPause are between two attempts to reach a server.
	firstPause, longestPause = 5 * time.Millisecond, 100 * time.Millisecond
)

// Do runs a command that waits, whose time-out is its argument made by driver.WaitSeconds or
// driver.WaitMilliseconds. 0 waits without end. It fills in Reply, or Err if the server
// refuses the command.
//
// When ctx ends, Do returns within a quarter of a second: the element, if one was on its
// way, or the error of ctx. replyTimeout bounds how much later than its time-out a reply may
// come. A failure that has changed nothing is tried again on another session: a server that
// cannot be reached or has the wrong role, a session that was lost before the command was
// sent. The attempts end after replyTimeout or 10 seconds, whichever is longer. A command that
// takes an element has an unknown outcome if its session is lost while it waits.
func Do(ctx context.Context, store driver.Exclusive, cmd *driver.Cmd, replyTimeout time.Duration) error {
	w := &wait{store: store, cmd: cmd, at: -1, replyTimeout: replyTimeout}
	for i := range cmd.Args {
		if cmd.Args[i].Role == driver.RoleKey {
			w.keys = append(w.keys, cmd.Args[i].Text)
		}
		if d, ok := cmd.Args[i].Wait(); ok {
			w.at, w.timeout = i, d
		}
	}
	switch {
	case w.at < 0:
		return driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("a command that waits needs a time-out of WaitSeconds or WaitMilliseconds"))
	case w.timeout < 0:
		return driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("a time-out is negative; 0 waits without end"))
	}
	defer w.close()
	w.findLast()
	return w.run(ctx)
}

type wait struct {
	store        driver.Exclusive
	cmd          *driver.Cmd
	keys         []string
	at           int // the argument that is the time-out
	timeout      time.Duration
	replyTimeout time.Duration
	lasts        []last // which are not read yet
	session      driver.Session
}

// run sends the command again and again until it has a reply, on one session after the
// other if they end before anything was done.
func (w *wait) run(ctx context.Context) error {
	deadline := time.Now().Add(w.timeout)
	original := w.cmd.Args[w.at]
	given := slices.Clone(w.cmd.Args)
	defer func() { copy(w.cmd.Args, given) }()
	var failing time.Time // since when every attempt has failed
	pause := firstPause
	for {
		part, last := slice, false
		if w.timeout > 0 {
			left := time.Until(deadline)
			last, part = left <= part, min(left, part)
		}
		if end, ok := ctx.Deadline(); ok {
			part = min(time.Until(end), part)
		}
		part = max(part, time.Millisecond) // 0 would wait without end
		w.cmd.Args[w.at] = original.WithWait(part)
		err := w.try(ctx, part)
		if err == nil && attempt.MayFollow(w.cmd.Err) {
			err = w.cmd.Err
		}
		switch {
		case err == nil && (w.cmd.Err != nil || !w.cmd.Reply.IsNil()):
			return nil
		case err == nil && ctx.Err() != nil:
			return driver.Fail(ctx.Err(), driver.NotApplied, nil)
		case err == nil && last:
			return nil
		case err == nil:
			failing, pause = time.Time{}, firstPause
			continue
		case ctx.Err() != nil || !attempt.MayFollow(err):
			return err
		}
		if w.session != nil && w.session.Err() != nil {
			w.close()
		}
		if failing.IsZero() {
			failing = time.Now()
		}
		if last || time.Since(failing) > max(outage, w.replyTimeout) {
			return err
		}
		attempt.Pause(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// try waits for the length of one slice.
func (w *wait) try(ctx context.Context, part time.Duration) error {
	w.cmd.Reply, w.cmd.Err = driver.Reply{}, nil
	if err := ctx.Err(); err != nil {
		return driver.Fail(err, driver.NotApplied, nil)
	}
	if w.session == nil {
		session, err := w.store.Exclusive(ctx, w.keys...)
		if err != nil {
			return err
		}
		w.session = session
	}
	// The end of ctx does not end the session, on which an element may be on its way.
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), part+w.replyTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	if err := w.readLast(lasting); err != nil {
		return err
	}
	if err := w.session.Send(lasting, []*driver.Cmd{w.cmd}); err != nil {
		return err
	}
	return w.receive(ctx, lasting)
}

// receive takes the reply to the command, which may come after ctx has ended.
func (w *wait) receive(ctx, lasting context.Context) error {
	for {
		incoming, err := w.session.Receive(lasting)
		switch {
		case err == nil && incoming.Pushed:
			continue
		case err == nil:
			w.cmd.Reply = incoming.Reply
			return nil
		case lasting.Err() != nil && ctx.Err() != nil:
			return driver.Fail(ctx.Err(), w.outcome(), errors.New("the server did not answer before the caller left"))
		case lasting.Err() != nil:
			return driver.Fail(driver.ErrUnavailable, w.outcome(), errors.New("the server did not answer"))
		case w.isReply(err):
			w.cmd.Err = w.named(lasting, err)
			return nil
		}
		return err
	}
}

// isReply reports whether an error of Receive is what the server has answered: the session
// lives on, or has ended because of that answer.
func (w *wait) isReply(err error) bool {
	ended := w.session.Err()
	return ended == nil || errors.Is(ended, err) || errors.Is(err, driver.ErrReadOnly)
}

// named returns the error of a command that the server has refused. Do knows in which version
// there is one that the server lacks.
func (w *wait) named(ctx context.Context, err error) error {
	if !errors.Is(err, errors.ErrUnsupported) || w.session.Err() != nil {
		return err
	}
	if w.session.Do(ctx, []*driver.Cmd{w.cmd}, driver.Plain) == nil && w.cmd.Err != nil {
		return w.cmd.Err
	}
	return err
}

// outcome is that of a command whose reply did not come.
func (w *wait) outcome() driver.Outcome {
	if w.cmd.Command().ReadOnly {
		return driver.NotApplied
	}
	return driver.Unknown
}

func (w *wait) close() {
	if w.session != nil {
		_ = w.session.Close() // which returns nil
		w.session = nil
	}
}
