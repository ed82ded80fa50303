package xcache

import (
	"context"
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// lookUp is Get, but that a read which has failed open is a missedError. bad is the stored
// value if it cannot be read, and nil otherwise. With found, which is for the stored value, a
// stale value is returned as well.
func lookUp[T any](ctx context.Context, c *core, key string, found *aged) (value T, bad *unreadable, err error) {
	var f finding
	if ctx, f.call, err = c.start(ctx, "get", key, 1); err != nil {
		return value, nil, err
	}
	defer f.call.release()
	if err = f.read(ctx, key, found); err == nil {
		value, err = readChecked[T](&f.call, key, f.full, f.stored, f.plain)
	}
	bad, err = f.end(found, err)
	return value, bad, err
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

// A finding is a read of one key. What depends on the type of the value happens between read and
// end.
type finding struct {
	call call
	full string
	// there tells that the key has a value: stored, which is plain behind its tags.
	there         bool
	stored, plain []byte
	// from is the read of the store beside a memo, which is to hold held.
	from *reading
	held []byte
}

// read reads the stored bytes of a key. An error of its tags is that of read.
func (f *finding) read(ctx context.Context, key string, found *aged) (err error) {
	c := f.call.cache
	if found == nil {
		f.full, f.stored, f.from, err = c.get(ctx, key)
	} else if f.from, err = c.getAged(ctx, key, found); err == nil {
		f.full, f.stored = found.full, found.stored
	}
	if err != nil {
		return err
	}
	f.there, f.held = true, f.from.copied(f.stored)
	f.plain, err = c.ofTags(ctx, f.stored)
	return err
}

// end ends the call. err is the error of read, or of the codec.
func (f *finding) end(found *aged, err error) (bad *unreadable, _ error) {
	c, call := f.call.cache, &f.call
	if f.there {
		switch {
		case err != nil:
		case found == nil || c.validFor(found.left) > 0:
			f.from.hold(c.shared, f.full, f.held)
		default:
			call.seen.stale()
		}
		if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNotFound) {
			bad = &unreadable{f.stored, err}
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
