package mixins

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/xcache-go/xcache"
)

// holders has the claims that this process holds through one handle.
type holders struct {
	cache *xcache.Cache
	wakes wakes
	owned sync.WaitGroup
	end   context.CancelFunc

	// calls counts the calls that send commands for claims. close waits until each has given up
	// what close does not know of.
	calls sync.WaitGroup

	mu     sync.Mutex
	held   map[*claim]struct{}
	closed bool
}

func (h *holders) open(c *xcache.Cache) {
	ctx, end := context.WithCancel(context.Background())
	h.cache, h.end, h.held = c, end, make(map[*claim]struct{})
	h.wakes = wakes{cache: c, owner: &h.owned, ctx: ctx}
}

// close releases the claims, and waits for the goroutines of the handle.
func (h *holders) close() error {
	held := h.shut()
	for _, k := range held {
		_ = k.finish(xcache.ErrClosed, xcache.ErrClosed)
	}
	for _, k := range held {
		k.renewal.Wait()
	}
	err := h.releaseAll(held...)
	h.await()
	return err
}

// shut ends the calls of the handle, refuses further calls, and returns the claims that are held.
func (h *holders) shut() []*claim {
	h.mu.Lock()
	held := slices.Collect(maps.Keys(h.held))
	h.held, h.closed = nil, true
	h.mu.Unlock()
	h.end()
	return held
}

// await waits for the calls and the goroutines of the handle.
func (h *holders) await() {
	h.calls.Wait()
	h.owned.Wait()
	h.wakes.close()
}

// releaseAll releases claims at the end of the handle, in one pipeline: op_timeout bounds an
// attempt for all of them together. No attempt begins later than a second after the first.
func (h *holders) releaseAll(claims ...*claim) error {
	if len(claims) == 0 {
		return nil
	}
	repeating, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var errs []error
	_, failed := repeated(repeating, func() (struct{}, error) {
		p := h.cache.Pipeline()
		results := make([]*xcache.Result[bool], len(claims))
		for i, k := range claims {
			results[i] = xcache.Queue(p, k.releasing(), readFlag)
		}
		_ = p.Exec(context.Background()) // the results have the errors
		var left []*claim
		errs = nil
		for i, k := range claims {
			if _, err := results[i].Value(); err != nil {
				left, errs = append(left, k), append(errs, err)
			}
		}
		claims = left
		return struct{}{}, errors.Join(errs...)
	})
	if failed.unknown {
		for i, err := range errs {
			errs[i] = withUnknownOutcome(err)
		}
	}
	return errors.Join(errs...)
}

// enter counts a call, until calls.Done. enter reports false after close.
func (h *holders) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.calls.Add(1)
	}
	return !h.closed
}

// begin begins a call for a claim, until done. The context of the call ends with ctx, with the
// cause xcache.ErrClosed when the handle ends, and with the cause atEnd after wait, unless wait is
// 0. The end of wait is no deadline of that context, so that op_timeout bounds each attempt.
func (h *holders) begin(ctx context.Context, wait time.Duration, atEnd error) (waiting context.Context, done func(), err error) {
	if !h.enter() {
		return nil, nil, xcache.ErrClosed
	}
	waiting, cancel := context.WithCancelCause(ctx)
	leave := context.AfterFunc(h.wakes.ctx, func() { cancel(xcache.ErrClosed) })
	if wait > 0 {
		timer := time.AfterFunc(wait, func() { cancel(atEnd) })
		return waiting, func() { timer.Stop(); leave(); cancel(nil); h.calls.Done() }, nil
	}
	return waiting, func() { leave(); cancel(nil); h.calls.Done() }, nil
}

// giveBack ends a claim for its holder, as claim.giveBack does.
func (h *holders) giveBack(ctx context.Context, k *claim, over error) error {
	if h.enter() {
		defer h.calls.Done()
	}
	return k.giveBack(ctx, h.wakes.ctx, over, context.Canceled)
}

// hold begins a claim, which close releases.
func (h *holders) hold(ctx context.Context, k *claim, sent time.Time, lease time.Duration, renews bool) (context.Context, error) {
	held := k.hold(ctx, sent, lease, renews)
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.held[k] = struct{}{}
	}
	h.mu.Unlock()
	switch {
	case closed:
		_ = k.stop(xcache.ErrClosed, xcache.ErrClosed)
		_ = h.releaseAll(k)
		return ctx, xcache.ErrClosed
	case k.left() == 0:
		h.forget(k)
	}
	return held, nil
}

func (h *holders) forget(k *claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, k)
}

// abandon releases a claim after an unknown outcome: the server may have granted the claim.
// abandon works in the background, or at once if the handle is closed.
func (h *holders) abandon(k *claim) {
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.owned.Go(func() { h.giveUp(k) })
	}
	h.mu.Unlock()
	if closed {
		_ = h.releaseAll(k)
	}
}

// giveUp releases a claim. After the end of the handle, giveUp makes one more attempt.
func (h *holders) giveUp(k *claim) {
	ctx, cancel := context.WithTimeout(h.wakes.ctx, time.Minute)
	defer cancel()
	if _, failed := repeated(ctx, func() (bool, error) { return k.release(ctx) }); failed.last != nil && h.wakes.ctx.Err() != nil {
		_, _ = k.release(context.Background()) // op_timeout limits the call
	}
}
