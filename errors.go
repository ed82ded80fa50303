package xcache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/optimistic"
)

// The errors of the cache are the same on every driver. Callers test for them with
// errors.Is. A feature that a driver lacks is errors.ErrUnsupported.
var (
	// ErrNotFound is a miss. A miss is the bare ErrNotFound, and costs no allocation.
	ErrNotFound = driver.ErrNotFound
	// ErrNotStored is a write whose condition did not hold. The operations of a cache
	// return false instead.
	ErrNotStored = driver.ErrNotStored
	// ErrWrongType is an operation on a key with a value of another type: a list instead of
	// a string, or a text instead of an integer.
	ErrWrongType = driver.ErrWrongType
	// ErrOverflow is an increment beyond 64 bits. The value is unchanged.
	ErrOverflow = driver.ErrOverflow
	// ErrClosed is any call after Close.
	ErrClosed = driver.ErrClosed
	// ErrUnavailable is a server that cannot be reached or is not ready.
	ErrUnavailable = driver.ErrUnavailable
	// ErrReadOnly is a write that reached a replica.
	ErrReadOnly = driver.ErrReadOnly
	// ErrOutOfMemory is a write to a server at its memory limit.
	ErrOutOfMemory = driver.ErrOutOfMemory
	// ErrAuth is a wrong or missing password, or a user without permission.
	ErrAuth = driver.ErrAuth
	// ErrInvalidKey is an empty key, or one that the driver cannot store.
	ErrInvalidKey = driver.ErrInvalidKey
	// ErrTooLarge is a value over a limit of the cache or of the driver.
	ErrTooLarge = driver.ErrTooLarge
	// ErrCorrupt is a stored value that no configured codec can read.
	ErrCorrupt = codec.ErrCorrupt
	// ErrUnsupportedValue is a value, or a type of values, that the codec cannot
	// store or read, whatever the bytes.
	ErrUnsupportedValue = codec.ErrUnsupportedValue
	// ErrCrossSlot is a command whose keys live in several slots of a cluster
	// and cannot be split.
	ErrCrossSlot = driver.ErrCrossSlot
	// ErrSyntax is a command with arguments that it does not take.
	ErrSyntax = driver.ErrSyntax
	// ErrConflict is an optimistic transaction that failed because another caller changed a
	// watched key.
	ErrConflict = driver.ErrConflict
	// ErrTxDone is the error of a transaction that is used after its function has returned.
	ErrTxDone = optimistic.ErrDone
	// ErrScript is a failure of the program's own script. ScriptError has the script's
	// message.
	ErrScript = driver.ErrScript
	// ErrUnknownOutcome matches every failure that leaves the outcome of the operation
	// unknown, such as a lost reply. The error also wraps the cause.
	ErrUnknownOutcome = driver.ErrUnknownOutcome
	// ErrNotExecuted is the result of a pipeline that has not run yet.
	ErrNotExecuted = errors.New("xcache: the pipeline has not been executed")
)

// A ScriptError is the error reply of a script. Callers find a ScriptError with errors.As:
//
//	if failed, ok := errors.AsType[*xcache.ScriptError](err); ok && failed.Code() == "NOSTOCK" {
type ScriptError = driver.ScriptError

// An OpError is the failure of one operation of a cache. Every error of an operation is an
// OpError, except misses (a bare ErrNotFound), errors of a loader of GetOrSet and of the
// function of Watch, and the error of a view whose options are bad.
type OpError struct {
	// Driver is the name of the driver, or "" for a store given to New.
	Driver string
	// Cache is the name that WithName gave the cache, or "".
	Cache string
	// Op is the method in lower-case words, such as "get" or "set many".
	Op string
	// Namespace holds the escaped names of the view's namespaces, joined by colons, or "".
	Namespace string
	// Key is the user's key, or "" if the operation has not exactly one key.
	Key string
	// Err is the cause. Err matches the sentinels, and wraps the error of the client
	// library.
	Err error
}

// opError returns the failure of an operation of a view, with a copy of the key: an error
// outlives the call.
func (c *core) opError(op, key string, err error) error {
	return &OpError{Driver: c.shared.driver, Cache: c.name, Op: op, Namespace: c.layout.NamespaceName(), Key: strings.Clone(key), Err: err}
}

// Error returns one line without any value or password. The line has the name of the cache,
// or the name of the driver for a cache without a name. Long keys are cut.
func (e *OpError) Error() string {
	var b strings.Builder
	b.WriteString("xcache: ")
	if who := cmp.Or(e.Cache, e.Driver); who != "" {
		b.WriteString(who + " ")
	}
	b.WriteString(e.Op)
	switch {
	case e.Key != "" && e.Namespace != "":
		b.WriteString(" " + quoteKey(e.Namespace+":"+e.Key))
	case e.Key != "":
		b.WriteString(" " + quoteKey(e.Key))
	}
	b.WriteString(": " + trimPrefix(e.Err))
	return b.String()
}

// Unwrap returns Err.
func (e *OpError) Unwrap() error { return e.Err }

// GoString returns the text of Error in quotes, for %#v, because wrapped errors may hold a
// value.
func (e *OpError) GoString() string { return strconv.Quote(e.Error()) }

// MarshalText returns the text of Error, for loggers and encoders, because wrapped errors
// may hold a value.
func (e *OpError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

// A BatchError lists the keys of a batch operation that failed. The other keys
// of the batch succeeded.
type BatchError struct {
	// Errs holds the failure of each user key that failed.
	Errs map[string]error
}

// Error names up to three keys with their errors.
func (e *BatchError) Error() string {
	keys := e.Keys()
	var b strings.Builder
	fmt.Fprintf(&b, "xcache: %s failed", count(len(keys), "key"))
	for i, key := range keys {
		if i == 3 {
			b.WriteString(", …")
			break
		}
		b.WriteString([]string{": ", ", ", ", "}[i])
		b.WriteString(quoteKey(key) + ": " + trimPrefix(e.Errs[key]))
	}
	return b.String()
}

// Keys returns the user keys that failed, sorted.
func (e *BatchError) Keys() []string {
	keys := make([]string, 0, len(e.Errs))
	for key := range e.Errs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Unwrap returns the errors in the order of Keys.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, 0, len(e.Errs))
	for _, key := range e.Keys() {
		errs = append(errs, e.Errs[key])
	}
	return errs
}

// GoString returns the text of Error in quotes, for %#v, because wrapped errors may hold a
// value.
func (e *BatchError) GoString() string { return strconv.Quote(e.Error()) }

// MarshalText returns the text of Error, for loggers and encoders, because wrapped errors
// may hold a value.
func (e *BatchError) MarshalText() ([]byte, error) { return []byte(e.Error()), nil }

func (e *BatchError) add(key string, err error) *BatchError {
	if e == nil {
		e = &BatchError{Errs: make(map[string]error)}
	}
	e.Errs[strings.Clone(key)] = err // the caller may reuse the memory of key
	return e
}

// asError returns a nil error for a nil *BatchError.
func (e *BatchError) asError() error {
	if e == nil {
		return nil
	}
	return e
}

// An aboutError names the part of an operation's input that caused err.
type aboutError struct {
	part string
	err  error
}

func (e *aboutError) Error() string { return "xcache: " + e.part + ": " + trimPrefix(e.err) }

func (e *aboutError) Unwrap() error { return e.err }

// count returns a number with its noun: "1 key", "2 keys".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}

// quoteKey returns a key in quotes for an error text. A long key is cut.
func quoteKey(key string) string {
	const longest = 64
	if len(key) > longest {
		return strconv.Quote(key[:longest]) + "…"
	}
	return strconv.Quote(key)
}

// trimPrefix returns the text of an error without the library's prefix, for use inside
// another error.
func trimPrefix(err error) string { return strings.TrimPrefix(err.Error(), "xcache: ") }

// unsupported returns the error for a feature that the driver lacks.
func unsupported(what string) error {
	return fmt.Errorf("xcache: the driver has no %s: %w", what, errors.ErrUnsupported)
}

// tooLarge makes the codec's error for size match ErrTooLarge too.
func tooLarge(err error) error {
	if errors.Is(err, codec.ErrTooLarge) {
		return &tooLargeError{err}
	}
	return err
}

type tooLargeError struct{ error }

func (e *tooLargeError) Unwrap() []error { return []error{ErrTooLarge, e.error} }

// timedOut turns the end of the context with op_timeout into the error of a server that did
// not answer. Without an outcome from the driver, the error matches ErrUnknownOutcome.
func timedOut(err error, opTimeout time.Duration) error {
	if batch, ok := errors.AsType[*BatchError](err); ok {
		for key, err := range batch.Errs {
			batch.Errs[key] = timedOut(err, opTimeout)
		}
		return err
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	outcome, cause := driver.Unknown, error(nil)
	if said, ok := errors.AsType[*driver.Error](err); ok {
		outcome, cause = said.Outcome, said.Err
	}
	return driver.Fail(ErrUnavailable, outcome, &opTimeoutError{opTimeout, err, cause})
}

// An opTimeoutError is the failure of an operation that took op_timeout.
type opTimeoutError struct {
	opTimeout time.Duration
	err       error // the driver's error
	cause     error // the cause that the driver has told, or nil
}

func (e *opTimeoutError) Error() string {
	text := fmt.Sprintf("no answer within %v", e.opTimeout)
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *opTimeoutError) Unwrap() error { return e.err }
