// Package blocking runs commands that wait at the server, such as BLPOP, on connections of
// the caller's own, so that a caller can leave at any time and loses no element.
package blocking

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

const (
	// slice is how long a command waits at the server before it is sent again. A server
	// takes no command back. So a caller whose context ends waits for the reply to the
	// slice that is under way, which may hold an element.
	slice = 150 * time.Millisecond
	// longSlice is slice for a caller who cannot leave.
	longSlice = time.Second
	// grace is how long after the end of the caller's context the reply to the last slice
	// is waited for.
	grace = 90 * time.Millisecond
)

// Do runs a command that waits, whose time-out is its argument made by driver.WaitSeconds or
// driver.WaitMilliseconds. 0 waits without end. It fills in Reply, or Err if the server
// refuses the command.
//
// When ctx ends, Do returns within a quarter of a second: the element, if one was on its
// way, or the error of ctx. patience is how long a reply may take beyond the time-out.
func Do(ctx context.Context, store driver.Exclusive, cmd *driver.Cmd, patience time.Duration) error {
	w := &wait{store: store, cmd: cmd, at: -1, patience: patience}
	for i := range cmd.Args {
		if d, ok := cmd.Args[i].Wait(); ok {
			w.at, w.timeout = i, d
		}
	}
	switch {
	case w.at < 0:
		return w.once(ctx)
	case w.timeout < 0:
		return driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("a time-out is negative; 0 waits without end"))
	}
	return w.run(ctx)
}

type wait struct {
	store    driver.Exclusive
	cmd      *driver.Cmd
	at       int // the argument that is the time-out
	timeout  time.Duration
	patience time.Duration
	session  driver.Session
}

// run sends the command again and again until it has a reply, on one session after the
// other if they end before anything was done.
func (w *wait) run(ctx context.Context) error {
	defer w.close()
	deadline := time.Now().Add(w.timeout)
	original := w.cmd.Args[w.at]
	defer func() { w.cmd.Args[w.at] = original }()
	for {
		part := slice
		if ctx.Done() == nil {
			part = longSlice
		}
		last := false
		if w.timeout > 0 {
			left := time.Until(deadline)
			last = left <= part
			part = max(min(left, part), time.Millisecond) // 0 would wait without end
		}
		w.cmd.Args[w.at] = original.WithWait(part)
		err := w.try(ctx, part)
		switch {
		case err != nil && !again(ctx, err):
			return err
		case err != nil:
			w.close()
		case w.cmd.Err != nil || !w.cmd.Reply.IsNil():
			return nil
		case ctx.Err() != nil:
			return driver.Fail(ctx.Err(), driver.NotApplied, nil)
		case last:
			return nil
		}
	}
}

// once runs a command that has no time-out, and so does not wait.
func (w *wait) once(ctx context.Context) error {
	defer w.close()
	return w.try(ctx, 0)
}

// again reports whether a try that failed changed nothing, and another may do better.
func again(ctx context.Context, err error) bool {
	failed, ok := errors.AsType[*driver.Error](err)
	return ok && failed.Transient && failed.Outcome == driver.NotApplied && ctx.Err() == nil
}

// try waits for the length of one slice.
func (w *wait) try(ctx context.Context, part time.Duration) error {
	if err := ctx.Err(); err != nil {
		return driver.Fail(err, driver.NotApplied, nil)
	}
	if w.session == nil {
		session, err := w.store.Exclusive(ctx, w.cmd.Key())
		if err != nil {
			return err
		}
		w.session = session
	}
	if err := w.session.Send(ctx, []*driver.Cmd{w.cmd}); err != nil {
		return err
	}
	receiving, cancel := context.WithTimeout(context.WithoutCancel(ctx), part+w.patience)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(part+grace, cancel) })
	defer stop()
	return w.receive(ctx, receiving)
}

// receive takes the reply to the command, which may come after ctx has ended.
func (w *wait) receive(ctx, receiving context.Context) error {
	for {
		incoming, err := w.session.Receive(receiving)
		switch {
		case err == nil && incoming.Pushed:
			continue
		case err == nil:
			w.cmd.Reply, w.cmd.Err = incoming.Reply, nil
			return nil
		case w.session.Err() != nil:
			return err
		case receiving.Err() == nil: // the server refuses the command
			w.cmd.Err = err
			return nil
		case ctx.Err() != nil:
			return driver.Fail(ctx.Err(), w.outcome(), errors.New("the server did not answer before the caller left"))
		}
		return driver.Fail(driver.ErrUnavailable, w.outcome(), errors.New("the server did not answer"))
	}
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
