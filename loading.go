package xcache

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// GetOrSet returns the value of key. On a miss, GetOrSet calls load, stores the loaded
// value, and returns that value. A stored nil is a hit. A stored value that no codec can
// read as a T counts as a miss: the loaded value replaces the unreadable value, unless
// another caller has changed it, and an EventObserver is told. A value of which a tag was
// invalidated (InvalidateTags) is a miss. With StaleFor, StaleOnError or EarlyRefresh, a value
// may be returned that is being loaded again, or that cannot be.
//
// load runs once for all goroutines of this process that ask for the same key at once, and
// all of them get its result. If another process stores a value during the load, GetOrSet
// returns that value. If this process or another deletes, renames or clears the key during
// the load, the loaded value is returned and not stored, and the next call loads again. The
// same holds if this process changes the TTL of the key, and if the load takes longer than
// five minutes. Callers who join a load that another process overtakes by a deletion get the
// value of another load: the deletion may have ended before their calls. On a driver without leases (Require("leases")) deletions by other processes
// have no effect on a load. On no driver have deletions by other libraries.
//
// load runs in a goroutine of its own. Its context has the values of the first caller's
// context, has no deadline but that of LoadTimeout, and ends when the contexts of all waiting
// callers have ended. A caller whose context ends returns at once, and the other callers
// wait on. An error of load is returned unchanged, and nothing is stored. A panic in load
// reaches every waiting caller. load must use its context: a GetOrSet inside of load whose key waits for this
// load, such as the same key, is an error at once. load must not call Close, which would
// wait for load. Slices, maps and pointers in a loaded value are shared by all callers that
// waited: callers must not modify them.
//
// If the cache cannot be read, GetOrSet returns the error of the read, and load does not
// run: a broken cache must not send all its load to the database. A caller that wants to
// load nevertheless calls Load, or asks for it with OnErrorMiss: load then runs once for all
// goroutines, and the loaded value is returned and not stored.
//
// If the loaded value cannot be stored, because the server is down or out of memory or the
// value is too large, GetOrSet returns the value without an error, and an EventObserver is
// told the cause. A value that the codec cannot encode is returned with an error
// (ErrUnsupportedValue), because every later call would fail too. If the cache is closed
// during the load, the error is ErrClosed.
func (v *View[T]) GetOrSet(ctx context.Context, key string, load func(context.Context) (T, error), opts ...SetOption) (T, error) {
	if v.core.tx != nil {
		var zero T
		return zero, v.core.opError("get or set", key, errLoads)
	}
	landed := v.core.shared.flights.Landed()
	var value T
	old, bad, err := v.core.lookUpToLoad(ctx, key, nil, func(full string, stored, plain []byte, seen *observation) (err error) {
		value, err = readChecked[T](&v.core, key, full, stored, plain, seen)
		return err
	}, func() any { return boxed[T]{value} })
	if old == nil && bad == nil && !errors.Is(err, ErrNotFound) {
		return value, err
	}
	missed, _ := err.(*missedError) //nolint:errorlint // that very type
	loaded, err := v.untyped().getOrSet(ctx, key, landed, boxing(load), old, bad, missed, opts)
	return unboxed[T](loaded), err
}

// Load calls load once for all goroutines of this process that call Load for the same key
// at once, and returns its result to all of them. Load neither reads nor writes the cache.
// A caller can use Load to load while the cache is down. The rules of GetOrSet for load
// apply.
func (v *View[T]) Load(ctx context.Context, key string, load func(context.Context) (T, error)) (T, error) {
	value, err := v.untyped().load(ctx, key, boxing(load))
	return unboxed[T](value), err
}

// boxing returns a loader for untyped code.
func boxing[T any](load func(context.Context) (T, error)) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		value, err := load(ctx)
		return boxed[T]{value}, err
	}
}

// getOrSet is GetOrSet for a key without a value, or with the value old or bad that is to be loaded
// again. landed is the number of flights that had ended before the read. missed is the error of a
// read that has failed open, or nil.
func (v untyped) getOrSet(ctx context.Context, key string, landed uint64, load func(context.Context) (any, error), old *aged, bad *unreadable, missed *missedError, opts []SetOption) (any, error) {
	if _, err := v.core.ttlOf(driver.IfAbsent, opts); err != nil {
		return nil, v.core.opError("get or set", key, err)
	}
	tags, err := v.core.taggingOf(opts)
	if err != nil {
		return nil, v.core.opError("get or set", key, err)
	}
	// A caller may return before the load ends, and reuse its memory.
	key, opts = strings.Clone(key), slices.Clone(opts)
	return v.flyFor(ctx, key, old, func(ctx context.Context, fl *flight.Flight) (any, error) {
		old, bad, missed := old, bad, missed
		if v.core.shared.flights.Landed() != landed { // a flight that ended after the lookup may have stored the value
			found, again, unreadable, err := v.lookUpFor(ctx, fl, key, old)
			if again == nil && unreadable == nil && !errors.Is(err, ErrNotFound) {
				return found, err
			}
			old, bad = again, unreadable
			missed, _ = err.(*missedError) //nolint:errorlint // that very type
		}
		if missed == nil {
			return v.loadAndKeep(ctx, fl, key, load, old, bad, tags, opts)
		}
		value, err := v.loadingOver(old).load(ctx, v.core, fl, load)
		if err != nil {
			return value, err
		}
		return value, v.core.notKept(key, missed.failure) // the write would fail as the read has, and take as long
	})
}

func (v untyped) load(ctx context.Context, key string, load func(context.Context) (any, error)) (any, error) {
	if v.core.err != nil {
		return nil, v.core.err
	}
	if err := ctx.Err(); err != nil {
		return nil, v.core.opError("load", key, err)
	}
	return v.fly(ctx, "load", strings.Clone(key), true, nil, func(ctx context.Context, fl *flight.Flight) (any, error) {
		return new(loading).load(ctx, v.core, fl, load)
	})
}

// fly returns the result of the flight of a key. If there is no flight, fly starts a flight
// with fn. soft is the time that the caller waits, or nil.
func (v untyped) fly(ctx context.Context, op, key string, loadOnly bool, soft *flight.Soft, fn func(context.Context, *flight.Flight) (any, error)) (any, error) {
	full, err := v.core.fullKey(key)
	if err != nil {
		return nil, v.core.opError(op, key, err)
	}
	value, err := v.core.shared.flights.Do(ctx, flight.Key{Full: full, As: v.values.as(), LoadOnly: loadOnly}, soft, v.flown(op, key, fn))
	if value == nil && err != nil { // this caller left before the end of the flight
		err = v.core.opError(op, key, err)
	}
	return value, err
}

// flown returns fn as the function of a flight.
func (v untyped) flown(op, key string, fn func(context.Context, *flight.Flight) (any, error)) func(context.Context, *flight.Flight) (any, error) {
	return func(ctx context.Context, fl *flight.Flight) (any, error) {
		value, err := fn(ctx, fl)
		if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrClosed) {
			err = v.core.opError(op, key, fmt.Errorf("%w: %w", ErrClosed, err))
		}
		return v.result(value), err
	}
}

// result returns the value of a flight that has ended, which is not nil.
func (v untyped) result(value any) any {
	if value == nil {
		return v.values.zero()
	}
	return value
}

// loadsAtMost is how often a value is loaded that is invalidated meanwhile, for callers who have
// joined the load. Nobody joins the last load: its value is the result whatever happens meanwhile.
const loadsAtMost = 8

// An attempt is one load of a key, with the lease that it has.
type attempt struct {
	// token is that of the lease, or "" without one. own has the lease if no other load has it.
	token string
	own   ownLeases
	// over is the value that cannot be read, and that the loaded value is to replace, or nil.
	over *unreadable
	// old is the value that is to be loaded again, or nil.
	old *aged
	// failed is why the value is not to be stored, or nil.
	failed error
	// dated are the options of the write, with the generations that the tags had before the load.
	dated []SetOption
	// revoked tells that an invalidation elsewhere has taken the lease away.
	revoked bool
	// late tells that the token is that of a load elsewhere which took too long.
	late bool
	// final tells that another load would not help callers who have joined this one.
	final bool
}

// loadAndKeep loads and stores a value. If another process invalidates the key or one of the tags
// meanwhile, callers who came after that invalidation may wait for the load by then, so that
// loadAndKeep loads again for them.
func (v untyped) loadAndKeep(ctx context.Context, fl *flight.Flight, key string, load func(context.Context) (any, error), old *aged, bad *unreadable, tags *tagging, opts []SetOption) (any, error) {
	if tags != nil {
		v.core.shared.flights.DependOn(fl, tags.keys)
	}
	for i := 1; ; i++ {
		if i == loadsAtMost {
			v.core.shared.flights.Detach(fl)
		}
		a := &attempt{over: bad, old: old, own: ownLeases{cache: v.core}}
		value, err := v.loadOnce(ctx, fl, key, load, a, tags, opts)
		if a.final || i == loadsAtMost || v.core.shared.flights.Final(fl) || !a.revoked && v.core.unchanged(ctx, key, a.dated) {
			return value, err
		}
		if value, old, bad, err = v.lookUpFor(ctx, fl, key, a.old); err == nil && old == nil {
			return value, nil
		}
	}
}

// lookUpFor is lookUpAgain for a flight whose result is a value that is found. A caller who joins
// behind the question may come after an invalidation elsewhere. So lookUpFor seals a flight that a
// caller has joined, before the question or before a second one. Without a value, the flight may be
// sealed as well.
func (v untyped) lookUpFor(ctx context.Context, fl *flight.Flight, key string, before *aged) (value any, old *aged, bad *unreadable, err error) {
	if v.core.shared.flights.Joined(fl) {
		v.core.shared.flights.Seal(fl)
	}
	value, old, bad, err = v.lookUpAgain(ctx, key, before)
	if err == nil && old == nil && v.core.shared.flights.Seal(fl) {
		return v.lookUpAgain(ctx, key, before)
	}
	return value, old, bad, err
}

// loadOnce loads and stores a value, unless another load makes that needless.
func (v untyped) loadOnce(ctx context.Context, fl *flight.Flight, key string, load func(context.Context) (any, error), a *attempt, tags *tagging, opts []SetOption) (any, error) {
	defer a.own.giveUp(ctx)
	value, done, err := v.takeLease(ctx, fl, key, a)
	if !done && ctx.Err() != nil { // nobody waits any more
		done, err = true, ctx.Err()
	}
	if done {
		a.final = true
		return value, err
	}
	a.dated = opts
	if tags != nil {
		if a.dated, err = v.core.withGenerations(ctx, key, tags, opts); err != nil {
			a.failed, a.final = cmp.Or(a.failed, err), true
		}
	}
	began, l := time.Now(), v.loadingOver(a.old)
	l.own = &a.own
	if value, err = l.load(ctx, v.core, fl, load); err == nil {
		value, err = v.keep(ctx, fl, key, value, a, l.options(key, a.dated))
	} else {
		v.core.remember(ctx, fl, key, a, err)
		v.core.withdraw(ctx, fl, key, a.old, err)
		if errors.Is(err, ErrNotFound) && a.over != nil && a.token == "" && v.core.shared.flights.Joined(fl) {
			_, _, bad, readErr := v.lookUpAgain(ctx, key, a.old)
			a.revoked = bad == nil && isMiss(readErr) || bad != nil && !bytes.Equal(bad.stored, a.over.stored)
		}
	}
	a.revoked = a.revoked && time.Since(began) < leaseDuration // else the lease may have run out
	a.final = a.final || err != nil && !a.revoked && (tags == nil || !errors.Is(err, ErrNotFound))
	return value, err
}

// takeLease takes the lease of a load that is about to begin, where the driver has leases: an
// invalidation by any process takes the lease away. In the place of a value that cannot be read
// none is needed, as an invalidation takes that value away, unless the view keeps such values. If
// done is true, there is no load, and the result is that of another one.
func (v untyped) takeLease(ctx context.Context, fl *flight.Flight, key string, a *attempt) (value any, done bool, err error) {
	switch {
	case !v.core.shared.leases:
		return value, false, nil
	case v.core.loadWait > 0:
		return v.elect(ctx, fl, key, a)
	case a.over != nil && v.core.negativeTTL == 0 && v.core.stale.kept() <= 0:
		return value, false, nil
	}
	if v.core.negativeTTL > 0 { // a marker may be the answer
		v.core.shared.flights.Seal(fl)
	}
	a.token, a.failed = v.core.lease(ctx, key)
	if a.failed == nil && a.token == "" && v.core.shared.flights.Seal(fl) { // see lookUpFor
		a.token, a.failed = v.core.lease(ctx, key)
	}
	switch {
	case errors.Is(a.failed, ErrAuth):
		a.failed = nil // the user may not run scripts, and goes without leases
	case a.failed == nil && a.token == "":
		return value, true, ErrNotFound
	}
	return value, false, nil
}

// storeLoaded stores what was loaded in the place of a value that cannot be read, or of none.
func (v untyped) storeLoaded(ctx context.Context, key string, value any, a *attempt, opts []SetOption) (filled, error) {
	leased, replaces := a.token != "" && (a.over == nil || v.core.stale.kept() > 0), v.core.replaces(a.old)
	if a.failed != nil {
		return overtaken, a.failed
	}
	if leased {
		became, err := v.fillOver(ctx, key, value, a, opts, replaces)
		if !errors.Is(err, ErrAuth) || errors.Is(err, ErrUnknownOutcome) {
			if err == nil && became != occupied {
				a.revoked = became == overtaken
				a.own.end()
			}
			return became, err
		}
	}
	switch {
	case a.over != nil:
		return storedIf(v.replace(ctx, key, value, a.over, opts))
	case replaces > 0 && !leased: // and the server cannot tell how old the value is
		_, err := v.core.store(ctx, "set", key, v.encoder(value), driver.Always, opts)
		return stored, err
	}
	return storedIf(v.core.store(ctx, "add", key, v.encoder(value), driver.IfAbsent, opts))
}

// fillOver is fill in the place of a value that cannot be read, or of none.
func (v untyped) fillOver(ctx context.Context, key string, value any, a *attempt, opts []SetOption, replaces time.Duration) (filled, error) {
	if a.over != nil {
		if same, err := v.core.outdate(ctx, key, a.over); !same {
			return occupied, err
		}
	}
	became, err := v.fill(ctx, key, a.token, value, opts, replaces)
	v.core.replaced(key, a.over, became)
	return became, err
}

func storedIf(done bool, err error) (filled, error) {
	if done {
		return stored, err
	}
	return occupied, err
}

// keep stores the loaded value of a flight. keep returns the loaded value, or a value that
// another caller stored during the load. A value that came during the load and cannot be read is
// newer than the loaded one, and stays.
func (v untyped) keep(ctx context.Context, fl *flight.Flight, key string, value any, a *attempt, opts []SetOption) (any, error) {
	var became filled
	var err error
	if !v.core.shared.flights.Store(fl, func() { became, err = v.storeLoaded(ctx, key, value, a, opts) }) {
		return value, nil
	}
	if err != nil {
		if err = v.core.notKept(key, err); err == nil {
			a.revoked = v.core.lost(ctx, fl, key, a)
		}
		return value, err
	}
	if became != occupied {
		return value, nil
	}
	var winner any
	primary := v.onPrimary()
	if _, err = primary.core.lookUp(ctx, key, nil, primary.decoder(key, &winner)); err != nil {
		a.revoked = isMiss(err) // what came during the load was invalidated, or the key has expired
		return value, nil       //nolint:nilerr // what was loaded is as good
	}
	return winner, nil
}

// isMiss reports whether err says that a key has no value, and not that a read has failed open.
func isMiss(err error) bool {
	_, failed := err.(*missedError) //nolint:errorlint // that very type
	return !failed && errors.Is(err, ErrNotFound)
}

// lost reports whether an invalidation has taken the lease of a load that stores nothing. Only for
// callers who have joined the load, lost asks.
func (c *core) lost(ctx context.Context, fl *flight.Flight, key string, a *attempt) bool {
	if a.token == "" || a.failed != nil || !c.shared.flights.Joined(fl) {
		return false
	}
	full, err := c.fullKey(key)
	if err != nil {
		return false
	}
	cmd := c.leaseRenewal(full, a.token)
	renewed, err := wasReplaced(cmd, c.doAs(ctx, "renew lease", key, 1, []*driver.Cmd{cmd}))
	return err == nil && !renewed
}

// notKept returns the error of a failed write if GetOrSet returns that error, and otherwise
// tells the observer and returns nil.
func (c *core) notKept(key string, err error) error {
	if errors.Is(err, ErrUnsupportedValue) || errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) {
		return err
	}
	if why := causeOf(err); c.onError == OnErrorMiss && why != causeNone {
		c.shared.failedOpen.count(dropsWrite, 1, why)
	}
	c.event(driver.LoadedValueNotStored, key, err)
	return nil
}

// replace stores value if the key still holds the unreadable value old, and reports whether
// the key held old.
func (v untyped) replace(ctx context.Context, key string, value any, old *unreadable, opts []SetOption) (bool, error) {
	ctx, call, err := v.core.start(ctx, "replace unreadable", key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	s := newScratch()
	e := &s.entries[0]
	if err := v.core.entry(ctx, s, key, v.encoder(value), driver.Always, opts); err != nil {
		return false, call.end(err)
	}
	call.seen.wrote(len(e.Value))
	replaced, err := replaceBytes(ctx, &v.core.shared.primary, e, old.stored)
	v.core.wrote(ctx, e.Key)
	if err == nil {
		s.release()
	}
	if err = call.end(err); replaced {
		v.core.replaced(key, old, stored)
	}
	return replaced, err
}

// outdate lets a lease decide about the unreadable value old, and reports whether the key still holds
// old. The value gets the TTL of one that was invalidated, so that the fill of a lease replaces the
// value. An invalidation that keeps values takes the lease away, and leaves the bytes.
func (c *core) outdate(ctx context.Context, key string, old *unreadable) (same bool, err error) {
	ctx, call, err := c.start(ctx, "outdate unreadable", key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	full, err := c.fullKey(key)
	if err != nil {
		return false, call.end(err)
	}
	e := driver.Entry{Key: full, Value: old.stored, TTL: c.stale.kept()}
	same, err = replaceBytes(ctx, &c.shared.primary, &e, old.stored)
	return same && err == nil, call.end(err)
}

// replaced tells the observer if a loaded value has taken the place of the unreadable value old.
func (c *core) replaced(key string, old *unreadable, became filled) {
	if old != nil && became == stored && !errors.Is(old.err, ErrNotFound) {
		c.event(driver.UnreadableValueReplaced, key, old.err)
	}
}

// replaceBytes stores e if its key holds old. Without a Swapper, replaceBytes takes two
// steps, and may overwrite the value of another writer.
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
