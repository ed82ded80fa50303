package mixins

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

const (
	// minPoll and maxPoll bound how long a waiter sleeps who may miss the message: the time
	// doubles with each attempt.
	minPoll = 10 * time.Millisecond
	maxPoll = 250 * time.Millisecond
	// toldPoll is how long a waiter sleeps while the subscription is in force. A message may
	// be lost all the same: whoever releases may not be permitted to publish.
	toldPoll = time.Second
	// linger is for how long the subscription outlives the last waiter, and how long a
	// subscription that has failed is not tried again.
	linger = 10 * time.Second
)

// wakes wakes callers who wait for a release, by the messages that a release publishes. One
// subscription serves all callers of a handle. Without one they poll.
type wakes struct {
	cache *xcache.Cache
	owner *sync.WaitGroup
	ctx   context.Context //nolint:containedctx // the life of the handle

	mu       sync.Mutex
	waiters  map[string][]chan struct{}
	inForce  bool
	retryAt  time.Time
	stop     context.CancelFunc // of the subscription that is there, or nil
	stopping *time.Timer
}

// enter adds a caller who waits for a name, until leave. The channel has an element when the
// caller should try again.
func (w *wakes) enter(name string) chan struct{} {
	signal := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiters == nil {
		w.waiters = make(map[string][]chan struct{})
	}
	w.waiters[name] = append(w.waiters[name], signal)
	return signal
}

func (w *wakes) leave(name string, signal chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	signals := w.waiters[name]
	for i := range signals {
		if signals[i] == signal {
			signals = append(signals[:i], signals[i+1:]...)
			break
		}
	}
	if w.waiters[name] = signals; len(signals) == 0 {
		delete(w.waiters, name)
	}
	if len(w.waiters) == 0 && w.stop != nil && w.stopping == nil {
		w.stopping = time.AfterFunc(linger, w.stopIfIdle)
	}
}

func (w *wakes) stopIfIdle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopping = nil
	if len(w.waiters) == 0 && w.stop != nil {
		w.stop()
	}
}

// wake has the callers try again who wait for a name.
func (w *wakes) wake(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	notify(w.waiters[name])
}

func notify(signals []chan struct{}) {
	for _, signal := range signals {
		select {
		case signal <- struct{}{}:
		default:
		}
	}
}

// listen begins the subscription, if there is none and the last one has not just failed.
func (w *wakes) listen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil || w.ctx.Err() != nil || time.Now().Before(w.retryAt) {
		return
	}
	ctx, stop := context.WithCancel(w.ctx)
	w.stop = stop
	w.owner.Go(func() {
		defer stop()
		err := w.cache.Subscribe(ctx, driver.Patterns, []string{"*"}, w.heard)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stop, w.inForce = nil, false
		if err != nil && ctx.Err() == nil {
			w.retryAt = time.Now().Add(linger)
		}
	})
}

// heard gets what the subscription delivers.
func (w *wakes) heard(_ context.Context, d *xcache.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.Event == driver.Published {
		notify(w.waiters[d.Channel])
		return
	}
	w.inForce = true
	for _, signals := range w.waiters { // who may have missed a message before
		notify(signals)
	}
}

// poll returns how long a caller sleeps, at most, before its next attempt, of which there were
// so many. lease is when the claim ends that is in the way, if nobody extends it.
func (w *wakes) poll(attempts int, lease time.Duration) time.Duration {
	w.mu.Lock()
	inForce := w.inForce
	w.mu.Unlock()
	longest := toldPoll
	if !inForce {
		longest = min(minPoll<<min(attempts, 10), maxPoll)
	}
	longest = longest/2 + rand.N(longest/2+1) //nolint:gosec // so that not all come at once
	return max(time.Millisecond, min(longest, lease+time.Millisecond))
}

// sleep waits until a caller should try again, and returns the error of ctx if that ends first.
func (w *wakes) sleep(ctx context.Context, signal chan struct{}, longest time.Duration) error {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-signal:
	case <-timer.C:
	case <-ctx.Done():
	case <-w.ctx.Done():
		return xcache.ErrClosed
	}
	return ctx.Err()
}

// close is for when ctx has ended.
func (w *wakes) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping != nil {
		w.stopping.Stop()
	}
}
