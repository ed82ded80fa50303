package xcache

import (
	"context"
	"errors"
)

// ErrNotModified is what a loader returns if the value that StaleValue gave to it is still the
// right one: the old value is kept, and gets a new TTL.
var ErrNotModified = errors.New("xcache: the loader says that the stale value is not modified, and there is no stale value")

// StaleValue returns the old value of the key that a loader of GetOrSet loads again, so that the
// loader can ask its source for a change only: by an ETag, by a version, or by a time. ok is
// false if there is no old value to keep: on a miss, or if the type of the view is not T.
//
//	user, err := users.GetOrSet(ctx, "42", func(ctx context.Context) (User, error) {
//		old, ok := xcache.StaleValue[User](ctx)
//		if ok && database.Version("42") == old.Version {
//			return User{}, xcache.ErrNotModified
//		}
//		return database.User("42")
//	})
//
// A loader that returns ErrNotModified makes its call return the old value, which is stored with
// the TTL of a loaded value. An error that wraps ErrNotModified does the same. Without an old
// value, ErrNotModified is returned to the callers like any other error.
//
// There are old values with StaleFor, StaleOnError and EarlyRefresh alone. The value belongs to
// the loader, which may modify it. ctx is the context that the loader was given.
func StaleValue[T any](ctx context.Context) (value T, ok bool) { return StaleValueOf[T](ctx, "") }

// StaleValueOf is StaleValue for one of the keys of a loader of GetOrSetMany. The loader returns
// the old value if it is still the right one. ErrNotModified as the error of the loader keeps
// the old values of all its keys, and is the error of the keys without one.
func StaleValueOf[T any](ctx context.Context, key string) (value T, ok bool) {
	l, ok := ctx.Value(loadingKey{}).(*loading)
	if !ok || l.old == nil {
		return value, false
	}
	old, ok := l.old(key).(boxed[T])
	return old.value, ok
}

// again decodes an old value once more, so that nobody else has the result. The result is nil without
// an old value that can be decoded.
func (v untyped) again(old *aged) any {
	if old == nil {
		return nil
	}
	value, err := v.values.decode(v.core, old.full, old.plain())
	if err != nil {
		return nil
	}
	return value
}

// loadingOver returns the loading of a key that has an old value, or none.
func (v untyped) loadingOver(old *aged) *loading {
	return v.loadingOverMany(func(string) *aged { return old })
}

// loadingOverMany is loadingOver for several keys.
func (v untyped) loadingOverMany(old func(key string) *aged) *loading {
	l := new(loading)
	if v.core.stale.reads() {
		l.old = func(key string) any { return v.again(old(key)) }
	}
	return l
}

// unmodified returns the old value of a key whose loader has returned ErrNotModified, or nil.
func (l *loading) unmodified(key string, err error) any {
	if l.old == nil || !errors.Is(err, ErrNotModified) {
		return nil
	}
	return l.old(key)
}
