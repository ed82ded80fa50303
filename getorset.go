package xcache

import (
	"context"
	"errors"
	"reflect"

	"github.com/xcache-go/xcache/driver"
)

// GetOrSet returns the value of key, or on a miss calls load, stores what it
// returns, and returns that. A stored nil is a hit.
//
// However many goroutines of this process ask for the same key at once, load
// runs once, and all of them get its result. If another process stored a value
// meanwhile, that one wins and is returned.
//
// load runs in a goroutine of its own. Its context has the values of the first
// caller's, no deadline, and ends when every caller that waits has given up: a
// caller whose context ends leaves alone. An error of load is returned as it
// is, and nothing is stored. A panic in load reaches every caller that waits.
// load must not call GetOrSet for the same key, nor Close, which would wait for
// themselves. Slices, maps and pointers in a loaded value are the same for all
// callers that waited for it: do not change what they lead to.
//
// When the cache cannot be read, its error is returned and load does not run:
// a broken cache must not send all its load to the database unasked. When the
// loaded value cannot be stored, it is returned together with the error. When
// the cache is closed meanwhile, the error is ErrClosed.
func (v *View[T]) GetOrSet(ctx context.Context, key string, load func(context.Context) (T, error), opts ...SetOption) (T, error) {
	landed := v.shared.flights.landed.Load()
	value, err := v.Get(ctx, key)
	if !errors.Is(err, ErrNotFound) {
		return value, err
	}
	full, err := v.fullKey(key)
	if err != nil {
		return value, err // Get has checked the key
	}
	if _, err := v.ttlOf(driver.IfAbsent, opts); err != nil {
		return value, &OpError{Driver: v.shared.driver, Op: "get or set", Key: key, Err: err}
	}
	result, err := v.shared.flights.do(ctx, flightKey{full, reflect.TypeFor[T]()}, func(ctx context.Context) (any, error) {
		result, err := v.loadAndStore(ctx, key, load, opts, landed)
		if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrClosed) {
			err = &OpError{Driver: v.shared.driver, Op: "get or set", Key: key, Err: driver.Fail(ErrClosed, driver.NotApplied, err)}
		}
		return result, err
	})
	if result, ok := result.(loaded[T]); ok {
		return result.value, err
	}
	// The flight did not end for this caller.
	if err != nil {
		err = &OpError{Driver: v.shared.driver, Op: "get or set", Key: key, Err: err}
	}
	return value, err
}

// loaded boxes a result, so that an any tells no result from a nil one.
type loaded[T any] struct{ value T }

// loadAndStore is what one of the concurrent callers does for all. landed is
// how many flights had ended before it missed.
func (v *View[T]) loadAndStore(ctx context.Context, key string, load func(context.Context) (T, error), opts []SetOption, landed uint64) (any, error) {
	// A flight that ended since may have stored the value.
	if v.shared.flights.landed.Load() != landed {
		if value, err := v.With(ReadPrimary()).Get(ctx, key); !errors.Is(err, ErrNotFound) {
			return loaded[T]{value}, err
		}
	}
	value, err := load(ctx)
	if err != nil {
		return loaded[T]{}, err
	}
	added, err := v.Add(ctx, key, value, opts...)
	if err != nil || added {
		return loaded[T]{value}, err
	}
	// A replica may not have it yet.
	winner, err := v.With(ReadPrimary()).Get(ctx, key)
	if errors.Is(err, ErrNotFound) { // and expired since
		return loaded[T]{value}, nil
	}
	return loaded[T]{winner}, err
}
