package xcache

import (
	"context"
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// lookUp is Get, but that a read which has failed open is a missedError. bad is the stored
// value if it cannot be read, and nil otherwise. With found, which is for the stored value, a
// stale value is looked up as well. read reads the value.
func (c *core) lookUp(ctx context.Context, key string, found *aged, read decoder) (bad *unreadable, err error) {
	ctx, call, err := c.start(ctx, "get", key, 1)
	if err != nil {
		return nil, err
	}
	defer call.release()
	var full string
	var stored []byte
	var from *reading
	if found == nil {
		full, stored, from, err = c.get(ctx, key)
	} else if from, err = c.getAged(ctx, key, found); err == nil {
		full, stored = found.full, found.stored
	}
	if err == nil {
		held := from.copied(stored)
		var plain []byte
		if plain, err = c.ofTags(ctx, stored); err == nil {
			err = read(full, stored, plain, call.seen)
		}
		switch {
		case err != nil:
		case found == nil || c.validFor(found.left) > 0:
			from.hold(c.shared, full, held)
		default:
			call.seen.stale()
		}
		if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNotFound) {
			bad = &unreadable{stored, err}
		}
	}
	if errors.Is(err, ErrNotFound) {
		call.seen.miss()
	}
	if err != nil && err != ErrNotFound && c.onError == OnErrorMiss { //nolint:errorlint // a miss is bare, and frequent
		failure := call.explain(err)
		if err = call.opened(readsMiss, 1, err); err == nil {
			call.seen.miss()
			_ = call.end(ErrNotFound)
			return nil, &missedError{failure}
		}
	}
	return bad, call.end(err)
}

// get returns the full key of a key, and the stored bytes, which belong to the caller where
// those of the store do.
func (c *core) get(ctx context.Context, key string) (full string, stored []byte, from *reading, err error) {
	if full, err = c.fullKey(key); err != nil {
		return "", nil, nil, err
	}
	if m := c.memo(ctx); m != nil {
		var ok bool
		if stored, ok, from = m.recall(c.shared, full); ok {
			return full, stored, from, nil
		}
	}
	if c.sliding > 0 {
		stored, err = c.getSliding(ctx, full)
	} else if c.stale.buffer() > 0 {
		stored, err = c.getOneValid(ctx, full)
	} else {
		stored, err = getFrom(ctx, c.target, full)
	}
	return full, stored, from, err
}

// getFrom returns the stored bytes of a full key.
func getFrom(ctx context.Context, t *target, full string) ([]byte, error) {
	l := newLookup(full)
	if err := t.store.Get(ctx, l.keys[:], l.values[:]); err != nil {
		return nil, err
	}
	value := l.release()
	return value.Data, value.Err
}

// An unreadable is a stored value that no codec can read as the wanted type, or one whose
// tags were invalidated: then err is ErrNotFound.
type unreadable struct {
	stored []byte
	err    error
}

// invalid returns a value that was found, and whose tags were invalidated, or nil.
func invalid(stored *driver.Value) *unreadable {
	if stored.Err != nil {
		return nil
	}
	return &unreadable{stored.Data, ErrNotFound}
}

// A missedError is a miss that is none: the read has failed, and OnErrorMiss hides that.
type missedError struct{ failure error }

func (e *missedError) Error() string { return ErrNotFound.Error() }

func (e *missedError) Unwrap() error { return ErrNotFound }
