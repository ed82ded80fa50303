package xcache

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
)

// An ErrorPolicy says what becomes of the failures of a cache: see WithOnError.
type ErrorPolicy uint8

const (
	// OnErrorFail returns each failure to the caller. OnErrorFail is the default.
	OnErrorFail ErrorPolicy = iota
	// OnErrorMiss makes a read that fails a miss, and drops a write that fails.
	OnErrorMiss
)

// WithOnError sets what becomes of the failures of the cache: a server that cannot be
// reached, does not answer in time, refuses the user, is read-only or is out of memory. With
// is the way to choose for one call:
//
//	open := sessions.With(xcache.WithOnError(xcache.OnErrorMiss))
//	session, err := open.Get(ctx, id) // ErrNotFound while the cache is down
//
// With OnErrorMiss, the operations that a caller can go on without fail open:
//
//   - Get, GetOr, GetMany, Has, TTL, TTLMany, Type, and the commands of handles that only
//     read, find nothing.
//   - Set, SetMany, Delete, Invalidate, Touch, Expire, ExpireAt and Persist change nothing,
//     and return no error. A dropped Delete leaves the old value, which readers find again
//     later. A write with an unknown outcome may have been applied.
//   - GetOrSet and GetOrSetMany call their loaders, and return the loaded values without
//     storing them.
//
// All other operations return the failure: their answer decides what the caller may do, or
// a part of the data would be lost without a trace. These are Add, Replace, Swap,
// CompareAndSwap, CompareAndDelete, the counters, the renames, Watch and ExecAtomic, Keys,
// Clear, DeletePattern, FlushDB and Ping, every write of a handle, scripts, commands that
// wait, and all handles that are built on such operations, such as locks and semaphores.
// A counter never returns a number that the server has not counted. A view of a KeySpace
// never fails open.
//
// Errors of the caller are returned whatever the policy is: a bad key, TTL or value, a value
// that cannot be read (ErrCorrupt), ErrWrongType, ErrClosed, and the end of the context.
//
// Cache.FailedOpen counts the hidden failures, and an Observer gets the cause in
// Operation.FailedOpen.
func WithOnError(p ErrorPolicy) Option {
	return func(s *settings) error {
		if p != OnErrorFail && p != OnErrorMiss {
			return errors.New("xcache: WithOnError needs OnErrorFail or OnErrorMiss")
		}
		s.onError = p
		return nil
	}
}

func readOnError(s *settings, dsn *driver.DSN) {
	if dsn.Word("on_error", "fail", "fail", "miss") == "miss" {
		s.onError = OnErrorMiss
	}
}

// FailedOpen counts the failures that OnErrorMiss has hidden, by their cause. A read or a
// write of several keys counts once for each key that failed.
type FailedOpen struct {
	// Reads are reads that became misses.
	Reads FailedOpenCauses
	// Writes are writes that were dropped, with the loaded values of GetOrSet that were not
	// stored.
	Writes FailedOpenCauses
}

// FailedOpenCauses counts failures by their cause.
type FailedOpenCauses struct {
	// Unavailable are servers that could not be reached, were not ready, or gave no answer
	// within op_timeout.
	Unavailable uint64
	// BreakerOpen are calls that were not sent because the circuit of the server was open.
	BreakerOpen uint64
	// InFlight are calls that were not sent because of WithMaxInFlight.
	InFlight uint64
	// ReadOnly, OutOfMemory and Auth are refusals of the server: ErrReadOnly,
	// ErrOutOfMemory and ErrAuth.
	ReadOnly, OutOfMemory, Auth uint64
}

// Total returns the sum of all causes.
func (c FailedOpenCauses) Total() uint64 {
	return c.Unavailable + c.BreakerOpen + c.InFlight + c.ReadOnly + c.OutOfMemory + c.Auth
}

// FailedOpen returns the counts of all views of the store, since the cache was opened.
func (c *Cache) FailedOpen() FailedOpen {
	counts := &c.core.shared.failedOpen
	return FailedOpen{Reads: counts.reads.all(), Writes: counts.writes.all()}
}

type failedOpenCounts struct{ reads, writes causeCounts }

// A cause is the reason of a failure that OnErrorMiss hides.
type cause uint8

const (
	causeNone cause = iota // the failure is not hidden
	causeUnavailable
	causeBreakerOpen
	causeInFlight
	causeReadOnly
	causeOutOfMemory
	causeAuth
	causes
)

type causeCounts [causes]atomic.Uint64

func (c *causeCounts) all() FailedOpenCauses {
	return FailedOpenCauses{
		Unavailable: c[causeUnavailable].Load(), BreakerOpen: c[causeBreakerOpen].Load(), InFlight: c[causeInFlight].Load(),
		ReadOnly: c[causeReadOnly].Load(), OutOfMemory: c[causeOutOfMemory].Load(), Auth: c[causeAuth].Load(),
	}
}

// causeOf returns the cause of a failure, or causeNone for an error of the caller.
func causeOf(err error) cause {
	switch {
	case errors.Is(err, ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return causeNone
	case errors.Is(err, ErrUnavailable):
		if _, ok := errors.AsType[*BreakerOpenError](err); ok {
			return causeBreakerOpen
		}
		if _, ok := errors.AsType[*InFlightError](err); ok {
			return causeInFlight
		}
		return causeUnavailable
	case errors.Is(err, ErrReadOnly):
		return causeReadOnly
	case errors.Is(err, ErrOutOfMemory):
		return causeOutOfMemory
	case errors.Is(err, ErrAuth):
		return causeAuth
	}
	return causeNone
}

// opening says how an operation fails open.
type opening uint8

const (
	failsClosed  opening = iota // the failure is returned
	readsMiss                   // a read, which becomes ErrNotFound
	readsNothing                // a read, which finds nothing and has no error
	dropsWrite                  // a write, which is dropped
)

// endOpen is end for an operation that fails open.
func (k *call) endOpen(how opening, err error) error {
	if err == nil && k.seen == nil {
		return nil
	}
	return k.endOpenWith(how, err)
}

func (k *call) endOpenWith(how opening, err error) error {
	err = k.opened(how, 1, err)
	if k.failedOpen {
		switch how {
		case readsMiss:
			err = ErrNotFound
		case readsNothing:
			k.seen.miss()
		}
	}
	return k.endWith(err)
}

// opened returns nil for a failure of n keys that the policy hides, and counts the failure.
// Any other error is returned unchanged, but for a failure after the end of the caller's
// context, which becomes the error of that context.
func (k *call) opened(how opening, n int, err error) error { return k.openedFor(k.cache, how, n, err) }

// openedFor is opened for an operation of a view in a pipeline.
func (k *call) openedFor(c *core, how opening, n int, err error) error {
	if err == nil || err == ErrNotFound || //nolint:errorlint // a miss is bare, and frequent
		how == failsClosed || c.layout.Space != "" || c.onError == OnErrorFail || c.tx != nil || k.cache.tx != nil {
		return err
	}
	failure := k.unblame(err)
	why := causeOf(failure)
	if why == causeNone {
		return err
	}
	if k.caller.Err() != nil {
		return k.ended(failure)
	}
	c.shared.failedOpen.count(how, n, why)
	k.failedOpen = true
	if k.seen != nil {
		k.seen.FailedOpen = k.wrap(failure)
	}
	return nil
}

// ended returns the error of a call that has failed when its caller's context had ended: the
// error of the context, and not a failure of the cache that the policy would hide.
func (k *call) ended(failure error) error {
	if k.caller.Err() == nil || causeOf(failure) == causeNone {
		return failure
	}
	outcome := driver.NotApplied
	if errors.Is(failure, ErrUnknownOutcome) {
		outcome = driver.Unknown
	}
	return driver.Fail(k.caller.Err(), outcome, failure)
}

func (c *failedOpenCounts) count(how opening, n int, why cause) {
	counts := &c.reads
	if how == dropsWrite {
		counts = &c.writes
	}
	counts[why].Add(uint64(n))
}
