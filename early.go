package xcache

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// EarlyRefresh makes GetOrSet and GetOrSetMany load a value again in the background shortly
// before its TTL ends, so that no caller finds the value expired. Each call that finds the value
// decides by chance, by XFetch: the refresh begins if
//
//	-loadTime * beta * ln(random number between 0 and 1) >= remaining TTL
//
// A value that takes long to load, and a value that many callers ask for, is refreshed early. A
// value that is cheap, or that nobody asks for, is not. beta is 1 in the paper, and a larger beta
// refreshes earlier. The callers get the value that is stored.
//
//	users := xcache.For[User](c.Namespace("user")).With(xcache.EarlyRefresh(1))
//
// loadTime is the time that the loaders of the view take, as a moving average over the loads of
// this process that succeeded. Before the first load of the process, nothing is refreshed
// early. Views that are made of the view by With or Namespace share the average. Each use of
// the option begins a new average: make the view once, and not for every call.
//
// The refresh is that of StaleFor, with its guarantees, its time limit and its events, and
// needs the same drivers. A value that another caller stores during the refresh stays, if it
// expires later than the value before. Unlike StaleFor, EarlyRefresh leaves TTLs and all other
// methods as they are. Beside StaleFor or StaleOnError, the remaining TTL is that without their
// time. A value without expiry is never refreshed. The option Sliding beside EarlyRefresh is an
// error. beta is positive, and at most 1000.
func EarlyRefresh(beta float64) Option {
	return func(s *settings) error {
		if !(beta > 0 && beta <= 1000) {
			return errors.New("xcache: EarlyRefresh needs a positive number of at most 1000")
		}
		s.stale.early, s.stale.loadTime = beta, new(loadTime)
		return nil
	}
}

// refreshesEarly decides whether a value that is valid for a time is loaded again. There is a load
// time only with EarlyRefresh.
func (s *staleness) refreshesEarly(valid time.Duration) bool {
	if s.loadTime == nil || valid == NoExpiry {
		return false
	}
	chance := -math.Log(1 - rand.Float64()) // the number is never 0, whose logarithm is infinite
	return float64(s.loadTime.average())*s.early*chance >= float64(valid)
}

// A loadTime is a moving average of the time that loads take. A nil loadTime measures nothing.
type loadTime struct{ nanoseconds atomic.Int64 }

func (l *loadTime) average() time.Duration { return time.Duration(l.nanoseconds.Load()) }

// add adds a load that began at a time and has just ended.
func (l *loadTime) add(began time.Time) {
	if l == nil {
		return
	}
	const weight = 4 // a new load counts as one of so many
	took := int64(time.Since(began))
	for {
		before := l.nanoseconds.Load()
		after := took
		if before != 0 {
			after = before + (took-before)/weight
		}
		if l.nanoseconds.CompareAndSwap(before, after) {
			return
		}
	}
}
