package xcache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/pending"
)

// ErrInvalidationPending is the error of a failed Delete that the cache repeats in the background:
// see WithInvalidateRetry. The failure comes with ErrInvalidationPending.
var ErrInvalidationPending = errors.New("xcache: the invalidation is repeated in the background")

// MaxPendingInvalidations is the largest number of keys that wait for a repeated deletion.
const MaxPendingInvalidations = pending.Max

// WithInvalidateRetry repeats deletions that fail: a service has changed its database, the cache
// server is away, and without the deletion readers would get the old value until its TTL ends.
//
// A Delete or InvalidateTags that fails because the server cannot be reached, does not answer in
// time, or is read-only, or because the context of the caller ends meanwhile, returns its error, which also matches
// ErrInvalidationPending. A goroutine of the cache repeats the deletion, after 50 ms at first and
// then after a second at most, until the server has done it. A Delete in a pipeline is
// repeated likewise, as its Result says, and one in a transaction is not. Nor are DeletePattern, Clear and the other deletions
// whose keys are not named, nor an Invalidate that keeps values for StaleOnError. Nor are deletions
// in a KeySpace, whose keys may have got another owner until then.
//
// A key waits once, however often its deletion fails. A later Set, SetMany, Swap, CompareAndSwap or Delete of the
// key that succeeds takes the place of the deletion. A counter or structure at the key does
// not: the deletion comes later, with what was added meanwhile. MaxPendingInvalidations keys wait at most, and
// a Delete beyond that returns its error alone. Until the deletion is done, readers may get the
// old value. A process that ends without Close loses what waits.
//
// Close tries once more within op_timeout, and returns an error if keys are left. PendingInvalidations counts the
// keys that wait. An EventObserver is told of the first (driver.InvalidationsPending), of the
// end (driver.InvalidationsDelivered), and of a deletion that the server refuses for another
// reason (driver.InvalidationDropped), which is not repeated again.
func WithInvalidateRetry() Option {
	return func(s *settings) error { s.invalidateRetry = true; return nil }
}

func readInvalidate(s *settings, dsn *driver.DSN) {
	s.invalidateRetry = dsn.Word("invalidate", "fail", "fail", "retry") == "retry"
}

// PendingInvalidations returns how many keys of all views of the store wait for their deletion to
// be repeated: see WithInvalidateRetry.
func (c *Cache) PendingInvalidations() int { return c.core.shared.pending.Len() }

// newPending returns the deletions that are to be repeated. notify may be nil.
func (s *shared) newPending(notify func(driver.Event), opTimeout time.Duration) *pending.Deletions {
	report := func(kind driver.EventKind, err error) {
		if notify != nil {
			notify(driver.Event{Kind: kind, Err: err})
		}
	}
	return pending.New(pending.Config{
		Delete:    s.deleteEach,
		Repeats:   isRepeated,
		Timeout:   opTimeout,
		Kept:      func(cause error) { report(driver.InvalidationsPending, cause) },
		Delivered: func() { report(driver.InvalidationsDelivered, nil) },
		Dropped:   func(cause error) { report(driver.InvalidationDropped, cause) },
	})
}

// deleteEach deletes full keys, with their leases, and returns what became of each.
func (s *shared) deleteEach(ctx context.Context, fulls []string) []error {
	c := core{shared: s, target: &s.primary}
	cmds := make([]*driver.Cmd, len(fulls))
	for i, full := range fulls {
		cmd := *cmdDel
		cmd.Args = []driver.Arg{driver.Key(full)}
		cmds[i] = &cmd
	}
	all, revocations := c.withRevocations(cmds, driver.Plain)
	failure := c.do(ctx, all, driver.Plain)
	for i := range revocations {
		revocations[i].settle()
	}
	errs := make([]error, len(cmds))
	for i, cmd := range cmds {
		if errs[i] = cmd.Err; failure != nil {
			errs[i] = failure
		}
	}
	return errs
}

// isRepeated reports whether a deletion that failed may succeed later.
func isRepeated(err error) bool {
	if errors.Is(err, ErrClosed) {
		return false
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	switch causeOf(err) {
	case causeUnavailable, causeBreakerOpen, causeInFlight, causeReadOnly:
		return true
	}
	return errors.Is(err, ErrUnknownOutcome)
}

// invalidated returns the error of a deletion of full keys of the cache's own memory, and keeps those
// that are to be repeated. began is the number of failed deletions before. A deletion in a key space
// is not repeated: the later one would delete what another caller has put there meanwhile, such as a
// claim.
func (c *core) invalidated(began uint64, fulls []string, err error) error {
	switch {
	case err == nil:
		c.superseded(began, fulls...)
	case c.invalidateRetry && c.tx == nil && c.layout.Space == "" && isRepeated(err) && c.shared.pending.Keep(fulls, err):
		return &pendingError{err}
	}
	return err
}

// deletes reports whether an operation is a Delete.
func (o *Op) deletes() bool { return o.name == "delete" && o.held.Name == "DEL" }

// superseded forgets the deletions of keys that were written or deleted by an operation. began is the
// number of failed deletions when the operation began.
func (c *core) superseded(began uint64, fulls ...string) {
	if c.shared.pending.Len() == 0 {
		return
	}
	for _, full := range fulls {
		c.shared.pending.Supersede(full, began)
	}
}

// supersededBy is superseded for entries of which some may have failed.
func (c *core) supersededBy(began uint64, entries []driver.Entry) {
	if c.shared.pending.Len() == 0 {
		return
	}
	for i := range entries {
		if entries[i].Err == nil {
			c.shared.pending.Supersede(entries[i].Key, began)
		}
	}
}

// A pendingError is a failure of a deletion that is repeated.
type pendingError struct{ err error }

func (e *pendingError) Error() string {
	return e.err.Error() + "; " + trimPrefix(ErrInvalidationPending)
}

func (e *pendingError) Unwrap() []error { return []error{e.err, ErrInvalidationPending} }

// closePending tries the deletions that wait once more.
func (s *shared) closePending() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.opTimeout)
	defer cancel()
	if n := s.pending.Close(ctx); n > 0 {
		return fmt.Errorf("%s could not be deleted whose deletion had failed before: readers may get old values until their TTLs end", count(n, "key"))
	}
	return nil
}
