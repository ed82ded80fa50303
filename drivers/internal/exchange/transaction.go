package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

const (
	multi  = "MULTI"
	exec   = "EXEC"
	asking = "ASKING"
)

// doAtomic runs commands between MULTI and EXEC, as one call of plain commands. The
// transactions of client libraries leave replies unread when the server refuses MULTI, and
// miscount replies when a command in EXEC fails.
func (s *Store) doAtomic(ctx context.Context, cmds []*driver.Cmd, behindAsking bool) error {
	c := s.call()
	c.Atomic = true
	c.Commands = make([]Command, 0, len(cmds)+3)
	if behindAsking {
		c.once = true
		c.Commands = append(c.Commands, Command{Name: asking, Shape: shape.OK, Longest: minLongest})
	}
	first := len(c.Commands)
	c.Commands = append(c.Commands, Command{Name: multi, Shape: shape.OK, Longest: minLongest})
	c.Commands = s.encode(c.Commands, cmds, inTransaction)
	for i := range cmds {
		c.Commands[first+1+i].Shape = shape.Queued
	}
	end := Command{Name: exec, Shape: shape.Array | shape.Null, Longest: minLongest}
	for i := range c.Commands {
		end.Longest = max(end.Longest, c.Commands[i].Longest)
	}
	c.Commands = append(c.Commands, end)

	err := s.admitMulti(ctx, c)
	if err == nil {
		if err = s.run(ctx, c); err != nil {
			s.multi.Store(false) // the user may have lost the permission
		}
	}
	if err != nil {
		for i := range cmds {
			cmds[i].Err = err
		}
		return err
	}
	transacted(cmds, c)
	s.release(c)
	return nil
}

// admitMulti returns the error with which the server refuses MULTI. Only a wire with Probes
// needs the question, and only until the server has accepted a transaction.
func (s *Store) admitMulti(ctx context.Context, c *Call) error {
	if !s.options.Probes || s.multi.Load() || c.ReadOnly() {
		return nil
	}
	if _, limited := ctx.Deadline(); !limited && s.options.OpTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = failure.Bound(ctx, time.Now().Add(s.options.OpTimeout), s.options.OpTimeout)
		defer cancel()
	}
	probe := s.call()
	probe.Atomic = true
	probe.Commands = []Command{
		{Name: multi, Shape: shape.OK, Longest: minLongest},
		{Name: exec, Shape: shape.Array | shape.Null, Longest: minLongest},
	}
	err := s.run(ctx, probe)
	s.multi.Store(err == nil)
	return err
}

// transaction returns the commands of an atomic call from MULTI on, without ASKING.
func (c *Call) transaction() []Command {
	if c.Commands[0].Name == asking {
		return c.Commands[1:]
	}
	return c.Commands
}

// atomicError returns the reason why a transaction was not run, or nil.
func (c *Call) atomicError() error {
	commands := c.transaction()
	last := len(commands) - 1
	inner := commands[1:last]
	if err := commands[0].err; err != nil && commands[0].Replied {
		for i := range inner {
			if inner[i].err == nil || errors.Is(inner[i].err, driver.ErrUnknownOutcome) {
				// The server has refused MULTI, and has run this command on its own.
				return driver.Fail(err, driver.Unknown, nil)
			}
		}
		return err
	}
	end := &commands[last]
	for i := range commands[:last] {
		if end.Replied && !commands[i].Replied {
			// A command got a reply of a wrong shape, and may have run on its own.
			return driver.Fail(driver.ErrUnavailable, driver.Unknown, resp.ErrMalformed)
		}
	}
	switch {
	case end.err == nil && end.Reply.IsNil():
		return driver.Fail(driver.ErrConflict, driver.NotApplied, nil)
	case end.err == nil && len(end.Reply.Items) != len(inner):
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, resp.ErrMalformed)
	case end.err == nil || !end.Replied:
		return end.err
	}
	for i := range inner {
		if inner[i].err != nil {
			return inner[i].err // the reason why the server refused EXEC
		}
	}
	return end.err
}

// transacted fills in the outcomes of commands between MULTI and EXEC. EXEC is the last
// command of the call.
func transacted(cmds []*driver.Cmd, c *Call) {
	replies := c.Commands[len(c.Commands)-1].Reply.Items
	for i, reply := range replies {
		row := cmds[i].Command()
		switch {
		case reply.Kind == driver.ReplyError:
			cmds[i].Reply, cmds[i].Err = driver.Reply{}, refusal(reply.Err, row.ReadOnly, ofProgram(row))
		case !answers(cmds[i], &reply):
			cmds[i].Reply, cmds[i].Err = driver.Reply{}, driver.Fail(driver.ErrUnavailable, failure.Outcome(!row.ReadOnly), resp.ErrMalformed)
		default:
			if row.ReadOnly {
				unwrittenItems(reply.Items)
			}
			cmds[i].Reply, cmds[i].Err = reply, nil
		}
	}
}

// answers reports whether an element of EXEC's reply has a kind that the command may have.
// Kinds that are not known are allowed.
func answers(cmd *driver.Cmd, reply *driver.Reply) bool {
	allowed := shape.Of(cmd.Name, cmd.Args)
	switch reply.Kind {
	case driver.ReplyNil:
		return allowed.Allows('_', "")
	case driver.ReplyInt:
		return allowed.Allows(':', "")
	case driver.ReplyFloat:
		return allowed.Allows(',', "")
	case driver.ReplyData:
		return allowed.Allows('$', "") || allowed.Allows('+', string(reply.Data))
	case driver.ReplyArray:
		return allowed.Allows('*', "")
	}
	return true
}
