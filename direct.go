package xcache

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// This file has the operations on keys that a service makes with every request. A direct
// call uses the method of the store's interface, because an Op costs about a third more on
// the store in memory. A pipeline uses an Op. One function makes the value of an operation,
// with its name, its key and the error of its arguments. run and queue are methods of that
// value.

// keyed has the fields that all operations on one key share.
type keyed struct {
	cache *core
	name  string
	key   string
	// opens says how the operation fails open.
	opens opening
	// err is the error of the arguments other than the key.
	err error
}

// op begins the operation for a pipeline.
func (k *keyed) op(cmd *driver.Cmd) *Op {
	o := newOp(k.cache, k.name, cmd).begin(k.key)
	o.opens = k.opens
	if k.err != nil {
		o.fail(k.err)
	}
	return o
}

// direct runs an operation outside of a pipeline, and calls do with the full key. steps is as
// for startInSteps. seen is nil without an observer.
func direct[R any](ctx context.Context, k *keyed, steps bool, do func(ctx context.Context, full string, seen *observation) (R, error)) (R, error) {
	var result R
	c := k.cache
	ctx, call, err := c.startInSteps(ctx, steps, k.name, k.key, 1)
	if err != nil {
		return result, err
	}
	defer call.release()
	full, err := c.fullKey(k.key)
	if err == nil {
		err = k.err
	}
	if err == nil {
		result, err = do(ctx, full, call.seen)
	}
	return result, call.endOpen(k.opens, err)
}

// counting implements Incr and Decr.
type counting struct {
	keyed
	delta int64
}

func (n counting) queue(p *Pipeline) *Result[int64] {
	if err := n.cache.countableKey(); err != nil {
		n.err = err
	}
	return Queue(p, n.op(cmdIncr).Int(n.delta), readCount)
}

// run is direct written out, which saves a call: Incr is among the cheapest operations.
func (n counting) run(ctx context.Context) (int64, error) {
	c := n.cache
	ctx, call, err := c.startInSteps(ctx, c.shared.flights.UnderWay(), n.name, n.key, 1)
	if err != nil {
		return 0, err
	}
	defer call.release()
	full, err := c.fullKey(n.key)
	if err == nil {
		err = c.countableKey()
	}
	if err == nil {
		err = n.err
	}
	if err != nil {
		return 0, call.end(err)
	}
	counter := c.target.caps.Counter
	if counter == nil {
		return 0, call.end(unsupported("atomic counter"))
	}
	var sum int64
	if c.shared.flights.UnderWay() {
		sum, err = n.invalidate(ctx, counter, full)
	} else {
		sum, err = counter.Incr(ctx, full, n.delta)
	}
	c.wrote(ctx, full)
	return sum, call.end(err)
}

// invalidate counts, and keeps loads of the key in flight from storing their values.
func (n counting) invalidate(ctx context.Context, counter driver.Counter, full string) (int64, error) {
	return invalidating(ctx, n.cache, full, func() (int64, error) { return counter.Incr(ctx, full, n.delta) })
}

// initialized implements IncrInit.
type initialized struct {
	keyed
	delta, init int64
	ttl         time.Duration
}

func (n initialized) queue(p *Pipeline) *Result[int64] {
	return Queue(p, n.op(cmdIncrInit).Int(n.delta).Int(n.init).add(driver.TTLArg(n.ttl)), readCount)
}

func (n initialized) run(ctx context.Context) (int64, error) {
	return direct(ctx, &n.keyed, n.cache.shared.flights.UnderWay(), func(ctx context.Context, full string, _ *observation) (int64, error) {
		counter := n.cache.target.caps.Counter
		if counter == nil {
			return 0, unsupported("atomic counter")
		}
		defer n.cache.wrote(ctx, full)
		if n.cache.shared.flights.UnderWay() {
			return invalidating(ctx, n.cache, full, func() (int64, error) {
				return counter.IncrInit(ctx, full, n.delta, n.init, n.ttl)
			})
		}
		return counter.IncrInit(ctx, full, n.delta, n.init, n.ttl)
	})
}

// invalidating calls write, and keeps loads of a full key in flight from storing their
// values.
func invalidating(ctx context.Context, c *core, full string, write func() (int64, error)) (sum int64, err error) {
	err = c.shared.flights.Invalidate(ctx, func() error {
		sum, err = write()
		return err
	}, full)
	return sum, err
}

// expiring implements Touch, Expire, ExpireAt and Persist.
type expiring struct {
	keyed
	ttl time.Duration
}

// queue queues the same command as driver.ExpireCommand.
func (e expiring) queue(p *Pipeline) *Result[bool] {
	e.err = cmp.Or(e.err, e.cache.checkAge())
	switch {
	case e.ttl == NoExpiry:
		return Queue(p, e.op(cmdPersist), readFlag)
	case e.ttl == driver.KeepTTL:
		return Queue(p, e.op(cmdExists), readFlag)
	case driver.Expired(e.ttl):
		return Queue(p, e.op(cmdDel), readFlag)
	}
	return Queue(p, e.op(cmdPExpire).add(driver.Duration(e.ttl)), readFlag)
}

func (e expiring) run(ctx context.Context) (bool, error) {
	steps := e.cache.shared.flights.UnderWay() || e.cache.stale.buffer() > 0 || driver.Expired(e.ttl)
	return direct(ctx, &e.keyed, steps, func(ctx context.Context, full string, _ *observation) (bool, error) {
		c := e.cache
		expirer := c.target.caps.Expirer
		if expirer == nil {
			return false, unsupported("way to change the TTL of a key")
		}
		if stale, err := c.isStale(ctx, full); stale || err != nil {
			return false, err
		}
		s := newScratch()
		s.entries[0].Key, s.entries[0].TTL = full, e.ttl
		expire := func() error {
			if err := c.revokeExpired(ctx, s.entries[:]); err != nil {
				return err
			}
			return expirer.Expire(ctx, s.entries[:])
		}
		err := c.shared.flights.Invalidate(ctx, expire, full)
		c.wrote(ctx, full)
		if err != nil {
			return false, err
		}
		err = s.entries[0].Err
		s.release()
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	})
}

// remaining implements TTL.
type remaining struct{ keyed }

// queue reads the TTL in milliseconds. run reads the TTL in the resolution of the store.
func (r remaining) queue(p *Pipeline) *Result[time.Duration] {
	r.err = r.cache.checkAge()
	return Queue(p, r.op(cmdPTTL), func(o *Op) (time.Duration, error) { return driver.TTLOutcome(&o.held) })
}

func (r remaining) run(ctx context.Context) (time.Duration, error) {
	return direct(ctx, &r.keyed, false, func(ctx context.Context, full string, _ *observation) (time.Duration, error) {
		return r.cache.ttl(ctx, full)
	})
}

// ttl returns the remaining TTL of a full key.
func (c *core) ttl(ctx context.Context, full string) (time.Duration, error) {
	expirer := c.target.caps.Expirer
	if expirer == nil {
		return 0, unsupported("TTL query")
	}
	l := newLookup(full)
	if err := expirer.TTL(ctx, l.keys[:], l.values[:]); err != nil {
		return 0, err
	}
	value := l.release()
	if value.TTL = c.validFor(value.TTL); value.Err == nil && value.TTL <= 0 && c.stale.buffer() > 0 {
		return 0, ErrNotFound
	}
	return value.TTL, value.Err
}

// existing implements Has.
type existing struct{ keyed }

func (e existing) queue(p *Pipeline) *Result[bool] {
	e.err = e.cache.checkAge()
	return Queue(p, e.op(cmdExists), readFlag)
}

// run reads the TTL if the store has TTLs, because a TTL query transfers no value.
func (e existing) run(ctx context.Context) (bool, error) {
	return direct(ctx, &e.keyed, false, func(ctx context.Context, full string, seen *observation) (found bool, err error) {
		if e.cache.target.caps.Expirer != nil {
			_, err = e.cache.ttl(ctx, full)
		} else {
			_, err = getFrom(ctx, e.cache.target, full)
		}
		found = err == nil || errors.Is(err, ErrWrongType)
		if found || errors.Is(err, ErrNotFound) {
			seen.found(found)
			return found, nil
		}
		return false, err
	})
}

// found tells the observer, if there is one, about a key whose value is not read.
func (o *observation) found(found bool) {
	if found {
		o.hit(0, new(codec.Read))
	} else {
		o.miss()
	}
}

// removal implements Delete. The keys are no field of a struct with the cache, so that the
// caller's slice stays on the stack.
type removal []string

func (r removal) queue(p *Pipeline, c *core) *Result[int] {
	o := newOp(c, "delete", cmdDel)
	o.key, o.keys, o.opens = only(r), len(r), dropsWrite
	if len(r) == 0 {
		o.idle, o.held.Reply = true, driver.IntReply(0)
	}
	fulls, err := c.fullKeys(r)
	if err != nil {
		o.fail(err)
	}
	if len(fulls) == 1 {
		o.full = fulls[0]
	}
	for _, full := range fulls {
		o.add(driver.Key(full))
	}
	return Queue(p, o, readInt)
}

func (r removal) run(ctx context.Context, c *core) (removed int, err error) {
	steps := c.shared.flights.UnderWay() || !c.target.caps.Limits.DeleteRevokes
	ctx, call, err := c.startInSteps(ctx, steps, "delete", only(r), len(r))
	if err != nil {
		return 0, err
	}
	defer call.release()
	switch len(r) {
	case 0:
	case 1:
		removed, err = c.deleteOne(ctx, r[0])
	default:
		removed, err = c.deleteMany(ctx, r)
	}
	if err = call.opened(dropsWrite, len(r), err); call.failedOpen {
		removed = 0
	}
	return removed, call.end(err)
}

func (c *core) deleteOne(ctx context.Context, key string) (int, error) {
	full, err := c.fullKey(key)
	if err != nil {
		return 0, err
	}
	l := newLookup(full)
	removed, err := c.remove(ctx, l.keys[:])
	if err == nil {
		l.release()
	}
	return removed, err
}

func (c *core) deleteMany(ctx context.Context, keys []string) (int, error) {
	fulls, err := c.fullKeys(keys)
	if err != nil {
		return 0, err
	}
	return c.remove(ctx, fulls)
}

func (c *core) remove(ctx context.Context, fulls []string) (removed int, err error) {
	began := c.shared.pending.Failures()
	err = c.shared.flights.Invalidate(ctx, func() error {
		removed, err = c.delete(ctx, fulls)
		return err
	}, fulls...)
	c.wrote(ctx, fulls...)
	return removed, c.invalidated(began, fulls, err)
}

// only returns the key of a batch of one, for errors and observers.
func only(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return ""
}
