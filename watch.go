package xcache

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/composed"
	"github.com/xcache-go/xcache/internal/optimistic"
)

// A Tx is an optimistic transaction: see Cache.Watch. Reads go through Cache, or through
// the WithTx method of any handle. Writes are queued in Pipeline.
//
// A Tx belongs to one call of the function of Watch. Calls after the function has returned
// are ErrTxDone. Two concurrent reads are an error. The pipeline of a Tx may not be used
// concurrently, like every pipeline.
type Tx struct {
	target      target
	view        *Cache
	pipeline    *Pipeline
	transaction *optimistic.Transaction
}

// Cache returns the view of Watch for reads in the transaction. Its writes are
// errors.ErrUnsupported, as are Keys and GetOrSet. A Pipeline of this view, run by Exec,
// reads many keys in one round trip.
func (tx *Tx) Cache() *Cache { return tx.view }

// Pipeline returns the pipeline of the transaction, the same for each call. Watch executes
// the pipeline when the function has returned nil. The In method of a handle queues in the
// pipeline, as in any other pipeline.
func (tx *Tx) Pipeline() *Pipeline { return tx.pipeline }

// WithTx returns a copy of the view that reads in a transaction: see Tx.Cache. The view
// must belong to the store of the transaction, but its prefix, version, namespace and codec
// may differ. Only the keys given to Watch are watched.
func (c *Cache) WithTx(tx *Tx) *Cache {
	view := *c
	if view.core.err == nil && view.core.shared != tx.view.core.shared {
		view.core.err = errors.New("xcache: the transaction belongs to another cache")
	}
	view.core.tx = tx
	view.core.configure(nil)
	return &view
}

// WithTx returns a copy of the view that reads in a transaction: see Cache.WithTx.
func (v *View[T]) WithTx(tx *Tx) *View[T] { return For[T](v.Cache.WithTx(tx)) }

// Watch runs fn in an optimistic transaction. fn reads through the Tx, decides, and queues
// writes in the pipeline of the Tx. When fn has returned nil, the pipeline is executed in
// one atomic step, as by ExecAtomic, unless another caller has changed one of keys since fn
// was called. After such a conflict, fn is called again with a new Tx, after a short random
// backoff:
//
//	err := c.Watch(ctx, func(ctx context.Context, tx *xcache.Tx) error {
//		left, err := stock.WithTx(tx).Get(ctx, "book:7")
//		if err != nil {
//			return err
//		}
//		if left == 0 {
//			return ErrSoldOut
//		}
//		stock.In(tx.Pipeline()).Set("book:7", left-1)
//		orders.In(tx.Pipeline()).RPush("orders", order)
//		return nil
//	}, "book:7")
//
// fn may be called several times, and should have no other side effects. If Watch returns
// nil, the values that fn read of keys are of one moment, even if fn queued nothing.
//
// An error of fn ends the transaction without any change, and is returned unchanged. Watch
// returns nil if every queued operation has succeeded, and otherwise an error that wraps
// the failures, as ExecAtomic does. After 100 conflicts in a row, Watch returns
// ErrConflict, and nothing was changed. A temporary failure before any change is tried
// again like a conflict, for op_timeout: a lost connection, a failover, a slot of a cluster
// that moves. If the connection is lost during the execution of the pipeline, the error
// matches ErrUnknownOutcome, and nothing is sent again.
//
// keys are keys of this view: a key of a namespace is namespace:key. Watch needs at least
// one key. In a cluster, keys and the keys of the pipeline must be in one slot: otherwise
// the error is ErrCrossSlot, and nothing was changed. The server decides what a change is,
// and the store in memory has the same rule: any write to the key, including a write of the
// same value, a changed TTL, the expiry of the key, and its eviction. Servers before Redis
// 6.0.9 overlook the expiry. Before Redis 7, a key that expired earlier is a conflict until a
// read at the primary removes the key.
//
// The context of fn ends with ctx, and when the cache is closed. Close waits for fn.
// op_timeout limits each command, and ctx limits the whole. On servers, a transaction has a
// connection of its own at the primary, and exclusive_size limits the number of these
// connections. A Watch of the same cache inside of fn is an error. With a driver without
// transactions, the error is errors.ErrUnsupported: see Require("watch").
func (c *Cache) Watch(ctx context.Context, fn func(ctx context.Context, tx *Tx) error, keys ...string) error {
	untimed := *c
	untimed.core.timeoutPerCall = false
	ctx, call, err := untimed.core.start(ctx, "watch", only(keys), len(keys))
	if err != nil {
		return err
	}
	defer call.release()
	w := watch{cache: c, call: &call, fn: fn}
	err = w.run(ctx, keys)
	if final, ok := err.(*finalError); ok { //nolint:errorlint // an error that wraps another one is not final
		call.report(final.error)
		return final.error
	}
	return call.end(err)
}

// A watch is one call of Watch.
type watch struct {
	cache *Cache
	call  *call
	fn    func(context.Context, *Tx) error
	fulls []string
	// apart tells that leases are taken away before the transaction, and not in it: the user may
	// not do that, or the slot moves, and a server has one of a lease and its value.
	apart bool
}

// A finalError is an error of an attempt that the caller gets unchanged. The error itself may be of
// any type, also of a type that cannot be compared.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// txKey is the key of the Tx in the context of fn.
type txKey struct{}

func (w *watch) run(ctx context.Context, keys []string) (err error) {
	c := w.cache
	outer, _ := ctx.Value(txKey{}).(*Tx)
	switch {
	case c.core.tx != nil, outer != nil && outer.view.core.shared == c.core.shared:
		return driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("there is a transaction around it already: let that watch the keys, too"))
	case !optimistic.Can(&c.core.shared.primary.caps):
		return unsupported("optimistic transactions")
	case len(keys) == 0:
		return driver.Fail(ErrSyntax, driver.NotApplied, errors.New("there is no key to watch: give it one at least"))
	}
	if w.fulls, err = c.core.fullKeys(keys); err != nil {
		return err
	}
	closing := c.core.shared.closing
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(closing, func() { cancel(ErrClosed) })()
	err = optimistic.Run(inner, c.core.opTimeout, func(first bool) (optimistic.Verdict, error) { return w.attempt(ctx, inner, first) })
	if err != nil && closing.Err() != nil && ctx.Err() == nil && errors.Is(err, context.Canceled) && !errors.Is(err, ErrUnknownOutcome) {
		return driver.Fail(ErrClosed, driver.NotApplied, nil)
	}
	return err
}

// attempt runs one transaction. inner is ctx, and also ends when the cache is closed.
func (w *watch) attempt(ctx, inner context.Context, first bool) (optimistic.Verdict, error) {
	c, caps := w.cache, &w.cache.core.shared.primary.caps
	var t *optimistic.Transaction
	err := c.core.bounded(inner, func(ctx context.Context) (err error) {
		t, err = optimistic.Begin(ctx, caps, w.fulls)
		return err
	})
	if err != nil {
		return optimistic.JudgeBegin(err, !first), err
	}
	defer t.Close(inner)
	tx := newTx(c, t)
	err = w.fn(context.WithValue(inner, txKey{}, tx), tx)
	t.End()
	switch {
	case err != nil && t.Lost(err):
		return optimistic.Again, &finalError{err}
	case err != nil:
		return optimistic.Done, &finalError{err}
	case c.core.shared.closing.Err() != nil:
		return optimistic.Done, ErrClosed
	}
	return w.commit(ctx, tx)
}

// newTx returns a transaction on a view.
func newTx(c *Cache, t *optimistic.Transaction) *Tx {
	store, caps := t.Caps(&c.core.shared.primary.caps)
	tx := &Tx{target: target{store, caps, composed.New(store, caps)}, transaction: t}
	view := *c
	view.core.tx = tx
	view.core.configure(nil)
	tx.view = &view
	tx.pipeline = &Pipeline{cache: c, batch: new(batch), tx: tx}
	return tx
}

// commit executes the queued commands.
func (w *watch) commit(ctx context.Context, tx *Tx) (optimistic.Verdict, error) {
	var failure error
	refused := false // with the revocation
	err := tx.pipeline.batch.execute(ctx, w.call, driver.Atomic, func(ctx context.Context, cmds []*driver.Cmd, _ driver.How) error {
		revoking := isRevoking(cmds)
		failure = w.cache.core.bounded(ctx, func(ctx context.Context) error {
			if revoking && w.apart {
				revoking = false
				if err := w.cache.core.runRevocation(ctx, cmds[0]); err != nil {
					return err
				}
				cmds = cmds[1:]
			}
			return tx.transaction.Commit(ctx, cmds)
		})
		refused = revoking && (isForbidden(failure) || optimistic.Judge(failure) == optimistic.Again)
		return failure
	})
	verdict := optimistic.Judge(failure)
	if verdict == optimistic.Conflict {
		return verdict, driver.Fail(ErrConflict, driver.NotApplied, errContended)
	}
	if refused { // and the keys are watched no more
		w.apart = true
		return optimistic.Again, err
	}
	if err != nil {
		err = &finalError{err}
	}
	return verdict, err
}

// errContended is the cause of ErrConflict.
var errContended = fmt.Errorf("%d times in a row: try again later, or watch keys that fewer callers write to", optimistic.MaxConflicts)

// bounded runs a command with op_timeout as its deadline, if ctx has none.
func (c *core) bounded(ctx context.Context, run func(context.Context) error) error {
	if _, ok := ctx.Deadline(); ok || !c.timeoutPerCall {
		return run(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, c.opTimeout)
	defer cancel()
	err := run(limited)
	if err != nil && ctx.Err() == nil {
		err = timedOut(err, c.opTimeout)
	}
	return err
}

// errOwnExec is the error of a caller that executes the pipeline of a transaction.
var errOwnExec = driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("the pipeline is a transaction's: Watch executes it when the function has returned"))

// errLoads is the error of a GetOrSet in a transaction.
var errLoads = driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("a transaction only reads while its function runs: get the value, load it on a miss, and queue it in the pipeline of the transaction (Tx.Pipeline)"))

// takes returns the error for an operation that is queued too late, or nil.
func (tx *Tx) takes() error {
	if tx != nil && tx.transaction.IsOver() {
		return ErrTxDone
	}
	return nil
}
