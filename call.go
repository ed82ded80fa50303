package xcache

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// A call is one operation on its way through the core: what every operation
// does before and after it asks the driver.
type call struct {
	cache *Cache
	op    string
	key   string
	// limit is what op_timeout made, if it made anything.
	limit *limit
	// seen is what the observer is told, until it has been; nil without one.
	seen *observation
}

// A limit is the context with a deadline of an operation that came without one.
type limit struct {
	cancel context.CancelFunc
	parent context.Context // the caller's
}

// An observation is an operation as its observer sees it.
type observation struct {
	Operation
	started time.Time
	ctx     context.Context // what Start returned
}

// start begins an operation on n keys; key is the user's key if n is 1. If it
// returns no error, the caller defers release and returns what end makes of its
// error.
func (c *Cache) start(ctx context.Context, op, key string, n int) (context.Context, call, error) {
	k := call{cache: c, op: op, key: key}
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
		k.seen = &observation{Operation: Operation{Driver: c.shared.driver, Cache: c.name, Namespace: c.layout.NamespaceName(), Name: op, Key: key, Keys: n}, started: time.Now()}
		ctx = c.observer.Start(ctx, &k.seen.Operation)
		k.seen.ctx = ctx
	}
	return ctx, k, nil
}

// startUntimed is start for operations that have no bound as a whole: loops
// over the keyspace.
func (c *Cache) startUntimed(ctx context.Context, op string) (context.Context, call, error) {
	view := *c
	view.timeoutPerCall = false
	return view.start(ctx, op, "", 0)
}

// end returns err as the caller shall see it, and tells the observer.
func (k *call) end(err error) error {
	if err == nil && k.seen == nil { // this is all that most calls need, and is inlined
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

// explain says which operation err is the failure of.
func (k *call) explain(err error) error {
	return k.wrap(k.unblame(err))
}

// unblame returns err without the words of the caller's context where it was the one
// that op_timeout made which ended.
func (k *call) unblame(err error) error {
	if err == nil || k.limit == nil || errors.Is(k.limit.parent.Err(), context.DeadlineExceeded) {
		return err
	}
	return timedOut(err, k.cache.opTimeout)
}

func (k *call) wrap(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrNotFound // bare, whatever the driver put around it
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

// release gives back what start took. It is deferred, so that a panic of a
// codec or a driver, or one in a loop over Keys, does not leave Close waiting
// for ever.
func (k *call) release() {
	if k.limit == nil && k.seen == nil { // this is all that most calls need
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

// hit and miss tell the observer, if there is one, about one key of a read.
func (o *observation) hit(size int, read *codec.Read) {
	if o != nil {
		o.Hits++
		o.Bytes += size
		o.Read = *read
	}
}

func (o *observation) miss() {
	if o != nil {
		o.Misses++
	}
}

func (o *observation) wrote(size int) {
	if o != nil {
		o.Bytes += size
	}
}

// A lookup holds what a read of one key hands to the driver as a batch of one.
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

// release takes the lookup back, and returns its value. The driver has no part
// of it any more: it borrows its input until its call returns, and values last
// on their own. After a call that failed nobody calls release: the driver may have
// left a goroutine behind, whose late writes must not be another caller's value.
func (l *lookup) release() driver.Value {
	value := l.values[0]
	*l = lookup{}
	lookups.Put(l)
	return value
}

// A scratch holds what a write of one key hands to the driver as a batch of
// one, and the encoded value.
type scratch struct {
	values  [1]driver.Value // that was there before
	entries [1]driver.Entry
	buffer  []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func newScratch() *scratch { return scratches.Get().(*scratch) }

// release gives the scratch back, as that of a lookup, and likewise only after a call
// that has not failed.
func (s *scratch) release() {
	s.values[0] = driver.Value{}
	s.entries[0] = driver.Entry{}
	const largest = 64 << 10 // one large value must not stay in the pool for ever
	if cap(s.buffer) > largest {
		s.buffer = nil
	}
	scratches.Put(s)
}
