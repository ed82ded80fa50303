// Package blocking runs blocking commands, such as BLPOP, on exclusive connections. A
// caller can give up at any time, and no element is lost.
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
	// slice is the time that a command blocks at the server before the command is sent
	// again. A server cannot cancel a blocked command. When the caller's context ends,
	// the caller therefore waits for the reply of the current slice, which may have an
	// element. An idle server checks time-outs only ten times a second, and so replies
	// up to 100 ms late.
	slice = 100 * time.Millisecond
	// grace limits the wait for the reply of the last slice after the end of the caller's
	// context.
	grace = 240 * time.Millisecond
	// outage is the least time for which a blocked caller tolerates unreachable servers. A
	// failover takes some seconds.
	outage = 10 * time.Second
	// firstPause and longestPause limit the backoff between two attempts to reach a server.
	firstPause, longestPause = 5 * time.Millisecond, 100 * time.Millisecond
)

// Do runs a blocking command. The time-out is the command's argument made by
// driver.WaitSeconds or driver.WaitMilliseconds, and 0 has no limit. Do sets Reply, or Err
// if the server refuses the command.
//
// When ctx ends, Do returns within a quarter of a second. The result is the element if the
// server has sent one, and the error of ctx otherwise. replyTimeout limits the delay of a
// reply after its time-out. A failure that has changed nothing is tried again on another
// session: an unreachable server, a server with the wrong role, or a session that was lost
// before the command was sent. The attempts end after replyTimeout or 10 seconds, whichever
// is longer. The outcome of a command that takes an element is unknown if its session is
// lost while the command blocks.
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
	at           int // the index of the time-out argument
	timeout      time.Duration
	replyTimeout time.Duration
	lasts        []last // the arguments $ without an ID yet
	session      driver.Session
}

// run sends the command in slices until there is a reply. If a session ends before the
// command has changed anything, run uses another session.
func (w *wait) run(ctx context.Context) error {
	deadline := time.Now().Add(w.timeout)
	original := w.cmd.Args[w.at]
	given := slices.Clone(w.cmd.Args)
	defer func() { copy(w.cmd.Args, given) }()
	var failing time.Time // the start of the current row of failures
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
		part = max(part, time.Millisecond) // 0 would have no limit
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

// try runs one slice.
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
	// The end of ctx does not end the session, because the server may have sent an element.
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

// receive reads the reply to the command, even after the end of ctx.
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

// isReply reports whether an error of Receive is the server's reply. The session is then
// open, or has ended because of this reply.
func (w *wait) isReply(err error) bool {
	ended := w.session.Err()
	return ended == nil || errors.Is(ended, err) || errors.Is(err, driver.ErrReadOnly)
}

// named returns the error of a refused command. For a command that the server lacks, Do
// has the better error, which names the first version with the command.
func (w *wait) named(ctx context.Context, err error) error {
	if !errors.Is(err, errors.ErrUnsupported) || w.session.Err() != nil {
		return err
	}
	if w.session.Do(ctx, []*driver.Cmd{w.cmd}, driver.Plain) == nil && w.cmd.Err != nil {
		return w.cmd.Err
	}
	return err
}

// outcome returns the outcome of a command without a reply.
func (w *wait) outcome() driver.Outcome {
	if w.cmd.Command().ReadOnly {
		return driver.NotApplied
	}
	return driver.Unknown
}

func (w *wait) close() {
	if w.session != nil {
		_ = w.session.Close() // always nil
		w.session = nil
	}
}
