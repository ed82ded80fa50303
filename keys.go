package xcache

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
)

//go:generate go run ./internal/twins -type Cache -twin *Pipeline -receiver p -pipeline p -handle p.cache -out pipeline_twins.go

// Delete removes keys of any type, and returns the number of keys that existed. Without
// keys, the number is 0, and there is no I/O.
func (c *Cache) Delete(ctx context.Context, keys ...string) (int, error) {
	return removal(keys).run(ctx, &c.core)
}

// Has reports whether key exists, with a value of any type.
func (c *Cache) Has(ctx context.Context, key string) (bool, error) {
	return existing{keyed{&c.core, "has", key, readsNothing, nil}}.run(ctx)
}

// TTL returns the remaining TTL of key. The TTL of a key without an expiry is NoExpiry. A
// missing key is ErrNotFound.
func (c *Cache) TTL(ctx context.Context, key string) (time.Duration, error) {
	return remaining{keyed{&c.core, "ttl", key, readsMiss, nil}}.run(ctx)
}

// TTLMany returns the remaining TTLs of the keys that exist, in one round trip per server.
// Failed keys are reported as in GetMany.
func (c *Cache) TTLMany(ctx context.Context, keys []string) (map[string]time.Duration, error) {
	ctx, call, err := c.core.start(ctx, "ttl many", "", len(keys))
	if err != nil {
		return nil, err
	}
	defer call.release()
	ttls, err := c.core.ttlMany(ctx, &call, keys)
	return ttls, call.end(err)
}

// Touch gives key the TTL that a write with the same options would give: without options,
// the default TTL. Touch reports whether the key exists. An expired TTL deletes the key,
// and the result is true. Touch refuses Tags, because the tags of a value stay as they are.
func (c *Cache) Touch(ctx context.Context, key string, opts ...SetOption) (bool, error) {
	return c.core.touch(key, opts).run(ctx)
}

// Expire makes key expire after d, without jitter, and reports whether the key exists.
// NoExpiry removes the expiry. With d <= 0, the key is deleted, and the result is true.
func (c *Cache) Expire(ctx context.Context, key string, d time.Duration) (bool, error) {
	return c.core.setExpiry("expire", key, realTTL(d)).run(ctx)
}

// ExpireAt makes key expire at t, by Expire with the time until t. In a pipeline, the time
// until t is measured when the operation is queued.
func (c *Cache) ExpireAt(ctx context.Context, key string, t time.Time) (bool, error) {
	return c.core.setExpiry("expire at", key, realTTL(time.Until(t))).run(ctx)
}

// Persist removes the expiry of key, and reports whether the key exists. Unlike Redis'
// PERSIST, the result is true for a key that had no expiry.
func (c *Cache) Persist(ctx context.Context, key string) (bool, error) {
	return c.core.setExpiry("persist", key, NoExpiry).run(ctx)
}

// Incr adds delta, which may be negative, to the integer at key, and returns the sum, in
// one atomic step. The TTL stays.
//
// A missing key is ErrNotFound, and no key is created, as in Django, and unlike Redis'
// INCRBY. For a counter that may be missing, use IncrInit. A value that is no integer is
// ErrWrongType. A sum beyond 64 bits is ErrOverflow, and the value stays.
func (c *Cache) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	return c.core.incr(key, delta).run(ctx)
}

// Decr subtracts delta: see Incr.
func (c *Cache) Decr(ctx context.Context, key string, delta int64) (int64, error) {
	return c.core.decr(key, delta).run(ctx)
}

// IncrInit is Incr for a key that may be missing. A missing key counts as init, and gets
// the default TTL or the TTL of opts, in the same atomic step: the first call returns
// init+delta. An existing key keeps its TTL. An expired TTL stores nothing. IncrInit refuses Tags.
//
// Without opts, a counter expires when the default TTL has passed since its first call: 300
// s unless configured. The next call begins a new counter. A permanent counter takes
// TTL(NoExpiry), and a counter for each day TTL(24*time.Hour).
func (c *Cache) IncrInit(ctx context.Context, key string, delta, init int64, opts ...SetOption) (int64, error) {
	return c.core.incrInit(key, delta, init, opts).run(ctx)
}

// Rename moves the value of from, with its TTL, to the key to. An existing value of to is
// replaced. A missing from is ErrNotFound. Both keys have this view's prefix and version.
//
// In a cluster, the value is copied and then deleted if the keys are in different slots. In
// a pipeline, such keys are ErrCrossSlot, because the other operations would have to wait
// for the round trips of the copy. The same is true of RenameNX, IncrVersion and
// DecrVersion.
//
//twin:note Keys in different slots of a cluster are ErrCrossSlot, where Cache.Rename copies the
//twin:note value: the copy takes several round trips, for which the other operations of the
//twin:note pipeline would have to wait.
func (c *Cache) Rename(ctx context.Context, from, to string) error {
	return Err(Run(ctx, c.core.move("rename", cmdRename, from, to), readOK))
}

// RenameNX is Rename without an effect on an existing to. RenameNX reports whether the
// value was moved.
//
//twin:note Keys in different slots of a cluster are ErrCrossSlot, where Cache.RenameNX copies the
//twin:note value: the copy takes several round trips, for which the other operations of the
//twin:note pipeline would have to wait.
func (c *Cache) RenameNX(ctx context.Context, from, to string) (bool, error) {
	return Run(ctx, c.core.move("rename nx", cmdRenameNX, from, to), readFlag)
}

// IncrVersion moves the value of key, with its TTL, to the version that is delta higher
// than this view's, in one atomic step. An existing value of that version is replaced.
// IncrVersion returns the new version. A missing value is ErrNotFound. The view keeps its
// version: With(WithVersion(n)) sees the moved value.
//
//twin:note Without a {hash tag} the versions of a key are in different slots of a cluster, and
//twin:note then this is ErrCrossSlot: see Rename.
func (c *Cache) IncrVersion(ctx context.Context, key string, delta int) (int, error) {
	return Run(ctx, c.core.incrVersion(key, delta), readVersion)
}

// DecrVersion moves the value to the version that is delta lower: see IncrVersion.
//
//twin:note Without a {hash tag} the versions of a key are in different slots of a cluster, and
//twin:note then this is ErrCrossSlot: see Rename.
func (c *Cache) DecrVersion(ctx context.Context, key string, delta int) (int, error) {
	return Run(ctx, c.core.decrVersion(key, delta), readVersion)
}

// Type returns the type of the value at key. A missing key is ErrNotFound.
func (c *Cache) Type(ctx context.Context, key string) (driver.Kind, error) {
	return Run(ctx, newOp(&c.core, "type", cmdType).begin(key), readKind)
}

// Ping asks the server for an answer.
func (c *Cache) Ping(ctx context.Context) error {
	ctx, call, err := c.core.start(ctx, "ping", "", 0)
	if err != nil {
		return err
	}
	defer call.release()
	pinger := c.core.target.caps.Pinger
	if pinger == nil {
		return call.end(unsupported("ping"))
	}
	return call.end(pinger.Ping(ctx))
}

// The operations.

func (c *core) touch(key string, opts []SetOption) expiring {
	ttl, err := c.onlyTTLOf(driver.IfPresent, opts)
	return expiring{keyed{c, "touch", key, dropsWrite, err}, c.serverTTL(ttl)}
}

func (c *core) setExpiry(name, key string, ttl time.Duration) expiring {
	return expiring{keyed{c, name, key, dropsWrite, nil}, c.buffered(ttl)}
}

func (c *core) incr(key string, delta int64) counting {
	return counting{keyed{c, "incr", key, failsClosed, nil}, delta}
}

func (c *core) decr(key string, delta int64) counting {
	delta, err := negated(delta)
	return counting{keyed{c, "decr", key, failsClosed, err}, delta}
}

func (c *core) incrInit(key string, delta, init int64, opts []SetOption) initialized {
	ttl, err := c.onlyTTLOf(driver.IfAbsent, opts)
	if counted := c.countableKey(); counted != nil {
		err = counted
	}
	return initialized{keyed{c, "incr init", key, failsClosed, err}, delta, init, c.jittered(ttl)}
}

func (c *core) move(name string, command *driver.Cmd, from, to string) *Op {
	o := newOp(c, name, command).begin(from)
	full, err := c.fullKey(to)
	if err != nil {
		return o.fail(&aboutError{"the new key", err})
	}
	if err := c.movable(); err != nil {
		return o.fail(err)
	}
	return o.add(driver.Key(full))
}

func (c *core) incrVersion(key string, delta int) *Op {
	version, err := c.versionAfter(delta)
	return c.moveVersion("incr version", key, version, err)
}

func (c *core) decrVersion(key string, delta int) *Op {
	version, err := c.versionBefore(delta)
	return c.moveVersion("decr version", key, version, err)
}

// moveVersion moves a key to a version. versionErr is the error of that version, or nil.
func (c *core) moveVersion(name, key string, version int, versionErr error) *Op {
	o := newOp(c, name, cmdRename).begin(key)
	o.version = version
	if versionErr != nil {
		return o.fail(versionErr)
	}
	if err := c.movable(); err != nil {
		return o.fail(err)
	}
	other := *c
	other.layout.Version = version
	if err := other.layout.Prepare(); err != nil {
		return o.fail(err)
	}
	full, err := other.fullKey(key)
	if err != nil {
		return o.fail(err)
	}
	return o.add(driver.Key(full))
}

// versionAfter returns the version that is delta higher.
func (c *core) versionAfter(delta int) (int, error) {
	if version := c.layout.Version + delta; (version >= c.layout.Version) == (delta >= 0) {
		return version, nil
	}
	return 0, ErrOverflow
}

// versionBefore returns the version that is delta lower.
func (c *core) versionBefore(delta int) (int, error) {
	delta, err := negated(delta)
	if err != nil {
		return 0, err
	}
	return c.versionAfter(delta)
}

// negated returns -delta, or an error for the smallest integer.
func negated[N int | int64](delta N) (N, error) {
	if delta != 0 && delta == -delta {
		return 0, ErrOverflow
	}
	return -delta, nil
}

// The functions that read replies.

func readVersion(o *Op) (int, error) { return o.version, o.Reply().AsOK() }

func readKind(o *Op) (driver.Kind, error) {
	word, err := o.Reply().AsBytes()
	if err != nil {
		return "", err
	}
	if string(word) == "none" {
		return "", ErrNotFound
	}
	return driver.Kind(word), nil
}

func (c *core) ttlMany(ctx context.Context, call *call, keys []string) (map[string]time.Duration, error) {
	expirer := c.target.caps.Expirer
	if expirer == nil {
		return nil, unsupported("TTL query")
	}
	if len(keys) == 0 {
		return map[string]time.Duration{}, nil
	}
	fulls, err := c.fullKeys(keys)
	if err != nil {
		return nil, err
	}
	values := make([]driver.Value, len(keys))
	if err := expirer.TTL(ctx, fulls, values); err != nil {
		if err = call.opened(readsNothing, len(keys), err); err != nil {
			return nil, err
		}
		return map[string]time.Duration{}, nil
	}
	c.unbuffer(values)
	ttls := make(map[string]time.Duration, len(keys))
	var failed *BatchError
	for i, key := range keys {
		switch err := values[i].Err; {
		case err == nil:
			ttls[c.ownKey(fulls[i], key)] = values[i].TTL
		case !errors.Is(err, ErrNotFound):
			if err = call.opened(readsNothing, 1, err); err != nil {
				failed = failed.add(key, err)
			}
		}
	}
	return ttls, failed.asError()
}
