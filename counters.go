package xcache

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// Incr adds delta, which may be negative, to the integer at key and returns
// the sum, atomically. The TTL stays.
//
// A missing key is ErrNotFound and nothing is created, as in Django, and unlike
// Redis' INCRBY: use IncrInit for a counter that need not exist. What is not an
// integer is ErrWrongType, and a sum beyond 64 bits ErrOverflow: the value stays.
func (c *Cache) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	return c.incr(ctx, "incr", key, delta, nil)
}

// Decr subtracts delta: see Incr.
func (c *Cache) Decr(ctx context.Context, key string, delta int64) (int64, error) {
	delta, err := negated(delta)
	return c.incr(ctx, "decr", key, delta, err)
}

// IncrInit is Incr, but a missing key counts as holding init, and gets the
// default TTL or the one of opts, in the same atomic step: the first call
// returns init+delta. An existing key keeps its TTL. An expired TTL stores
// nothing.
//
// Without opts a counter is gone, and begins anew, when the cache's default TTL
// has passed since its first call: 300 s unless configured. A counter that is to
// last takes TTL(NoExpiry), one for each day TTL(24*time.Hour).
func (c *Cache) IncrInit(ctx context.Context, key string, delta, init int64, opts ...SetOption) (int64, error) {
	ctx, call, err := c.start(ctx, "incr init", key, 1)
	if err != nil {
		return 0, err
	}
	defer call.release()
	n, err := c.incrInit(ctx, key, delta, init, opts)
	return n, call.end(err)
}

// incr is Incr and Decr. deltaErr is what was wrong with delta.
func (c *Cache) incr(ctx context.Context, op, key string, delta int64, deltaErr error) (int64, error) {
	ctx, call, err := c.start(ctx, op, key, 1)
	if err != nil {
		return 0, err
	}
	defer call.release()
	counter := c.target.caps.Counter
	if counter == nil {
		return 0, call.end(unsupported("atomic counter"))
	}
	full, err := c.fullKey(key)
	if err == nil {
		err = c.countable()
	}
	if err == nil {
		err = deltaErr
	}
	if err != nil {
		return 0, call.end(err)
	}
	n, err := counter.Incr(ctx, full, delta)
	return n, call.end(err)
}

func (c *Cache) incrInit(ctx context.Context, key string, delta, init int64, opts []SetOption) (int64, error) {
	counter := c.target.caps.Counter
	if counter == nil {
		return 0, unsupported("atomic counter")
	}
	full, err := c.fullKey(key)
	if err == nil {
		err = c.countable()
	}
	if err != nil {
		return 0, err
	}
	ttl, err := c.ttlOf(driver.IfAbsent, opts)
	if err != nil {
		return 0, err
	}
	return counter.IncrInit(ctx, full, delta, init, c.jittered(ttl))
}

// negated returns -delta. The smallest integer has no counterpart.
func negated[N int | int64](delta N) (N, error) {
	if delta != 0 && delta == -delta {
		return 0, ErrOverflow
	}
	return -delta, nil
}
