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

	// inLine counts the callers who wait in a line at the server. close waits until each has
	// given up its place.
	inLine sync.WaitGroup

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
		if err := k.giveBack(context.Background(), xcache.ErrClosed, xcache.ErrClosed); err != nil && !errors.Is(err, k.notHeld) {
			errs = append(errs, err)
		}
	}
	h.wakes.close()
	h.inLine.Wait()
	h.owned.Wait()
	return errors.Join(errs...)
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
		_ = k.giveBack(ctx, xcache.ErrClosed, xcache.ErrClosed)
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

// wait waits in a line as wakes.sleep does. A caller whose waiting has ended gives up the claim.
func (h *holders) wait(ctx context.Context, k *claim, signal chan struct{}, d time.Duration) error {
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.inLine.Add(1)
	}
	h.mu.Unlock()
	err := xcache.ErrClosed
	if !closed {
		defer h.inLine.Done()
		err = h.wakes.sleep(ctx, signal, d)
	}
	if err != nil {
		h.abandon(k)
	}
	return err
}
