// Package optimistic runs optimistic transactions. A transaction watches keys, and lets the
// caller read. At its end, commands are executed in one atomic step, unless another client
// has changed a watched key. A store runs transactions by its own means (driver.Watcher),
// or by WATCH on an exclusive connection (driver.Exclusive).
package optimistic

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/attempt"
)

// ErrDone is the error of a transaction that is used after its end.
var ErrDone = errors.New("xcache: the transaction is over, its function has returned")

// The errors of calls that a transaction refuses.
var (
	errWrite  = refusal("a transaction only reads while its function runs: queue what it writes in the pipeline of the transaction (Tx.Pipeline)")
	errAtomic = refusal("a transaction is atomic as a whole: use Exec for reads, and queue what it writes in the pipeline of the transaction (Tx.Pipeline)")
	errWaits  = refusal("a command that waits cannot be part of a transaction")
	errScan   = refusal("a transaction cannot read the keyspace, as nobody can watch all keys")
	errInUse  = driver.Fail(driver.ErrSyntax, driver.NotApplied, errors.New("the transaction is in use by another goroutine: its reads are made one at a time"))
)

func refusal(text string) error {
	return driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New(text))
}

// Can reports whether a store can run optimistic transactions.
func Can(caps *driver.Caps) bool {
	return caps.Commander != nil && (caps.Watcher != nil || caps.Exclusive != nil)
}

// A Transaction watches keys. Begin makes a Transaction.
type Transaction struct {
	on  driver.Transaction
	key string // one of the watched keys
	// unwatch makes Close send UNWATCH.
	unwatch bool

	inUse sync.Mutex // held by the call in flight
	over  atomic.Bool
	// failure is the error of the first failed read.
	failure atomic.Pointer[error]
}

// Begin begins to watch full keys. The store must support transactions, as Can reports. A
// failure has changed nothing.
func Begin(ctx context.Context, caps *driver.Caps, keys []string) (*Transaction, error) {
	if caps.Watcher != nil {
		on, err := caps.Watcher.Watch(ctx, keys...)
		if err != nil {
			return nil, err
		}
		return &Transaction{on: on, key: keys[0]}, nil
	}
	session, err := caps.Exclusive.Exclusive(ctx, keys...)
	if err != nil {
		return nil, err
	}
	watch := driver.NewCustomCmd("WATCH")
	for _, key := range keys {
		watch.Args = append(watch.Args, driver.Key(key))
	}
	if err = session.Do(ctx, []*driver.Cmd{watch}, driver.Plain); err == nil {
		err = watch.Err
	}
	if err != nil {
		_ = session.Close() // always nil
		return nil, &lostError{harmless(err)}
	}
	return &Transaction{on: session, key: keys[0], unwatch: true}, nil
}

// A lostError is the failure of a session that was established.
type lostError struct{ error }

func (e *lostError) Unwrap() error { return e.error }

// harmless returns the error of a command that changes nothing, with driver.NotApplied as
// its outcome.
func harmless(err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	if !ok || e.Outcome == driver.NotApplied {
		return err
	}
	unchanged := *e
	unchanged.Outcome = driver.NotApplied
	return &unchanged
}

// read runs read-only commands.
func (t *Transaction) read(ctx context.Context, cmds []*driver.Cmd) error {
	if len(cmds) == 0 {
		return nil
	}
	if !t.inUse.TryLock() {
		return errInUse
	}
	defer t.inUse.Unlock()
	if t.over.Load() {
		return ErrDone
	}
	err := t.on.Do(ctx, cmds, driver.Plain)
	if err != nil {
		err = harmless(err)
		t.failed(err)
		return err
	}
	for _, cmd := range cmds {
		if cmd.Err != nil && attempt.MayFollow(cmd.Err) {
			t.failed(cmd.Err)
		}
	}
	return nil
}

func (t *Transaction) failed(err error) { t.failure.CompareAndSwap(nil, &err) }

// End ends the reads. Afterwards, only Commit and Close are allowed.
func (t *Transaction) End() { t.over.Store(true) }

// IsOver reports whether End was called.
func (t *Transaction) IsOver() bool { return t.over.Load() }

// Lost reports whether err is, or wraps, the failure of a read that may succeed in another
// transaction.
func (t *Transaction) Lost(err error) bool {
	failure := t.failure.Load()
	return failure != nil && attempt.MayFollow(*failure) && errors.Is(err, *failure)
}

// Commit runs commands, unless a watched key has changed, which is ErrConflict. Without
// commands, Commit only checks for a change.
func (t *Transaction) Commit(ctx context.Context, cmds []*driver.Cmd) error {
	t.inUse.Lock() // waits for a read that the function started in another goroutine
	defer t.inUse.Unlock()
	if len(cmds) == 0 {
		cmds = []*driver.Cmd{driver.NewCmd("EXISTS", driver.Key(t.key))}
	}
	err := t.on.Do(ctx, cmds, driver.Atomic)
	t.unwatch = t.unwatch && err != nil && !errors.Is(err, driver.ErrConflict)
	return err
}

// unwatchTimeout limits the time of an UNWATCH. Afterwards, the connection is closed instead.
const unwatchTimeout = 250 * time.Millisecond

// Close ends the transaction. Without a Commit, nothing has changed.
func (t *Transaction) Close(ctx context.Context) {
	t.End()
	if t.unwatch && t.on.Err() == nil && ctx.Err() == nil && t.inUse.TryLock() {
		ctx, cancel := context.WithTimeout(ctx, unwatchTimeout)
		_ = t.on.Do(ctx, []*driver.Cmd{driver.NewCustomCmd("UNWATCH")}, driver.Plain) // after a failure, Close ends the connection
		cancel()
		t.inUse.Unlock()
	}
	_ = t.on.Close() // always nil
}

const (
	// MaxConflicts is the largest number of conflicts in a row.
	MaxConflicts = 100
	// firstPause and longestPause limit the backoff between two transactions. The backoff
	// is a random part of a time that doubles.
	firstPause, longestPause = time.Millisecond, 32 * time.Millisecond
)

// A Verdict is the consequence of an attempt.
type Verdict uint8

const (
	// Done ends the transaction, with or without an error.
	Done Verdict = iota
	// Conflict is a transaction that lost against another client.
	Conflict
	// Again is a temporary failure that has changed nothing.
	Again
)

// Judge returns the verdict on the error of Commit.
func Judge(err error) Verdict {
	switch {
	case errors.Is(err, driver.ErrConflict) && !errors.Is(err, driver.ErrUnknownOutcome):
		return Conflict
	case attempt.MayFollow(err):
		return Again
	}
	return Done
}

// JudgeBegin returns the verdict on the error of Begin. If the store was never reached, the
// error is final, because Begin itself tries as often as other calls do.
func JudgeBegin(err error, before bool) Verdict {
	if _, lost := errors.AsType[*lostError](err); attempt.MayFollow(err) && (lost || before) {
		return Again
	}
	return Done
}

// Run calls try until the verdict is Done, and returns the last error. Run returns the
// error of ctx if ctx ends during a backoff. Run gives up after MaxConflicts conflicts, and
// when temporary failures last longer than outage.
func Run(ctx context.Context, outage time.Duration, try func(first bool) (Verdict, error)) error {
	pause, conflicts := firstPause, 0
	var failing time.Time // the start of the current row of failures
	for first := true; ; first = false {
		verdict, err := try(first)
		switch verdict {
		case Done:
			return err
		case Conflict:
			failing = time.Time{}
			if conflicts++; conflicts == MaxConflicts {
				return err
			}
		case Again:
			if failing.IsZero() {
				failing = time.Now()
			}
			if time.Since(failing) > outage {
				return err
			}
		}
		if !attempt.Pause(ctx, rand.N(pause)) {
			return driver.Fail(ctx.Err(), driver.NotApplied, err)
		}
		pause = min(2*pause, longestPause)
	}
}
