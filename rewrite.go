package xcache

import (
	"context"
	"sync"
	"time"

	"github.com/xcache-go/xcache/driver"
)

const (
	// rewriteInterval is the time for one value on average.
	rewriteInterval = 10 * time.Millisecond
	// rewriteBurst is how many may come at once.
	rewriteBurst = 10
)

// A rewriter writes values again that were read in an old format, in goroutines
// of its own: the reader does not wait.
type rewriter struct {
	ctx    context.Context // of the writes; ends when the cache is closed
	cancel context.CancelFunc

	mu      sync.Mutex
	free    time.Time // when the values admitted so far have had their time
	closed  bool
	running sync.WaitGroup
}

func newRewriter() *rewriter {
	ctx, cancel := context.WithCancel(context.Background())
	return &rewriter{ctx: ctx, cancel: cancel}
}

// admit reports whether another value may be written again now.
func (r *rewriter) admit() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.free.Before(now) {
		r.free = now
	}
	if r.free.Sub(now) >= rewriteBurst*rewriteInterval {
		return false
	}
	r.free = r.free.Add(rewriteInterval)
	return true
}

// write runs fn in a goroutine, unless the rewriter is closed.
func (r *rewriter) write(fn func(context.Context)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.running.Go(func() { fn(r.ctx) })
	}
}

// close ends the writes under way and waits for them.
func (r *rewriter) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.running.Wait()
}

// rewrite stores a value as the view encodes it, with the TTL that it has, if
// what was read is still there. The observer is told of an operation of that
// name; nobody else hears of a failure. The value is the reader's again when
// rewrite returns.
func rewrite[T any](c *Cache, key, full string, read []byte, value T) {
	rewriter := c.shared.rewriter
	if !rewriter.admit() {
		return
	}
	stored, err := encodeCopy(c, full, value)
	if err != nil {
		return
	}
	key = c.ownKey(full, key)
	rewriter.write(func(ctx context.Context) {
		ctx, call, err := c.start(ctx, "rewrite", key, 1)
		if err != nil {
			return
		}
		defer call.release()
		call.seen.wrote(len(stored))
		e := driver.Entry{Key: full, Value: stored, TTL: driver.KeepTTL}
		_, err = c.shared.primary.caps.Swapper.CompareAndSwap(ctx, &e, read)
		_ = call.end(err)
	})
}
