package xcache

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
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
	if v.core.tx != nil {
		return nil, v.core.opError("get or set many", "", errLoads)
	}
	landed := v.core.shared.flights.Landed()
	found, missing, stale, err := v.lookUpMany(ctx, keys, nil)
	failed, _ := errors.AsType[*BatchError](err)
	if err != nil && failed == nil || len(missing)+len(stale) == 0 {
		return found, err
	}
	if _, err := v.core.ttlOf(driver.IfAbsent, opts); err != nil {
		return nil, v.core.opError("get or set many", "", err)
	}
	tags, err := v.core.taggingOf(opts)
	if err != nil {
		return nil, v.core.opError("get or set many", "", err)
	}
	opts = slices.Clone(opts)
	run := func(keys []absent[T]) func(context.Context, []int, []*flight.Flight) []flight.Result {
		return func(ctx context.Context, own []int, flights []*flight.Flight) []flight.Result {
			b := &loadingMany[T]{v: v, opts: opts, tags: tags, own: ownLeases{cache: &v.core}}
			for i, at := range own {
				b.wanted = append(b.wanted, &wanted[T]{absent: keys[at], flight: flights[i]})
			}
			return b.run(ctx, load, v.core.shared.flights.Landed() != landed)
		}
	}
	v.refreshMany(ctx, stale, run(stale))
	if len(missing) == 0 {
		return found, err
	}
	results, err := v.core.shared.flights.DoMany(ctx, flightKeys(missing), v.softMany(missing), run(missing))
	if err != nil {
		return found, v.core.opError("get or set many", "", err)
	}
	for i, result := range results {
		value, ok := result.Value.(boxed[T])
		switch {
		case ok && result.Err == nil:
			found[missing[i].key] = value.value
		case v.servesOnError(ctx, missing[i].key, missing[i].old, result.Err):
			found[missing[i].key] = missing[i].old.value
		case !errors.Is(result.Err, ErrNotFound):
			failed = failed.add(missing[i].key, result.Err)
		}
	}
	if failed != nil {
		return found, v.core.opError("get or set many", "", failed)
	}
	return found, nil
}

// flightKeys returns the keys of the flights that load values.
func flightKeys[T any](keys []absent[T]) []flight.Key {
	flights := make([]flight.Key, len(keys))
	for i := range keys {
		flights[i] = flight.Key{Full: keys[i].full, As: reflect.TypeFor[T]()}
	}
	return flights
}

// An absent is a key without a value, or with one that cannot be read or is to be loaded
// again. The texts are the cache's own.
type absent[T any] struct {
	key, full string
	bad       *unreadable
	old       *aged[T]
	// failure is that of a read which has failed open, or nil. A write would fail likewise.
	failure error
}

// lookUpMany is GetMany that returns the keys which are to be loaded, each once. stale are those
// that are to be loaded in the background, and whose old values count as found. Of a load that
// has begun, before has the keys: then none is stale, and missing instead.
func (v *View[T]) lookUpMany(ctx context.Context, keys []string, before []*wanted[T]) (found map[string]T, missing, stale []absent[T], err error) {
	ctx, call, err := v.core.start(ctx, "get many", "", len(keys))
	if err != nil {
		return nil, nil, nil, err
	}
	defer call.release()
	seen := make(map[string]bool)
	found, err = v.getMany(ctx, &call, keys, func(i int, full string, bad *unreadable, failure error) {
		if !seen[full] {
			seen[full] = true
			missing = append(missing, absent[T]{key: v.core.ownKey(full, keys[i]), full: full, bad: bad, failure: failure})
		}
	}, v.ageing(func(i int, full string, old *aged[T]) bool {
		if old.age >= 0 {
			call.seen.stale()
		}
		serve := before == nil && v.servesAtOnce(old)
		if !seen[full] {
			seen[full] = true
			a := absent[T]{key: v.core.ownKey(full, keys[i]), full: full, old: old}
			if serve {
				stale = append(stale, a)
			} else {
				missing = append(missing, a)
			}
		}
		return serve
	}, before))
	return found, missing, stale, call.end(err)
}

// A wanted is a key that a load is to bring.
type wanted[T any] struct {
	absent[T]
	flight *flight.Flight
	// token is that of the lease, or "" without one.
	token string
	// unstored is why the value is not to be stored, or nil.
	unstored error
	value    T
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
type loadingMany[T any] struct {
	v      *View[T]
	opts   []SetOption
	tags   *tagging
	wanted []*wanted[T]
	// dated are opts with the generations that the tags had before the load.
	dated []SetOption
	// loading is what the loader says of what it loads.
	loading *loading
	// own are the leases that the load has for itself.
	own ownLeases
}

// run loads and stores. again tells that flights have ended since the values were looked up.
func (b *loadingMany[T]) run(ctx context.Context, load func(context.Context, []string) (map[string]T, error), again bool) []flight.Result {
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
		results[i] = w.result(ctx)
	}
	return results
}

func (w *wanted[T]) result(ctx context.Context) flight.Result {
	if errors.Is(w.err, context.Canceled) && errors.Is(context.Cause(ctx), ErrClosed) {
		w.err = fmt.Errorf("%w: %w", ErrClosed, w.err)
	}
	return flight.Result{Value: boxed[T]{w.value}, Err: w.err}
}

// landAllBut gives the callers of all other keys their results before the next load, which may
// take its time.
func (b *loadingMany[T]) landAllBut(ctx context.Context, mine, others []*wanted[T]) {
	if len(mine)+len(others) == len(b.wanted) {
		return
	}
	pending := make(map[*wanted[T]]bool)
	for _, w := range slices.Concat(mine, others) {
		pending[w] = true
	}
	for _, w := range b.wanted {
		if !pending[w] {
			b.v.core.shared.flights.Land(w.flight, w.result(ctx))
		}
	}
}

// loadOnce loads and stores keys, and returns those that are to be loaded again.
func (b *loadingMany[T]) loadOnce(ctx context.Context, keys []*wanted[T], load func(context.Context, []string) (map[string]T, error)) (again []*wanted[T]) {
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
	joined := slices.DeleteFunc(slices.Clone(keys), func(w *wanted[T]) bool {
		w.loads++
		w.revoked = w.revoked && time.Since(began) < leaseDuration
		return w.err != nil && !w.left || w.loads == loadsAtMost || b.v.core.shared.flights.Final(w.flight)
	})
	if len(joined) == 0 {
		return nil
	}
	if b.tags == nil || b.v.core.unchanged(ctx, "", b.dated) {
		joined = slices.DeleteFunc(joined, func(w *wanted[T]) bool { return !w.revoked && !w.missesUnleased() })
	} else {
		for _, w := range joined {
			w.revoked = true
		}
	}
	// A key that holds what it held before a load without a value has not been invalidated.
	same := make(map[*wanted[T]][]byte)
	for _, w := range joined {
		if !w.revoked {
			same[w] = w.bad.stored
		}
		w.token, w.unstored, w.err, w.contender, w.late, w.revoked, w.left = "", nil, nil, nil, false, false, false
	}
	return slices.DeleteFunc(b.lookUpFor(ctx, joined), func(w *wanted[T]) bool {
		before, ok := same[w]
		if ok = ok && w.bad != nil && bytes.Equal(w.bad.stored, before); ok {
			w.err = ErrNotFound
		}
		return ok
	})
}

// missesUnleased tells that a load over a value that cannot be read has found no value, and had no
// lease that an invalidation could have taken.
func (w *wanted[T]) missesUnleased() bool { return w.left && w.token == "" && w.bad != nil }

// seal seals the flights of keys, and returns the keys that callers have joined before.
func (b *loadingMany[T]) seal(keys []*wanted[T]) (late []*wanted[T]) {
	for _, w := range keys {
		if b.v.core.shared.flights.Seal(w.flight) {
			late = append(late, w)
		}
	}
	return late
}

func (b *loadingMany[T]) unseal(keys []*wanted[T]) {
	for _, w := range keys {
		b.v.core.shared.flights.Unseal(w.flight)
	}
}

// lookUpFor is lookUp that asks again for keys which others wait for: see View.lookUpFor.
func (b *loadingMany[T]) lookUpFor(ctx context.Context, keys []*wanted[T]) (missing []*wanted[T]) {
	for _, w := range keys {
		if b.v.core.shared.flights.Joined(w.flight) {
			b.v.core.shared.flights.Seal(w.flight)
		}
	}
	missing = b.lookUp(ctx, keys)
	found := slices.DeleteFunc(slices.Clone(keys), func(w *wanted[T]) bool { return w.err != nil || slices.Contains(missing, w) })
	if late := b.seal(found); len(late) > 0 {
		for _, w := range late {
			w.value = *new(T)
		}
		missing = append(missing, b.lookUp(ctx, late)...)
	}
	return missing
}

// lookUp gives each key the value that is stored now, or the error of the read, and returns
// the others.
func (b *loadingMany[T]) lookUp(ctx context.Context, keys []*wanted[T]) (missing []*wanted[T]) {
	found, again, _, err := b.v.With(ReadPrimary()).lookUpMany(ctx, userKeys(keys), keys) // a replica may lag behind
	failed, _ := errors.AsType[*BatchError](err)
	for _, w := range keys {
		value, ok := found[w.key]
		switch {
		case ok:
			w.value = value
		case failed != nil && failed.Errs[w.key] != nil:
			w.err = failed.Errs[w.key]
		case err != nil && failed == nil:
			w.err = err
		default:
			missing = append(missing, w)
		}
	}
	for _, w := range missing {
		if i := slices.IndexFunc(again, func(a absent[T]) bool { return a.full == w.full }); i >= 0 {
			w.absent = again[i]
		}
	}
	return missing
}

// oldOf returns a function that returns the old value of a user key, or nil.
func oldOf[T any](keys []*wanted[T]) func(key string) *aged[T] {
	return func(key string) *aged[T] {
		if i := slices.IndexFunc(keys, func(w *wanted[T]) bool { return w.key == key }); i >= 0 {
			return keys[i].old
		}
		return nil
	}
}

func userKeys[T any](keys []*wanted[T]) []string {
	names := make([]string, len(keys))
	for i, w := range keys {
		names[i] = w.key
	}
	return names
}

// depend reads the generations of the tags: see loadAndKeep.
func (b *loadingMany[T]) depend(ctx context.Context, keys []*wanted[T]) {
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
func (b *loadingMany[T]) load(ctx context.Context, keys []*wanted[T], load func(context.Context, []string) (map[string]T, error)) (loaded []*wanted[T]) {
	flights := make([]*flight.Flight, len(b.wanted))
	for i, w := range b.wanted {
		flights[i] = w.flight
	}
	ctx, end := b.loading.begin(ctx, &b.v.core, flights)
	defer end()
	began := time.Now()
	defer b.own.renew(ctx)()
	values, err := load(ctx, userKeys(keys))
	err = timedOutLoad(ctx, err)
	if err == nil {
		b.v.core.stale.loadTime.add(began)
	}
	for _, w := range keys {
		value, ok := values[w.key]
		old, same := unmodified[T](b.loading, w.key, err)
		switch {
		case same:
			w.value = old
			loaded = append(loaded, w)
		case err != nil:
			w.value, w.err = *new(T), err
		case !ok:
			w.value, w.err, w.left = *new(T), ErrNotFound, true
		default:
			w.value = value
			loaded = append(loaded, w)
		}
	}
	return loaded
}

// store stores what was loaded, unless an invalidation came meanwhile. Only what cannot be
// read, which is rare, takes a round trip for each key.
func (b *loadingMany[T]) store(ctx context.Context, loaded []*wanted[T]) {
	flights := make([]*flight.Flight, len(loaded))
	for i, w := range loaded {
		flights[i], w.became = w.flight, overtaken
	}
	b.v.core.shared.flights.StoreMany(flights, func(attached []*flight.Flight) {
		var filled, doubtful []*wanted[T]
		var cmds []*driver.Cmd
		for _, w := range loaded {
			if !slices.Contains(attached, w.flight) {
				continue
			}
			err := cmp.Or(w.failure, w.unstored)
			same, leased := true, w.token != "" && b.v.core.stale.kept() > 0
			if err == nil && w.bad != nil && leased {
				if same, err = b.v.outdate(ctx, w.key, w.bad); !same {
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
				w.err = b.v.notKept(w.key, err)
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
				if w.err = b.v.notKept(w.key, failed); w.err == nil {
					doubtful = append(doubtful, w)
				}
			case w.became != occupied && w.token != "":
				w.revoked = w.became == overtaken
				b.own.end(w.full)
			}
			b.v.replaced(w.key, w.bad, w.became)
		}
		b.askForLeases(ctx, doubtful)
	})
}

// fill returns the command that stores a value where there is none.
func (b *loadingMany[T]) fill(ctx context.Context, w *wanted[T]) (*driver.Cmd, error) {
	ttl, err := b.v.core.ttlOf(driver.IfAbsent, b.loading.options(w.key, b.opts))
	if err != nil {
		return nil, err
	}
	stored, _, err := encode(&b.v.core, w.full, nil, w.value)
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
	replaces := b.v.replaces(w.old)
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
func (w *wanted[T]) outcome(cmd *driver.Cmd) (filled, error) {
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
func (b *loadingMany[T]) giveWay(ctx context.Context, loaded []*wanted[T]) {
	taken := slices.DeleteFunc(loaded, func(w *wanted[T]) bool { return w.err != nil || w.became != occupied })
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
