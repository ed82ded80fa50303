package xcache

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/flight"
)

// NegativeTTL remembers for d that there is no value: a loader of GetOrSet that returns an error
// which matches ErrNotFound, and one of GetOrSetMany that leaves a key out. Until d has passed,
// GetOrSet of that key returns ErrNotFound without a load, and GetOrSetMany leaves the key out, in
// all processes, with NegativeTTL or without. WithJitter shortens d as any TTL. d is positive, and
// not NoExpiry.
//
// A value that anybody stores is found at once, and does not end the memory: if the value expires
// before d has passed, the key counts as missing again, and loads over a stale value load nothing. So
// whatever makes the value appear in the database must be followed by a Delete of the key, or is seen
// after d. All that takes values away
// (Delete, DeletePattern, Clear, Rename and so on) ends the memory, and a load that began before
// a Delete remembers nothing. For all other operations, and for other programs, the key does not
// exist. A value with a tag that was invalidated, and one that cannot be read, are loaded by each
// process whose views are without NegativeTTL, and without a StaleOnError that exceeds StaleFor.
//
// A key that is remembered costs two round trips, and no load. Nothing is remembered for a user who
// may not run scripts. A driver without leases (Require("leases")) is refused.
func NegativeTTL(d time.Duration) Option {
	return func(s *settings) error {
		if d < time.Millisecond || d >= longestNegativeTTL {
			return errors.New("xcache: NegativeTTL needs a duration from 1 ms to a year")
		}
		s.negativeTTL = d
		return nil
	}
}

// longestNegativeTTL is less than the longest duration of a lease.
const longestNegativeTTL = 366 * 24 * time.Hour

// marker returns the command that makes a marker of the lease of a load which has found no value.
// Without NegativeTTL the command renews the lease. The reply tells whether the lease was in force.
func (c *core) marker(full, token string) *driver.Cmd {
	if c.negativeTTL > 0 {
		return replacement(full, token, "", max(c.jittered(c.negativeTTL), time.Millisecond))
	}
	return c.leaseRenewal(full, token)
}

// leaseRenewal returns the command that renews the lease of a load. The reply tells whether the lease was
// in force.
func (c *core) leaseRenewal(full, token string) *driver.Cmd {
	if c.loadWait > 0 {
		return replacement(full, token, token, ownDuration)
	}
	return replacement(full, token, token, leaseDuration)
}

// marks reports whether a load that has found no value sends the command of marker. Without
// NegativeTTL the load does so for callers who have joined the load: an invalidation elsewhere
// may have come before them, and after the begin of the load.
func (c *core) marks(fl *flight.Flight) bool {
	return c.negativeTTL > 0 || c.shared.flights.Joined(fl)
}

// remember remembers that a load has found no value, if that is its error.
func (c *core) remember(ctx context.Context, fl *flight.Flight, key string, a *attempt, err error) {
	if a.token == "" || a.failed != nil || !errors.Is(err, ErrNotFound) || !c.marks(fl) {
		return
	}
	if a.late { // the load that has the lease may bring a value
		a.revoked = c.lost(ctx, fl, key, a)
		return
	}
	full, err := c.fullKey(key)
	if err != nil {
		return
	}
	c.shared.flights.Store(fl, func() {
		cmd := c.marker(full, a.token)
		err := c.doAs(ctx, "remember", key, 1, []*driver.Cmd{cmd})
		var marked bool
		if marked, err = wasReplaced(cmd, err); err != nil {
			return // the observer has heard of the error
		}
		if a.revoked = !marked; c.negativeTTL > 0 {
			a.own.end()
		}
	})
}

// wasReplaced reads the reply to a command of replacement.
func wasReplaced(cmd *driver.Cmd, err error) (bool, error) {
	if err == nil {
		err = cmd.Err
	}
	if err != nil {
		return false, err
	}
	return cmd.Reply.AsFlag()
}
