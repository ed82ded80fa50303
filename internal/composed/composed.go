// Package composed runs commands by the methods and optional interfaces of a store.
// Stores without a Commander get a Commander from this package. Stores with a Commander
// use the package for single commands, because a method costs less.
package composed

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// A Commander runs commands by the methods of a store's interfaces. A command fails
// with errors.ErrUnsupported if the store lacks the interface. Every other command
// goes to the store's own Commander. All methods may be called concurrently.
type Commander struct {
	store driver.Store
	caps  driver.Caps
}

// New returns the Commander of a store.
func New(s driver.Store, caps driver.Caps) *Commander { return &Commander{s, caps} }

// DoOne runs one command, and sets its Reply or returns its error. one belongs to the
// caller, and must be clear. The caller must not reuse one after an error.
func (c *Commander) DoOne(ctx context.Context, cmd *driver.Cmd, one *One) error {
	if err := c.Can(cmd); err != nil {
		return err
	}
	if run := &runs[cmd.Command().Index()+1]; run.do != nil {
		return run.do(c, ctx, cmd, one)
	}
	return c.own(ctx, cmd, one)
}

// Can returns nil if DoOne can run a command, and otherwise its error.
func (c *Commander) Can(cmd *driver.Cmd) error {
	if run := &runs[cmd.Command().Index()+1]; run.do != nil {
		if run.can != nil && !run.can(&c.caps) {
			return unsupported(run.what)
		}
		return nil
	}
	if !c.runs(cmd) {
		return unsupported(cmd.Name + " command")
	}
	return nil
}

// runs reports whether the store's own Commander runs a command.
func (c *Commander) runs(cmd *driver.Cmd) bool {
	own := c.caps.Commander
	return own != nil && (own.Commands().Runs(cmd) || cmd.IsCustom())
}

// own runs a command by the store's own Commander.
func (c *Commander) own(ctx context.Context, cmd *driver.Cmd, one *One) error {
	one.cmds[0] = cmd
	if err := c.caps.Commander.Do(ctx, one.cmds[:], driver.Plain); err != nil {
		return err
	}
	return cmd.Err
}

// Do runs commands in order. Consecutive commands GET, or SET, are one call of the store.
// Each command has its own error. An Atomic batch is errors.ErrUnsupported.
func (c *Commander) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return fmt.Errorf("xcache: the driver has no transactions: %w", errors.ErrUnsupported)
	}
	one := new(One)
	for len(cmds) > 0 {
		n := c.doSame(ctx, cmds)
		if n == 0 {
			n, cmds[0].Err = 1, c.DoOne(ctx, cmds[0], one)
			if cmds[0].Err == nil {
				one.Clear()
			} else {
				one = new(One)
			}
		}
		cmds = cmds[n:]
	}
	return nil
}

// doSame runs the first commands that one call of the store can run, and returns their
// number.
func (c *Commander) doSame(ctx context.Context, cmds []*driver.Cmd) int {
	n := 0
	for n < len(cmds) && cmds[n].Name == cmds[0].Name {
		n++
	}
	switch {
	case n > 1 && cmds[0].Name == "GET":
		c.getAll(ctx, cmds[:n])
	case n > 1 && cmds[0].Name == "SET":
		c.setAll(ctx, cmds[:n])
	default:
		return 0
	}
	return n
}

func (c *Commander) getAll(ctx context.Context, cmds []*driver.Cmd) {
	keys, values := make([]string, len(cmds)), make([]driver.Value, len(cmds))
	for i, cmd := range cmds {
		keys[i] = cmd.Key()
	}
	err := c.store.Get(ctx, keys, values)
	for i, cmd := range cmds {
		if cmd.Err = err; err == nil {
			cmd.Reply, cmd.Err = valueReply(&values[i])
		}
	}
}

func (c *Commander) setAll(ctx context.Context, cmds []*driver.Cmd) {
	var entries []driver.Entry
	var sent []*driver.Cmd
	for _, cmd := range cmds {
		e, err := entryOf(cmd)
		if cmd.Err = err; err == nil {
			entries, sent = append(entries, e), append(sent, cmd)
		}
	}
	if len(sent) == 0 {
		return
	}
	err := c.store.Set(ctx, entries)
	for i, cmd := range sent {
		if cmd.Err = err; err == nil {
			cmd.Reply, cmd.Err = setReply(&entries[i])
		}
	}
}

// unsupported returns the error for a feature that the store lacks.
func unsupported(what string) error {
	return fmt.Errorf("xcache: the driver has no %s: %w", what, errors.ErrUnsupported)
}

// A One holds a single command as a batch. The zero value is ready to use. A pool of Ones
// must clear each One first.
type One struct {
	cmds    [1]*driver.Cmd
	keys    [1]string
	values  [1]driver.Value
	entries [1]driver.Entry
}

// Clear removes the references to the command's input and results.
func (o *One) Clear() { *o = One{} }
