package xcache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/xcache-go/xcache/driver"
)

// A Pipeline collects operations, and sends them together, in one round trip per server.
// Every method that queues an operation returns a Result, which has its value after Exec.
// Views and handles queue their operations through In: users.In(p).Get("42").
//
// A store without batches of commands (driver.Commander) gets one operation after the
// other. On such a store, a pipeline saves no round trips, and has no ExecAtomic.
//
// A Pipeline may not be used concurrently. After Exec the pipeline is empty, and may be
// filled again.
type Pipeline struct {
	cache *Cache
	batch *batch
	// tx is the transaction that the pipeline is the end of, or nil.
	tx *Tx
}

// A batch is what one Exec sends.
type batch struct {
	cmds  []*driver.Cmd
	queue []queued
	// refused is set when an operation was bad in itself, before any I/O.
	refused bool
	// failed is set when a command failed. Then no operation goes back to the pool: its
	// driver may have left a goroutine behind that still has them.
	failed   bool
	executed bool
	// began is the number of failed deletions when Exec began.
	began uint64
	// call is that of Exec, if operations may fail open; nil in a transaction.
	call *call
	// texts are copies of what the caller gave, slab the results that
	// were allocated and not used yet.
	texts strings.Builder
	slab  any // a *slab, or the one *Result before
}

// keep returns a copy of a text of the caller's, in memory that it shares with others.
func (b *batch) keep(text string) string {
	const least, most = 64, 4 << 10
	if text == "" {
		return ""
	}
	if b.texts.Cap()-b.texts.Len() < len(text) {
		size := min(max(2*b.texts.Cap(), least), most)
		b.texts = strings.Builder{} // those before keep theirs
		b.texts.Grow(max(size, len(text)))
	}
	b.texts.WriteString(text)
	all := b.texts.String()
	return all[len(all)-len(text):]
}

// A slab is results that were allocated together.
type slab[T any] struct {
	size int
	free []Result[T]
}

// newResult returns a result in a batch. Those that are queued one after the other, and of
// one type, are allocated together, so that each of a long pipeline costs a fraction of an
// allocation.
func newResult[T any](b *batch) *Result[T] {
	const largest = 32 // who keeps one result keeps those with it
	s, ok := b.slab.(*slab[T])
	if !ok {
		if _, same := b.slab.(*Result[T]); !same { // the first of its type, or of another type than the one before
			r := new(Result[T])
			b.slab = r
			return r
		}
		s = new(slab[T])
		b.slab = s
	}
	if len(s.free) == 0 {
		s.size = min(max(2*s.size, 2), largest)
		s.free = make([]Result[T], s.size)
	}
	r := &s.free[0]
	s.free = s.free[1:]
	return r
}

// queued is an operation in a batch; resolve decodes its result, or gives it
// the failure of the whole batch, and returns its error. operation is nil once it has a
// result.
type queued interface {
	resolve(batchErr error) error
	operation() *Op
}

// Pipeline returns an empty pipeline on this view.
func (c *Cache) Pipeline() *Pipeline { return &Pipeline{cache: c, batch: new(batch)} }

// Len returns the number of operations that wait for Exec.
func (p *Pipeline) Len() int { return len(p.batch.queue) }

// Exec sends the queued operations in order, in one round trip per server. Without queued
// operations, there is no I/O. Each operation succeeds or fails alone, and its Result has
// the error. Exec returns nil if all operations succeeded, and otherwise an error that wraps
// all failures. Misses, and conditions that did not hold, are no failures. An operation that
// is bad in itself (an empty key, a value that cannot be encoded) is not sent, and the other
// operations are sent.
func (p *Pipeline) Exec(ctx context.Context) error { return p.exec(ctx, driver.Plain) }

// ExecAtomic is Exec in a transaction (MULTI/EXEC): the server runs no command of another
// caller between the operations. As in Redis, an operation that fails when it runs does not
// undo the others. If an operation is bad in itself, ExecAtomic sends nothing. In a cluster,
// all keys must be in one slot.
func (p *Pipeline) ExecAtomic(ctx context.Context) error { return p.exec(ctx, driver.Atomic) }

func (p *Pipeline) exec(ctx context.Context, how driver.How) error {
	if p.tx != nil {
		return p.cache.core.opError("pipeline", "", errOwnExec)
	}
	b := p.batch
	p.batch = new(batch)
	ctx, call, err := p.cache.core.startInSteps(ctx, p.cache.core.shared.flights.UnderWay() || b.inSteps(), "pipeline", "", len(b.queue))
	if err != nil {
		_ = b.resolve(err)
		return err
	}
	defer call.release()
	err = b.execute(ctx, &call, how, p.cache.core.doWithLeases)
	call.report(err)
	return err
}

// do runs commands as the view's store does it.
func (c *core) do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if len(cmds) == 0 {
		return nil
	}
	if commander := c.target.caps.Commander; commander != nil {
		return commander.Do(ctx, cmds, how)
	}
	return c.target.commander.Do(ctx, cmds, how)
}

// execute sends what was queued by do, and gives every operation its result. It returns the
// error as the caller shall see it.
func (b *batch) execute(ctx context.Context, call *call, how driver.How, do func(context.Context, []*driver.Cmd, driver.How) error) error {
	if how == driver.Plain {
		b.call = call
		defer func() { b.call = nil }()
	}
	b.began = call.cache.shared.pending.Failures()
	if err := b.send(ctx, call.cache, how, do); err != nil {
		if b.call != nil && call.cache.onError == OnErrorMiss {
			err = call.ended(call.unblame(err))
		}
		err = call.explain(err)
		b.failed = true
		if b.resolve(err) == nil && b.call != nil && len(b.queue) > 0 {
			return nil // all operations have failed open
		}
		return err
	}
	b.checkTags(ctx)
	for _, cmd := range b.cmds {
		cmd.Err = call.unblame(cmd.Err)
		b.failed = b.failed || cmd.Err != nil
	}
	if err := b.resolve(nil); err != nil {
		return call.wrap(err)
	}
	return nil
}

// resolve gives every operation its result, or the failure of the batch. It
// returns the operations' own failures.
func (b *batch) resolve(batchErr error) error {
	b.executed = true
	var failures []error
	for _, q := range b.queue {
		if err := q.resolve(batchErr); err != nil && !errors.Is(err, ErrNotFound) && !isUnmet(err) {
			failures = append(failures, err)
		}
	}
	if len(failures) == 0 {
		return nil
	}
	return &pipelineError{len(b.queue), failures}
}

// isUnmet reports whether the error of an operation says that its condition did not hold. An error
// of a driver that matches ErrNotStored, and tells more, is a failure.
func isUnmet(err error) bool {
	if own, ok := err.(*OpError); ok { //nolint:errorlint // that very type
		err = own.Err
	}
	return err == ErrNotStored //nolint:errorlint // the bare one
}

// A pipelineError is the failures of some operations of a pipeline.
type pipelineError struct {
	operations int
	failures   []error
}

// Error tells the first failure: with hundreds the line would be too long.
func (e *pipelineError) Error() string {
	return fmt.Sprintf("xcache: %d of %s failed, first: %s", len(e.failures), count(e.operations, "operation"), trimPrefix(e.failures[0]))
}

func (e *pipelineError) Unwrap() []error { return e.failures }

func (b *batch) send(ctx context.Context, c *core, how driver.How, do func(context.Context, []*driver.Cmd, driver.How) error) error {
	if how != driver.Atomic || !b.refused {
		if err := b.tag(ctx, c); err != nil {
			return err
		}
	}
	if how == driver.Atomic && b.refused {
		return errors.New("xcache: nothing was sent: an operation of the transaction is bad in itself, see its result")
	}
	err := c.shared.flights.InvalidateAll(ctx, func() error {
		cmds, revocations := c.withRevocations(b.cmds, how)
		err := do(ctx, cmds, how)
		for i := range revocations {
			revocations[i].settle()
		}
		return err
	}, b.writes())
	c.wroteBy(ctx, b.cmds...)
	return err
}

// writes returns a function that reports whether a command of the batch may change
// a full key.
func (b *batch) writes() func(full string) bool {
	written := sync.OnceValue(func() map[string]bool { // most pipelines meet no load that it matters to
		written := make(map[string]bool)
		for _, cmd := range b.cmds {
			if cmd.Command().ReadOnly || renews(cmd) {
				continue
			}
			for _, arg := range cmd.Args {
				if arg.Role == driver.RoleKey {
					written[arg.Text] = true
				}
			}
		}
		return written
	})
	return func(full string) bool { return written()[full] }
}

// A Result is the value that a queued operation will have after Exec.
type Result[T any] struct {
	state resultState
	read  func(*Op) (T, error)
	value T
}

// A resultState is what a Result has beside its value.
type resultState struct {
	batch *batch
	op    *Op // nil once it has a value, or an error
	err   error
}

// Value returns the result that the operation has outside of a pipeline. Before Exec, the
// error is ErrNotExecuted.
func (r *Result[T]) Value() (T, error) {
	if !r.state.batch.executed {
		var zero T
		return zero, ErrNotExecuted
	}
	return r.value, r.state.err
}

// Err returns the error of Value.
func (r *Result[T]) Err() error {
	_, err := r.Value()
	return err
}

// Queue queues an operation in a pipeline. After Exec, the result is the value that read
// makes of the reply, by the rules of Run. When Queue has returned, the caller may reuse the
// arguments of the operation. The view of the operation may be another view than the
// pipeline's, but must be of the same store.
func Queue[R any](p *Pipeline, o *Op, read func(*Op) (R, error)) *Result[R] {
	r := newResult[R](p.batch)
	r.read = read
	r.state = p.queue(o, r)
	return r
}

// queue queues an operation with its result, and returns the state of the result.
func (p *Pipeline) queue(o *Op, result queued) resultState {
	var err error
	done := p.tx.takes()
	o.keep(p.batch)
	p.batch.queue = append(p.batch.queue, result)
	switch {
	case done != nil:
		err = o.ownError(done)
	case o.cache.err != nil:
		err = o.cache.err
	case o.cache.shared != p.cache.core.shared:
		err = o.ownError(errors.New("xcache: the pipeline belongs to another cache"))
	case o.err != nil:
		err = o.ownError(o.err)
	case o.held.Waits():
		err = o.ownError(driver.Fail(errors.ErrUnsupported, driver.NotApplied, errors.New("the command waits, which would hold up all others of a pipeline: call it alone")))
	case !o.idle:
		p.batch.cmds = append(p.batch.cmds, &o.held)
	}
	p.batch.refused = p.batch.refused || err != nil
	return resultState{p.batch, o, err}
}

// opened returns nil if an operation that has failed fails open. Then the operation has the
// reply of a server without its key.
func (b *batch) opened(o *Op, err error) error {
	if b.call == nil {
		return err
	}
	if o.deletes() {
		err = o.cache.invalidated(b.began, o.fullKeys(), err)
	}
	return o.opened(b.call, err)
}

func (r *Result[T]) operation() *Op { return r.state.op }

func (r *Result[T]) resolve(batchErr error) error {
	o := r.state.answered(batchErr)
	if o == nil {
		return r.state.err
	}
	value, err := r.read(o)
	r.value, r.read = value, nil
	return r.state.end(o, err)
}

// answered takes the operation, and returns the operation if there is a reply to read. Otherwise answered
// sets the error.
func (r *resultState) answered(batchErr error) *Op {
	o := r.op
	r.op = nil
	switch {
	case r.err != nil:
	case o.err != nil: // refused after it was queued
		r.err = o.ownError(o.err)
	case batchErr != nil:
		r.err = r.batch.opened(o, batchErr)
	case o.held.Err != nil:
		r.err = o.ownError(r.batch.opened(o, o.held.Err))
	}
	if r.err != nil {
		return nil
	}
	if o.cache.shared.pending.Len() > 0 && !o.dropped && (o.deletes() || o.held.Name == "SET" && !o.held.Reply.IsNil()) {
		o.cache.superseded(r.batch.began, o.fullKeys()...)
	}
	return o
}

// end sets the error of the function that has read the reply, and releases the operation.
func (r *resultState) end(o *Op, err error) error {
	if err != nil {
		r.err = o.ownError(o.misread(err))
	}
	if !r.batch.failed {
		o.release()
	}
	return r.err
}
