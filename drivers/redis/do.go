package redis

import (
	"bytes"
	"context"
	"errors"
	"slices"

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
	known, err := dialect.Known("redis", cmds, how)
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
		var r request
		commands := encode(&r, cmds, borrowed(ctx), short)
		r.commands = pointers(commands)
		if err := s.run(ctx, &r); err != nil {
			return err
		}
		if short && errors.Is(commands[0].err, servererror.ErrNoScript) {
			continue
		}
		for i := range commands {
			cmds[i].Reply, cmds[i].Err = commands[i].reader.reply, commands[i].err
		}
		return nil
	}
}

// doAtomic runs commands of the set between MULTI and EXEC, all in one pipeline
// of plain commands. go-redis' own transactions leave replies unread when MULTI
// is refused, and lose count of EXEC's reply when a command in it fails.
func (s *Store) doAtomic(ctx context.Context, cmds []*driver.Cmd) error {
	if err := s.probeMulti(ctx); err != nil {
		transacted(cmds, nil, err)
		return err
	}
	r := request{atomic: true}
	var begin, end generalCommand
	begin.init(&r, multi, nil)
	end.init(&r, exec, nil)
	inner := pointers(encode(&r, cmds, borrowed(ctx), false))
	r.commands = slices.Concat([]*command{&begin.command}, inner, []*command{&end.command})
	err := s.run(ctx, &r)
	if begin.err != nil {
		s.multi.Store(false)
	}
	transacted(cmds, &end, err)
	return err
}

// transacted fills in the outcomes of commands that were run between MULTI and
// EXEC, or were not because of err.
func transacted(cmds []*driver.Cmd, exec *generalCommand, err error) {
	if err != nil {
		for i := range cmds {
			cmds[i].Err = err
		}
		return
	}
	for i, reply := range exec.reader.reply.Items {
		cmds[i].Reply, cmds[i].Err = reply, nil
		if !answers(cmds[i], &reply) {
			cmds[i].Reply, cmds[i].Err = driver.Reply{}, driver.Fail(driver.ErrUnavailable, driver.Unknown, errReply)
		}
		if reply.Kind == driver.ReplyError {
			cmds[i].Reply, cmds[i].Err = driver.Reply{}, unwritten(reply.Err, cmds[i].Command().ReadOnly)
		}
	}
}

// answers reports whether an element of EXEC's reply is of a kind that the command
// has, as far as that is known.
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

// encode returns cmds as commands of a request. What is borrowed is copied.
// known tells that the server knows the scripts, perhaps. Else the first command
// of each script brings it along, so that no script of the batch can be missing
// after those before it have been run.
func encode(r *request, cmds []*driver.Cmd, borrowed, known bool) []generalCommand {
	commands := make([]generalCommand, len(cmds))
	var sent []*script.Script
	for i, cmd := range cmds {
		if borrowed {
			cmd = clone(cmd)
		}
		c := &commands[i]
		c.readOnly = cmd.Command().ReadOnly
		s, isScript := script.Lookup(cmd.Name)
		if !isScript {
			c.init(r, nameOf(cmd), appendArgs(make([]any, 1, 1+len(cmd.Args)), cmd.Args)...)
			continue
		}
		name, source := eval, &s.Source
		if known || slices.Contains(sent, s) {
			name, source = evalsha, &s.SHA1
		} else {
			sent = append(sent, s)
		}
		args := append(make([]any, 0, 3+len(cmd.Args)), nil, source, script.Keys)
		c.init(r, name, appendArgs(args, cmd.Args)...)
		c.firstKey = 3
		c.wire.SetFirstKeyPos(c.firstKey)
	}
	return commands
}

// nameOf returns the name of a command as it is written. SET with GET answers with a
// value: in lower case, as its name is then, it is not taken for the other SET.
func nameOf(cmd *driver.Cmd) []byte {
	name := []byte(cmd.Name)
	if cmd.Name == "SET" && shape.Of(cmd.Name, cmd.Args) != shape.Of(cmd.Name, nil) {
		name = bytes.ToLower(name)
	}
	return name
}

func pointers(commands []generalCommand) []*command {
	list := make([]*command, len(commands))
	for i := range commands {
		list[i] = &commands[i].command
	}
	return list
}

func appendArgs(args []any, from []driver.Arg) []any {
	for i := range from {
		switch n, isInt := from[i].Integer(); {
		case from[i].Role == driver.RoleValue:
			args = append(args, (*bytesArg)(&from[i].Data))
		case isInt:
			args = append(args, &n)
		case from[i].Text != "":
			args = append(args, &from[i].Text)
		default:
			text := from[i].String()
			args = append(args, &text)
		}
	}
	return args
}

func clone(cmd *driver.Cmd) *driver.Cmd {
	c := driver.NewCmd(cmd.Name, slices.Clone(cmd.Args)...)
	for i := range c.Args {
		c.Args[i].Data = bytes.Clone(c.Args[i].Data)
	}
	return c
}
