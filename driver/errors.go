package driver

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// The sentinels of the cache. Drivers return these sentinels, bare or inside an *Error,
// whatever errors their client library returns. The xcache package re-exports the
// sentinels. An operation that a store cannot do at all is errors.ErrUnsupported.
var (
	// ErrNotFound is a miss: the key does not exist. Drivers return ErrNotFound bare.
	ErrNotFound = errors.New("xcache: key not found")
	// ErrNotStored is a write whose condition did not hold. Drivers return
	// ErrNotStored bare.
	ErrNotStored = errors.New("xcache: condition not met, nothing stored")
	// ErrWrongType is an operation on a key that holds another type of value: a list in the
	// place of a string, or a text in the place of an integer.
	ErrWrongType = errors.New("xcache: key holds the wrong type of value")
	// ErrOverflow is an increment beyond 64 bits; the value is unchanged.
	ErrOverflow = errors.New("xcache: increment or decrement overflows 64 bits")
	// ErrClosed is a call on a closed cache.
	ErrClosed = errors.New("xcache: cache is closed")
	// ErrUnavailable is a server that cannot be reached or is not ready:
	// refused, timed out, loading, cluster down, pool exhausted.
	ErrUnavailable = errors.New("xcache: server unavailable")
	// ErrReadOnly is a write that reached a replica.
	ErrReadOnly = errors.New("xcache: server is read-only")
	// ErrOutOfMemory is a write to a server at its memory limit.
	ErrOutOfMemory = errors.New("xcache: server out of memory")
	// ErrAuth is a wrong or missing password, or a user without permission.
	ErrAuth = errors.New("xcache: not authenticated or not permitted")
	// ErrInvalidKey is an empty key, or a key that the driver cannot store.
	ErrInvalidKey = errors.New("xcache: invalid key")
	// ErrTooLarge is a value over the limit.
	ErrTooLarge = errors.New("xcache: value too large")
	// ErrCrossSlot is a command with keys in several slots of a cluster. The
	// command cannot be split.
	ErrCrossSlot = errors.New("xcache: keys are in different slots of the cluster (use a {hash tag})")
	// ErrSyntax is a command with bad arguments: an unknown option, too few
	// arguments, a number out of range. Nothing was changed.
	ErrSyntax = errors.New("xcache: bad command syntax")
	// ErrConflict is an optimistic transaction that lost: somebody else has changed
	// a watched key. Nothing was changed.
	ErrConflict = errors.New("xcache: transaction lost, a watched key was changed")
	// ErrScript is a script, or a function, of the program that failed with an error that no
	// other sentinel describes. The cause is a *ScriptError. The writes of the script before
	// the error stay, as in Redis. So the outcome is unknown unless the script was not run.
	ErrScript = errors.New("xcache: script failed")
	// ErrUnknownOutcome matches every failure after which the operation may
	// or may not have been applied. The cause comes with it.
	ErrUnknownOutcome = errors.New("xcache: outcome unknown, the operation may have been applied")
)

// Outcome is the knowledge about the effect of an operation that failed.
type Outcome uint8

const (
	// NotApplied is a failure that left everything as it was: nothing was
	// sent, or the server refused.
	NotApplied Outcome = iota
	// Unknown is a failure after the first byte went out: the operation may
	// have been applied. Only pure reads may be sent again.
	Unknown
)

// An Error is a failure as a driver reports it. With errors.Is an Error matches its
// Kind and, if the outcome is Unknown, ErrUnknownOutcome. With errors.As the client
// library's own error is reachable.
//
// The Kind alone tells what happened. A sentinel of this package in the cause does
// not match, and the error of a context does not match either: a client library that hits
// op_timeout reports context.DeadlineExceeded, though no context of the caller has
// ended. Other errors in the cause match, such as os.ErrDeadlineExceeded.
//
// Every text form is the text of the method Error. The text holds no value and no
// password, though fields of the cause may hold them.
type Error struct {
	// Kind is the sentinel for the failure, or the error of the caller's context
	// if that context has ended.
	Kind error
	// Outcome tells whether the operation may have been applied.
	Outcome Outcome
	// Transient tells that the same call may well succeed in a moment. A
	// transient failure that was NotApplied may be retried for any command.
	Transient bool
	// Answered tells that the server has answered with this error, and serves other calls.
	// Some errors of kind ErrUnavailable are Answered, too: NOREPLICAS refuses writes alone.
	// The circuit breaker of the core counts no such failure.
	Answered bool
	// Err is the cause, such as the client library's error. Err may be nil.
	Err error
}

// Fail returns an *Error of a kind with a cause. The text of the error is the text of
// the kind, and then the text of the cause: the server's words help the reader. The
// driver makes sure that the text of the cause holds neither a value nor a password.
func Fail(kind error, outcome Outcome, cause error) *Error {
	return &Error{Kind: kind, Outcome: outcome, Err: cause}
}

// Retryable returns e marked as Transient.
func (e *Error) Retryable() *Error {
	e.Transient = true
	return e
}

// IsAnswered reports whether err, or a cause of err, is an *Error with Answered.
func IsAnswered(err error) bool {
	for {
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Answered {
			return ok
		}
		err = e.Err
	}
}

// Error returns the kind and the cause in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(strings.TrimPrefix(e.Err.Error(), "xcache: "))
	}
	if e.Outcome == Unknown {
		b.WriteString(" (outcome unknown)")
	}
	return b.String()
}

// Is reports whether target is ErrUnknownOutcome and the outcome is unknown.
func (e *Error) Is(target error) bool {
	return target == ErrUnknownOutcome && e.Outcome == Unknown
}

// Unwrap returns the kind and the cause. The cause comes without the sentinels and
// the context errors that are in it.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, &cause{e.Err}}
}

// GoString returns the text of Error in quotes, for %#v.
func (e *Error) GoString() string { return strconv.Quote(e.Error()) }

// MarshalText returns the text of Error, for loggers and encoders.
func (e *Error) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// A cause is the cause of an Error without its meaning, which is in the Kind.
type cause struct{ err error }

func (c *cause) Error() string { return c.err.Error() }

// As finds the errors that errors.As finds in the cause.
func (c *cause) As(target any) bool { return errors.As(c.err, target) }

// Is matches the errors that errors.Is finds in the cause, except the errors of kinds.
func (c *cause) Is(target error) bool {
	return !slices.Contains(kinds, target) && errors.Is(c.err, target)
}

// kinds are the errors that only a Kind can be.
var kinds = []error{
	ErrNotFound, ErrNotStored, ErrWrongType, ErrOverflow, ErrClosed, ErrUnavailable, ErrReadOnly, ErrOutOfMemory,
	ErrAuth, ErrInvalidKey, ErrTooLarge, ErrCrossSlot, ErrSyntax, ErrConflict, ErrScript, ErrUnknownOutcome,
	errors.ErrUnsupported, context.Canceled, context.DeadlineExceeded,
}
