package composed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A run is the implementation of a command on a store.
type run struct {
	do func(*Commander, context.Context, *driver.Cmd, *One) error
	// can reports whether a store supports the command. nil: every store does.
	can func(*driver.Caps) bool
	// what names the feature that an unsupported command needs.
	what string
}

// runs has the run of each command of the table. The index is the row of the command plus
// 1.
var runs = func() []run {
	var (
		every   = func(*driver.Caps) bool { return true }
		expirer = func(c *driver.Caps) bool { return c.Expirer != nil }
		counter = func(c *driver.Caps) bool { return c.Counter != nil }
		swapper = func(c *driver.Caps) bool { return c.Swapper != nil }
		mover   = func(c *driver.Caps) bool { return c.Mover != nil }
	)
	table := map[string]run{
		"GET":    {(*Commander).get, every, ""},
		"MGET":   {(*Commander).mget, every, ""},
		"SET":    {(*Commander).set, every, ""},
		"DEL":    {(*Commander).del, every, ""},
		"UNLINK": {(*Commander).del, every, ""},
		"EXISTS": {(*Commander).exists, every, ""},

		"GETDEL": {(*Commander).getDel, runsOr("GETDEL", swapper), "atomic swap"},
		"GETEX":  {(*Commander).getEx, runsOr("GETEX", expirer), noExpiry},

		"PTTL":            {(*Commander).pttl, expirer, "TTL query"},
		"PEXPIRE":         {(*Commander).pexpire, expirer, noExpiry},
		driver.CmdPersist: {(*Commander).persist, expirer, noExpiry},

		driver.CmdIncr:     {(*Commander).incr, counter, "atomic counter"},
		driver.CmdIncrInit: {(*Commander).incrInit, counter, "atomic counter"},

		driver.CmdSwap:             {(*Commander).swap, swapper, "atomic swap"},
		driver.CmdCompareAndSwap:   {(*Commander).compareAndSwap, swapper, "compare-and-swap"},
		driver.CmdCompareAndDelete: {(*Commander).compareAndDelete, swapper, "compare-and-delete"},

		"RENAME":   {(*Commander).rename, mover, "rename"},
		"RENAMENX": {(*Commander).renameNX, mover, "rename"},
		"PING":     {(*Commander).ping, func(c *driver.Caps) bool { return c.Pinger != nil }, "ping"},
	}
	list := make([]run, len(driver.Commands())+1) // the first is for commands that the table lacks
	for name, run := range table {
		row, ok := driver.LookupCommand(name)
		if !ok {
			panic("xcache: no command " + name)
		}
		list[row.Index()+1] = run
	}
	return list
}()

// runsOr returns a function that reports whether a store's own Commander runs a command,
// or can is true.
func runsOr(name string, can func(*driver.Caps) bool) func(*driver.Caps) bool {
	return func(c *driver.Caps) bool {
		return c.Commander != nil && c.Commander.Commands().Has(name) || can(c)
	}
}

// noExpiry names the feature of a store with Expirer.
const noExpiry = "way to change the TTL of a key"

var okReply = driver.DataReply([]byte("OK"))

func flag(b bool) driver.Reply {
	if b {
		return driver.IntReply(1)
	}
	return driver.IntReply(0)
}

func (c *Commander) get(ctx context.Context, cmd *driver.Cmd, one *One) (err error) {
	one.keys[0] = cmd.Key()
	if err := c.store.Get(ctx, one.keys[:], one.values[:]); err != nil {
		return err
	}
	cmd.Reply, err = valueReply(&one.values[0])
	return err
}

// valueReply returns the reply of GET: nil for a missing key.
func valueReply(v *driver.Value) (driver.Reply, error) {
	switch {
	case v.Err == nil:
		return driver.DataReply(v.Data), nil
	case errors.Is(v.Err, driver.ErrNotFound):
		return driver.Reply{}, nil
	}
	return driver.Reply{}, v.Err
}

// mget replies as MGET: a key of another type counts as missing. Any other error of a key
// fails the command.
func (c *Commander) mget(ctx context.Context, cmd *driver.Cmd, one *One) error {
	keys := keysOf(cmd)
	values, items := make([]driver.Value, len(keys)), make([]driver.Reply, len(keys))
	if err := c.store.Get(ctx, keys, values); err != nil {
		return err
	}
	for i := range values {
		var err error
		if items[i], err = valueReply(&values[i]); err != nil && !errors.Is(err, driver.ErrWrongType) {
			return err
		}
	}
	cmd.Reply = driver.ArrayReply(items...)
	return nil
}

func (c *Commander) set(ctx context.Context, cmd *driver.Cmd, one *One) (err error) {
	if one.entries[0], err = entryOf(cmd); err != nil {
		return err
	}
	if err := c.store.Set(ctx, one.entries[:]); err != nil {
		return err
	}
	cmd.Reply, err = setReply(&one.entries[0])
	return err
}

// entryOf returns the entry of a SET that driver.SetCommand made.
func entryOf(cmd *driver.Cmd) (driver.Entry, error) {
	if len(cmd.Args) < 2 {
		return driver.Entry{}, badSyntax(cmd)
	}
	value := &cmd.Args[1]
	e := driver.Entry{Key: cmd.Key(), Value: value.Data, TTL: driver.NoExpiry}
	if value.Role != driver.RoleValue {
		e.Value = value.Append(nil)
	}
	for i := 2; i < len(cmd.Args); i++ {
		switch cmd.Args[i].Text {
		case "NX":
			e.Cond = driver.IfAbsent
		case "XX":
			e.Cond = driver.IfPresent
		case "KEEPTTL":
			e.TTL = driver.KeepTTL
		case "PX":
			i++
			if i == len(cmd.Args) {
				return e, badSyntax(cmd)
			}
			ttl, err := timeOf(&cmd.Args[i])
			if err != nil || ttl <= 0 {
				return e, badSyntax(cmd)
			}
			e.TTL = ttl
		default:
			return e, badSyntax(cmd)
		}
	}
	return e, nil
}

// getDel swaps the value for an expired one, unless the store has the command.
func (c *Commander) getDel(ctx context.Context, cmd *driver.Cmd, one *One) (err error) {
	if c.runs(cmd) {
		return c.own(ctx, cmd, one)
	}
	if len(cmd.Args) != 1 {
		return badSyntax(cmd)
	}
	one.entries[0] = driver.Entry{Key: cmd.Key(), TTL: -1}
	if err := c.caps.Swapper.Swap(ctx, &one.entries[0], &one.values[0]); err != nil {
		return err
	}
	cmd.Reply, err = valueReply(&one.values[0])
	return err
}

// getEx takes two steps, unless the store has the command. A value that another caller
// stores in between gets the TTL, too.
func (c *Commander) getEx(ctx context.Context, cmd *driver.Cmd, one *One) error {
	if c.runs(cmd) {
		return c.own(ctx, cmd, one)
	}
	ttl := driver.NoExpiry
	switch {
	case len(cmd.Args) == 1:
		return c.get(ctx, cmd, one)
	case len(cmd.Args) == 2 && cmd.Args[1].Text == "PERSIST":
	case len(cmd.Args) == 3 && cmd.Args[1].Text == "PX":
		var err error
		if ttl, err = timeOf(&cmd.Args[2]); err != nil {
			return err
		}
		if driver.Expired(ttl) {
			return badSyntax(cmd)
		}
	default:
		return badSyntax(cmd)
	}
	if err := c.get(ctx, cmd, one); err != nil || cmd.Reply.IsNil() {
		return err
	}
	one.entries[0] = driver.Entry{Key: cmd.Key(), TTL: ttl}
	if err := c.caps.Expirer.Expire(ctx, one.entries[:]); err != nil {
		return err
	}
	if err := one.entries[0].Err; err != nil && !errors.Is(err, driver.ErrNotFound) {
		return err
	}
	return nil
}

// setReply returns the reply of SET: nil if the condition did not hold.
func setReply(e *driver.Entry) (driver.Reply, error) {
	switch {
	case e.Err == nil:
		return okReply, nil
	case errors.Is(e.Err, driver.ErrNotStored):
		return driver.Reply{}, nil
	}
	return driver.Reply{}, e.Err
}

func (c *Commander) del(ctx context.Context, cmd *driver.Cmd, one *One) error {
	keys := one.keys[:]
	if len(cmd.Args) == 1 {
		keys[0] = cmd.Args[0].Text
	} else {
		keys = keysOf(cmd)
	}
	removed, err := c.store.Delete(ctx, keys)
	cmd.Reply = driver.IntReply(int64(removed))
	return err
}

// exists checks one key after the other.
func (c *Commander) exists(ctx context.Context, cmd *driver.Cmd, one *One) error {
	var found int64
	for i := range cmd.Args {
		err := c.lookup(ctx, cmd.Args[i].Text, one)
		switch {
		case err == nil:
			found++
		case !errors.Is(err, driver.ErrNotFound):
			return err
		}
	}
	cmd.Reply = driver.IntReply(found)
	return nil
}

// lookup returns nil if the key exists, with a value of any type, and ErrNotFound
// otherwise.
func (c *Commander) lookup(ctx context.Context, key string, one *One) error {
	one.keys[0], one.values[0] = key, driver.Value{}
	read := c.store.Get
	if c.caps.Expirer != nil {
		read = c.caps.Expirer.TTL
	}
	if err := read(ctx, one.keys[:], one.values[:]); err != nil {
		return err
	}
	if errors.Is(one.values[0].Err, driver.ErrWrongType) {
		return nil
	}
	return one.values[0].Err
}

func (c *Commander) pttl(ctx context.Context, cmd *driver.Cmd, one *One) error {
	one.keys[0] = cmd.Key()
	if err := c.caps.Expirer.TTL(ctx, one.keys[:], one.values[:]); err != nil {
		return err
	}
	switch v := &one.values[0]; {
	case errors.Is(v.Err, driver.ErrNotFound):
		cmd.Reply = driver.IntReply(-2)
	case v.Err != nil:
		return v.Err
	case v.TTL == driver.NoExpiry:
		cmd.Reply = driver.IntReply(-1)
	default:
		cmd.Reply = driver.IntReply(driver.Milliseconds(v.TTL))
	}
	return nil
}

func (c *Commander) pexpire(ctx context.Context, cmd *driver.Cmd, one *One) error {
	if len(cmd.Args) != 2 {
		return badSyntax(cmd)
	}
	ttl, err := timeOf(&cmd.Args[1])
	if err != nil {
		return err
	}
	return c.expire(ctx, cmd, ttl, one)
}

func (c *Commander) persist(ctx context.Context, cmd *driver.Cmd, one *One) error {
	return c.expire(ctx, cmd, driver.NoExpiry, one)
}

func (c *Commander) expire(ctx context.Context, cmd *driver.Cmd, ttl time.Duration, one *One) error {
	one.entries[0].Key, one.entries[0].TTL = cmd.Key(), ttl
	if err := c.caps.Expirer.Expire(ctx, one.entries[:]); err != nil {
		return err
	}
	err := one.entries[0].Err
	if errors.Is(err, driver.ErrNotFound) {
		cmd.Reply = driver.IntReply(0)
		return nil
	}
	cmd.Reply = driver.IntReply(1)
	return err
}

func (c *Commander) incr(ctx context.Context, cmd *driver.Cmd, one *One) error {
	delta, err := numberOf(cmd, 1)
	if err != nil {
		return err
	}
	sum, err := c.caps.Counter.Incr(ctx, cmd.Key(), delta)
	if errors.Is(err, driver.ErrNotFound) {
		cmd.Reply = driver.Reply{}
		return nil
	}
	cmd.Reply = driver.IntReply(sum)
	return err
}

func (c *Commander) incrInit(ctx context.Context, cmd *driver.Cmd, one *One) error {
	delta, err := numberOf(cmd, 1)
	if err != nil {
		return err
	}
	start, err := numberOf(cmd, 2)
	if err != nil {
		return err
	}
	ttl, err := ttlOf(cmd, 3)
	if err != nil {
		return err
	}
	sum, err := c.caps.Counter.IncrInit(ctx, cmd.Key(), delta, start, ttl)
	cmd.Reply = driver.IntReply(sum)
	return err
}

func (c *Commander) swap(ctx context.Context, cmd *driver.Cmd, one *One) (err error) {
	if one.entries[0], err = newValue(cmd, 1); err != nil {
		return err
	}
	if err := c.caps.Swapper.Swap(ctx, &one.entries[0], &one.values[0]); err != nil {
		return err
	}
	cmd.Reply, err = valueReply(&one.values[0])
	return err
}

func (c *Commander) compareAndSwap(ctx context.Context, cmd *driver.Cmd, one *One) (err error) {
	if one.entries[0], err = newValue(cmd, 2); err != nil {
		return err
	}
	swapped, err := c.caps.Swapper.CompareAndSwap(ctx, &one.entries[0], cmd.Args[1].Data)
	cmd.Reply = flag(swapped)
	return err
}

func (c *Commander) compareAndDelete(ctx context.Context, cmd *driver.Cmd, one *One) error {
	if len(cmd.Args) != 2 {
		return badSyntax(cmd)
	}
	deleted, err := c.caps.Swapper.CompareAndDelete(ctx, cmd.Key(), cmd.Args[1].Data)
	cmd.Reply = flag(deleted)
	return err
}

func (c *Commander) rename(ctx context.Context, cmd *driver.Cmd, one *One) error {
	if len(cmd.Args) != 2 {
		return badSyntax(cmd)
	}
	cmd.Reply = okReply
	return c.caps.Mover.Rename(ctx, cmd.Args[0].Text, cmd.Args[1].Text)
}

func (c *Commander) renameNX(ctx context.Context, cmd *driver.Cmd, one *One) error {
	if len(cmd.Args) != 2 {
		return badSyntax(cmd)
	}
	moved, err := c.caps.Mover.RenameNX(ctx, cmd.Args[0].Text, cmd.Args[1].Text)
	cmd.Reply = flag(moved)
	return err
}

func (c *Commander) ping(ctx context.Context, cmd *driver.Cmd, one *One) error {
	cmd.Reply = driver.DataReply([]byte("PONG"))
	return c.caps.Pinger.Ping(ctx)
}

// The functions that read arguments.

func keysOf(cmd *driver.Cmd) []string {
	keys := make([]string, 0, len(cmd.Args))
	for i := range cmd.Args {
		if cmd.Args[i].Role == driver.RoleKey {
			keys = append(keys, cmd.Args[i].Text)
		}
	}
	return keys
}

// newValue returns the entry of a command. The new value is argument i, and the TTL is the
// argument after it.
func newValue(cmd *driver.Cmd, i int) (driver.Entry, error) {
	ttl, err := ttlOf(cmd, i+1)
	if err != nil {
		return driver.Entry{}, err
	}
	return driver.Entry{Key: cmd.Key(), Value: cmd.Args[i].Data, TTL: ttl}, nil
}

// ttlOf returns the TTL of argument i, which is the last argument, and was made by
// driver.TTLArg.
func ttlOf(cmd *driver.Cmd, i int) (time.Duration, error) {
	if len(cmd.Args) != i+1 {
		return 0, badSyntax(cmd)
	}
	if d, ok := cmd.Args[i].Duration(); ok {
		return d, nil
	}
	return driver.ParseTTLArg(cmd.Args[i])
}

// timeOf returns the duration of an argument in milliseconds.
func timeOf(a *driver.Arg) (time.Duration, error) {
	if d, ok := a.Duration(); ok {
		return d, nil
	}
	if ms, ok := a.Integer(); ok && ms <= 0 {
		return 0, nil
	}
	return driver.ParseTTLArg(*a)
}

func numberOf(cmd *driver.Cmd, i int) (int64, error) {
	if i < len(cmd.Args) {
		if n, ok := cmd.Args[i].Integer(); ok {
			return n, nil
		}
	}
	return 0, badSyntax(cmd)
}

func badSyntax(cmd *driver.Cmd) error {
	return driver.Fail(driver.ErrSyntax, driver.NotApplied, fmt.Errorf("%s in a form that only a server takes", cmd.Name))
}
