package mixins

import (
	"errors"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// A Reader reads the result of a script, or a part of a result. Readers are AsInt,
// AsString, AsValue[T] and the others here, and functions of the program. A Reader may keep
// data of the reply, but not the Op.
//
// Lua has one type of number, and the server drops the fraction. false and nil are no
// result: readers of a single value return xcache.ErrNotFound. true is 1. A list ends at
// its first nil.
type Reader[R any] func(o *xcache.Op, r *driver.Reply) (R, error)

// readResult returns a function that reads a whole reply. A script may answer with
// anything. So a reply that does not fit the reader is an error of the script, and not of
// the server.
func readResult[R any](read Reader[R]) func(*xcache.Op) (R, error) {
	return func(o *xcache.Op) (R, error) {
		result, err := read(o, o.Reply())
		if misread, ok := errors.AsType[*driver.Error](err); ok && errors.Is(misread.Kind, xcache.ErrUnavailable) {
			err = driver.Fail(xcache.ErrScript, misread.Outcome, misread.Err)
		}
		return result, err
	}
}

// AsInt reads a whole number, or the text of a whole number.
func AsInt(_ *xcache.Op, r *driver.Reply) (int64, error) {
	if r.IsNil() {
		return 0, xcache.ErrNotFound
	}
	return r.AsInt()
}

// AsFloat reads a number. The server drops fractions of numbers, so a script returns the
// text of a number: tostring(x).
func AsFloat(_ *xcache.Op, r *driver.Reply) (float64, error) {
	if r.IsNil() {
		return 0, xcache.ErrNotFound
	}
	return r.AsFloat()
}

// AsBool reads true, or a number other than 0, as true. AsBool reads false, nil and 0 as
// false.
func AsBool(_ *xcache.Op, r *driver.Reply) (bool, error) {
	if r.IsNil() {
		return false, nil
	}
	n, err := r.AsInt()
	return n != 0, err
}

// AsString reads text that no codec has written. A number is read as its digits.
func AsString(_ *xcache.Op, r *driver.Reply) (string, error) {
	text, err := r.AsBytes()
	return string(text), err
}

// AsBytes is AsString for bytes, which must not be modified.
func AsBytes(_ *xcache.Op, r *driver.Reply) ([]byte, error) { return r.AsBytes() }

// AsValue reads a value that the codec has written: a value that a View has stored, or an
// Encoded argument. If the cache encrypts, the value must belong to the script's first key.
func AsValue[T any](o *xcache.Op, r *driver.Reply) (T, error) { return xcache.ReadValue[T](o, r) }

// AsKey reads a full key in the form of KEYS, and returns the key of the program. A key
// outside of the cache's layout is xcache.ErrInvalidKey.
func AsKey(o *xcache.Op, r *driver.Reply) (string, error) {
	full, err := AsString(o, r)
	if err != nil {
		return "", err
	}
	key, ok := o.UserKey(full)
	if !ok {
		return "", driver.Fail(xcache.ErrInvalidKey, driver.Unknown, errForeignKey)
	}
	return key, nil
}

// AsNothing reads any result as true. AsNothing is for scripts whose result does not
// matter.
func AsNothing(_ *xcache.Op, r *driver.Reply) (bool, error) {
	if r.Kind == driver.ReplyError {
		return false, r.Err
	}
	return true, nil
}

// AsReply returns the reply unchanged.
func AsReply(_ *xcache.Op, r *driver.Reply) (driver.Reply, error) { return *r, nil }

// AsSlice reads a list, with a reader for its elements. No result is an empty list.
func AsSlice[T any](element Reader[T]) Reader[[]T] {
	return func(o *xcache.Op, r *driver.Reply) ([]T, error) {
		items, err := r.AsArray()
		if err != nil {
			return nil, err
		}
		return readEach(items, func(item *driver.Reply) (T, error) { return element(o, item) })
	}
}

// AsMap reads a list of names and values in turn, the form of HGETALL's reply, with a
// reader for the values. No result is an empty map.
func AsMap[T any](value Reader[T]) Reader[map[string]T] {
	return func(o *xcache.Op, r *driver.Reply) (map[string]T, error) {
		pairs, err := r.AsPairs()
		if err != nil {
			return nil, err
		}
		all := make(map[string]T, len(pairs))
		for _, pair := range pairs {
			if all[string(pair.Name)], err = value(o, pair.Value); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
}

// AsPointer reads an optional value: no result is nil, where other readers return
// xcache.ErrNotFound. AsPointer is for elements of a list.
func AsPointer[T any](read Reader[T]) Reader[*T] {
	return func(o *xcache.Op, r *driver.Reply) (*T, error) {
		if r.IsNil() {
			return nil, nil //nolint:nilnil // nil is the result
		}
		value, err := read(o, r)
		if err != nil {
			return nil, err
		}
		return &value, nil
	}
}

var errForeignKey = errors.New("the script returned a key that has not the cache's prefix, version and namespace")
