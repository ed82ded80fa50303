package mixins

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// RateLimits bounds how often something happens within a time. All processes that use the cache
// with the same prefix and namespace share the limits. A limit belongs to a subject, such as a
// user or an address. A subject may have several limits:
//
//	minute := mixins.RateLimit{Limit: 10, Window: time.Minute, Burst: 5}
//	day := mixins.RateLimit{Limit: 1000, Window: 24 * time.Hour}
//	result, err := limits.Allow(ctx, "user:42", minute, day)
//	if err == nil && !result.Allowed {
//		return TryAgain(result.RetryAfter())
//	}
//
// The server checks and takes all limits of a call in one atomic step, by the server's clock. If
// one limit refuses, nothing is taken of the others. All limits of one subject are in one key.
// Limits of several subjects (RateLimit.Subject) are in several keys. A cluster needs these keys
// in one slot, by a {hash tag} in the subjects. Otherwise the error is xcache.ErrCrossSlot, and
// nothing is sent.
//
// The key of a subject is stored like the key of a lock: Clear does not drop the key, and
// eviction or a failover may lose the key. See Locks. All methods may be called concurrently.
// NewRateLimits makes a RateLimits; there is nothing to close.
type RateLimits struct {
	cache *xcache.Cache
}

// A RateLimit is the number of units that may be taken within a window. All callers of a subject
// pass the same limits, with the same names.
type RateLimit struct {
	// Limit is the number of units for each Window, from 1 to 2^50.
	Limit int
	// Window is the time that Limit counts for: whole milliseconds, from 1 ms to a year.
	Window time.Duration
	// Burst chooses the algorithm.
	//
	// A Burst of 0 is a sliding window: no more than Limit units are taken within any time of the
	// length of Window. A unit is free again a Window later, or up to a sixtieth of the Window
	// after that.
	//
	// A Burst from 1 to Limit is GCRA: units become free one by one, Limit units in a Window,
	// and Burst units may be taken at once. No more than Burst + d × Limit / Window units are
	// taken within any time d.
	Burst int
	// Name tells the limit from others of the subject. The empty Name stands for a name made of
	// Limit, Window and Burst. A limit of the same Name goes on with the units that were taken
	// before Limit, Window or Burst changed, unless the change is another algorithm: a Burst that
	// was 0, or that is 0 now, begins with no units taken.
	Name string
	// Subject replaces the subject of the call, unless Subject is empty.
	Subject string
}

// A RateResult is the result of a call.
type RateResult struct {
	// Allowed tells that the units were taken of all limits.
	Allowed bool
	// Limits has the state of each limit of the call, in the same order.
	Limits []RateState
}

// A RateState is the state of a limit after a call.
type RateState struct {
	RateLimit
	// Remaining is the number of units that could be taken now.
	Remaining int
	// RetryAfter is the time until this limit has the units that the call asked for, if nobody
	// else takes any. RetryAfter is 0 if the limit had the units.
	RetryAfter time.Duration
	// Reset is the time until all units are free, if nobody else takes any.
	Reset time.Duration
}

// RetryAfter returns the time until the call would be allowed, if nobody else takes any units.
// RetryAfter returns 0 if the call was allowed.
func (r RateResult) RetryAfter() (after time.Duration) {
	for _, l := range r.Limits {
		after = max(after, l.RetryAfter)
	}
	return after
}

// Tightest returns the limit that a caller should heed: the limit with the longest RetryAfter if
// the call was refused, and otherwise the limit with the fewest units left.
func (r RateResult) Tightest() (tightest RateState) {
	for i, l := range r.Limits {
		if i == 0 || l.RetryAfter > tightest.RetryAfter || l.RetryAfter == tightest.RetryAfter && l.Remaining < tightest.Remaining {
			tightest = l
		}
	}
	return tightest
}

// NewRateLimits returns a handle on the rate limits of a cache. The error is
// errors.ErrUnsupported for a driver without rate limits, and for a key layout of the program's
// own.
func NewRateLimits(c *xcache.Cache) (*RateLimits, error) {
	c, err := supported(c.KeySpace("ratelimit"), "ratelimits")
	if err != nil {
		return nil, err
	}
	return &RateLimits{c}, nil
}

// Allow takes one unit of each limit: see AllowN.
func (l *RateLimits) Allow(ctx context.Context, subject string, limits ...RateLimit) (RateResult, error) {
	return l.AllowN(ctx, subject, 1, limits...)
}

// AllowN takes n units of each limit if every limit has n units, and otherwise takes nothing. An
// n of 0 takes nothing and tells how many units are left. AllowN does not wait.
//
// The error is xcache.ErrSyntax for a call without limits, for the same limit twice, and for a
// limit that can never have n units. After an error of the server the caller decides whether to
// go on. AllowN does not repeat the call: after an unknown outcome (xcache.ErrUnknownOutcome) the
// units may have been taken.
func (l *RateLimits) AllowN(ctx context.Context, subject string, n int, limits ...RateLimit) (RateResult, error) {
	return xcache.Run(ctx, l.allow(subject, n, limits), func(o *xcache.Op) (RateResult, error) { return readRateResult(o, limits) })
}

// Forget gives back all units that a subject has taken, of all limits.
func (l *RateLimits) Forget(ctx context.Context, subject string) error {
	_, err := l.cache.Delete(ctx, subject)
	return err
}

// Validate returns xcache.ErrSyntax for a limit that AllowN refuses with n units.
func (r RateLimit) Validate(n int) error {
	most := r.Limit
	if r.Burst > 0 {
		most = r.Burst
	}
	switch {
	case r.Limit < 1 || int64(r.Limit) > maxCapacity:
		return syntaxError("the limit of %q is %d, and is to be from 1 to %d", r.name(), r.Limit, int64(maxCapacity))
	case r.Window < time.Millisecond || r.Window > maxLease || r.Window%time.Millisecond != 0:
		return syntaxError("the window of %q is %v, and is to be whole milliseconds up to a year", r.name(), r.Window)
	case r.Burst < 0 || r.Burst > r.Limit:
		return syntaxError("the burst of %q is %d, and is to be from 0 to the limit, %d", r.name(), r.Burst, r.Limit)
	case n < 0 || n > most:
		return syntaxError("%q is asked for %d units, and never has more than %d at once", r.name(), n, most)
	}
	return nil
}

func (r RateLimit) name() string {
	if r.Name != "" {
		return r.Name
	}
	return fmt.Sprintf("%d/%v/%d", r.Limit, r.Window, r.Burst)
}

func (l *RateLimits) allow(subject string, n int, limits []RateLimit) *xcache.Op {
	o := xcache.NewKeylessOp(l.cache, "rate limit", driver.CmdRateLimit).Int(int64(len(limits)))
	if len(limits) == 0 {
		return o.Fail(syntaxError("there is no limit: give one at least"))
	}
	limits = append([]RateLimit(nil), limits...)
	for i := range limits {
		r := &limits[i]
		if r.Subject == "" {
			r.Subject = subject
		}
		if err := r.Validate(n); err != nil {
			return o.Fail(err)
		}
		r.Name = r.name()
		for _, before := range limits[:i] {
			if before.Subject == r.Subject && before.Name == r.Name && (before.Burst > 0) == (r.Burst > 0) {
				return o.Fail(syntaxError("the limit %q is there twice for one subject: give each a name of its own", r.Name))
			}
		}
		o.Key(r.Subject)
	}
	o.Int(int64(n))
	for _, r := range limits {
		o.Field(r.Name).Int(int64(r.Limit)).Int(r.Window.Milliseconds()).Int(int64(r.Burst))
	}
	return o
}

func readRateResult(o *xcache.Op, limits []RateLimit) (RateResult, error) {
	numbers, err := readNumbers(o, 1+3*len(limits))
	if err != nil {
		return RateResult{}, err
	}
	result := RateResult{Allowed: numbers[0] == 1, Limits: make([]RateState, len(limits))}
	for i, r := range limits {
		of := numbers[1+3*i:]
		result.Limits[i] = RateState{r, int(of[0]), microseconds(of[1]), microseconds(of[2])}
	}
	return result, nil
}

// microseconds returns a time that a server has told, within the bounds of a time.Duration. A
// server whose clock is set back may tell more.
func microseconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), math.MaxInt64/int64(time.Microsecond))) * time.Microsecond
}
