package xcache

import (
	"context"
	"errors"
	"fmt"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/composed"
	"github.com/xcache-go/xcache/internal/optimistic"
)

// A Tx is an optimistic transaction: see Cache.Watch. It reads through Cache, or any handle
// by its method WithTx, and what it writes is queued in Pipeline.
//
// It is for the function that was given it, until that returns: later calls are ErrTxDone.
// Reads are made one at a time; one that is made beside another is an error. Like all
// pipelines, that of a Tx may not be used concurrently.
type Tx struct {
	target      target
	view        *Cache
	pipeline    *Pipeline
	transaction *optimistic.Transaction
}

// Cache returns the view that Watch was called on, as one that reads in the transaction. Its
// writes are errors.ErrUnsupported, as are Keys and GetOrSet. Its own Pipeline reads many keys
// in one round trip, by Exec.
func (tx *Tx) Cache() *Cache { return tx.view }

// Pipeline returns the pipeline that the transaction ends with, always the same: Watch
// executes it when the function has returned nil. Handles queue in it through In, as in any
// other.
func (tx *Tx) Pipeline() *Pipeline { return tx.pipeline }

// WithTx returns the view as one that reads in a transaction: see Tx.Cache. The view may have
// another prefix, version, namespace or codec than that of the transaction; it must be of the
// same store. Only keys that Watch was given are watched.
func (c *Cache) WithTx(tx *Tx) *Cache {
	view := *c
	if view.err == nil && view.shared != tx.view.shared {
		view.err = errors.New("xcache: the transaction belongs to another cache")
	}
	view.tx = tx
	return view.With()
}

// WithTx returns the same view as one that reads in a transaction: see Cache.WithTx.
func (v *View[T]) WithTx(tx *Tx) *View[T] { return For[T](v.Cache.WithTx(tx)) }

// Watch runs fn in an optimistic transaction. fn reads what it needs by the Tx, decides, and
// queues in the pipeline of the Tx what is to be written. When it has returned nil, the
// pipeline is executed in one atomic step, as ExecAtomic does it, unless somebody has changed
// one of keys since fn was called. Then fn is called again, with a new Tx, after a short and
// random pause:
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
// So fn may be called several times, and does nothing else that must happen once. What it
// reads of keys is of one moment if Watch returns nil, also when it has queued nothing.
//
// An error of fn ends the transaction, which then has changed nothing, and is returned as it
// is. Watch returns nil if all that was queued has succeeded, and otherwise an error that
// wraps the failures, as ExecAtomic does. After 100 conflicts in a row it gives up, with
// ErrConflict, and nothing was changed. What else fails without having changed anything, and
// may pass, is tried again like a conflict, for op_timeout: a connection that is lost, a
// failover, a slot of a cluster that moves. If the connection is lost while the pipeline is
// executed, the error matches ErrUnknownOutcome, and nothing is sent again.
//
// keys are those of this view: one of a namespace is namespace:key. There is one at least. In
// a cluster they, and the keys of the pipeline, are in one slot, or the error is ErrCrossSlot
// and nothing was changed. What counts as a change is what the server says, and the same in
// memory: any write to the key, also one of the value that it has, its expiry, and its
// eviction. Servers before Redis 6.0.9 overlook the expiry.
//
// The context of fn ends with ctx and when the cache is closed, which waits for fn. op_timeout
// bounds each command, and ctx all of it. On servers a transaction has a connection of its own
// (exclusive_size bounds their number), at the primary. A Watch of the same cache inside of fn
// is an error. A driver without transactions is errors.ErrUnsupported: see Require("watch").
func (c *Cache) Watch(ctx context.Context, fn func(ctx context.Context, tx *Tx) error, keys ...string) error {
	untimed := *c
	untimed.timeoutPerCall = false
	ctx, call, err := untimed.start(ctx, "watch", only(keys), len(keys))
	if err != nil {
		return err
	}
	defer call.release()
	w := watch{cache: c, call: &call, fn: fn}
	err = w.run(ctx, keys)
	if err != nil && err == w.final { //nolint:errorlint // that very error, and no other
		call.report(err)
		return err
	}
	return call.end(err)
}

// A watch is a Watch on its way.
type watch struct {
	cache *Cache
	call  *call
	fn    func(context.Context, *Tx) error
	fulls []string
	// final is the error of the last attempt, if that is as the caller shall see it.
	final error
}

// txKey is that of the Tx in the context of its function.
type txKey struct{}

func (w *watch) run(ctx context.Context, keys []string) (err error) {
	c := w.cache
	outer, _ := ctx.Value(txKey{}).(*Tx)
	switch {
	case c.tx != nil, outer != nil && outer.view.shared == c.shared:
		return driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("there is a transaction around it already: let that watch the keys, too"))
	case !optimistic.Can(&c.shared.primary.caps):
		return unsupported("optimistic transactions")
	case len(keys) == 0:
		return driver.Fail(ErrSyntax, driver.NotApplied, errors.New("there is no key to watch: give it one at least"))
	}
	if w.fulls, err = c.fullKeys(keys); err != nil {
		return err
	}
	closing := c.shared.closing
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(closing, func() { cancel(ErrClosed) })()
	err = optimistic.Run(inner, c.opTimeout, func(first bool) (optimistic.Verdict, error) { return w.attempt(ctx, inner, first) })
	if err != nil && closing.Err() != nil && ctx.Err() == nil && errors.Is(err, context.Canceled) && !errors.Is(err, ErrUnknownOutcome) {
		return driver.Fail(ErrClosed, driver.NotApplied, nil)
	}
	return err
}

// attempt is one transaction. inner is ctx, but ends with the cache, too.
func (w *watch) attempt(ctx, inner context.Context, first bool) (optimistic.Verdict, error) {
	c, caps := w.cache, &w.cache.shared.primary.caps
	w.final = nil
	var t *optimistic.Transaction
	err := c.bounded(inner, func(ctx context.Context) (err error) {
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
	case err != nil:
		w.final = err
		if t.Lost(err) {
			return optimistic.Again, err
		}
		return optimistic.Done, err
	case c.shared.closing.Err() != nil:
		return optimistic.Done, ErrClosed
	}
	return w.commit(ctx, tx)
}

// newTx returns a transaction on a view.
func newTx(c *Cache, t *optimistic.Transaction) *Tx {
	store, caps := t.Caps(&c.shared.primary.caps)
	tx := &Tx{target: target{store, caps, composed.New(store, caps)}, transaction: t}
	view := *c
	view.tx = tx
	tx.view = view.With()
	tx.pipeline = &Pipeline{cache: c, batch: new(batch), tx: tx}
	return tx
}

// commit executes what was queued.
func (w *watch) commit(ctx context.Context, tx *Tx) (optimistic.Verdict, error) {
	var failure error
	err := tx.pipeline.batch.execute(ctx, w.call, driver.Atomic, func(ctx context.Context, cmds []*driver.Cmd, _ driver.How) error {
		failure = w.cache.bounded(ctx, func(ctx context.Context) error { return tx.transaction.Commit(ctx, cmds) })
		return failure
	})
	verdict := optimistic.Judge(failure)
	if verdict == optimistic.Conflict {
		return verdict, driver.Fail(ErrConflict, driver.NotApplied, errContended)
	}
	w.final = err
	return verdict, err
}

// errContended is why a transaction was lost that is not tried again.
var errContended = fmt.Errorf("%d times in a row: try again later, or watch keys that fewer callers write to", optimistic.MaxConflicts)

// bounded runs a command with a deadline, where the store bounds it later than the view
// wants.
func (c *Cache) bounded(ctx context.Context, run func(context.Context) error) error {
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

// errOwnExec is the error of who executes the pipeline of a transaction.
var errOwnExec = driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("the pipeline is a transaction's: Watch executes it when the function has returned"))

// errLoads is the error of who loads a value in a transaction.
var errLoads = driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("a transaction only reads while its function runs: get the value, load it on a miss, and queue it in the pipeline of the transaction (Tx.Pipeline)"))

// takes returns why nothing can be queued any more, or nil.
func (tx *Tx) takes() error {
	if tx != nil && tx.transaction.IsOver() {
		return ErrTxDone
	}
	return nil
}
