package xcache

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// Delete removes keys, of any type, and returns how many there were. None
// given: 0 and no I/O.
func (c *Cache) Delete(ctx context.Context, keys ...string) (int, error) {
	ctx, call, err := c.start(ctx, "delete", only(keys), len(keys))
	if err != nil {
		return 0, err
	}
	defer call.release()
	removed, err := c.delete(ctx, keys)
	return removed, call.end(err)
}

func (c *Cache) delete(ctx context.Context, keys []string) (removed int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	fulls, err := c.fullKeys(keys)
	if err != nil {
		return 0, err
	}
	err = c.shared.flights.invalidate(ctx, func() error {
		removed, err = c.target.store.Delete(ctx, fulls)
		return err
	}, fulls...)
	return removed, err
}

// Has reports whether key exists, whatever it holds.
func (c *Cache) Has(ctx context.Context, key string) (bool, error) {
	ctx, call, err := c.start(ctx, "has", key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	if c.target.caps.Expirer != nil {
		_, err = c.ttl(ctx, key)
	} else if _, _, err = c.get(ctx, key); errors.Is(err, ErrWrongType) {
		err = nil
	}
	switch {
	case err == nil:
		call.seen.hit(0, new(codec.Read))
	case errors.Is(err, ErrNotFound):
		call.seen.miss()
	}
	return found(&call, err)
}

// TTL returns the time key has left; NoExpiry if it never expires,
// ErrNotFound if it does not exist.
func (c *Cache) TTL(ctx context.Context, key string) (time.Duration, error) {
	ctx, call, err := c.start(ctx, "ttl", key, 1)
	if err != nil {
		return 0, err
	}
	defer call.release()
	ttl, err := c.ttl(ctx, key)
	return ttl, call.end(err)
}

// TTLMany returns the time that those of the keys have left that exist, in one
// round trip per server involved. Failed keys are as with GetMany.
func (c *Cache) TTLMany(ctx context.Context, keys []string) (map[string]time.Duration, error) {
	ctx, call, err := c.start(ctx, "ttl many", "", len(keys))
	if err != nil {
		return nil, err
	}
	defer call.release()
	ttls, err := c.ttlMany(ctx, keys)
	return ttls, call.end(err)
}

// Touch gives key a new TTL, as a write with the same options would: the
// default TTL if there are none. It reports whether the key exists. An expired
// TTL deletes the key, and is true.
func (c *Cache) Touch(ctx context.Context, key string, opts ...SetOption) (bool, error) {
	ctx, call, err := c.start(ctx, "touch", key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	return found(&call, c.touch(ctx, key, opts))
}

// Expire makes key expire after d, without jitter, and reports whether it
// exists. NoExpiry makes it persistent; d <= 0 deletes it, and is true.
func (c *Cache) Expire(ctx context.Context, key string, d time.Duration) (bool, error) {
	return c.setExpiry(ctx, "expire", key, realTTL(d))
}

// ExpireAt makes key expire at t: Expire with the time until then.
func (c *Cache) ExpireAt(ctx context.Context, key string, t time.Time) (bool, error) {
	return c.setExpiry(ctx, "expire at", key, realTTL(time.Until(t)))
}

// Persist makes key never expire, and reports whether it exists. Unlike Redis'
// PERSIST it is true for a key that was persistent already.
func (c *Cache) Persist(ctx context.Context, key string) (bool, error) {
	return c.setExpiry(ctx, "persist", key, NoExpiry)
}

// Type returns the kind of value that key holds; ErrNotFound if there is none.
func (c *Cache) Type(ctx context.Context, key string) (driver.Kind, error) {
	ctx, call, err := c.start(ctx, "type", key, 1)
	if err != nil {
		return "", err
	}
	defer call.release()
	kind, err := c.kind(ctx, key)
	return kind, call.end(err)
}

// Ping asks the server whether it answers.
func (c *Cache) Ping(ctx context.Context) error {
	ctx, call, err := c.start(ctx, "ping", "", 0)
	if err != nil {
		return err
	}
	defer call.release()
	pinger := c.target.caps.Pinger
	if pinger == nil {
		return call.end(unsupported("ping"))
	}
	return call.end(pinger.Ping(ctx))
}

func (c *Cache) setExpiry(ctx context.Context, op, key string, ttl time.Duration) (bool, error) {
	ctx, call, err := c.start(ctx, op, key, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	full, err := c.fullKey(key)
	if err == nil {
		err = c.expire(ctx, full, ttl)
	}
	return found(&call, err)
}

func (c *Cache) touch(ctx context.Context, key string, opts []SetOption) error {
	full, err := c.fullKey(key)
	if err != nil {
		return err
	}
	ttl, err := c.ttlOf(driver.IfPresent, opts)
	if err != nil {
		return err
	}
	return c.expire(ctx, full, c.jittered(ttl))
}

// expire gives a full key a TTL.
func (c *Cache) expire(ctx context.Context, full string, ttl time.Duration) error {
	expirer := c.target.caps.Expirer
	if expirer == nil {
		return unsupported("way to change the TTL of a key")
	}
	s := newScratch()
	defer s.release()
	s.entries[0].Key, s.entries[0].TTL = full, ttl
	expire := func() error { return expirer.Expire(ctx, s.entries[:]) }
	if err := c.shared.flights.invalidate(ctx, expire, full); err != nil {
		return err
	}
	return s.entries[0].Err
}

func (c *Cache) ttl(ctx context.Context, key string) (time.Duration, error) {
	expirer := c.target.caps.Expirer
	if expirer == nil {
		return 0, unsupported("TTL query")
	}
	full, err := c.fullKey(key)
	if err != nil {
		return 0, err
	}
	l := newLookup(full)
	err = expirer.TTL(ctx, l.keys[:], l.values[:])
	value := l.release()
	if err != nil {
		return 0, err
	}
	return value.TTL, value.Err
}

func (c *Cache) ttlMany(ctx context.Context, keys []string) (map[string]time.Duration, error) {
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
		return nil, err
	}
	ttls := make(map[string]time.Duration, len(keys))
	var failed *BatchError
	for i, key := range keys {
		switch err := values[i].Err; {
		case err == nil:
			ttls[c.ownKey(fulls[i], key)] = values[i].TTL
		case !errors.Is(err, ErrNotFound):
			failed = failed.add(key, err)
		}
	}
	return ttls, failed.asError()
}

func (c *Cache) kind(ctx context.Context, key string) (driver.Kind, error) {
	full, err := c.fullKey(key)
	if err != nil {
		return "", err
	}
	cmd := typeCommand(full)
	if err := c.do(ctx, cmd); err != nil {
		return "", err
	}
	return kindOf(cmd)
}

// do runs one command. Its own failure is an error too.
func (c *Cache) do(ctx context.Context, cmd *driver.Cmd) error {
	commander := c.target.caps.Commander
	if commander == nil || !commander.Commands().Has(cmd.Name) {
		return unsupported(cmd.Name + " command")
	}
	if err := commander.Do(ctx, []*driver.Cmd{cmd}, driver.Plain); err != nil {
		return err
	}
	return cmd.Err
}

func typeCommand(full string) *driver.Cmd { return driver.NewCmd("TYPE", driver.Key(full)) }

func kindOf(cmd *driver.Cmd) (driver.Kind, error) {
	word, err := cmd.Reply.AsBytes()
	if err != nil {
		return "", cmd.Misread(err)
	}
	if string(word) == "none" {
		return "", ErrNotFound
	}
	return driver.Kind(word), nil
}

// found ends a call that reports whether its key exists.
func found(call *call, err error) (bool, error) {
	if errors.Is(err, ErrNotFound) {
		return false, call.end(nil)
	}
	err = call.end(err)
	return err == nil, err
}

// only returns the key of a batch of one, for errors and observers.
func only(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return ""
}
