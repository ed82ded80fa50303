// Package operations implements the optional operations of a store by commands, for all
// drivers whose servers speak the Redis protocol.
package operations

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Operations implements Expirer, Counter, Swapper, Mover, Flusher and Pinger of package
// driver on a Commander. Drivers embed Operations. All retries are made by the commander.
type Operations struct {
	commander driver.Commander
}

// On returns the operations on a commander.
func On(c driver.Commander) Operations { return Operations{c} }

// one runs a single command.
func (o Operations) one(ctx context.Context, name string, args ...driver.Arg) (*driver.Cmd, error) {
	c := driver.NewCmd(name, args...)
	if err := o.commander.Do(ctx, []*driver.Cmd{c}, driver.Plain); err != nil {
		return nil, err
	}
	return c, c.Err
}

// integer runs a single command that returns a number.
func (o Operations) integer(ctx context.Context, name string, args ...driver.Arg) (int64, error) {
	c, err := o.one(ctx, name, args...)
	if err != nil {
		return 0, err
	}
	return c.Reply.AsInt()
}

// flag runs a single command that returns 1 or 0.
func (o Operations) flag(ctx context.Context, name string, args ...driver.Arg) (bool, error) {
	c, err := o.one(ctx, name, args...)
	if err != nil {
		return false, err
	}
	return c.Reply.AsFlag()
}

// ok runs a single command that returns OK.
func (o Operations) ok(ctx context.Context, name string, args ...driver.Arg) error {
	c, err := o.one(ctx, name, args...)
	if err != nil {
		return err
	}
	return c.Reply.AsOK()
}

// GetTTL implements driver.Expirer. The value and the TTL of a key are from the same
// moment: no write comes between the two reads.
func (o Operations) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	if len(keys) == 0 {
		return nil
	}
	cmds := make([]*driver.Cmd, 0, 2*len(keys))
	for _, key := range keys {
		cmds = append(cmds, driver.NewCmd("GET", driver.Key(key)), driver.NewCmd("PTTL", driver.Key(key)))
	}
	if err := o.commander.Do(ctx, cmds, driver.Atomic); err != nil {
		return err
	}
	for i := range dst {
		get, pttl := cmds[2*i], cmds[2*i+1]
		if dst[i].Err = get.Err; get.Err == nil {
			dst[i].Data, dst[i].Err = get.Reply.AsBytes()
			dst[i].Err = get.Misread(dst[i].Err)
		}
		if dst[i].Err == nil {
			dst[i].TTL, dst[i].Err = driver.TTLOutcome(pttl)
		}
		if dst[i].Err != nil {
			dst[i].Data = nil
		}
	}
	return nil
}

// TTL implements driver.Expirer.
func (o Operations) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	if len(keys) == 0 {
		return nil
	}
	cmds := make([]*driver.Cmd, len(keys))
	for i, key := range keys {
		cmds[i] = driver.NewCmd("PTTL", driver.Key(key))
	}
	if err := o.commander.Do(ctx, cmds, driver.Plain); err != nil {
		return err
	}
	for i := range dst {
		dst[i].TTL, dst[i].Err = driver.TTLOutcome(cmds[i])
	}
	return nil
}

// Expire implements driver.Expirer.
func (o Operations) Expire(ctx context.Context, entries []driver.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	cmds := make([]*driver.Cmd, len(entries))
	for i := range entries {
		cmds[i] = driver.ExpireCommand(entries[i].Key, entries[i].TTL)
	}
	if err := o.commander.Do(ctx, cmds, driver.Plain); err != nil {
		return err
	}
	for i := range entries {
		entries[i].Err = driver.ExpireOutcome(cmds[i])
	}
	return nil
}

// Incr implements driver.Counter.
func (o Operations) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	c, err := o.one(ctx, driver.CmdIncr, driver.Key(key), driver.Int(delta))
	if err != nil {
		return 0, err
	}
	if c.Reply.IsNil() {
		return 0, driver.ErrNotFound
	}
	return c.Reply.AsInt()
}

// IncrInit implements driver.Counter.
func (o Operations) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	return o.integer(ctx, driver.CmdIncrInit, driver.Key(key), driver.Int(delta), driver.Int(init), driver.TTLArg(ttl))
}

// Swap implements driver.Swapper.
func (o Operations) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	c, err := o.one(ctx, driver.CmdSwap, driver.Key(e.Key), driver.Val(e.Value), driver.TTLArg(e.TTL))
	if err != nil {
		return err
	}
	old.Data, old.Err = c.Reply.AsBytes()
	return nil
}

// CompareAndSwap implements driver.Swapper.
func (o Operations) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	return o.flag(ctx, driver.CmdCompareAndSwap, driver.Key(e.Key), driver.Val(old), driver.Val(e.Value), driver.TTLArg(e.TTL))
}

// CompareAndDelete implements driver.Swapper.
func (o Operations) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	return o.flag(ctx, driver.CmdCompareAndDelete, driver.Key(key), driver.Val(old))
}

// Rename implements driver.Mover.
func (o Operations) Rename(ctx context.Context, from, to string) error {
	return o.ok(ctx, "RENAME", driver.Key(from), driver.Key(to))
}

// RenameNX implements driver.Mover.
func (o Operations) RenameNX(ctx context.Context, from, to string) (bool, error) {
	return o.flag(ctx, "RENAMENX", driver.Key(from), driver.Key(to))
}

// Flush implements driver.Flusher.
func (o Operations) Flush(ctx context.Context) error {
	return o.ok(ctx, "FLUSHDB")
}

// Ping implements driver.Pinger.
func (o Operations) Ping(ctx context.Context) error {
	c, err := o.one(ctx, "PING")
	if err != nil {
		return err
	}
	_, err = c.Reply.AsBytes()
	return c.Misread(err)
}
