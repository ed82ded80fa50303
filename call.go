package xcache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// A call is one operation of a cache. The core's work before and after the driver's work is
// the same for every operation.
type call struct {
	cache *core
	op    string
	key   string
	// caller is the caller's context.
	caller context.Context
	// failedOpen tells that opened has hidden a failure.
	failedOpen bool
	// limit is the deadline that op_timeout set, or nil.
	limit *limit
	// seen is the observation that the observer has not been told of yet. seen is nil
	// without an observer.
	seen *observation
}

// A limit is the context with a deadline of an operation whose caller set no deadline.
type limit struct {
	cancel context.CancelFunc
	parent context.Context // the caller's context
}

// An observation is the state of an operation with an observer.
type observation struct {
	Operation
	started time.Time
	ctx     context.Context // the result of Start
}

// start begins an operation on n keys. key is the user's key if n is 1. If start returns no
// error, the caller defers release, and passes its own error through end.
func (c *core) start(ctx context.Context, op, key string, n int) (context.Context, call, error) {
	k := call{cache: c, op: op, key: key, caller: ctx}
	if c.err != nil {
		return ctx, k, c.err
	}
	if !c.shared.gate.Enter() {
		return ctx, k, k.wrap(ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		c.shared.gate.Leave()
		return ctx, k, k.wrap(err)
	}
	if c.timeoutPerCall {
		if _, ok := ctx.Deadline(); !ok {
			k.limit = &limit{parent: ctx}
			ctx, k.limit.cancel = context.WithTimeout(ctx, c.opTimeout)
		}
	}
	if c.observer != nil {
		ctx = k.observe(ctx, n)
	}
	return ctx, k, nil
}

// observe tells the observer of the beginning. If the observer panics, the caller of start defers no
// release, so that observe undoes start.
func (k *call) observe(ctx context.Context, n int) context.Context {
	c := k.cache
	seen := &observation{Operation: Operation{Driver: c.shared.driver, Cache: c.name, Namespace: c.layout.NamespaceName(), Name: k.op, Key: k.key, Keys: n}, started: time.Now()}
	defer func() {
		if k.seen == nil {
			k.release()
		}
	}()
	seen.ctx = c.observer.Start(ctx, &seen.Operation)
	k.seen = seen
	return seen.ctx
}

// startInSteps is start for an operation that may take several calls of the store, or that
// waits while loads of this process are stored (steps). A store that bounds its calls by the
// time-out of this view bounds each of them, and not the operation.
func (c *core) startInSteps(ctx context.Context, steps bool, op, key string, n int) (context.Context, call, error) {
	if !steps || c.timeoutPerCall {
		return c.start(ctx, op, key, n)
	}
	view := *c
	view.timeoutPerCall = true
	return view.start(ctx, op, key, n)
}

// startUntimed is start for loops over the keyspace, which have no time limit as a whole.
func (c *core) startUntimed(ctx context.Context, op string) (context.Context, call, error) {
	view := *c
	view.timeoutPerCall = false
	return view.start(ctx, op, "", 0)
}

// end returns err in the form for the caller, and tells the observer.
func (k *call) end(err error) error {
	if err == nil && k.seen == nil { // most calls need no more, and the compiler inlines this
		return nil
	}
	return k.endWith(err)
}

func (k *call) endWith(err error) error {
	if err != nil {
		err = k.explain(err)
	}
	k.report(err)
	return err
}

// explain returns err with the name of the operation.
func (k *call) explain(err error) error {
	return k.wrap(k.unblame(err))
}

// unblame returns err as a server's timeout if the deadline of op_timeout has passed, and
// not the deadline of the caller's context.
func (k *call) unblame(err error) error {
	if err == nil || k.limit == nil || errors.Is(k.limit.parent.Err(), context.DeadlineExceeded) {
		return err
	}
	return timedOut(err, k.cache.opTimeout)
}

func (k *call) wrap(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrNotFound // bare, without the driver's details
	}
	return k.cache.opError(k.op, k.key, err)
}

func (k *call) report(err error) {
	if seen := k.seen; seen != nil {
		k.seen = nil
		seen.Err = err
		seen.Duration = time.Since(seen.started)
		k.cache.observer.End(seen.ctx, &seen.Operation)
	}
}

var errPanicked = errors.New("xcache: the operation panicked")

// release undoes start. The caller defers release, so that Close does not wait for ever
// after a panic of a codec, of a driver, or of a loop over Keys.
func (k *call) release() {
	if k.limit == nil && k.seen == nil { // most calls need no more
		k.cache.shared.gate.Leave()
		return
	}
	k.releaseAll()
}

func (k *call) releaseAll() {
	defer k.cache.shared.gate.Leave()
	if k.limit != nil {
		k.limit.cancel()
	}
	if k.seen != nil {
		k.report(k.wrap(errPanicked))
	}
}

// hit tells the observer, if there is one, about a key that was found.
func (o *observation) hit(size int, read *codec.Read) {
	if o != nil {
		o.Hits++
		o.Bytes += size
		o.Read = *read
	}
}

func (o *observation) stale() {
	if o != nil {
		o.Stale++
	}
}

func (o *observation) miss() {
	if o != nil {
		o.Misses++
	}
}

func (o *observation) missAll(n int) {
	if o != nil {
		o.Misses += n
	}
}

func (o *observation) wrote(size int) {
	if o != nil {
		o.Bytes += size
	}
}

// A lookup holds the batch of one key for a read by the driver.
type lookup struct {
	keys   [1]string
	values [1]driver.Value
}

var lookups = sync.Pool{New: func() any { return new(lookup) }}

func newLookup(full string) *lookup {
	l := lookups.Get().(*lookup)
	l.keys[0] = full
	return l
}

// release puts the lookup back into the pool, and returns its value. The driver borrows its
// input only until its call returns, and a value has memory of its own. The caller must not
// release the lookup of a failed call: a goroutine of the driver may write to the lookup
// later.
func (l *lookup) release() driver.Value {
	value := l.values[0]
	*l = lookup{}
	lookups.Put(l)
	return value
}

// A scratch holds the batch of one key for a write by the driver, and the encoded value.
type scratch struct {
	values  [1]driver.Value // the old values
	entries [1]driver.Entry
	buffer  []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func newScratch() *scratch { return scratches.Get().(*scratch) }

// release puts the scratch back into the pool. The caller must not release the scratch of a
// failed call, as with a lookup.
func (s *scratch) release() {
	s.values[0] = driver.Value{}
	s.entries[0] = driver.Entry{}
	const largest = 64 << 10 // a larger buffer must not stay in the pool for ever
	if cap(s.buffer) > largest {
		s.buffer = nil
	}
	scratches.Put(s)
}
