package exchange

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/dialect"
	"github.com/xcache-go/xcache/drivers/internal/script"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// Do implements driver.Commander. An Atomic batch in which the server refuses a
// command is not applied at all; every command then has an error, and so has the call.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	known, err := dialect.Known(s.options.Driver, cmds, how, s.options.Exclusive)
	if err != nil || len(known) == 0 {
		return err
	}
	return s.dialect.Do(ctx, verbatim{s}, known, how)
}

// DoAsking is Do behind ASKING, which counts for the next command or transaction on
// the connection. Nothing is sent again.
func (s *Store) DoAsking(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	return s.dialect.Do(ctx, behindAsking{verbatim{s}}, cmds, how)
}

// verbatim is the server as package dialect needs it: commands of the set, and
// scripts, go there as they are.
type verbatim struct{ *Store }

func (v verbatim) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return v.doAtomic(ctx, cmds, false)
	}
	return v.doPlain(ctx, cmds)
}

// behindAsking is the server as package dialect needs it, asked behind ASKING.
type behindAsking struct{ verbatim }

func (b behindAsking) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return b.doAtomic(ctx, cmds, true)
	}
	c := b.call()
	c.once = true
	c.Commands = make([]Command, 0, 2*len(cmds))
	for _, command := range b.encode(nil, cmds, false) {
		c.Commands = append(c.Commands, Command{Name: asking, Shape: shape.OK, Longest: minLongest}, command)
	}
	if err := b.run(ctx, c); err != nil {
		return err
	}
	for i := range cmds {
		c.Commands[2*i+1].fill(cmds[i])
	}
	b.release(c)
	return nil
}

// doPlain runs commands of the set. A script on its own is asked for by its SHA-1
// first, and sent in full if the server does not know it.
func (s *Store) doPlain(ctx context.Context, cmds []*driver.Cmd) error {
	alone := len(cmds) == 1
	for short := alone; ; short = false {
		c := s.call()
		c.Commands = s.encode(c.Commands[:0], cmds, short)
		if err := s.run(ctx, c); err != nil {
			return err
		}
		unknown := short && errors.Is(c.Commands[0].err, servererror.ErrNoScript)
		if !unknown {
			for i := range cmds {
				c.Commands[i].fill(cmds[i])
			}
		}
		s.release(c)
		if !unknown {
			return nil
		}
	}
}

// encode appends cmds as commands of a call. known tells that the server knows the
// scripts, perhaps. Else the first command of each script brings it along, so that no
// script of the batch can be missing after those before it have been run.
func (s *Store) encode(commands []Command, cmds []*driver.Cmd, known bool) []Command {
	commands = slices.Grow(commands, len(cmds))
	var sent []*script.Script
	for _, cmd := range cmds {
		command := Command{
			Name: cmd.Name, Args: cmd.Args, ReadOnly: cmd.Command().ReadOnly,
			Shape: shape.Of(cmd.Name, cmd.Args), Longest: s.longest(cmd.Name),
		}
		if source, isScript := script.Lookup(cmd.Name); isScript {
			if known || slices.Contains(sent, source) {
				command.Name, command.Head = "EVALSHA", []string{source.SHA1, scriptKeys}
			} else {
				command.Name, command.Head = "EVAL", []string{source.Source, scriptKeys}
				sent = append(sent, source)
			}
		}
		commands = append(commands, command)
	}
	return commands
}

var scriptKeys = strconv.Itoa(script.Keys)

const (
	// minLongest is the longest string that a reply may always have: ids, fields and
	// such are no values.
	minLongest = 4 << 10
	// maxNames is the longest key, and the longest text about a server.
	maxNames = 16 << 20
)

// longest returns the length of the longest string in the reply to a command.
func (s *Store) longest(name string) int64 {
	switch name {
	case "GET", "MGET":
		return int64(s.options.MaxValue)
	case "SCAN", "CLUSTER", "SENTINEL", "ROLE", "INFO", "RANDOMKEY":
		return max(int64(s.options.MaxValue), maxNames)
	case "DUMP": // which may be longer than any value
		return math.MaxInt64
	}
	return max(int64(s.options.MaxValue), minLongest)
}
