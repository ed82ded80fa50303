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
	base time.Time
	hand atomic.Int64 // nanoseconds since base; 0 while the clock stands
	used atomic.Bool  // since the last tick

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

// elapsed returns how long after base it was not long ago.
func (c *clock) elapsed() time.Duration {
	elapsed := c.hand.Load()
	if elapsed == 0 {
		return c.start()
	}
	if !c.used.Load() {
		c.used.Store(true)
	}
	return time.Duration(elapsed)
}

// at returns the time that is elapsed after base.
func (c *clock) at(elapsed time.Duration) time.Time { return c.base.Add(elapsed) }

func (c *clock) start() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	elapsed := max(1, time.Since(c.base))
	if c.hand.Load() == 0 && !c.closed {
		c.hand.Store(int64(elapsed))
		c.running.Go(c.run)
	}
	return elapsed
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
		c.hand.Store(int64(time.Since(c.base)))
		if c.used.Swap(false) {
			idle = 0
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hand.Store(0)
}

// close stops the clock for good.
func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	close(c.closing)
	c.running.Wait()
}
