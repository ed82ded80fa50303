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
	// minPoll and maxPoll bound the sleep of a waiter who may miss the message. The time
	// doubles with each attempt.
	minPoll = 10 * time.Millisecond
	maxPoll = 250 * time.Millisecond
	// toldPoll is the sleep of a waiter while the subscription is in force. A message may
	// still be lost: a holder may lack the permission to publish.
	toldPoll = time.Second
	// linger is the time for which the subscription outlives the last waiter, and the pause
	// after a failed subscription.
	linger = 10 * time.Second
)

// wakes wakes waiting callers by the messages that releases publish. One subscription
// serves all callers of a handle. Without a subscription the callers poll.
type wakes struct {
	cache *xcache.Cache
	owner *sync.WaitGroup
	ctx   context.Context //nolint:containedctx // the lifetime of the handle

	mu       sync.Mutex
	waiters  map[string][]chan struct{}
	inForce  bool
	retryAt  time.Time
	stop     context.CancelFunc // of the present subscription, or nil
	present  int                // the number of the present subscription
	stopping *time.Timer
}

// enter adds a caller who waits for a name, until leave. The channel gets an element when
// the caller should try again.
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
		w.over(w.present)
	}
}

// wake makes the callers who wait for a name try again.
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

// listen begins the subscription unless there is one, or the last one has just failed.
func (w *wakes) listen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil || w.ctx.Err() != nil || time.Now().Before(w.retryAt) {
		return
	}
	ctx, stop := context.WithCancel(w.ctx)
	w.stop = stop
	present := w.present
	w.owner.Go(func() {
		defer stop()
		err := w.cache.Subscribe(ctx, driver.Patterns, []string{"*"}, func(_ context.Context, d *xcache.Delivery) { w.heard(present, d) })
		w.mu.Lock()
		defer w.mu.Unlock()
		w.over(present)
		if err != nil && ctx.Err() == nil {
			w.retryAt = time.Now().Add(linger)
		}
	})
}

// over notes the end of a subscription, once: another subscription may begin before the goroutine of
// this one has ended. The caller holds mu.
func (w *wakes) over(subscription int) {
	if subscription == w.present {
		w.present++
		w.stop, w.inForce = nil, false
	}
}

// heard handles a delivery of a subscription.
func (w *wakes) heard(subscription int, d *xcache.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.Event == driver.Published {
		notify(w.waiters[d.Channel])
		return
	}
	if subscription != w.present {
		return
	}
	w.inForce = true
	for _, signals := range w.waiters { // their message may have been missed before
		notify(signals)
	}
}

// poll returns the longest sleep of a caller before its next attempt, after a number of
// attempts. lease is the end of the claim that the caller waits for, unless its holder
// extends the claim.
func (w *wakes) poll(attempts int, lease time.Duration) time.Duration {
	w.mu.Lock()
	inForce := w.inForce
	w.mu.Unlock()
	longest := toldPoll
	if !inForce {
		longest = min(minPoll<<min(attempts, 10), maxPoll)
	}
	longest = longest/2 + rand.N(longest/2+1) //nolint:gosec // so that the callers do not all wake at once
	return max(time.Millisecond, min(longest, lease+time.Millisecond))
}

// sleep waits until a caller should try again, or returns the error of ctx if ctx ends
// first.
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

// close stops the timer of the subscription. The caller has ended ctx.
func (w *wakes) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping != nil {
		w.stopping.Stop()
	}
}
