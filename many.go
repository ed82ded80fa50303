package xcache

import (
	"context"
	"errors"
	"slices"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// GetMany returns the values of the keys that exist, in one round trip per server. Without
// keys, the map is empty, and there is no I/O. A key may be given twice. If some keys
// failed (ErrCorrupt, a server down), the map has the others, and the error is a
// *BatchError that lists the failed keys. A key with a value of another Redis type may
// count as a miss.
func (v *View[T]) GetMany(ctx context.Context, keys []string) (map[string]T, error) {
	var found valuesOf[T]
	err := v.core.getMany(ctx, keys, &found)
	return found.values, err
}

func (c *core) getMany(ctx context.Context, keys []string, found foundValues) error {
	ctx, call, err := c.start(ctx, "get many", "", len(keys))
	if err != nil {
		return err
	}
	defer call.release()
	return call.end(call.getMany(ctx, keys, found, nil, nil))
}

// getMany is GetMany. missed, if it is not nil, is told of the keys that are not found, and of
// those whose values cannot be read, which are no failures then. aged, if it is not nil, is told
// of the values that are found, stale ones as well, and reports whether a value counts as found.
// The latest value of found is the value then.
func (k *call) getMany(ctx context.Context, keys []string, found foundValues, missed func(i int, full string, bad *unreadable, failure error), aged func(i int, full string, stored driver.Value) bool) error {
	if len(keys) == 0 {
		found.begin(0)
		return nil
	}
	c := k.cache
	fulls, err := c.fullKeys(keys)
	if err != nil {
		return err
	}
	stored := make([]driver.Value, len(keys))
	get := c.target.store.Get
	if c.sliding > 0 {
		get = c.getManySliding
	} else if aged != nil {
		get = c.target.caps.Expirer.GetTTL
	} else if c.stale.buffer() > 0 {
		get = c.getValid
	}
	var from *reading
	if m := c.memo(ctx); m != nil {
		get, from = c.throughMemo(m, get)
	}
	err = get(ctx, fulls, stored)
	plain := stored
	if err == nil && slices.ContainsFunc(stored, func(v driver.Value) bool { return codec.HasGenerations(v.Data) }) {
		plain = slices.Clone(stored)
		err = c.checkTags(ctx, plain)
	}
	if err != nil {
		failure := err
		if err = k.opened(readsNothing, len(keys), err); err != nil {
			return err
		}
		k.seen.missAll(len(keys))
		for i, full := range fulls {
			if missed != nil {
				missed(i, full, nil, failure)
			}
		}
		found.begin(0)
		return nil
	}
	found.begin(len(keys))
	var failed *BatchError
	for i, key := range keys {
		switch err := plain[i].Err; {
		case err == nil:
			held := from.copied(plain[i].Data)
			err := found.read(c, key, fulls[i], stored[i].Data, plain[i].Data, k.seen)
			if missed != nil && (errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTooLarge)) {
				missed(i, fulls[i], &unreadable{stored[i].Data, err}, nil)
				continue
			}
			if err != nil {
				failed = failed.add(key, err)
				continue
			}
			if aged == nil || aged(i, fulls[i], stored[i]) {
				if aged == nil || c.validFor(stored[i].TTL) > 0 { // a stale value is a miss elsewhere
					from.hold(c.shared, fulls[i], held)
				}
				found.keepLatest(c.ownKey(fulls[i], key))
			}
		case errors.Is(err, ErrNotFound):
			k.seen.miss()
			if missed != nil {
				missed(i, fulls[i], invalid(&stored[i]), nil)
			}
		default:
			failure := err
			if err = k.opened(readsNothing, 1, err); err != nil {
				failed = failed.add(key, err)
				continue
			}
			k.seen.miss()
			if missed != nil {
				missed(i, fulls[i], nil, failure)
			}
		}
	}
	return failed.asError()
}

// SetMany stores all values, in one round trip per server, with the default TTL or the TTL
// of opts. Without values, there is no I/O. SetMany is not atomic: if some keys failed, the
// error is a *BatchError that lists the failed keys, and the others are stored. An invalid
// key or value is found before any I/O, and nothing is stored then.
func (v *View[T]) SetMany(ctx context.Context, values map[string]T, opts ...SetOption) error {
	return v.core.setMany(ctx, &valuesOf[T]{values: values}, len(values), opts)
}

func (c *core) setMany(ctx context.Context, values givenValues, n int, opts []SetOption) error {
	ctx, call, err := c.startInSteps(ctx, inSteps(opts), "set many", "", n)
	if err != nil {
		return err
	}
	defer call.release()
	return call.end(call.setMany(ctx, values, n, opts))
}

func (k *call) setMany(ctx context.Context, values givenValues, n int, opts []SetOption) error {
	c := k.cache
	ttl, err := c.ttlOf(driver.Always, opts)
	if err != nil || n == 0 {
		return err
	}
	keys := values.keys()
	fulls, err := c.fullKeys(keys)
	if err != nil {
		return err
	}
	entries := make([]driver.Entry, len(keys))
	var failed *BatchError
	for i, key := range keys {
		stored, err := values.encode(c, fulls[i], key)
		if err != nil {
			failed = failed.add(key, err)
			continue
		}
		entries[i] = driver.Entry{Key: fulls[i], Value: stored, TTL: c.serverTTL(ttl)}
		k.seen.wrote(len(stored))
	}
	if failed != nil {
		return &aboutError{"nothing was stored", failed}
	}
	tags, err := c.taggingOf(opts)
	if err == nil {
		err = c.tagEntries(ctx, entries, tags)
	}
	if err != nil {
		return err
	}
	if err := c.set(ctx, entries); err != nil {
		return k.opened(dropsWrite, len(entries), err)
	}
	for i := range entries {
		if err := k.opened(dropsWrite, 1, entries[i].Err); err != nil {
			failed = failed.add(keys[i], err)
		}
	}
	return failed.asError()
}
