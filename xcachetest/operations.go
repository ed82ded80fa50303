package xcachetest

import (
	"context"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// An operation is a call of a store, for checks of all operations. Its keys have the value
// "1".
type operation struct {
	name  string
	needs []string
	// write means that the operation changes something, so that its outcome can be unknown.
	write bool
	// call runs the operation. The operation may change keys until call returns. An
	// operation on one key uses the first key.
	call func(ctx context.Context, store driver.Store, caps *driver.Caps, keys []string) error
	// batch means that the operation uses all keys, in one round trip.
	batch bool
}

var operations = []operation{
	{name: "get", batch: true, call: func(ctx context.Context, store driver.Store, _ *driver.Caps, keys []string) error {
		dst := make([]driver.Value, len(keys))
		return cmpErr(store.Get(ctx, keys, dst), firstErr(dst))
	}},
	{name: "set", batch: true, write: true, call: func(ctx context.Context, store driver.Store, _ *driver.Caps, keys []string) error {
		return setAll(ctx, store, keys, driver.Entry{Value: []byte("2"), TTL: medium})
	}},
	{name: "set-if-present", batch: true, write: true, call: func(ctx context.Context, store driver.Store, _ *driver.Caps, keys []string) error {
		return setAll(ctx, store, keys, driver.Entry{Value: []byte("2"), TTL: driver.KeepTTL, Cond: driver.IfPresent})
	}},
	{name: "set-expired", batch: true, write: true, call: func(ctx context.Context, store driver.Store, _ *driver.Caps, keys []string) error {
		return setAll(ctx, store, keys, driver.Entry{Value: []byte("2"), TTL: -1})
	}},
	{name: "delete", batch: true, write: true, call: func(ctx context.Context, store driver.Store, _ *driver.Caps, keys []string) error {
		_, err := store.Delete(ctx, keys)
		return err
	}},
	{name: "get-ttl", needs: needs(expirer), batch: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		dst := make([]driver.Value, len(keys))
		return cmpErr(caps.Expirer.GetTTL(ctx, keys, dst), firstErr(dst))
	}},
	{name: "ttl", needs: needs(expirer), batch: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		dst := make([]driver.Value, len(keys))
		return cmpErr(caps.Expirer.TTL(ctx, keys, dst), firstErr(dst))
	}},
	{name: "expire", needs: needs(expirer), batch: true, write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		entries := make([]driver.Entry, len(keys))
		for i, key := range keys {
			entries[i] = driver.Entry{Key: key, TTL: medium}
		}
		return cmpErr(caps.Expirer.Expire(ctx, entries), entryErrs(entries))
	}},
	{name: "incr", needs: needs(counter), write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		_, err := caps.Counter.Incr(ctx, keys[0], 1)
		return err
	}},
	{name: "incr-init", needs: needs(counter), write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		_, err := caps.Counter.IncrInit(ctx, keys[0], 1, 0, medium)
		return err
	}},
	{name: "swap", needs: needs(swapper), write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		var old driver.Value
		return cmpErr(caps.Swapper.Swap(ctx, &driver.Entry{Key: keys[0], Value: []byte("2"), TTL: medium}, &old), old.Err)
	}},
	{name: "compare-and-swap", needs: needs(swapper), write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		_, err := caps.Swapper.CompareAndSwap(ctx, &driver.Entry{Key: keys[0], Value: []byte("2"), TTL: medium}, []byte("1"))
		return err
	}},
	{name: "compare-and-delete", needs: needs(swapper), write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		_, err := caps.Swapper.CompareAndDelete(ctx, keys[0], []byte("1"))
		return err
	}},
	{name: "rename", needs: needs(mover), write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		return caps.Mover.Rename(ctx, keys[0], keys[0]+" renamed")
	}},
	{name: "rename-nx", needs: needs(mover), write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		_, err := caps.Mover.RenameNX(ctx, keys[0], keys[0]+" renamed")
		return err
	}},
	{name: "scan", needs: needs(scanner), call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		var last error
		for _, err := range caps.Scanner.Scan(ctx, keys[0]) {
			last = err
		}
		return last
	}},
	{name: "ping", needs: needs(pinger), call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, _ []string) error {
		return caps.Pinger.Ping(ctx)
	}},
	{name: "plain-commands", needs: needs(commander, "GET", "SET"), batch: true, write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		return doAll(ctx, caps, keys, driver.Plain)
	}},
	{name: "atomic-commands", needs: needs(commander, "GET", "SET"), batch: true, write: true, call: func(ctx context.Context, _ driver.Store, caps *driver.Caps, keys []string) error {
		return doAll(ctx, caps, keys, driver.Atomic)
	}},
}

func firstErr(values []driver.Value) error {
	for i := range values {
		if err := values[i].Err; err != nil {
			return err
		}
	}
	return nil
}

func setAll(ctx context.Context, store driver.Store, keys []string, e driver.Entry) error {
	entries := make([]driver.Entry, len(keys))
	for i, key := range keys {
		entries[i] = e
		entries[i].Key = key
	}
	return cmpErr(store.Set(ctx, entries), entryErrs(entries))
}

// doAll sets each key.
func doAll(ctx context.Context, caps *driver.Caps, keys []string, how driver.How) error {
	cmds := make([]*driver.Cmd, len(keys))
	for i, key := range keys {
		cmds[i] = driver.NewCmd("SET", driver.Key(key), driver.Val([]byte("2")))
	}
	err := caps.Commander.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		err = cmpErr(err, cmd.Err)
	}
	return err
}

// forEachOperation returns a check for each operation. needs are the needs of all these
// checks.
func forEachOperation(name, rule string, wanted func(*operation) bool, run func(*subject, *operation) error, needed ...string) []check {
	var checks []check
	for i := range operations {
		op := &operations[i]
		if !wanted(op) {
			continue
		}
		checks = append(checks, check{
			name:  name + op.name,
			rule:  op.name + ": " + rule,
			needs: slices.Concat(needed, op.needs),
			run:   func(s *subject) error { return run(s, op) },
		})
	}
	return checks
}

func everyOperation(*operation) bool  { return true }
func isWrite(op *operation) bool      { return op.write }
func worksOnBatch(op *operation) bool { return op.batch }

// possible returns the operations that the store supports.
func (s *subject) possible() []*operation {
	var list []*operation
	for i := range operations {
		if s.missing(operations[i].needs) == "" {
			list = append(list, &operations[i])
		}
	}
	return list
}

// target returns a key of this check for an operation.
func (s *subject) target(name string) (string, error) {
	key := s.key("{t}" + name)
	s.own(key + " renamed")
	return key, s.set(key, "1", long)
}
