package xcache

import (
	"context"
	"errors"
	"slices"
)

// lookUpMany is GetMany that returns the keys which are to be loaded, each once. stale are those
// that are to be loaded in the background, and whose old values count as found. Of a load that
// has begun, before has the keys: then none is stale, and missing instead.
func (c *core) lookUpMany(ctx context.Context, keys []string, before []*wanted, found foundValues) (missing, stale []absent, err error) {
	ctx, call, err := c.start(ctx, "get many", "", len(keys))
	if err != nil {
		return nil, nil, err
	}
	defer call.release()
	seen := make(map[string]bool)
	err = call.getMany(ctx, keys, found, func(i int, full string, bad *unreadable, failure error) {
		if !seen[full] {
			seen[full] = true
			missing = append(missing, absent{key: c.ownKey(full, keys[i]), full: full, bad: bad, failure: failure})
		}
	}, c.ageing(func(i int, full string, old *aged) bool {
		if old.age >= 0 {
			call.seen.stale()
		}
		serve := before == nil && c.servesAtOnce(old)
		if !seen[full] {
			seen[full] = true
			a := absent{key: c.ownKey(full, keys[i]), full: full, old: old}
			if serve {
				stale = append(stale, a)
			} else {
				missing = append(missing, a)
			}
		}
		return serve
	}, before, found))
	return missing, stale, call.end(err)
}

// lookUpFor is lookUp that asks again for keys which others wait for: see untyped.lookUpFor.
func (b *loadingMany) lookUpFor(ctx context.Context, keys []*wanted) (missing []*wanted) {
	for _, w := range keys {
		if b.v.core.shared.flights.Joined(w.flight) {
			b.v.core.shared.flights.Seal(w.flight)
		}
	}
	missing = b.lookUp(ctx, keys)
	found := slices.DeleteFunc(slices.Clone(keys), func(w *wanted) bool { return w.err != nil || slices.Contains(missing, w) })
	if late := b.seal(found); len(late) > 0 {
		for _, w := range late {
			w.value = nil
		}
		missing = append(missing, b.lookUp(ctx, late)...)
	}
	return missing
}

// lookUp gives each key the value that is stored now, or the error of the read, and returns
// the others.
func (b *loadingMany) lookUp(ctx context.Context, keys []*wanted) (missing []*wanted) {
	found := b.v.values.found()
	again, _, err := b.v.onPrimary().core.lookUpMany(ctx, userKeys(keys), keys, found)
	failed, _ := errors.AsType[*BatchError](err)
	for _, w := range keys {
		value, ok := found.value(w.key)
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
		if i := slices.IndexFunc(again, func(a absent) bool { return a.full == w.full }); i >= 0 {
			w.absent = again[i]
		}
	}
	return missing
}

// oldOf returns a function that returns the old value of a user key, or nil.
func oldOf(keys []*wanted) func(key string) *aged {
	return func(key string) *aged {
		if i := slices.IndexFunc(keys, func(w *wanted) bool { return w.key == key }); i >= 0 {
			return keys[i].old
		}
		return nil
	}
}

func userKeys(keys []*wanted) []string {
	names := make([]string, len(keys))
	for i, w := range keys {
		names[i] = w.key
	}
	return names
}
