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

// A command has the implementation of a command in the table of package driver.
type command struct {
	run func(*call) (driver.Reply, error)
	// waits reads the keys and the time-out of a command that waits. For other commands
	// waits is nil.
	waits func(arguments.List) (wait, error)
	// min and max bound the number of arguments; max may be arguments.Unlimited.
	min, max int
	// whole means that the command locks the whole database, and not only its keys.
	whole bool
}

// commands has all commands. The file of a data structure has the object, the
// commands and their implementations; only the name of its table is here.
var commands = collect(connectionCommands, keyCommands, stringCommands, listCommands, hashCommands, fieldTTLCommands, setCommands, sortedSetCommands, streamCommands, pubSubCommands, lockCommands, semaphoreCommands, rateLimitCommands, onceCommands, leaseCommands, tagCommands)

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

// Do implements driver.Commander. Results and errors are as in Redis. In a Plain batch, a
// command that waits (driver.Cmd.Waits) delays the commands behind it, and no other call.
// An Atomic batch runs in one step. If a command in an Atomic batch is unknown or has too
// few or too many arguments, no command runs. A command that fails during its run does
// not undo the other commands, as in Redis. Too many optional arguments are such a
// failure.
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

// doAtomic runs commands in one step. w is the optimistic transaction that these commands
// end, or nil. The caller holds w.mu.
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

// lookupCommand returns the implementation of a command, or the error of a command that
// cannot run on any data.
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
	// The call locks the arguments that are marked as keys. So every key of the command
	// must be marked.
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
