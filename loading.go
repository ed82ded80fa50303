package xcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// GetOrSet returns the value of key, or on a miss calls load, stores what it
// returns, and returns that. A stored nil is a hit. A stored value that no codec
// can read as a T is a miss here: what is loaded takes its place, if it is still
// there, and an EventObserver hears of it.
//
// However many goroutines of this process ask for the same key at once, load
// runs once, and all of them get its result. If another process stored a value
// meanwhile, that one wins and is returned. If this process deletes, renames or
// clears the key meanwhile, or changes its TTL, what is loaded is returned and not
// stored, and the next call loads again; of what other processes do a load knows
// nothing.
//
// load runs in a goroutine of its own. Its context has the values of the first
// caller's, no deadline, and ends when every caller that waits has given up: a
// caller whose context ends leaves alone. An error of load is returned as it
// is, and nothing is stored. A panic in load reaches every caller that waits.
// load must use its context: a GetOrSet in it for a key whose load waits for this
// one, its own at least, is an error at once. It must not call Close, which would
// wait for itself. Slices, maps and pointers in a loaded value are the same for
// all callers that waited for it: do not change what they lead to.
//
// When the cache cannot be read, its error is returned and load does not run:
// a broken cache must not send all its load to the database unasked. To load all
// the same, once for all callers, call Load then.
//
// When the loaded value cannot be stored, because the server is away or out of
// memory or the value too large, the value is returned without an error, and an
// EventObserver hears why. Only a value that the codec cannot encode is an error
// (ErrUnsupportedValue), which no later call would be without; the value comes
// with it. When the cache is closed meanwhile, the error is ErrClosed.
func (v *View[T]) GetOrSet(ctx context.Context, key string, load func(context.Context) (T, error), opts ...SetOption) (T, error) {
	if v.tx != nil {
		var zero T
		return zero, v.opError("get or set", key, errLoads)
	}
	landed := v.shared.flights.Landed()
	value, unreadable, err := v.lookUp(ctx, key)
	if unreadable == nil && !errors.Is(err, ErrNotFound) {
		return value, err
	}
	if _, err := v.ttlOf(driver.IfAbsent, opts); err != nil {
		return value, v.opError("get or set", key, err)
	}
	// The caller may be gone before the load ends, and use its memory again.
	key, opts = strings.Clone(key), slices.Clone(opts)
	return v.fly(ctx, "get or set", key, false, func(ctx context.Context, fl *flight.Flight) (T, error) {
		unreadable := unreadable
		if v.shared.flights.Landed() != landed { // a flight that ended since may have stored the value
			found, bad, err := v.With(ReadPrimary()).lookUp(ctx, key)
			if bad == nil && !errors.Is(err, ErrNotFound) {
				return found, err
			}
			unreadable = bad
		}
		value, err := loaded(ctx, load)
		if err != nil {
			return value, err
		}
		return v.keep(ctx, fl, key, value, unreadable, opts)
	})
}

// Load calls load, once for all goroutines of this process that call Load for the
// same key at once, and returns what it returns to all of them. It neither reads
// nor writes the cache: it is for what GetOrSet does not do, such as loading while
// the cache is down. What GetOrSet says of load holds here, too.
func (v *View[T]) Load(ctx context.Context, key string, load func(context.Context) (T, error)) (T, error) {
	var zero T
	if v.err != nil {
		return zero, v.err
	}
	if err := ctx.Err(); err != nil {
		return zero, v.opError("load", key, err)
	}
	return v.fly(ctx, "load", strings.Clone(key), true, func(ctx context.Context, _ *flight.Flight) (T, error) { return loaded(ctx, load) })
}

// loaded is what load returns, without a value beside an error.
func loaded[T any](ctx context.Context, load func(context.Context) (T, error)) (T, error) {
	value, err := load(ctx)
	if err != nil {
		var zero T
		return zero, err
	}
	return value, nil
}

// fly returns the result of the flight of a key, starting one with fn if there is
// none.
func (v *View[T]) fly(ctx context.Context, op, key string, loadOnly bool, fn func(context.Context, *flight.Flight) (T, error)) (T, error) {
	var value T
	full, err := v.fullKey(key)
	if err != nil {
		return value, v.opError(op, key, err)
	}
	result, err := v.shared.flights.Do(ctx, flight.Key{Full: full, As: reflect.TypeFor[T](), LoadOnly: loadOnly}, func(ctx context.Context, fl *flight.Flight) (any, error) {
		value, err := fn(ctx, fl)
		if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrClosed) {
			err = v.opError(op, key, fmt.Errorf("%w: %w", ErrClosed, err))
		}
		return boxed[T]{value}, err
	})
	if result, ok := result.(boxed[T]); ok {
		return result.value, err
	}
	if err != nil { // the flight did not end for this caller
		err = v.opError(op, key, err)
	}
	return value, err
}

// boxed holds a result, so that an any tells no result from a nil one.
type boxed[T any] struct{ value T }

// keep stores what a flight loaded, and returns it, or what somebody else stored
// meanwhile. unreadable is what it may take the place of.
func (v *View[T]) keep(ctx context.Context, fl *flight.Flight, key string, value T, unreadable *unreadable, opts []SetOption) (T, error) {
	const tries = 3 // somebody else may store one unreadable value after the other
	for range tries {
		var kept bool
		var err error
		if !v.shared.flights.Store(fl, func() {
			if unreadable == nil {
				kept, err = v.Add(ctx, key, value, opts...)
			} else {
				kept, err = v.replace(ctx, key, value, unreadable, opts)
			}
		}) {
			return value, nil
		}
		if err != nil {
			return value, v.notKept(key, err)
		}
		if kept {
			return value, nil
		}
		winner, bad, err := v.With(ReadPrimary()).lookUp(ctx, key) // a replica may not have it yet
		if err == nil {
			return winner, nil
		}
		if bad == nil { // expired since, or not to be read now
			return value, nil
		}
		unreadable = bad
	}
	return value, nil
}

// notKept returns the part of a failed write that is an error of GetOrSet.
func (v *View[T]) notKept(key string, err error) error {
	if errors.Is(err, ErrUnsupportedValue) || errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) {
		return err
	}
	v.event(driver.LoadedValueNotStored, key, err)
	return nil
}

// replace stores value in the place of one that cannot be read, if that is still
// there, and reports whether it was.
func (v *View[T]) replace(ctx context.Context, key string, value T, old *unreadable, opts []SetOption) (bool, error) {
	ctx, call, err := v.start(ctx, "replace unreadable", key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	s := newScratch()
	e := &s.entries[0]
	if err := v.entry(s, key, value, driver.Always, opts); err != nil {
		return false, call.end(err)
	}
	call.seen.wrote(len(e.Value))
	replaced, err := replaceBytes(ctx, &v.shared.primary, e, old.stored)
	if err == nil {
		s.release()
	}
	if err = call.end(err); replaced {
		v.event(driver.UnreadableValueReplaced, key, old.err)
	}
	return replaced, err
}

// replaceBytes stores e if its key holds old. A store without Swapper cannot do that
// in one step: a value that somebody else writes in between is lost.
func replaceBytes(ctx context.Context, t *target, e *driver.Entry, old []byte) (bool, error) {
	if t.caps.Swapper != nil {
		return t.caps.Swapper.CompareAndSwap(ctx, e, old)
	}
	stored, err := getFrom(ctx, t, e.Key)
	if errors.Is(err, ErrNotFound) || err == nil && !bytes.Equal(stored, old) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	entries := []driver.Entry{*e}
	if err := t.store.Set(ctx, entries); err != nil {
		return false, err
	}
	return entries[0].Err == nil, entries[0].Err
}
