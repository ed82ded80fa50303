package xcache

import (
	"context"
)

// Rename moves the value of from to the key to, with its TTL, over whatever to
// held. ErrNotFound if from does not exist. Both keys are of this view's
// prefix and version.
func (c *Cache) Rename(ctx context.Context, from, to string) error {
	ctx, call, err := c.start(ctx, "rename", from, 1)
	if err != nil {
		return err
	}
	defer call.release()
	_, err = c.move(ctx, from, to, false)
	return call.end(err)
}

// RenameNX is Rename that leaves an existing to alone; it reports whether it
// moved the value.
func (c *Cache) RenameNX(ctx context.Context, from, to string) (bool, error) {
	ctx, call, err := c.start(ctx, "rename nx", from, 1)
	if err != nil {
		return false, err
	}
	defer call.release()
	moved, err := c.move(ctx, from, to, true)
	return moved, call.end(err)
}

// IncrVersion moves the value of key, with its TTL, to the version that is
// delta higher than this view's, in one atomic step, over whatever that
// version held, and returns the new version. ErrNotFound if there is no value.
// The view stays at its version: With(WithVersion(n)) sees the moved value.
func (c *Cache) IncrVersion(ctx context.Context, key string, delta int) (int, error) {
	version, err := c.versionAfter(delta)
	return c.moveVersion(ctx, "incr version", key, version, err)
}

// DecrVersion moves the value to the version that is delta lower: see
// IncrVersion.
func (c *Cache) DecrVersion(ctx context.Context, key string, delta int) (int, error) {
	version, err := c.versionBefore(delta)
	return c.moveVersion(ctx, "decr version", key, version, err)
}

// newKey is fullKey for the key that another one is renamed to.
func (c *Cache) newKey(key string) (string, error) {
	full, err := c.fullKey(key)
	if err != nil {
		return "", &aboutError{"the new key", err}
	}
	return full, c.movable()
}

func (c *Cache) move(ctx context.Context, from, to string, onlyAbsent bool) (bool, error) {
	mover := c.target.caps.Mover
	if mover == nil {
		return false, unsupported("rename")
	}
	fullFrom, err := c.fullKey(from)
	if err != nil {
		return false, err
	}
	fullTo, err := c.newKey(to)
	if err != nil {
		return false, err
	}
	moved := true
	err = c.shared.flights.invalidate(ctx, func() (err error) {
		if onlyAbsent {
			moved, err = mover.RenameNX(ctx, fullFrom, fullTo)
			return err
		}
		return mover.Rename(ctx, fullFrom, fullTo)
	}, fullFrom, fullTo)
	return moved, err
}

// moveVersion moves a key to a version. versionErr is what was wrong with that
// version.
func (c *Cache) moveVersion(ctx context.Context, op, key string, to int, versionErr error) (int, error) {
	ctx, call, err := c.start(ctx, op, key, 1)
	if err != nil {
		return 0, err
	}
	defer call.release()
	mover := c.target.caps.Mover
	if mover == nil {
		return 0, call.end(unsupported("rename"))
	}
	fullFrom, fullTo, err := c.versionKeys(key, to, versionErr)
	if err != nil {
		return 0, call.end(err)
	}
	move := func() error { return mover.Rename(ctx, fullFrom, fullTo) }
	if err := call.end(c.shared.flights.invalidate(ctx, move, fullFrom, fullTo)); err != nil {
		return 0, err
	}
	return to, nil
}

// versionAfter returns the version that is delta higher.
func (c *Cache) versionAfter(delta int) (int, error) {
	if version := c.version + delta; (version >= c.version) == (delta >= 0) {
		return version, nil
	}
	return 0, ErrOverflow
}

// versionBefore returns the version that is delta lower.
func (c *Cache) versionBefore(delta int) (int, error) {
	delta, err := negated(delta)
	if err != nil {
		return 0, err
	}
	return c.versionAfter(delta)
}

// versionKeys returns the full keys of a user's key in this version and in
// another one. versionErr is what was wrong with that one.
func (c *Cache) versionKeys(key string, version int, versionErr error) (here, there string, err error) {
	if here, err = c.fullKey(key); err != nil {
		return "", "", err
	}
	if versionErr != nil {
		return "", "", versionErr
	}
	if err := c.movable(); err != nil {
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
