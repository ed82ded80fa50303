package xcache

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// GetOrSetMany returns the values of keys, of which it reads those that are stored in one
// round trip per server. load gets the keys that are missing, in one call, and its values
// are stored and returned as well. A key that load leaves out does not exist: it is missing
// in the result, and nothing is stored for it. All keys of a load that fails with
// ErrNotFound are missing in the result, too, and that is no failure. NegativeTTL does not
// remember these keys. load is called again for keys that others wait for and that an
// invalidation has overtaken, unless load has failed, and with OneLoader. Values of keys that
// load was not asked for are ignored. A key may be given twice. Without keys, the map is empty,
// and there is no I/O.
//
// The rules of GetOrSet for load apply to each key. A key that another goroutine of this
// process is loading, by GetOrSet or GetOrSetMany, is not loaded again: GetOrSetMany waits
// for that load. A GetOrSet that waits for a load by GetOrSetMany which leaves its key out
// gets ErrNotFound. A value that no codec can read counts as missing, and is replaced. A
// key that is deleted, renamed or cleared during the load, by any process, is returned and
// not stored.
//
// If some keys failed, the map has the others, and the error is a *BatchError that lists the
// failed keys: an error of load for each key that it was to load, ErrUnsupportedValue for a
// value that the codec cannot encode, and a failed read. Keys whose read failed are not
// loaded. If the whole read failed, that is the error, and load does not run.
func (v *View[T]) GetOrSetMany(ctx context.Context, keys []string, load func(ctx context.Context, missing []string) (map[string]T, error), opts ...SetOption) (map[string]T, error) {
	var found valuesOf[T]
	err := v.untyped().getOrSetMany(ctx, keys, &found, func(ctx context.Context, missing []string) (givenValues, error) {
		values, err := load(ctx, missing)
		return &valuesOf[T]{values: values}, err
	}, opts)
	return found.values, err
}

func (v untyped) getOrSetMany(ctx context.Context, keys []string, found foundValues, load loaderOfMany, opts []SetOption) error {
	if v.core.tx != nil {
		return v.core.opError("get or set many", "", errLoads)
	}
	landed := v.core.shared.flights.Landed()
	missing, stale, err := v.core.lookUpMany(ctx, keys, nil, found)
	failed, _ := errors.AsType[*BatchError](err)
	if err != nil && failed == nil || len(missing)+len(stale) == 0 {
		return err
	}
	if _, err := v.core.ttlOf(driver.IfAbsent, opts); err != nil {
		found.drop()
		return v.core.opError("get or set many", "", err)
	}
	tags, err := v.core.taggingOf(opts)
	if err != nil {
		found.drop()
		return v.core.opError("get or set many", "", err)
	}
	opts = slices.Clone(opts)
	run := func(keys []absent) func(context.Context, []int, []*flight.Flight) []flight.Result {
		return func(ctx context.Context, own []int, flights []*flight.Flight) []flight.Result {
			b := &loadingMany{v: v, opts: opts, tags: tags, own: ownLeases{cache: v.core}}
			for i, at := range own {
				b.wanted = append(b.wanted, &wanted{absent: keys[at], flight: flights[i]})
			}
			return b.run(ctx, load, v.core.shared.flights.Landed() != landed)
		}
	}
	v.refreshMany(ctx, stale, run(stale))
	if len(missing) == 0 {
		return err
	}
	landings, err := v.core.shared.flights.DoMany(ctx, v.flightKeys(missing), v.core.softMany(missing), run(missing))
	if err != nil {
		return v.core.opError("get or set many", "", err)
	}
	for i, result := range landings {
		switch {
		case result.Value != nil && result.Err == nil:
			found.keep(missing[i].key, result.Value)
		case v.core.servesOnError(ctx, missing[i].key, missing[i].old, result.Err):
			found.keep(missing[i].key, missing[i].old.value)
		case !errors.Is(result.Err, ErrNotFound):
			failed = failed.add(missing[i].key, result.Err)
		}
	}
	if failed != nil {
		return v.core.opError("get or set many", "", failed)
	}
	return nil
}

// A loaderOfMany is a loader of several keys for untyped code.
type loaderOfMany func(ctx context.Context, missing []string) (givenValues, error)

// flightKeys returns the keys of the flights that load values.
func (v untyped) flightKeys(keys []absent) []flight.Key {
	flights := make([]flight.Key, len(keys))
	for i := range keys {
		flights[i] = flight.Key{Full: keys[i].full, As: v.values.as()}
	}
	return flights
}

// An absent is a key without a value, or with one that cannot be read or is to be loaded
// again. The texts are the cache's own.
type absent struct {
	key, full string
	bad       *unreadable
	old       *aged
	// failure is that of a read which has failed open, or nil. A write would fail likewise.
	failure error
}

// A wanted is a key that a load is to bring.
type wanted struct {
	absent
	flight *flight.Flight
	// token is that of the lease, or "" without one.
	token string
	// unstored is why the value is not to be stored, or nil.
	unstored error
	value    any
	err      error
	became   filled
	// contender is of the election of the load, if there is one (OneLoader).
	contender *contender
	// late, revoked are those of an attempt. left tells that the loader has left the key out.
	late, revoked, left bool
	// loads is how often the key was loaded.
	loads int
	// entry is what is stored without a lease.
	entry driver.Entry
}

// A loadingMany is one call of the loader of GetOrSetMany.
type loadingMany struct {
	v      untyped
	opts   []SetOption
	tags   *tagging
	wanted []*wanted
	// dated are opts with the generations that the tags had before the load.
	dated []SetOption
	// loading is what the loader says of what it loads.
	loading *loading
	// own are the leases that the load has for itself.
	own ownLeases
}

// run loads and stores. again tells that flights have ended since the values were looked up.
func (b *loadingMany) run(ctx context.Context, load loaderOfMany, again bool) []flight.Result {
	rest := b.wanted
	if again {
		rest = b.lookUpFor(ctx, rest)
	}
	for began := time.Now(); len(rest) > 0; {
		mine, others := b.lease(ctx, rest, began)
		if err := ctx.Err(); err != nil { // nobody waits any more
			b.own.giveUp(ctx)
			for _, w := range slices.Concat(mine, others) {
				w.err = err
			}
			break
		}
		b.landAllBut(ctx, mine, others)
		if len(mine) > 0 {
			rest = append(b.loadOnce(ctx, mine, load), others...)
			continue
		}
		if rest = others; len(rest) > 0 {
			b.unseal(rest)
			if err := b.v.core.waitToPoll(ctx, began); err != nil {
				for _, w := range rest {
					w.err = err
				}
				break
			}
		}
	}
	results := make([]flight.Result, len(b.wanted))
	for i, w := range b.wanted {
		results[i] = b.result(ctx, w)
	}
	return results
}

func (b *loadingMany) result(ctx context.Context, w *wanted) flight.Result {
	if errors.Is(w.err, context.Canceled) && errors.Is(context.Cause(ctx), ErrClosed) {
		w.err = fmt.Errorf("%w: %w", ErrClosed, w.err)
	}
	return flight.Result{Value: b.v.result(w.value), Err: w.err}
}

// landAllBut gives the callers of all other keys their results before the next load, which may
// take its time.
func (b *loadingMany) landAllBut(ctx context.Context, mine, others []*wanted) {
	if len(mine)+len(others) == len(b.wanted) {
		return
	}
	pending := make(map[*wanted]bool)
	for _, w := range slices.Concat(mine, others) {
		pending[w] = true
	}
	for _, w := range b.wanted {
		if !pending[w] {
			b.v.core.shared.flights.Land(w.flight, b.result(ctx, w))
		}
	}
}

// loadOnce loads and stores keys, and returns those that are to be loaded again.
func (b *loadingMany) loadOnce(ctx context.Context, keys []*wanted, load loaderOfMany) (again []*wanted) {
	defer b.own.giveUp(ctx)
	for _, w := range keys {
		if w.loads == loadsAtMost-1 {
			b.v.core.shared.flights.Detach(w.flight)
		}
	}
	b.depend(ctx, keys)
	began := time.Now()
	b.loading = b.v.loadingOverMany(oldOf(keys))
	b.loading.own = &b.own
	if loaded := b.load(ctx, keys, load); len(loaded) > 0 {
		b.store(ctx, loaded)
		b.giveWay(ctx, loaded)
	}
	b.remember(ctx, keys)
	b.withdraw(ctx, keys)
	joined := slices.DeleteFunc(slices.Clone(keys), func(w *wanted) bool {
		w.loads++
		w.revoked = w.revoked && time.Since(began) < leaseDuration
		return w.err != nil && !w.left || w.loads == loadsAtMost || b.v.core.shared.flights.Final(w.flight)
	})
	if len(joined) == 0 {
		return nil
	}
	if b.tags == nil || b.v.core.unchanged(ctx, "", b.dated) {
		joined = slices.DeleteFunc(joined, func(w *wanted) bool { return !w.revoked && !w.missesUnleased() })
	} else {
		for _, w := range joined {
			w.revoked = true
		}
	}
	// A key that holds what it held before a load without a value has not been invalidated.
	same := make(map[*wanted][]byte)
	for _, w := range joined {
		if !w.revoked {
			same[w] = w.bad.stored
		}
		w.token, w.unstored, w.err, w.contender, w.late, w.revoked, w.left = "", nil, nil, nil, false, false, false
	}
	return slices.DeleteFunc(b.lookUpFor(ctx, joined), func(w *wanted) bool {
		before, ok := same[w]
		if ok = ok && w.bad != nil && bytes.Equal(w.bad.stored, before); ok {
			w.err = ErrNotFound
		}
		return ok
	})
}

// missesUnleased tells that a load over a value that cannot be read has found no value, and had no
// lease that an invalidation could have taken.
func (w *wanted) missesUnleased() bool { return w.left && w.token == "" && w.bad != nil }

// seal seals the flights of keys, and returns the keys that callers have joined before.
func (b *loadingMany) seal(keys []*wanted) (late []*wanted) {
	for _, w := range keys {
		if b.v.core.shared.flights.Seal(w.flight) {
			late = append(late, w)
		}
	}
	return late
}

func (b *loadingMany) unseal(keys []*wanted) {
	for _, w := range keys {
		b.v.core.shared.flights.Unseal(w.flight)
	}
}

// depend reads the generations of the tags: see loadAndKeep.
func (b *loadingMany) depend(ctx context.Context, keys []*wanted) {
	b.dated = b.opts
	if b.tags == nil {
		return
	}
	for _, w := range keys {
		b.v.core.shared.flights.DependOn(w.flight, b.tags.keys)
	}
	var err error
	if b.dated, err = b.v.core.withGenerations(ctx, "", b.tags, b.opts); err != nil {
		for _, w := range keys {
			w.unstored = cmp.Or(w.unstored, err)
		}
	}
}

// load calls load, and returns the keys that have got values.
func (b *loadingMany) load(ctx context.Context, keys []*wanted, load loaderOfMany) (loaded []*wanted) {
	flights := make([]*flight.Flight, len(b.wanted))
	for i, w := range b.wanted {
		flights[i] = w.flight
	}
	ctx, end := b.loading.begin(ctx, b.v.core, flights)
	defer end()
	began := time.Now()
	defer b.own.renew(ctx)()
	values, err := load(ctx, userKeys(keys))
	err = timedOutLoad(ctx, err)
	if err == nil {
		b.v.core.stale.loadTime.add(began)
	}
	for _, w := range keys {
		value, ok := values.value(w.key)
		old := b.loading.unmodified(w.key, err)
		switch {
		case old != nil:
			w.value = old
			loaded = append(loaded, w)
		case err != nil:
			w.value, w.err = nil, err
		case !ok:
			w.value, w.err, w.left = nil, ErrNotFound, true
		default:
			w.value = value
			loaded = append(loaded, w)
		}
	}
	return loaded
}

// store stores what was loaded, unless an invalidation came meanwhile. Only what cannot be
// read, which is rare, takes a round trip for each key.
func (b *loadingMany) store(ctx context.Context, loaded []*wanted) {
	flights := make([]*flight.Flight, len(loaded))
	for i, w := range loaded {
		flights[i], w.became = w.flight, overtaken
	}
	b.v.core.shared.flights.StoreMany(flights, func(attached []*flight.Flight) {
		var filled, doubtful []*wanted
		var cmds []*driver.Cmd
		for _, w := range loaded {
			if !slices.Contains(attached, w.flight) {
				continue
			}
			err := cmp.Or(w.failure, w.unstored)
			same, leased := true, w.token != "" && b.v.core.stale.kept() > 0
			if err == nil && w.bad != nil && leased {
				if same, err = b.v.core.outdate(ctx, w.key, w.bad); !same {
					w.became = occupied
				}
			}
			switch {
			case err != nil || !same:
			case w.bad != nil && !leased:
				w.became, err = storedIf(b.v.replace(ctx, w.key, w.value, w.bad, b.loading.options(w.key, b.dated)))
			default:
				var cmd *driver.Cmd
				if cmd, err = b.fill(ctx, w); err == nil {
					filled, cmds = append(filled, w), append(cmds, cmd)
				}
			}
			if err != nil {
				w.err = b.v.core.notKept(w.key, err)
			}
		}
		err := b.v.core.doAs(ctx, "fill many", "", len(cmds), cmds)
		for i, w := range filled {
			failed := err
			if failed == nil {
				w.became, failed = w.outcome(cmds[i])
			}
			switch {
			case failed != nil:
				if w.err = b.v.core.notKept(w.key, failed); w.err == nil {
					doubtful = append(doubtful, w)
				}
			case w.became != occupied && w.token != "":
				w.revoked = w.became == overtaken
				b.own.end(w.full)
			}
			b.v.core.replaced(w.key, w.bad, w.became)
		}
		b.askForLeases(ctx, doubtful)
	})
}

// fill returns the command that stores a value where there is none.
func (b *loadingMany) fill(ctx context.Context, w *wanted) (*driver.Cmd, error) {
	ttl, err := b.v.core.ttlOf(driver.IfAbsent, b.loading.options(w.key, b.opts))
	if err != nil {
		return nil, err
	}
	stored, _, err := b.v.values.encode(b.v.core, w.full, nil, w.value)
	if err != nil {
		return nil, err
	}
	ttl = b.v.core.serverTTL(ttl)
	if b.tags != nil && ttl > 0 {
		tags, err := b.v.core.taggingOf(b.dated)
		if err != nil {
			return nil, err
		}
		generations, err := b.v.core.generationsFor(ctx, tags, ttl)
		if err != nil {
			return nil, err
		}
		if stored, err = b.v.core.tagged(stored, generations); err != nil {
			return nil, err
		}
	}
	replaces := b.v.core.replaces(w.old)
	if w.token == "" {
		w.entry = driver.Entry{Key: w.full, Value: stored, TTL: ttl, Cond: driver.IfAbsent}
		if replaces > 0 { // and the server cannot tell how old the value is
			w.entry.Cond = driver.Always
		}
		return driver.SetCommand(&w.entry), nil
	}
	cmd := *cmdLeaseFill
	cmd.Args = []driver.Arg{driver.Key(w.full), driver.Field(w.token), driver.Val(stored), driver.TTLArg(ttl)}
	if replaces > 0 {
		cmd.Args = append(cmd.Args, driver.Duration(replaces))
	}
	return &cmd, nil
}

// outcome reads the reply to the command of fill.
func (w *wanted) outcome(cmd *driver.Cmd) (filled, error) {
	if cmd.Err != nil {
		return overtaken, cmd.Err
	}
	if w.token != "" {
		n, err := cmd.Reply.AsInt()
		return filled(n), err
	}
	err := driver.SetOutcome(&w.entry, cmd)
	if errors.Is(err, ErrNotStored) {
		return occupied, nil
	}
	return stored, err
}

// giveWay gives the keys that others have stored meanwhile the values of the others.
func (b *loadingMany) giveWay(ctx context.Context, loaded []*wanted) {
	taken := slices.DeleteFunc(loaded, func(w *wanted) bool { return w.err != nil || w.became != occupied })
	if len(taken) == 0 {
		return
	}
	for _, w := range b.lookUp(ctx, taken) {
		w.revoked = w.failure == nil // what came during the load was invalidated, or the key has expired
	}
	for _, w := range taken {
		w.err = nil // what was loaded is as good as what could not be read
	}
}
