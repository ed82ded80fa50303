package exchange

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/retry"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// A Call is one or more commands that are sent together, in one round trip. A call
// belongs to the goroutine of its caller, and to the goroutine that sends the commands,
// if that is another goroutine.
type Call struct {
	// Commands are the commands to send. The wire fills in their replies.
	Commands []Command
	// Atomic tells that the first command is MULTI and the last command is EXEC.
	Atomic bool

	// Context is the context of the caller. Deadline is the end of the call, by the context
	// or by the store's time-out. Began is the tick at which the call began.
	Context  context.Context
	Deadline time.Time
	Began    *Tick

	// Err is the reason why commands got no reply. Sent tells whether any command may have
	// been written, or may still be. The wire fills in both.
	Err  error
	Sent bool

	// Memory belongs to the wire. The wire uses the memory again for the next call with the
	// same Call. A wire that may use the memory after the call sets Retained: the Call is
	// not used again.
	Memory   any
	Retained bool

	given bool // the deadline comes from the caller's context
	once  bool // no command is sent again
	built bool // the arguments were made for this call, and belong to the call

	state    atomic.Uint32
	finished chan struct{} // has an element when the sending goroutine has finished
	args     []driver.Arg  // arguments of commands that are built here
	one      [1]Command
	batch    []Command
	copies   []driver.Arg // arguments that were borrowed
	buffer   []byte       // the bytes of the copied arguments
	names    []byte       // the names of leases
}

// A Command is one command of a call.
type Command struct {
	// Name is the name of the command, in upper case. Head stands between the name and the
	// arguments: a script or its SHA-1, and the number of its keys.
	Name string
	Head []string
	Args []driver.Arg
	// ReadOnly tells that the command changes nothing. OfProgram tells that the command
	// runs a script of the program: errors of the script are the program's.
	ReadOnly  bool
	OfProgram bool
	// Shape tells the kinds of reply that the command may have. Longest is the length of
	// the longest string in the reply.
	Shape   shape.Shape
	Longest int64

	// Reply is the answer of the server. An error reply has the kind ReplyError. Replied
	// tells whether the server has answered.
	Reply   driver.Reply
	Replied bool

	err error // the outcome of the command
}

// Words returns the number of words of the command.
func (c *Command) Words() int { return 1 + len(c.Head) + len(c.Args) }

// ReadOnly reports whether all commands of the call change nothing. MULTI and EXEC do not
// count.
func (c *Call) ReadOnly() bool {
	for i := range c.Commands {
		if command := &c.Commands[i]; !command.ReadOnly && command.Name != multi && command.Name != exec {
			return false
		}
	}
	return true
}

// Given reports whether the caller's context has a deadline.
func (c *Call) Given() bool { return c.given }

// Done returns two channels. When the call has ended, one channel is closed. Either
// channel may be nil.
func (c *Call) Done() (context, timeout <-chan struct{}) {
	if c.given {
		return c.Context.Done(), nil
	}
	return c.Context.Done(), c.Began.done
}

// Ended reports whether the caller has left: the context has ended, or the deadline has
// passed.
func (c *Call) Ended(now time.Time) bool {
	return !now.Before(c.Deadline) || c.Context.Done() != nil && c.Context.Err() != nil
}

// reset prepares the call for an attempt.
func (c *Call) reset() {
	c.Err, c.Sent = nil, false
	if c.finished != nil {
		c.state.Store(waiting)
	}
	for i := range c.Commands {
		command := &c.Commands[i]
		command.Reply, command.Replied, command.err = driver.Reply{}, false, nil
	}
}

// succeeded reports whether each command got a reply that is no error. The outcomes of the
// commands are complete then.
func (c *Call) succeeded() bool {
	for i := range c.Commands {
		if command := &c.Commands[i]; !command.Replied || command.Reply.Kind == driver.ReplyError {
			return false
		}
	}
	return !c.Atomic
}

// setErrors sets the error of each command without a reply, or with an error reply.
func (s *Store) setErrors(c *Call) {
	for i := range c.Commands {
		command := &c.Commands[i]
		switch {
		case !command.Replied:
			command.err = s.failure(c, c.Sent && !(command.ReadOnly && isRefused(c.Err)))
		case command.Reply.Kind == driver.ReplyError:
			command.err = refusal(command.Reply.Err, command.ReadOnly, command.OfProgram)
		}
	}
	c.setAskingErrors()
}

// setAskingErrors gives a command the error of a refused ASKING in front of it. The redirect
// in the command's own reply would lead back to the server that has sent the command here.
func (c *Call) setAskingErrors() {
	var refused error
	for i := range c.Commands {
		command := &c.Commands[i]
		if command.Name == asking {
			refused = nil
			if command.Replied && errors.Is(command.err, driver.ErrAuth) {
				refused = command.err
			}
		} else if _, redirected := errors.AsType[*servererror.RedirectError](command.err); redirected && refused != nil {
			command.err = refused
		}
	}
}

// again returns the index of the first command to send again, together with all commands
// behind it. The number of commands means none.
func (c *Call) again() int {
	n := len(c.Commands)
	switch {
	case c.once:
		return n
	case !c.Atomic:
		return retry.From(n, func(i int) bool { return retry.Allowed(c.Commands[i].err, c.Commands[i].ReadOnly) })
	case retry.Allowed(c.atomicError(), c.ReadOnly()):
		return 0
	}
	return n
}

// reason returns the error for which the call is sent again from the command at an index.
func (c *Call) reason(again int) error {
	if c.Atomic {
		return c.atomicError()
	}
	return c.Commands[again].err
}

// outcome returns the error of the whole call, or nil if at least one command got a reply.
// Commands that failed while the caller's context ended get the error of the context.
func (c *Call) outcome() error {
	if c.Atomic {
		return failure.InContext(c.Context, c.atomicError())
	}
	replied := false
	for i := range c.Commands {
		command := &c.Commands[i]
		command.err = failure.InContext(c.Context, command.err)
		replied = replied || command.Replied
	}
	if !replied {
		return c.Commands[0].err
	}
	return nil
}

// fill gives a driver.Cmd the reply or the error of a command.
func (c *Command) fill(cmd *driver.Cmd) {
	cmd.Reply, cmd.Err = driver.Reply{}, c.err
	switch {
	case c.err != nil && !readsNumbers(cmd.Command()):
		cmd.Err = servererror.OfArguments(c.err)
	case c.err == nil:
		if c.ReadOnly {
			unwrittenItems(c.Reply.Items)
		}
		cmd.Reply = c.Reply
	}
}

// readsNumbers reports whether a command may read a stored number.
func readsNumbers(row *driver.Command) bool {
	switch row.Group {
	case driver.GroupLists, driver.GroupSets, driver.GroupSortedSets, driver.GroupStreams, driver.GroupKeys:
		return false
	}
	return true
}

// refusal returns the error of a command with an error reply. A reply with a value beyond
// the limit is such a reply, too: the wire has put an error in its place.
func refusal(err error, readOnly, ofProgram bool) error {
	if ofProgram && !(errors.Is(err, driver.ErrTooLarge) && errors.Is(err, driver.ErrUnknownOutcome)) {
		return servererror.OfScript(err, readOnly)
	}
	return unwritten(err, readOnly)
}

// unwritten returns err. If the command only reads, the error of a value that is too
// long says that nothing was changed.
func unwritten(err error, readOnly bool) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !readOnly || !ok || e.Outcome == driver.NotApplied || !errors.Is(e, driver.ErrTooLarge) {
		return err
	}
	same := *e
	same.Outcome = driver.NotApplied
	return &same
}

func unwrittenItems(items []driver.Reply) {
	for i := range items {
		if items[i].Kind == driver.ReplyError {
			items[i].Err = unwritten(items[i].Err, true)
		}
		unwrittenItems(items[i].Items)
	}
}
