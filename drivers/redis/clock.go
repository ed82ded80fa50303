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
	base    time.Time
	elapsed atomic.Int64 // nanoseconds since base; 0 while the clock stands
	used    atomic.Bool  // since the last tick

	mu      sync.Mutex
	closing chan struct{}
	closed  bool
	running sync.WaitGroup
}

const (
	tick = 20 * time.Millisecond
	// idleTicks is after how many ticks without use the clock stands still.
	idleTicks = int(time.Second / tick)
)

func newClock() *clock {
	return &clock{base: time.Now(), closing: make(chan struct{})}
}

// now returns a time that was not long ago.
func (c *clock) now() time.Time {
	elapsed := c.elapsed.Load()
	if elapsed == 0 {
		return c.start()
	}
	if !c.used.Load() {
		c.used.Store(true)
	}
	return c.base.Add(time.Duration(elapsed))
}

func (c *clock) start() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.elapsed.Load() == 0 && !c.closed {
		c.elapsed.Store(max(1, int64(now.Sub(c.base))))
		c.running.Go(c.run)
	}
	return now
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
		c.elapsed.Store(int64(time.Since(c.base)))
		if c.used.Swap(false) {
			idle = 0
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.elapsed.Store(0)
}

// close stops the clock for good.
func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	close(c.closing)
	c.running.Wait()
}
