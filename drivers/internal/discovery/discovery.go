// Package discovery lets a client library learn of the nodes of a cluster. A library asks
// one node after the other, and waits for long at a node that is frozen.
package discovery

import (
	"context"
	"sync"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/exchange"
)

// hedge is the time that the first attempt has until a second attempt begins. The time
// doubles with each attempt until an attempt ends.
const hedge = 100 * time.Millisecond

// A Discovery lets a library learn of nodes, for the calls that need unknown nodes. All
// methods but Close may be called concurrently.
type Discovery struct {
	timeout time.Duration
	ask     func(ctx context.Context, key string) error

	mu       sync.Mutex
	attempts int       // begun since the last attempt that has ended
	began    time.Time // of the last attempt
	next     *result   // of the attempt that ends next

	closing context.Context
	end     context.CancelFunc
	running sync.WaitGroup
}

type result struct {
	done chan struct{} // closed when an attempt has ended
	err  error         // valid after the end
}

// New returns a Discovery. ask lets the library ask for the node of a key, may ask for all
// nodes instead, and may be called concurrently. The context of ask has no deadline, and
// ends after timeout, or with the Discovery if timeout is 0.
func New(timeout time.Duration, ask func(ctx context.Context, key string) error) *Discovery {
	d := &Discovery{timeout: timeout, ask: ask, next: &result{done: make(chan struct{})}}
	d.closing, d.end = context.WithCancel(context.Background())
	return d
}

// Try begins an attempt, or joins the attempts of other calls, and waits until an attempt
// has ended. Other attempts begin meanwhile, as the first may wait at a frozen node. The
// result is the error of the attempt, or nil if ctx or the deadline has ended first. An
// attempt whose context has ended has no error.
func (d *Discovery) Try(ctx context.Context, deadline time.Time, key string) error {
	late := time.NewTimer(time.Until(deadline))
	defer late.Stop()
	var result *result
	for {
		var wait time.Duration
		result, wait = d.join(key, result)
		again := time.NewTimer(wait)
		defer again.Stop()
		select {
		case <-result.done:
			return result.err
		case <-again.C:
			select {
			case <-result.done: // in the same moment, or before
				return result.err
			default:
			}
		case <-ctx.Done():
			return nil
		case <-d.closing.Done(): // the library may not listen to its context
			return nil
		case <-late.C:
			return nil
		}
	}
}

// join returns the result that comes next, and the time until another attempt is due. An
// attempt that is due begins. awaited is the result that the caller has waited for, or nil: an
// attempt may have brought that result in the moment in which another attempt was due.
func (d *Discovery) join(key string, awaited *result) (next *result, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if awaited != nil && awaited != d.next {
		return awaited, 0
	}
	if wait := d.interval() - time.Since(d.began); d.attempts > 0 && wait > 0 {
		return d.next, wait
	}
	d.attempts++
	d.began = time.Now()
	round := d.next
	d.running.Go(func() {
		ctx, cancel := context.WithCancel(d.closing)
		defer cancel()
		if d.timeout > 0 {
			defer time.AfterFunc(d.timeout, cancel).Stop()
		}
		err := d.ask(ctx, key)
		if ctx.Err() != nil {
			err = nil // the end of a context that no caller has set
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.next != round {
			return // another attempt has answered the callers of that time
		}
		round.err = err
		close(round.done)
		d.next, d.attempts = &result{done: make(chan struct{})}, 0
	})
	return d.next, d.interval()
}

// interval returns the least time from the last attempt to the next. d.mu is held.
func (d *Discovery) interval() time.Duration { return hedge << min(max(d.attempts-1, 0), 10) }

// Disconnect ends the attempts, and all later attempts at once.
func (d *Discovery) Disconnect() { d.end() }

// Close ends the attempts, and waits for them. No Try is under way, and none comes.
func (d *Discovery) Close() {
	d.end()
	d.running.Wait()
}

// AnyNodeAnswers reports whether any node of the cluster can answer a call: the question
// who has which slots. So another node can stand for a seed that the library does not know.
func AnyNodeAnswers(c *exchange.Call) bool {
	if len(c.Commands) != 1 || c.Commands[0].Name != "CLUSTER" {
		return false
	}
	args := c.Commands[0].Args
	return len(args) == 1 && args[0].String() == "SLOTS"
}
