package xcache

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/xcache-go/xcache/driver"
)

// GetMany returns the values of the keys that exist, in one round trip per
// server involved. No keys: an empty map and no I/O; the same key may be given
// twice. If some keys failed (ErrCorrupt, a server down), the map holds the
// others, and the error is a *BatchError that lists the failed ones. A key
// that holds another type may count as a miss.
func (v *View[T]) GetMany(ctx context.Context, keys []string) (map[string]T, error) {
	ctx, call, err := v.start(ctx, "get many", "", len(keys))
	if err != nil {
		return nil, err
	}
	defer call.release()
	found, err := v.getMany(ctx, &call, keys)
	return found, call.end(err)
}

func (v *View[T]) getMany(ctx context.Context, call *call, keys []string) (map[string]T, error) {
	if len(keys) == 0 {
		return map[string]T{}, nil
	}
	fulls, err := v.fullKeys(keys)
	if err != nil {
		return nil, err
	}
	stored := make([]driver.Value, len(keys))
	if err := v.target.store.Get(ctx, fulls, stored); err != nil {
		return nil, err
	}
	found := make(map[string]T, len(keys))
	var failed *BatchError
	for i, key := range keys {
		switch err := stored[i].Err; {
		case err == nil:
			value, err := read[T](call, key, fulls[i], stored[i].Data)
			if err != nil {
				failed = failed.add(key, err)
				continue
			}
			found[v.ownKey(fulls[i], key)] = value
		case errors.Is(err, ErrNotFound):
			call.seen.miss()
		default:
			failed = failed.add(key, err)
		}
	}
	return found, failed.asError()
}

// SetMany stores all values, in one round trip per server involved, with the
// default TTL or the one of opts. No values: no I/O. It is not atomic: if some
// keys failed, the error is a *BatchError that lists them, and the others are
// stored. A key or a value that is bad in itself is found before any I/O, and
// then nothing is stored.
func (v *View[T]) SetMany(ctx context.Context, values map[string]T, opts ...SetOption) error {
	ctx, call, err := v.start(ctx, "set many", "", len(values))
	if err != nil {
		return err
	}
	defer call.release()
	return call.end(v.setMany(ctx, &call, values, opts))
}

func (v *View[T]) setMany(ctx context.Context, call *call, values map[string]T, opts []SetOption) error {
	ttl, err := v.ttlOf(driver.Always, opts)
	if err != nil || len(values) == 0 {
		return err
	}
	keys := slices.AppendSeq(make([]string, 0, len(values)), maps.Keys(values))
	fulls, err := v.fullKeys(keys)
	if err != nil {
		return err
	}
	entries := make([]driver.Entry, len(keys))
	var failed *BatchError
	for i, key := range keys {
		stored, _, err := encode(v.Cache, fulls[i], nil, values[key])
		if err != nil {
			failed = failed.add(key, err)
			continue
		}
		entries[i] = driver.Entry{Key: fulls[i], Value: stored, TTL: v.jittered(ttl)}
		call.seen.wrote(len(stored))
	}
	if failed != nil {
		return &aboutError{"nothing was stored", failed}
	}
	if err := v.set(ctx, entries); err != nil {
		return err
	}
	for i := range entries {
		if err := entries[i].Err; err != nil {
			failed = failed.add(keys[i], err)
		}
	}
	return failed.asError()
}
