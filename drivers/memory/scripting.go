package memory

import (
	"context"
	"crypto/sha1" //nolint:gosec // the name of a script in EVALSHA
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// An Interpreter runs the scripts of one language. All methods may be called concurrently.
type Interpreter interface {
	// Compile returns a script that can run any number of times, and concurrently. The
	// error of a script that does not compile is an error of package driver.
	Compile(source string) (Script, error)
}

// A Script is the result of Compile.
type Script interface {
	// Run runs the script. An error that matches driver.ErrUnknownOutcome is the script's
	// own, and its writes stay, as in Redis. Any other error means that a bound was
	// exceeded or that the context has ended, and the writes are undone.
	Run(ctx context.Context, call *ScriptCall) (driver.Reply, error)
}

// A ScriptCall has the arguments and the store of a run of a script.
type ScriptCall struct {
	// Keys and Args are KEYS and ARGV.
	Keys, Args []string
	// Do runs a command of the store for the script, in the same atomic step.
	Do func(name string, args []string) (driver.Reply, error)
}

// interpreter is the registered language.
var interpreter atomic.Pointer[Interpreter]

// RegisterScripting gives all stores of this package a language for EVAL and its
// variants. The init function of a package such as drivers/memory/lua calls
// RegisterScripting, and a program imports that package. So this package imports no
// language. The last call counts. An open store keeps the set of commands from its
// opening.
func RegisterScripting(language Interpreter) { interpreter.Store(&language) }

// scriptingAdvice is the advice for a program without a language.
const scriptingAdvice = `scripts need import _ "github.com/xcache-go/xcache/drivers/memory/lua"`

var scriptCommands = map[string]command{
	"EVAL":       {run: eval, min: 2, max: arguments.Unlimited, whole: true},
	"EVAL_RO":    {run: eval, min: 2, max: arguments.Unlimited, whole: true},
	"EVALSHA":    {run: evalSHA, min: 2, max: arguments.Unlimited, whole: true},
	"EVALSHA_RO": {run: evalSHA, min: 2, max: arguments.Unlimited, whole: true},
}

// A scriptCache keeps compiled scripts.
type scriptCache struct {
	mu       sync.Mutex
	bySource map[string]Script
	bySHA    map[string]Script
	bytes    int
}

// maxScriptBytes bounds the sum of the lengths of the kept sources.
const maxScriptBytes = 1 << 20

// compiled returns the script of a source.
func (s *scriptCache) compiled(source string) (Script, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if script, ok := s.bySource[source]; ok {
		return script, nil
	}
	script, err := (*interpreter.Load()).Compile(source)
	if err != nil {
		return nil, err
	}
	if s.bytes+len(source) > maxScriptBytes || s.bySource == nil {
		s.bySource, s.bySHA, s.bytes = make(map[string]Script), make(map[string]Script), 0
	}
	source = strings.Clone(source)
	sum := sha1.Sum([]byte(source)) //nolint:gosec // see above
	s.bySource[source] = script
	s.bySHA[hex.EncodeToString(sum[:])] = script
	s.bytes += len(source)
	return script, nil
}

// known returns a script that was compiled before, or nil.
func (s *scriptCache) known(sum string) Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bySHA[strings.ToLower(sum)]
}

// eval takes source, number of keys, key…, argument….
func eval(c *call) (driver.Reply, error) {
	script, err := c.db.scripts.compiled(c.Text(0))
	if err != nil {
		return driver.Reply{}, err
	}
	return c.runScript(script)
}

func evalSHA(c *call) (driver.Reply, error) {
	script := c.db.scripts.known(c.Text(0))
	if script == nil {
		return driver.Reply{}, driver.Fail(driver.ErrScript, driver.NotApplied, &driver.ScriptError{Text: "NOSCRIPT No matching script"})
	}
	return c.runScript(script)
}

// runScript runs a script in the transaction of the call, and undoes its writes after an
// exceeded bound.
func (c *call) runScript(script Script) (driver.Reply, error) {
	n, err := c.Int(1)
	switch {
	case err != nil:
		return driver.Reply{}, err
	case n < 0 || n > int64(c.Count()-2):
		return driver.Reply{}, c.Fail("the number of keys must be from 0 to the number of arguments behind it")
	}
	keys, err := c.Keys(2, 2+int(n))
	if err != nil {
		return driver.Reply{}, err
	}
	args := make([]string, 0, c.Count()-2-int(n))
	for i := 2 + int(n); i < c.Count(); i++ {
		args = append(args, c.Text(i))
	}
	undo := undoLog{transaction: &c.transaction}
	readOnly := c.Cmd.Command().ReadOnly
	reply, err := script.Run(c.ctx, &ScriptCall{Keys: keys, Args: args, Do: func(name string, args []string) (driver.Reply, error) {
		return c.doForScript(&undo, name, args, readOnly)
	}})
	unknown := errors.Is(err, driver.ErrUnknownOutcome)
	if err != nil && !unknown {
		undo.restore()
		return reply, err
	}
	for _, p := range undo.published {
		c.db.broker.publish(p)
	}
	if unknown && readOnly {
		err = notApplied(err)
	}
	return reply, err
}

// notApplied returns the error of a script that has only read.
func notApplied(err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	unchanged := *e
	unchanged.Outcome = driver.NotApplied
	return &unchanged
}

// doForScript runs a command for a script. All shards are locked, and all arguments are
// marked as keys: the command itself knows which arguments are keys.
func (c *call) doForScript(undo *undoLog, name string, args []string, readOnly bool) (driver.Reply, error) {
	cmd := driver.NewCmd(strings.ToUpper(name))
	command, ok := commands[cmd.Name]
	row := cmd.Command()
	switch {
	case !ok || row.Extension:
		return driver.Reply{}, fmt.Errorf("xcache: the memory driver has no command %q for scripts: %w", cmd.Name, errors.ErrUnsupported)
	case readOnly && !row.ReadOnly:
		return driver.Reply{}, driver.Fail(driver.ErrScript, driver.NotApplied, &driver.ScriptError{Text: "ERR Write commands are not allowed from read-only scripts."})
	}
	cmd.Args = make([]driver.Arg, len(args))
	for i, arg := range args {
		cmd.Args[i] = driver.Key(arg)
	}
	inner := call{transaction: c.transaction, List: arguments.List{Cmd: cmd}, ctx: c.ctx, undo: undo}
	if err := inner.Check(command.min, command.max); err != nil {
		return driver.Reply{}, err
	}
	if !row.ReadOnly {
		undo.save(row, args)
	}
	return command.run(&inner)
}

// An undoLog has the values from before the writes of a script, and the steps that cannot
// be undone and so are delayed until the script has ended.
type undoLog struct {
	*transaction
	before    map[string]*entry // nil for a key that was missing
	shards    []shard           // from before everything was removed
	published []publication
}

// save keeps the values of the keys of a command.
func (u *undoLog) save(row *driver.Command, args []string) {
	if u.shards != nil {
		return
	}
	switch row.Keys {
	case driver.NoKey: // FLUSHDB
		u.shards = make([]shard, len(u.db.shards))
		for i := range u.db.shards {
			from, to := &u.db.shards[i], &u.shards[i]
			to.index, to.slab, to.queue, to.entries, to.bytes = from.index, from.slab, from.queue, from.entries, from.bytes
		}
		return
	case driver.OneKey:
		args = args[:1]
	case driver.TwoKeys:
		args = args[:2]
	case driver.ManyKeys: // any argument may be a key
	}
	if u.before == nil {
		u.before = make(map[string]*entry)
	}
	for _, key := range args {
		if _, ok := u.before[key]; ok {
			continue
		}
		key = strings.Clone(key)
		u.before[key] = nil
		if e := u.peek(key); e != nil {
			kept := entry{data: e.data, deadline: e.deadline}
			if e.object != nil {
				kept.object = e.object.clone()
			}
			u.before[key] = &kept
		}
	}
}

// restore undoes the writes.
func (u *undoLog) restore() {
	for i := range u.shards {
		from, to := &u.shards[i], &u.db.shards[i]
		to.clear()
		to.index, to.slab, to.queue, to.entries, to.bytes = from.index, from.slab, from.queue, from.entries, from.bytes
		to.grownEntries += from.entries
		to.grownBytes += from.bytes
	}
	for key, kept := range u.before {
		if kept != nil {
			u.put(key, kept.data, kept.object, kept.deadline)
		} else if e := u.peek(key); e != nil {
			u.remove(e)
		}
	}
}
