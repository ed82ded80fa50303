package xcache

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// servesAtOnce reports whether callers get an old value without waiting for its load.
func (c *core) servesAtOnce(old *aged) bool { return old.age < c.stale.serve }

// servesOnError reports whether a caller gets an old value in the place of the error of its
// load, and tells the observer.
func (c *core) servesOnError(ctx context.Context, key string, old *aged, err error) bool {
	if err == nil || old == nil || old.age >= c.stale.onError || ctx.Err() != nil {
		return false
	}
	for _, final := range []error{ErrNotFound, ErrUnsupportedValue, ErrClosed, flight.ErrCycle} {
		if errors.Is(err, final) {
			return false
		}
	}
	c.event(driver.StaleValueServed, key, err)
	return true
}

// flyFor returns the result of fn, which loads the value of key, or the old value of the key.
func (v untyped) flyFor(ctx context.Context, key string, old *aged, fn func(context.Context, *flight.Flight) (any, error)) (any, error) {
	if old == nil || !v.core.servesAtOnce(old) {
		value, err := v.fly(ctx, "get or set", key, false, v.core.soft(key, old), fn)
		if v.core.servesOnError(ctx, key, old, err) {
			return old.value, nil
		}
		return value, err
	}
	v.core.shared.flights.Start(ctx, flight.Key{Full: old.full, As: v.values.as()}, func(err error) { v.core.refreshFailed(key, err) }, v.flown("get or set", key, fn))
	return old.value, nil
}

// refreshMany loads keys in the background.
func (v untyped) refreshMany(ctx context.Context, keys []absent, fn func(context.Context, []int, []*flight.Flight) []flight.Result) {
	if len(keys) > 0 {
		v.core.shared.flights.StartMany(ctx, v.flightKeys(keys), func(i int, err error) { v.core.refreshFailed(keys[i].key, err) }, fn)
	}
}

// refreshFailed tells the observer of a failure. That there is no value is none.
func (c *core) refreshFailed(key string, err error) {
	if !errors.Is(err, ErrNotFound) {
		c.event(driver.RefreshFailed, key, err)
	}
}

// withdraw deletes the old value of a key whose loader says that there is no value any more. A
// value that another caller has stored meanwhile stays.
func (c *core) withdraw(ctx context.Context, fl *flight.Flight, key string, old *aged, err error) {
	if old != nil && errors.Is(err, ErrNotFound) {
		c.shared.flights.Store(fl, func() { c.deleteOld(ctx, "withdraw", key, []string{key}, []*aged{old}) })
	}
}

// deleteOld deletes the values of keys that are the old ones still. key is for the observer.
func (c *core) deleteOld(ctx context.Context, name, key string, keys []string, olds []*aged) {
	if c.shared.primary.commander.Can(cmdCompareAndDelete) != nil {
		return
	}
	cmds := make([]*driver.Cmd, len(olds))
	for i, old := range olds {
		cmd := *cmdCompareAndDelete
		cmd.Args = []driver.Arg{driver.Key(old.full), driver.Val(old.stored)}
		cmds[i] = &cmd
	}
	err := c.doAs(ctx, name, key, len(cmds), cmds)
	for i, cmd := range cmds {
		if failed := cmp.Or(err, cmd.Err); failed != nil {
			c.event(driver.RefreshFailed, keys[i], failed)
		}
	}
}

// ageing returns a function for getMany that calls old with each value that is to be loaded
// again. old reports whether its value counts as found. before has the keys of a load that has
// begun, or is nil. read has the values.
func (c *core) ageing(old func(i int, full string, old *aged) bool, before []*wanted, read foundValues) func(int, string, driver.Value) bool {
	if !c.stale.reads() {
		return nil
	}
	return func(i int, full string, stored driver.Value) bool {
		value := &aged{full: full, stored: stored.Data, left: stored.TTL}
		var known *aged
		if at := slices.IndexFunc(before, func(w *wanted) bool { return w.full == full }); at >= 0 {
			known = cmp.Or(before[at].old, new(aged)) // as in lookUpAgain
		}
		if !c.isDue(value, known) {
			return true
		}
		value.value = read.latest()
		return old(i, full, value)
	}
}
