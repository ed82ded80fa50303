package xcache

import (
	"context"
	"errors"

	"github.com/xcache-go/xcache/driver"
)

// Invalidate makes the values of keys stale, which are to be loaded again: like Delete, but that
// StaleOnError may return the values while they cannot be loaded. A key without a value, or one
// that is stale already, stays as it is.
//
//	err := users.Invalidate(ctx, "42") // the row has changed
//
// After Invalidate has returned, no read returns the old values, StaleFor does not serve them,
// and no load that began before stores its value, in any process. GetOrSet loads anew. If the
// loader fails, GetOrSet returns the old value for as long as StaleOnError exceeds StaleFor,
// counted from Invalidate. On a view without StaleOnError, or whose StaleFor is not shorter,
// Invalidate deletes the keys.
//
// Invalidate takes one round trip per server. Without keys, there is no I/O. If some of several
// keys failed, the error is a *BatchError that lists them, and the others are invalidated.
// Invalidate may be repeated after any error. With OnErrorMiss, Invalidate fails open, as
// Delete does. WithInvalidateRetry does not repeat an Invalidate that keeps values. In a transaction, Invalidate is errors.ErrUnsupported.
func (c *Cache) Invalidate(ctx context.Context, keys ...string) error {
	ctx, call, err := c.core.startInSteps(ctx, c.core.shared.flights.UnderWay(), "invalidate", only(keys), len(keys))
	if err != nil {
		return err
	}
	defer call.release()
	if c.core.tx != nil {
		return call.end(driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("a transaction only reads while its function runs: invalidate when Watch has returned, or queue a Delete")))
	}
	fulls, err := c.core.fullKeys(keys)
	if err == nil && len(keys) > 0 {
		err = c.core.invalidate(ctx, keys, fulls)
	}
	return call.end(call.opened(dropsWrite, len(keys), err))
}

func (c *core) invalidate(ctx context.Context, keys, fulls []string) error {
	kept := c.stale.kept()
	if kept <= 0 {
		_, err := c.remove(ctx, fulls)
		return err
	}
	// Each key loses its lease first: a load that stores before that stores what becomes stale.
	cmds := make([]*driver.Cmd, 0, 2*len(fulls))
	for _, full := range fulls {
		expire := *cmdPExpire
		expire.Args = []driver.Arg{driver.Key(full), driver.Duration(kept), driver.Literal("LT")}
		cmds = append(cmds, revocation([]string{full}), &expire)
	}
	err := c.shared.flights.Invalidate(ctx, func() error {
		if err := c.shared.primary.caps.Commander.Do(ctx, cmds, driver.Plain); err != nil {
			return err
		}
		var failed *BatchError
		for i, key := range keys {
			err := revoked(cmds[2*i])
			if err == nil {
				err = cmds[2*i+1].Err
			}
			switch {
			case err == nil:
			case len(keys) == 1:
				return err
			default:
				failed = failed.add(key, err)
			}
		}
		return failed.asError()
	}, fulls...)
	c.wrote(ctx, fulls...)
	return err
}
