package redis

import (
	"sync"
	"sync/atomic"
	"time"
)

// A clock tells the time to within a tick. A call asks for it only to bound
// itself to seconds, and asking the system costs more than the rest of the
// store's own work.
//
// It runs while it is used, and stands still, without a goroutine, a second
// after.
type clock struct {
	timeout time.Duration
	hand    atomic.Pointer[moment] // nil while the clock stands
	used    atomic.Bool            // since the last tick

	mu      sync.Mutex
	closing chan struct{}
	closed  bool
	running sync.WaitGroup
}

// A moment is the time, and the end of a call without a deadline that begins then.
type moment struct{ start, deadline time.Time }

const (
	tick = 20 * time.Millisecond
	// idleTicks is after how many ticks without use the clock stands still.
	idleTicks = int(time.Second / tick)
)

// newClock returns a clock for calls that take no longer than timeout.
func newClock(timeout time.Duration) *clock {
	return &clock{timeout: timeout, closing: make(chan struct{})}
}

// now returns what the time was not long ago.
func (c *clock) now() *moment {
	now := c.hand.Load()
	if now == nil {
		return c.wake()
	}
	if !c.used.Load() {
		c.used.Store(true)
	}
	return now
}

func (c *clock) wake() *moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.read()
	if c.hand.Load() == nil && !c.closed {
		c.hand.Store(now)
		c.running.Go(c.run)
	}
	return now
}

func (c *clock) read() *moment {
	now := time.Now()
	return &moment{now, now.Add(c.timeout)}
}

func (c *clock) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for idle := 0; idle < idleTicks; idle++ {
		select {
		case <-ticker.C:
		case <-c.closing:
			return
		}
		c.hand.Store(c.read())
		if c.used.Swap(false) {
			idle = 0
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hand.Store(nil)
}

// close stops the clock for good.
func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	close(c.closing)
	c.running.Wait()
}
