package xcache

import (
	"context"
	"fmt"
)

// Rename moves the value of from to the key to, with its TTL, over whatever to
// held. ErrNotFound if from does not exist. Both keys are of this view's
// prefix and version.
func (c *Cache) Rename(ctx context.Context, from, to string) error {
	ctx, call, err := c.start(ctx, "rename", from, 1)
	if err != nil {
		return err
	}
	_, err = c.move(ctx, from, to, false)
	return call.end(ctx, err)
}

// RenameNX is Rename that leaves an existing to alone; it reports whether it
// moved the value.
func (c *Cache) RenameNX(ctx context.Context, from, to string) (bool, error) {
	ctx, call, err := c.start(ctx, "rename", from, 1)
	if err != nil {
		return false, err
	}
	moved, err := c.move(ctx, from, to, true)
	return moved, call.end(ctx, err)
}

// IncrVersion moves the value of key, with its TTL, to the version that is
// delta higher than this view's, in one atomic step, over whatever that
// version held, and returns the new version. ErrNotFound if there is no value.
// The view stays at its version: With(WithVersion(n)) sees the moved value.
func (c *Cache) IncrVersion(ctx context.Context, key string, delta int) (int, error) {
	return c.moveVersion(ctx, "incr version", key, c.version, c.version+delta)
}

// DecrVersion moves the value to the version that is delta lower: see
// IncrVersion.
func (c *Cache) DecrVersion(ctx context.Context, key string, delta int) (int, error) {
	return c.moveVersion(ctx, "decr version", key, c.version, c.version-delta)
}

func (c *Cache) move(ctx context.Context, from, to string, onlyAbsent bool) (bool, error) {
	mover := c.shared.caps.Mover
	if mover == nil {
		return false, unsupported("rename")
	}
	fullFrom, err := c.fullKey(from)
	if err != nil {
		return false, err
	}
	fullTo, err := c.fullKey(to)
	if err != nil {
		return false, fmt.Errorf("xcache: the new key: %w", err)
	}
	if onlyAbsent {
		return mover.RenameNX(ctx, fullFrom, fullTo)
	}
	return true, mover.Rename(ctx, fullFrom, fullTo)
}

func (c *Cache) moveVersion(ctx context.Context, op, key string, from, to int) (int, error) {
	ctx, call, err := c.start(ctx, op, key, 1)
	if err != nil {
		return 0, err
	}
	mover := c.shared.caps.Mover
	if mover == nil {
		return 0, call.end(ctx, unsupported("rename"))
	}
	fullFrom, fullTo, err := c.versionKeys(key, to)
	if err != nil {
		return 0, call.end(ctx, err)
	}
	if err := call.end(ctx, mover.Rename(ctx, fullFrom, fullTo)); err != nil {
		return 0, err
	}
	return to, nil
}

// versionKeys returns the full keys of a user's key in this version and in
// another one.
func (c *Cache) versionKeys(key string, version int) (here, there string, err error) {
	if here, err = c.fullKey(key); err != nil {
		return "", "", err
	}
	other := *c
	other.version = version
	if err = other.prepare(); err != nil {
		return "", "", err
	}
	there, err = other.fullKey(key)
	return here, there, err
}
