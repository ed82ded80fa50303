package optimistic

import (
	"context"
	"iter"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Caps returns the store for the reads of a cache in the transaction, with the capabilities
// of that store. Writes are refused with advice.
func (t *Transaction) Caps(of *driver.Caps) (driver.Store, driver.Caps) {
	s := reading{t, of.Commander.Commands()}
	return s, driver.Caps{
		Commander: s, Expirer: s, Counter: s, Swapper: s, Mover: s, Scanner: s, Flusher: s, Pinger: s,
		Limits: limits(of.Limits),
	}
}

// limits returns the limits of the store of reads. The replies of its commands do not
// belong to the caller.
func limits(l driver.Limits) driver.Limits {
	l.OwnData = false
	return l
}

// reading is a store that reads in a transaction.
type reading struct {
	t        *Transaction
	commands driver.CommandSet
}

// Commands implements driver.Commander.
func (s reading) Commands() driver.CommandSet { return s.commands }

// Do implements driver.Commander. A write has an error of its own, and the other commands
// run.
func (s reading) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how == driver.Atomic {
		return errAtomic
	}
	reads := make([]*driver.Cmd, 0, len(cmds))
	for _, cmd := range cmds {
		switch row := cmd.Command(); {
		case cmd.Waits():
			cmd.Err = errWaits
		case !row.ReadOnly:
			cmd.Err = errWrite
		default:
			reads = append(reads, cmd)
		}
	}
	return s.t.read(ctx, reads)
}

// Get implements driver.Store.
func (s reading) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	cmds := make([]*driver.Cmd, len(keys))
	for i, key := range keys {
		cmds[i] = driver.NewCmd("GET", driver.Key(key))
	}
	if err := s.t.read(ctx, cmds); err != nil {
		return err
	}
	for i, cmd := range cmds {
		readValue(cmd, &dst[i])
	}
	return nil
}

// readValue sets v to the reply of GET.
func readValue(get *driver.Cmd, v *driver.Value) {
	if v.Err = get.Err; v.Err != nil {
		return
	}
	if v.Data, v.Err = get.Reply.AsBytes(); v.Err != nil {
		v.Err = get.Misread(v.Err)
	}
}

// GetTTL implements driver.Expirer. Another client may write between the two reads. A
// transaction that watches the key then ends in a conflict.
func (s reading) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	if err := s.Get(ctx, keys, dst); err != nil {
		return err
	}
	ttls := make([]driver.Value, len(keys))
	if err := s.TTL(ctx, keys, ttls); err != nil {
		return err
	}
	for i := range dst {
		if dst[i].Err == nil {
			dst[i].TTL, dst[i].Err = ttls[i].TTL, ttls[i].Err
		}
	}
	return nil
}

// TTL implements driver.Expirer.
func (s reading) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	cmds := make([]*driver.Cmd, len(keys))
	for i, key := range keys {
		cmds[i] = driver.NewCmd("PTTL", driver.Key(key))
	}
	if err := s.t.read(ctx, cmds); err != nil {
		return err
	}
	for i, cmd := range cmds {
		dst[i].TTL, dst[i].Err = driver.TTLOutcome(cmd)
	}
	return nil
}

// Ping implements driver.Pinger.
func (s reading) Ping(ctx context.Context) error {
	ping := driver.NewCmd("PING")
	if err := s.t.read(ctx, []*driver.Cmd{ping}); err != nil {
		return err
	}
	return ping.Err
}

// Close implements driver.Store, and does nothing: Watch closes the transaction.
func (reading) Close() error { return nil }

// The operations that write, or that no transaction can watch.

// Set implements driver.Store.
func (reading) Set(context.Context, []driver.Entry) error { return errWrite }

// Delete implements driver.Store.
func (reading) Delete(context.Context, []string) (int, error) { return 0, errWrite }

// Expire implements driver.Expirer.
func (reading) Expire(context.Context, []driver.Entry) error { return errWrite }

// Incr implements driver.Counter.
func (reading) Incr(context.Context, string, int64) (int64, error) { return 0, errWrite }

// IncrInit implements driver.Counter.
func (reading) IncrInit(context.Context, string, int64, int64, time.Duration) (int64, error) {
	return 0, errWrite
}

// Swap implements driver.Swapper.
func (reading) Swap(context.Context, *driver.Entry, *driver.Value) error { return errWrite }

// CompareAndSwap implements driver.Swapper.
func (reading) CompareAndSwap(context.Context, *driver.Entry, []byte) (bool, error) {
	return false, errWrite
}

// CompareAndDelete implements driver.Swapper.
func (reading) CompareAndDelete(context.Context, string, []byte) (bool, error) {
	return false, errWrite
}

// Rename implements driver.Mover.
func (reading) Rename(context.Context, string, string) error { return errWrite }

// RenameNX implements driver.Mover.
func (reading) RenameNX(context.Context, string, string) (bool, error) { return false, errWrite }

// Flush implements driver.Flusher.
func (reading) Flush(context.Context) error { return errWrite }

// Scan implements driver.Scanner.
func (reading) Scan(context.Context, string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("", errScan) }
}
