package valkey

import (
	"context"
	"errors"
	"slices"
	"strconv"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/script"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet { return dialect.Commands() }

// Do implements driver.Commander. An Atomic batch in which the server refuses a
// command is not applied at all; every command then has an error, and so has
// the call.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	known, err := dialect.Known("valkey", cmds, how)
	if err != nil || len(known) == 0 {
		return err
	}
	return s.dialect.Do(ctx, verbatim{node{s}}, known, how)
}

// verbatim is the server as package dialect needs it: commands of the set, and
// scripts, go there as they are.
type verbatim struct{ node }

func (v verbatim) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return v.doAtomic(ctx, cmds)
	}
	return v.doPlain(ctx, cmds)
}

// doPlain runs commands of the set. A script on its own is asked for by its
// SHA-1 first, and sent in full if the server does not know it.
func (s *Store) doPlain(ctx context.Context, cmds []*driver.Cmd) error {
	alone := len(cmds) == 1
	for short := alone; ; short = false {
		r := &request{commands: encode(cmds, short)}
		if err := s.run(ctx, r); err != nil {
			return err
		}
		if short && errors.Is(r.commands[0].err, servererror.ErrNoScript) {
			continue
		}
		for i := range r.commands {
			r.commands[i].fill(cmds[i])
		}
		return nil
	}
}

// encode returns cmds as commands of a request. Values are copied. known tells
// that the server knows the scripts, perhaps. Else the first command of each
// script brings it along, so that no script of the batch can be missing after
// those before it have been run.
func encode(cmds []*driver.Cmd, known bool) []command {
	commands := make([]command, len(cmds))
	var sent []*script.Script
	for i, cmd := range cmds {
		c := &commands[i]
		c.readOnly, c.shape = cmd.Command().ReadOnly, shape.Of(cmd.Name, cmd.Args)
		args := cloned(cmd.Args)
		s, isScript := script.Lookup(cmd.Name)
		if !isScript {
			c.args = appendArgs(append(make([]string, 0, 1+len(args)), cmd.Name), args)
			continue
		}
		name, source := "EVAL", s.Source
		if known || slices.Contains(sent, s) {
			name, source = "EVALSHA", s.SHA1
		} else {
			sent = append(sent, s)
		}
		c.args = appendArgs(append(make([]string, 0, 3+len(args)), name, source, strconv.Itoa(script.Keys)), args)
	}
	return commands
}

// appendArgs appends arguments. Values are not copied.
func appendArgs(words []string, args []driver.Arg) []string {
	for i := range args {
		if args[i].Role == driver.RoleValue {
			words = append(words, valkeygo.BinaryString(args[i].Data))
		} else {
			words = append(words, args[i].String())
		}
	}
	return words
}

// cloned returns arguments with copies of their values.
func cloned(args []driver.Arg) []driver.Arg {
	args = slices.Clone(args)
	for i := range args {
		args[i].Data = slices.Clone(args[i].Data)
	}
	return args
}
