package xcache

import (
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// SoftLoadTimeout makes GetOrSet and GetOrSetMany return a stale value if the loader has not
// returned after d. The load goes on in the background, and its value is stored, so that a slow
// source slows no caller down who has something to fall back on. An EventObserver gets
// StaleValueServed for each key that is returned, and RefreshFailed if the load fails later.
//
//	users := xcache.For[User](c.Namespace("user")).With(
//		xcache.StaleOnError(time.Hour), xcache.SoftLoadTimeout(50*time.Millisecond))
//
// Which stale values are returned, StaleOnError says, which SoftLoadTimeout needs. Without a
// stale value, a caller waits for the load, for LoadTimeout at most. A GetOrSetMany waits for its
// loader if a key has no stale value. The load in the background is that of StaleFor, with its
// guarantees and its time limit. d must be positive; d should be shorter than LoadTimeout.
func SoftLoadTimeout(d time.Duration) Option {
	return func(s *settings) error {
		if d <= 0 {
			return errors.New("xcache: SoftLoadTimeout needs a positive duration")
		}
		s.stale.soft = d
		return nil
	}
}

// soft returns how long a caller waits for the load of a key with an old value, or nil for a
// caller who waits until its end.
func (c *core) soft(key string, old *aged) *flight.Soft {
	if c.stale.soft == 0 || old == nil || old.age >= c.stale.onError {
		return nil
	}
	return &flight.Soft{After: c.stale.soft, Failed: func(_ int, err error) { c.event(driver.RefreshFailed, key, err) }}
}

// softMany is soft for several keys.
func (c *core) softMany(keys []absent) *flight.Soft {
	if c.stale.soft == 0 {
		return nil
	}
	return &flight.Soft{
		After:  c.stale.soft,
		Of:     func(i int) bool { return c.soft(keys[i].key, keys[i].old) != nil },
		Failed: func(i int, err error) { c.event(driver.RefreshFailed, keys[i].key, err) },
	}
}
