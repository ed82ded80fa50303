package xcache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// Values that outlive their TTL. A view with StaleFor stores a value at the server for longer
// than the value is valid: for the buffer on top of its TTL. The remaining TTL at the server
// tells how old a value is, so that the stored bytes are the plain ones.

// longestStale bounds the durations of the options, because a server counts no TTLs that are
// much longer.
const longestStale = 365 * 24 * time.Hour

// StaleFor makes GetOrSet and GetOrSetMany return a value for d after its TTL has ended, at
// once, while the value is loaded again in the background. After d, a caller waits for the
// load, as without StaleFor.
//
//	users := xcache.For[User](c.Namespace("user")).With(xcache.StaleFor(time.Minute))
//
// One refresh of a key runs at a time: one in each process, and with OneLoader one in all
// processes. The refresh is a load by the rules of GetOrSet, with the loader of the call that
// found the stale value. A value that was loaded before a Delete, a Clear or an
// InvalidateTags of any process does not come back. The context of the loader has the values
// of that call's context. The context ends after LoadTimeout, and when the cache is closed.
// Without the option LoadTimeout, the time is five minutes for a view with StaleFor. Close
// waits for the loader.
//
// If a refresh fails, or its loader panics, the stale value stays, and an EventObserver gets
// RefreshFailed. This process refreshes the key again after a pause: 50 to 100 ms after the
// first failure, and twice as long after each further failure in a row, up to 10 s. A load
// that callers wait for has no pause. If the loader returns ErrNotFound, there is no value
// any more: the stale value is deleted, unless another caller has stored a value meanwhile.
//
// The server keeps a value for d longer than its TTL, and values have the same bytes as
// without StaleFor. Readers without StaleFor, such as Django or another view, find the value
// for that longer time. A value that was written without StaleFor expires earlier by d in a
// view with StaleFor. All views of a key should therefore have the same StaleFor and
// StaleOnError.
//
// A value whose TTL has ended is a miss for every other method of the view that reads: Get,
// GetOr, GetMany, Has, TTL and TTLMany. TTLs do not include d: TTL returns the time until
// the value is stale, and Touch, Expire and ExpireAt take that time. Touch, Expire, ExpireAt
// and Persist take a second round trip to read the TTL, and do not revive a stale value. The
// write methods that depend on the old value take a stale value for a present one: Add,
// Replace, Swap, CompareAndSwap, CompareAndDelete, Take, Rename and IncrVersion.
//
// StaleFor refuses options and methods that would lose the age of a value. The option Sliding
// beside StaleFor is an error of the view. A call with the SetOption KeepTTL returns an error.
// The counters (Incr, Decr and IncrInit) are errors.ErrUnsupported. So are, in a pipeline,
// Get, GetOr, GetMany, Has, TTL, Touch, Expire, ExpireAt and Persist.
//
// StaleFor needs a driver with TTLs and leases: the error is errors.ErrUnsupported otherwise.
// A read takes value and TTL in one transaction. If the user of the server may not run the
// scripts of leases, a refresh is not protected by a lease, and overwrites any stored value.
// d is at most 365 days.
func StaleFor(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 || d > longestStale {
			return errors.New("xcache: StaleFor needs a positive duration of at most 365 days")
		}
		s.stale.serve = d
		return nil
	}
}

// StaleOnError makes GetOrSet and GetOrSetMany return a value for d after its TTL has ended if
// the loader fails: by an error, or by LoadTimeout. An EventObserver gets StaleValueServed with
// the error. As long as the loader succeeds, a stale value is loaded anew as without
// StaleOnError, and callers wait for the load.
//
//	users := xcache.For[User](c.Namespace("user")).With(xcache.StaleOnError(time.Hour))
//
// Some errors are returned nevertheless: ErrNotFound of a loader, ErrUnsupportedValue,
// ErrClosed, and the error of a caller whose context has ended. ErrNotFound of a loader says
// that there is no value any more, and the old value is deleted. A panic of the loader
// reaches its callers. A server that stores nothing fails no load, as without StaleOnError.
// Without an answer of the server there is no stale value to return.
//
// StaleOnError may stand beside StaleFor. Until the time of StaleFor has passed, a stale
// value is returned at once. Afterwards, until d has passed, a stale value is returned if the
// loader fails. Both times are counted from the end of the TTL. The rules of StaleFor about
// TTLs, other methods, refusals and drivers hold for StaleOnError, too. The server keeps a
// value for the longer of both times.
//
// Cache.Invalidate takes values out of use, and keeps them for StaleOnError.
func StaleOnError(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 || d > longestStale {
			return errors.New("xcache: StaleOnError needs a positive duration of at most 365 days")
		}
		s.stale.onError = d
		return nil
	}
}

// staleness has the options on values that outlive their TTL.
type staleness struct {
	// serve is how long a stale value is returned at once, or 0.
	serve time.Duration
	// onError is how long a stale value is returned if its load fails, or 0.
	onError time.Duration
	// early is the factor of early refreshes, or 0, and loadTime what the loads take.
	early    float64
	loadTime *loadTime
	// soft is how long a caller with a stale value waits for its load, or 0.
	soft time.Duration
}

// buffer is how much longer the server keeps a value than the value is valid.
func (s *staleness) buffer() time.Duration { return max(s.serve, s.onError) }

// kept is how much longer the server keeps a value that Invalidate makes stale. Without such a time
// Invalidate deletes the value.
func (s *staleness) kept() time.Duration { return s.onError - s.serve }

// reads reports whether loads need the remaining TTLs of the values that they find.
func (s *staleness) reads() bool { return s.buffer() > 0 || s.early > 0 }

// checkStale returns the error of a view that cannot do what its options ask for.
func (c *core) checkStale() error {
	switch caps := &c.shared.primary.caps; {
	case c.tx != nil:
		return nil
	case c.stale.soft > 0 && c.stale.onError == 0:
		return errors.New("xcache: SoftLoadTimeout needs StaleOnError, which says how old a value may be in the place of a loaded one")
	case !c.stale.reads():
		return nil
	case c.sliding > 0:
		return errors.New("xcache: StaleFor, StaleOnError and EarlyRefresh cannot be combined with Sliding: a hit would change the TTL, which tells how old the value is")
	case caps.Expirer == nil:
		return unsupported("TTL query, which stale values need")
	case !c.shared.leases:
		return unsupported("leases, which stale values need")
	}
	return nil
}

// serverTTL returns the TTL that the server gets for a value with a TTL.
func (s *settings) serverTTL(ttl time.Duration) time.Duration { return s.buffered(s.jittered(ttl)) }

// buffered is serverTTL without jitter.
func (s *settings) buffered(ttl time.Duration) time.Duration {
	if buffer := s.stale.buffer(); ttl > 0 && ttl < NoExpiry-buffer {
		return ttl + buffer
	}
	return ttl
}

// validFor returns how long a value is valid that the server keeps for a time. A value with
// a result of 0 or less is stale.
func (s *settings) validFor(left time.Duration) time.Duration {
	if left == NoExpiry {
		return left
	}
	return left - s.stale.buffer()
}

// unbuffer replaces the TTLs of a read by those without the buffer. Stale values are misses.
func (s *settings) unbuffer(values []driver.Value) {
	if s.stale.buffer() == 0 {
		return
	}
	for i := range values {
		if values[i].Err != nil {
			continue
		}
		if values[i].TTL = s.validFor(values[i].TTL); values[i].TTL <= 0 {
			values[i] = driver.Value{Err: ErrNotFound}
		}
	}
}

// getValid is the Get of a store, for which stale values are misses.
func (c *core) getValid(ctx context.Context, fulls []string, dst []driver.Value) error {
	if err := c.target.caps.Expirer.GetTTL(ctx, fulls, dst); err != nil {
		return err
	}
	c.unbuffer(dst)
	return nil
}

// getOneValid returns the stored bytes of a full key, if the value is valid.
func (c *core) getOneValid(ctx context.Context, full string) ([]byte, error) {
	value, err := c.getWithTTL(ctx, full)
	if err == nil && c.validFor(value.TTL) <= 0 {
		err = ErrNotFound
	}
	return value.Data, err
}

// getWithTTL returns the stored bytes of a full key, with the remaining TTL at the server.
func (c *core) getWithTTL(ctx context.Context, full string) (driver.Value, error) {
	l := newLookup(full)
	if err := c.target.caps.Expirer.GetTTL(ctx, l.keys[:], l.values[:]); err != nil {
		return driver.Value{}, err
	}
	value := l.release()
	return value, value.Err
}

// isStale reports whether the value of a full key is stale. A missing key is not.
func (c *core) isStale(ctx context.Context, full string) (bool, error) {
	if c.stale.buffer() == 0 {
		return false, nil
	}
	values := [1]driver.Value{}
	if err := c.shared.primary.caps.Expirer.TTL(ctx, []string{full}, values[:]); err != nil {
		return false, err
	}
	if err := values[0].Err; err != nil && !errors.Is(err, ErrNotFound) {
		return false, err
	}
	return values[0].Err == nil && c.validFor(values[0].TTL) <= 0, nil
}

// checkAge returns the error of an operation of a pipeline that would have to know whether a
// value is stale.
func (c *core) checkAge() error {
	if c.stale.buffer() == 0 {
		return nil
	}
	return fmt.Errorf("xcache: a pipeline cannot tell whether a value is stale, as StaleFor and StaleOnError ask for; call the method outside of it, or use a view without them: %w", errors.ErrUnsupported)
}

// countableKey returns the error of a counter of this view, or nil.
func (c *core) countableKey() error {
	if c.stale.buffer() > 0 {
		return fmt.Errorf("xcache: a server that counts cannot tell whether a number is stale, as StaleFor and StaleOnError ask for; use a view without them: %w", errors.ErrUnsupported)
	}
	return c.countable()
}

// An aged is a value that was found, and that is to be loaded again.
type aged struct {
	value any // boxed
	// full and stored are the key and the stored bytes.
	full   string
	stored []byte
	// left is the remaining TTL at the server.
	left time.Duration
	// age is the time since the end of the TTL, and is negative before.
	age time.Duration
}

// plain returns the stored bytes without tags.
func (a *aged) plain() []byte {
	if _, value, ok := codec.CutGenerations(a.stored); ok {
		return value
	}
	return a.stored
}

// lookUpToLoad is lookUp for a load. If the value is to be loaded again, old is that value. box
// returns the value that read has read. before is the value that the load is to replace, or nil
// before the load.
func (c *core) lookUpToLoad(ctx context.Context, key string, before *aged, read decoder, box func() any) (old *aged, bad *unreadable, err error) {
	if !c.stale.reads() {
		bad, err = c.lookUp(ctx, key, nil, read)
		return nil, bad, err
	}
	found := new(aged)
	if bad, err = c.lookUp(ctx, key, found, read); err != nil || !c.isDue(found, before) {
		return nil, bad, err
	}
	found.value = box()
	return found, nil, nil
}

// lookUpAgain is lookUpToLoad for a load that has begun, and which is to replace the value before,
// or none.
func (v untyped) lookUpAgain(ctx context.Context, key string, before *aged) (value any, old *aged, bad *unreadable, err error) {
	primary := v.onPrimary()
	old, bad, err = primary.core.lookUpToLoad(ctx, key, cmp.Or(before, new(aged)), primary.decoder(key, &value), func() any { return value })
	return value, old, bad, err
}

// getAged reads the stored bytes of a key, valid or stale. A value that the memo of the context has
// is not loaded again.
func (c *core) getAged(ctx context.Context, key string, found *aged) (from *reading, err error) {
	if found.full, err = c.fullKey(key); err != nil {
		return nil, err
	}
	if m := c.memo(ctx); m != nil {
		var ok bool
		if found.stored, ok, from = m.recall(c.shared, found.full); ok {
			found.left = NoExpiry
			return from, nil
		}
	}
	value, err := c.getWithTTL(ctx, found.full)
	found.stored, found.left = value.Data, value.TTL
	return from, err
}

// isDue sets the age of a value that was found, and reports whether the value is to be loaded again.
func (c *core) isDue(found, before *aged) bool {
	valid := c.validFor(found.left)
	found.age = -valid
	switch {
	case valid <= 0:
		return true
	case before == nil:
		return c.stale.refreshesEarly(valid)
	default: // else the value has been loaded meanwhile
		return found.left <= before.left
	}
}

// replaces returns the remaining TTL up to which a value at the server gives way to a loaded
// one. Without a stale value, that is 0: then only a key without a value gets one.
func (c *core) replaces(old *aged) time.Duration {
	over := c.stale.buffer()
	if old != nil {
		over = max(over, old.left)
	}
	return over
}
