// Package pending repeats failed deletions of keys until the deletions succeed.
package pending

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Max is the largest number of keys that wait.
	Max = 10_000
	// batch is the largest number of keys that one attempt deletes.
	batch = 1000
	// firstBackoff is the time before the first attempt. After an attempt without a success, the
	// time is twice as long, up to maxBackoff.
	firstBackoff = 50 * time.Millisecond
	maxBackoff   = time.Second
)

// A Config says how Deletions do their work. Its functions may be called concurrently.
type Config struct {
	// Delete deletes keys, and returns the error of each key, or nil.
	Delete func(ctx context.Context, keys []string) []error
	// Repeats reports whether a deletion with this error is to be repeated.
	Repeats func(error) bool
	// Timeout limits one attempt.
	Timeout time.Duration
	// Kept is told the failure of the first key that waits. Delivered is told that no key
	// waits any more. Dropped is told of a failure that is not repeated.
	Kept      func(cause error)
	Delivered func()
	Dropped   func(cause error)
}

// Deletions are the keys whose deletion is to be repeated, each key once. A goroutine
// repeats the deletions while there are any.
type Deletions struct {
	config Config
	ctx    context.Context // of the attempts, until Close
	cancel context.CancelFunc
	done   sync.WaitGroup

	size     atomic.Int64  // the length of waiting
	failures atomic.Uint64 // grows under mu

	mu      sync.Mutex
	waiting map[string]uint64 // by key, the number of the failure since which the key waits
	running bool
	closed  bool
}

// New returns Deletions without any key.
func New(config Config) *Deletions {
	d := &Deletions{config: config, waiting: make(map[string]uint64)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// Keep lets keys wait whose deletion has failed with err, and returns true. If there are
// too many keys, or Close has been called, Keep returns false and no key waits. The keys
// must not be the caller's memory.
func (d *Deletions) Keep(keys []string, err error) bool {
	d.mu.Lock()
	more := 0
	for _, key := range keys {
		if _, ok := d.waiting[key]; !ok {
			more++
		}
	}
	if d.closed || len(d.waiting)+more > Max {
		d.mu.Unlock()
		return false
	}
	first := len(d.waiting) == 0
	failure := d.failures.Add(1)
	for _, key := range keys {
		d.waiting[key] = failure
	}
	d.size.Store(int64(len(d.waiting)))
	if !d.running && len(keys) > 0 {
		d.running = true
		d.done.Go(d.run)
	}
	d.mu.Unlock()
	if first && len(keys) > 0 {
		d.config.Kept(err)
	}
	return true
}

// Failures returns the number of failures until now, for Supersede. Failures costs one atomic load.
func (d *Deletions) Failures() uint64 { return d.failures.Load() }

// Supersede forgets a key that was written, or deleted, by an operation that began after the deletion
// failed: began is the result of Failures at that time.
func (d *Deletions) Supersede(key string, began uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting[key] <= began {
		delete(d.waiting, key)
	}
	d.size.Store(int64(len(d.waiting)))
}

// Len returns how many keys wait. Len costs one atomic load.
func (d *Deletions) Len() int { return int(d.size.Load()) }

// Close tries once more, until ctx ends, and returns the number of keys that are left.
func (d *Deletions) Close(ctx context.Context) int {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.done.Wait()
	for {
		keys := d.next()
		if len(keys) == 0 || d.attempt(ctx, keys) == 0 {
			return d.Len()
		}
	}
}

// run repeats deletions until no key waits.
func (d *Deletions) run() {
	backoff := firstBackoff
	for {
		timer := time.NewTimer(backoff/2 + rand.N(backoff/2))
		select {
		case <-d.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		keys := d.next()
		ctx, cancel := context.WithTimeout(d.ctx, d.config.Timeout)
		deleted := d.attempt(ctx, keys)
		cancel()
		if d.ended() {
			return
		}
		if backoff = min(2*backoff, maxBackoff); deleted > 0 {
			backoff = firstBackoff
		}
	}
}

// ended reports whether no key waits, and the goroutine ends.
func (d *Deletions) ended() bool {
	d.mu.Lock()
	if len(d.waiting) > 0 {
		d.mu.Unlock()
		return false
	}
	d.running = false
	d.mu.Unlock()
	d.config.Delivered()
	return true
}

// An attempted key waits since a failure.
type attempted struct {
	key     string
	failure uint64
}

// next returns some of the waiting keys.
func (d *Deletions) next() []attempted {
	d.mu.Lock()
	defer d.mu.Unlock()
	keys := make([]attempted, 0, min(len(d.waiting), batch))
	for key, failure := range d.waiting {
		if len(keys) == batch {
			break
		}
		keys = append(keys, attempted{key, failure})
	}
	return keys
}

// attempt deletes keys, and returns how many deletions succeeded or were dropped.
func (d *Deletions) attempt(ctx context.Context, keys []attempted) int {
	if len(keys) == 0 {
		return 0
	}
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.key
	}
	var dropped error
	done := 0
	errs := d.config.Delete(ctx, texts)
	d.mu.Lock()
	for i, k := range keys {
		switch err := errs[i]; {
		case err == nil:
		case d.config.Repeats(err):
			continue
		default:
			dropped = err
		}
		done++
		if d.waiting[k.key] == k.failure { // and there is no later failure
			delete(d.waiting, k.key)
		}
	}
	d.size.Store(int64(len(d.waiting)))
	d.mu.Unlock()
	if dropped != nil {
		d.config.Dropped(dropped)
	}
	return done
}
