package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A command is how the store runs a command of the table in package driver.
type command struct {
	run func(*call) (driver.Reply, error)
	// waits reads what the command waits for, if it is one that waits.
	waits func(arguments.List) (wait, error)
	// min and max are how many arguments it takes; max may be arguments.Unlimited.
	min, max int
	// whole tells that it needs the whole database, not just its keys.
	whole bool
}

// commands is every command there is. A data structure is one file: its object,
// its commands and how each is run; here it has one word.
var commands = collect(connectionCommands, keyCommands, stringCommands, listCommands, hashCommands, fieldTTLCommands, setCommands, sortedSetCommands, streamCommands, pubSubCommands, lockCommands, semaphoreCommands, rateLimitCommands, onceCommands)

var (
	commandSet    = driver.NewCommandSet(slices.Collect(maps.Keys(commands))...).Advise(driver.GroupScripts, scriptingAdvice)
	withScripting = driver.NewCommandSet(slices.Collect(maps.Keys(collect(commands, scriptCommands)))...)
)

func collect(groups ...map[string]command) map[string]command {
	all := make(map[string]command)
	for _, group := range groups {
		maps.Copy(all, group)
	}
	return all
}

// Commands implements driver.Commander.
func (s *Store) Commands() driver.CommandSet {
	if s.scripting {
		return withScripting
	}
	return commandSet
}

// Do implements driver.Commander. Results and failures are those of Redis. A command that
// waits (driver.Cmd.Waits) holds up those behind it in a Plain batch, and nobody else. An
// Atomic batch runs with nothing in between; if a command in it is unknown or
// has the wrong number of arguments, none runs, but, as in Redis, a command
// that fails when it is run does not undo the others; too many arguments of a
// command that has optional ones are such a failure.
func (s *Store) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	db, err := s.begin(ctx)
	if err != nil {
		return err
	}
	if how == driver.Atomic {
		return s.doAtomic(ctx, db, cmds, nil)
	}
	var c call
	for i, cmd := range cmds {
		if due(i) && ctx.Err() != nil {
			return ended(ctx, driver.Unknown)
		}
		command, err := s.lookupCommand(cmd)
		if err != nil {
			cmd.Err = err
			continue
		}
		if command.waits != nil && cmd.Waits() {
			if cmd.Reply, cmd.Err = s.wait(ctx, db, cmd, command.waits); ctx.Err() != nil && errors.Is(cmd.Err, ctx.Err()) {
				return endedAt(ctx, i)
			}
			continue
		}
		c = call{transaction: db.begin(db.shardsOfCommand(command, cmd)), List: arguments.List{Cmd: cmd}, ctx: ctx}
		cmd.Reply, cmd.Err = command.run(&c)
		c.end()
	}
	return nil
}

// endedAt returns the error of a batch whose context has ended while command i waited.
func endedAt(ctx context.Context, i int) error {
	if i == 0 {
		return ended(ctx, driver.NotApplied)
	}
	return ended(ctx, driver.Unknown)
}

// doAtomic runs commands with nothing in between. w is the optimistic transaction of which
// that is the end, or nil; w.mu is locked.
func (s *Store) doAtomic(ctx context.Context, db *database, cmds []*driver.Cmd, w *watcher) error {
	var shards shardSet
	run := make([]command, len(cmds))
	for i, cmd := range cmds {
		var err error
		if run[i], err = s.lookupCommand(cmd); err != nil {
			if !(arguments.List{Cmd: cmd}).Queues(run[i].min, run[i].max) {
				return err
			}
			run[i] = command{run: func(*call) (driver.Reply, error) { return driver.Reply{}, err }}
		}
		shards |= db.shardsOfCommand(run[i], cmd)
	}
	if w != nil {
		shards |= w.shards
	}
	c := call{transaction: db.begin(shards), ctx: ctx}
	defer c.end()
	if w != nil {
		if err := w.commit(&c.transaction); err != nil {
			return err
		}
	}
	for i := range cmds {
		c.Cmd = cmds[i]
		c.Cmd.Reply, c.Cmd.Err = run[i].run(&c)
	}
	return nil
}

// lookupCommand returns how to run a command, or why it cannot be run, whatever
// the database holds.
func (s *Store) lookupCommand(cmd *driver.Cmd) (command, error) {
	c, ok := commands[cmd.Name]
	if !ok && s.scripting {
		c, ok = scriptCommands[cmd.Name]
	}
	if _, isScript := scriptCommands[cmd.Name]; isScript && !ok {
		return c, fmt.Errorf("xcache: %s of the memory driver: %s: %w", cmd.Name, scriptingAdvice, errors.ErrUnsupported)
	}
	if !ok {
		return c, fmt.Errorf("xcache: the memory driver has no command %q: %w", cmd.Name, errors.ErrUnsupported)
	}
	// The locks are those of the arguments marked as keys, so what a command
	// takes for a key must be marked as one.
	return c, arguments.List{Cmd: cmd}.Check(c.min, c.max)
}

// shardsOfCommand returns the shards of the keys of a command.
func (db *database) shardsOfCommand(c command, cmd *driver.Cmd) (set shardSet) {
	if c.whole {
		return db.all()
	}
	for i := range cmd.Args {
		if cmd.Args[i].Role == driver.RoleKey {
			set |= db.shardsOf(cmd.Args[i].Text)
		}
	}
	return set
}
