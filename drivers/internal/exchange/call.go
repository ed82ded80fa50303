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

// A Call is one or more commands that are sent together, in one round trip. It
// belongs to the goroutine that makes the call, and to the one that sends it where
// that is another one.
type Call struct {
	// Commands are what is to be sent. The wire fills in their replies.
	Commands []Command
	// Atomic tells that the first command is MULTI and the last one EXEC.
	Atomic bool

	// Context is the caller's, Deadline the end of the call, whoever has set it, and
	// Began the tick in which it began.
	Context  context.Context
	Deadline time.Time
	Began    *Tick

	// Err is why commands got no reply, and Sent whether any of them may have been
	// written, or may yet be. The wire fills in both.
	Err  error
	Sent bool

	// Memory is what the wire keeps with a call, for the next one that uses the same
	// memory. A wire that may use it after the call sets Spoilt.
	Memory any
	Spoilt bool

	given bool // the deadline, by the caller's context
	once  bool // nothing of it is sent again
	built bool // the arguments were made for this call, and are nobody else's

	state    atomic.Uint32
	finished chan struct{} // tells the caller, who waits for another goroutine
	args     []driver.Arg  // of commands that are built here
	one      [1]Command
	batch    []Command
	copies   []driver.Arg // of what was borrowed
	buffer   []byte       // what they hold
}

// A Command is one command of a call.
type Command struct {
	// Name is the command's, in upper case. Head is what stands between it and the
	// arguments: a script, or its name, and the number of its keys.
	Name string
	Head []string
	Args []driver.Arg
	// ReadOnly tells that it changes nothing, OfProgram that it runs a script of the
	// program, whose errors are its own.
	ReadOnly  bool
	OfProgram bool
	// Shape is the kinds of reply that it may have, and Longest the length of the
	// longest string of the reply.
	Shape   shape.Shape
	Longest int64

	// Reply is what the server answered; an error is a Reply of that kind. Replied
	// tells whether it did.
	Reply   driver.Reply
	Replied bool

	err error // what became of it
}

// Words returns how many words the command has.
func (c *Command) Words() int { return 1 + len(c.Head) + len(c.Args) }

// ReadOnly reports whether none of the commands changes anything.
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

// Done returns two channels of which one is closed when the call has ended. Either may
// be nil.
func (c *Call) Done() (context, timeout <-chan struct{}) {
	if c.given {
		return c.Context.Done(), nil
	}
	return c.Context.Done(), c.Began.done
}

// Ended reports whether the caller waits no longer: the context has ended, or the
// time of the call is up.
func (c *Call) Ended(now time.Time) bool {
	return !now.Before(c.Deadline) || c.Context.Done() != nil && c.Context.Err() != nil
}

// reset makes the call ready to be sent, for the first time or again.
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

// succeeded reports whether each command got a reply that is no error. Then each has
// its outcome.
func (c *Call) succeeded() bool {
	for i := range c.Commands {
		if command := &c.Commands[i]; !command.Replied || command.Reply.Kind == driver.ReplyError {
			return false
		}
	}
	return !c.Atomic
}

// settle gives each command its outcome.
func (s *Store) settle(c *Call) {
	for i := range c.Commands {
		command := &c.Commands[i]
		switch {
		case !command.Replied:
			command.err = s.failure(c, c.Sent && !(command.ReadOnly && isRefused(c.Err)))
		case command.Reply.Kind == driver.ReplyError:
			command.err = refusal(command.Reply.Err, command.ReadOnly, command.OfProgram)
		}
	}
	c.settleAsking()
}

// settleAsking gives commands the error of an ASKING that the user may not send. The
// redirects in their own replies lead back to the server that has sent them here.
func (c *Call) settleAsking() {
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

// again returns the first command that is to be sent again, with all that follow it;
// the number of commands if there is none.
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

// reason returns why the call is sent again, from a command on.
func (c *Call) reason(again int) error {
	if c.Atomic {
		return c.atomicError()
	}
	return c.Commands[again].err
}

// outcome returns the error of the whole call, or nil if at least one command got a
// reply. Commands that failed while the caller's context ended say so.
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

// fill gives a driver.Cmd the outcome of a command.
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

// readsNumbers reports whether a command may read a number of what is stored.
func readsNumbers(row *driver.Command) bool {
	switch row.Group {
	case driver.GroupLists, driver.GroupSets, driver.GroupSortedSets, driver.GroupStreams, driver.GroupKeys:
		return false
	}
	return true
}

// refusal returns what an error reply means to a command, or what stands in the place of a
// reply that was too long.
func refusal(err error, readOnly, ofProgram bool) error {
	if ofProgram && !(errors.Is(err, driver.ErrTooLarge) && errors.Is(err, driver.ErrUnknownOutcome)) {
		return servererror.OfScript(err, readOnly)
	}
	return unwritten(err, readOnly)
}

// unwritten returns err, or, if it is that of a value that a command would only have
// read, the same as a failure that changed nothing.
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
