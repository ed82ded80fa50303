package exchange

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Tick is a moment in which calls begin. It tells all of them whose contexts have no
// deadline of their end: one timer and one channel, and no allocation, for any number of
// calls.
type Tick struct {
	time     time.Time
	deadline time.Time
	done     chan struct{} // closed at the deadline
}

// Time returns when the tick was, to within a moment that does not matter to
// deadlines of calls.
func (t *Tick) Time() time.Time { return t.time }

// A Clock tells the time to within a tick. A call asks for it only to bound itself to
// seconds, and asking the system costs more than the rest of a store's own work.
//
// It runs while it is used, and stands still, without a goroutine, when the last tick
// that it gave out has ended.
type Clock struct {
	timeout  time.Duration // of each tick
	interval time.Duration // between ticks
	// watch is called for each tick, and tells whether it has to be for the next.
	watch func(now time.Time) (again bool)

	current atomic.Pointer[Tick] // nil if it must be started
	used    atomic.Bool          // since the last tick

	mu      sync.Mutex
	given   []*Tick // that have not ended, in order
	runs    bool
	closing chan struct{}
	closed  bool
	running sync.WaitGroup
}

const (
	// A context that has ended is noticed after maxInterval at the latest.
	maxInterval = 10 * time.Millisecond
	minInterval = time.Millisecond
	// intervals is into how many a time-out is divided.
	intervals = 32
	// idleTicks is after how many ticks without use no more are made.
	idleTicks = 20
)

// NewClock returns a clock for calls that take no longer than timeout; 0 is any time.
func NewClock(timeout time.Duration, watch func(now time.Time) (again bool)) *Clock {
	interval := maxInterval
	if timeout > 0 {
		interval = min(max(timeout/intervals, minInterval), maxInterval)
	}
	return &Clock{timeout: timeout, interval: interval, watch: watch, closing: make(chan struct{})}
}

// Interval returns the time between two ticks.
func (c *Clock) Interval() time.Duration { return c.interval }

// Now returns the tick of a call that begins.
func (c *Clock) Now() *Tick {
	t := c.current.Load()
	if t == nil {
		return c.start()
	}
	if !c.used.Load() {
		c.used.Store(true)
	}
	return t
}

// next makes a tick. Calls that begin at its end have the whole time-out too.
// c.mu is locked.
func (c *Clock) next(now time.Time) *Tick {
	t := &Tick{time: now, deadline: now.Add(far), done: make(chan struct{})}
	if c.timeout > 0 {
		t.deadline = now.Add(c.timeout + c.interval)
		c.given = append(c.given, t)
	}
	c.current.Store(t)
	return t
}

func (c *Clock) start() *Tick {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.current.Load(); t != nil {
		return t
	}
	c.used.Store(true)
	t := c.next(time.Now())
	if !c.runs && !c.closed {
		c.runs = true
		c.running.Go(c.run)
	}
	return t
}

func (c *Clock) run() {
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for idle := 0; ; {
		select {
		case <-ticker.C:
		case <-c.closing:
			return
		}
		now := time.Now()
		idle++
		if c.used.Swap(false) {
			idle = 0
		}
		again := c.watch(now)
		if c.advance(now, idle < idleTicks, again) {
			return
		}
	}
}

// advance makes the next tick, if one is wanted, and ends those whose time is up. It
// reports whether there is nothing left to do.
func (c *Clock) advance(now time.Time, wanted, again bool) (done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := 0
	for ended < len(c.given) && !now.Before(c.given[ended].deadline) {
		close(c.given[ended].done)
		ended++
	}
	c.given = append(c.given[:0], c.given[ended:]...)
	switch {
	case wanted:
		c.next(now)
	case c.current.Load() != nil:
		// Who has it still gets to know its end.
		c.current.Store(nil)
	case len(c.given) == 0 && !again:
		c.runs = false
		return true
	}
	return false
}

// Close stops the clock for good, and ends all ticks.
func (c *Clock) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	close(c.closing)
	c.running.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.given {
		close(t.done)
	}
	c.given = nil
	c.current.Store(nil)
}
