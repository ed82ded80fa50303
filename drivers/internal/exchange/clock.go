package exchange

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Tick is the moment at which calls begin. The tick tells calls whose contexts have no
// deadline of their end. One timer and one channel, without an allocation, serve any number
// of calls.
type Tick struct {
	time     time.Time
	deadline time.Time
	done     chan struct{} // closed at the deadline
}

// Time returns the time of the tick. The time may be one interval old, which is exact
// enough for deadlines of calls.
func (t *Tick) Time() time.Time { return t.time }

// A Clock tells the time to within a tick. Calls read the clock only to bound themselves to
// seconds: the system's clock would cost more than the rest of a store's own work.
//
// The clock runs while calls use it. When the last tick in use has ended, the clock stops,
// and its goroutine ends.
type Clock struct {
	timeout  time.Duration // of a call from its tick on
	interval time.Duration // between two ticks
	// watch is called for each tick, and reports whether watch must be called for the next
	// tick, too.
	watch func(now time.Time) (again bool)

	current atomic.Pointer[Tick] // nil while the clock makes no ticks
	used    atomic.Bool          // whether a call has begun since the last tick

	mu      sync.Mutex
	given   []*Tick // ticks before their deadlines, in order
	runs    bool
	closing chan struct{}
	closed  bool
	running sync.WaitGroup
}

const (
	// maxInterval is the most that may pass until the end of a context is noticed.
	maxInterval = 10 * time.Millisecond
	minInterval = time.Millisecond
	// intervals is the number of ticks in a time-out.
	intervals = 32
	// idleTicks is the number of ticks without use after which the clock makes no more
	// ticks.
	idleTicks = 20
)

// NewClock returns a clock for calls of at most timeout. 0 means calls without a bound.
func NewClock(timeout time.Duration, watch func(now time.Time) (again bool)) *Clock {
	interval := maxInterval
	if timeout > 0 {
		interval = min(max(timeout/intervals, minInterval), maxInterval)
	}
	return &Clock{timeout: timeout, interval: interval, watch: watch, closing: make(chan struct{})}
}

// Interval returns the time between two ticks.
func (c *Clock) Interval() time.Duration { return c.interval }

// Now returns the tick for a call that begins.
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

// next makes a tick. The deadline is one interval late, so that calls at the end of the
// tick have the whole time-out. c.mu is locked.
func (c *Clock) next(now time.Time) *Tick {
	t := &Tick{time: now, deadline: now.Add(far), done: make(chan struct{})}
	if c.timeout > 0 {
		t.deadline = now.Add(c.timeout + c.interval)
		c.given = append(c.given, t)
	}
	c.current.Store(t)
	return t
}

// Resume starts the clock again if the clock has stopped. A wire calls Resume when its
// watch has begun to see a call. A call may have waited for a connection, with a context
// that ends later than the call's tick. Before Resume, nothing keeps the clock going for
// such a call.
func (c *Clock) Resume() {
	if c.current.Load() == nil {
		c.start()
	}
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

// advance makes the next tick if a tick is wanted, and ends the ticks at their deadlines.
// done tells that the clock may stop.
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
		// Calls that have the tick still learn of its deadline.
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
