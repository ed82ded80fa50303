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

// abandon releases a claim in the background after an unknown outcome: the server may have
// granted the claim.
func (h *holders) abandon(k *claim) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.owned.Go(func() {
		ctx, cancel := context.WithTimeout(h.wakes.ctx, time.Minute)
		defer cancel()
		_, _ = repeated(ctx, func() (bool, error) { return k.release(ctx) })
	})
}
