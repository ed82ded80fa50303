package xcache

import (
	"context"
	"math"

	"github.com/xcache-go/xcache/driver"
)

// Incr adds delta, which may be negative, to the integer at key and returns
// the sum, atomically. The TTL stays. A missing key is ErrNotFound and nothing
// is created, as in Django; what is not an integer is ErrWrongType, and a sum
// beyond 64 bits ErrOverflow: the value stays.
func (c *Cache) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	return c.incr(ctx, "incr", key, delta)
}

// Decr subtracts delta: see Incr.
func (c *Cache) Decr(ctx context.Context, key string, delta int64) (int64, error) {
	delta, err := negated(delta)
	if err != nil {
		return 0, &OpError{Driver: c.shared.driver, Op: "decr", Key: key, Err: err}
	}
	return c.incr(ctx, "decr", key, delta)
}

// IncrInit is Incr, but a missing key counts as holding init, and gets the
// default TTL or the one of opts, in the same atomic step: the first call
// returns init+delta. An existing key keeps its TTL. An expired TTL stores
// nothing.
func (c *Cache) IncrInit(ctx context.Context, key string, delta, init int64, opts ...SetOption) (int64, error) {
	ctx, call, err := c.start(ctx, "incr init", key, 1)
	if err != nil {
		return 0, err
	}
	n, err := c.incrInit(ctx, key, delta, init, opts)
	return n, call.end(ctx, err)
}

func (c *Cache) incr(ctx context.Context, op, key string, delta int64) (int64, error) {
	ctx, call, err := c.start(ctx, op, key, 1)
	if err != nil {
		return 0, err
	}
	counter := c.shared.caps.Counter
	if counter == nil {
		return 0, call.end(ctx, unsupported("atomic counter"))
	}
	full, err := c.fullKey(key)
	if err != nil {
		return 0, call.end(ctx, err)
	}
	n, err := counter.Incr(ctx, full, delta)
	return n, call.end(ctx, err)
}

func (c *Cache) incrInit(ctx context.Context, key string, delta, init int64, opts []SetOption) (int64, error) {
	counter := c.shared.caps.Counter
	if counter == nil {
		return 0, unsupported("atomic counter")
	}
	ttl, err := c.ttlOf(driver.IfAbsent, opts)
	if err != nil {
		return 0, err
	}
	full, err := c.fullKey(key)
	if err != nil {
		return 0, err
	}
	return counter.IncrInit(ctx, full, delta, init, c.jittered(ttl))
}

// negated returns -delta. The smallest integer has no counterpart.
func negated(delta int64) (int64, error) {
	if delta == math.MinInt64 {
		return 0, ErrOverflow
	}
	return -delta, nil
}
