package xcache

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// servesAtOnce reports whether callers get an old value without waiting for its load.
func (v *View[T]) servesAtOnce(old *aged[T]) bool { return old.age < v.core.stale.serve }

// servesOnError reports whether a caller gets an old value in the place of the error of its
// load, and tells the observer.
func (v *View[T]) servesOnError(ctx context.Context, key string, old *aged[T], err error) bool {
	if err == nil || old == nil || old.age >= v.core.stale.onError || ctx.Err() != nil {
		return false
	}
	for _, final := range []error{ErrNotFound, ErrUnsupportedValue, ErrClosed, flight.ErrCycle} {
		if errors.Is(err, final) {
			return false
		}
	}
	v.core.event(driver.StaleValueServed, key, err)
	return true
}

// flyFor returns the result of fn, which loads the value of key, or the old value of the key.
func (v *View[T]) flyFor(ctx context.Context, key string, old *aged[T], fn func(context.Context, *flight.Flight) (T, error)) (T, error) {
	if old == nil || !v.servesAtOnce(old) {
		value, err := v.fly(ctx, "get or set", key, false, v.soft(key, old), fn)
		if v.servesOnError(ctx, key, old, err) {
			return old.value, nil
		}
		return value, err
	}
	v.core.shared.flights.Start(ctx, flight.Key{Full: old.full, As: reflect.TypeFor[T]()}, func(err error) { v.refreshFailed(key, err) }, v.flown("get or set", key, fn))
	return old.value, nil
}

// refreshMany loads keys in the background.
func (v *View[T]) refreshMany(ctx context.Context, keys []absent[T], fn func(context.Context, []int, []*flight.Flight) []flight.Result) {
	if len(keys) > 0 {
		v.core.shared.flights.StartMany(ctx, flightKeys(keys), func(i int, err error) { v.refreshFailed(keys[i].key, err) }, fn)
	}
}

// refreshFailed tells the observer of a failure. That there is no value is none.
func (v *View[T]) refreshFailed(key string, err error) {
	if !errors.Is(err, ErrNotFound) {
		v.core.event(driver.RefreshFailed, key, err)
	}
}

// withdraw deletes the old value of a key whose loader says that there is no value any more. A
// value that another caller has stored meanwhile stays.
func (v *View[T]) withdraw(ctx context.Context, fl *flight.Flight, key string, old *aged[T], err error) {
	if old != nil && errors.Is(err, ErrNotFound) {
		v.core.shared.flights.Store(fl, func() { v.deleteOld(ctx, "withdraw", key, []string{key}, []*aged[T]{old}) })
	}
}

// deleteOld deletes the values of keys that are the old ones still. key is for the observer.
func (v *View[T]) deleteOld(ctx context.Context, name, key string, keys []string, olds []*aged[T]) {
	if v.core.shared.primary.commander.Can(cmdCompareAndDelete) != nil {
		return
	}
	cmds := make([]*driver.Cmd, len(olds))
	for i, old := range olds {
		cmd := *cmdCompareAndDelete
		cmd.Args = []driver.Arg{driver.Key(old.full), driver.Val(old.stored)}
		cmds[i] = &cmd
	}
	err := v.core.doAs(ctx, name, key, len(cmds), cmds)
	for i, cmd := range cmds {
		if failed := cmp.Or(err, cmd.Err); failed != nil {
			v.core.event(driver.RefreshFailed, keys[i], failed)
		}
	}
}

// ageing returns a function for getMany that calls old with each value that is to be loaded
// again. old reports whether its value counts as found. before has the keys of a load that has
// begun, or is nil.
func (v *View[T]) ageing(old func(i int, full string, old *aged[T]) bool, before []*wanted[T]) func(int, string, T, driver.Value) bool {
	if !v.core.stale.reads() {
		return nil
	}
	return func(i int, full string, value T, stored driver.Value) bool {
		found := &aged[T]{full: full, stored: stored.Data, left: stored.TTL}
		var known *aged[T]
		if at := slices.IndexFunc(before, func(w *wanted[T]) bool { return w.full == full }); at >= 0 {
			known = cmp.Or(before[at].old, new(aged[T])) // as in lookUpAgain
		}
		if found = v.aged(found, value, known); found == nil {
			return true
		}
		return old(i, full, found)
	}
}
