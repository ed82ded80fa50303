package mixins

import (
	"context"
	"errors"
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
	h.mu.Lock()
	held := h.held
	h.held, h.closed = nil, true
	h.mu.Unlock()
	h.end()
	var errs []error
	for k := range held {
		if err := k.giveBack(context.Background(), h.wakes.ctx, xcache.ErrClosed, xcache.ErrClosed); err != nil && !errors.Is(err, k.notHeld) {
			errs = append(errs, err)
		}
	}
	h.wakes.close()
	h.calls.Wait()
	h.owned.Wait()
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
		_ = k.giveBack(ctx, h.wakes.ctx, xcache.ErrClosed, xcache.ErrClosed)
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
		_, _ = k.release(context.Background()) // op_timeout limits the call
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
