package valkey

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A tick is a moment in which calls begin. It is the context of all of them that
// have none with a deadline: one timer and one channel, and no allocation, for
// any number of calls.
type tick struct {
	time     time.Time
	deadline time.Time
	done     chan struct{}
	ended    atomic.Bool // done is closed
}

func (t *tick) Deadline() (time.Time, bool) { return t.deadline, true }
func (t *tick) Done() <-chan struct{}       { return t.done }
func (t *tick) Value(any) any               { return nil }

func (t *tick) Err() error {
	if t.ended.Load() {
		return context.DeadlineExceeded
	}
	return nil
}

func (t *tick) end() {
	t.ended.Store(true)
	close(t.done)
}

// A clock makes ticks, and ends each when its time is up. It runs while it is
// used, and stands still, without a goroutine, when the last tick that it gave
// out has ended.
type clock struct {
	timeout  time.Duration // of each tick
	interval time.Duration // between ticks
	// watch is called for each tick, and tells whether it has to be for the
	// next.
	watch func(now time.Time) (again bool)

	current atomic.Pointer[tick] // nil if it must be started
	used    atomic.Bool          // since the last tick

	mu      sync.Mutex
	given   []*tick // that have not ended, in order
	runs    bool
	closing chan struct{}
	closed  bool
	running sync.WaitGroup
}

const (
	maxInterval = 20 * time.Millisecond
	minInterval = time.Millisecond
	// intervals is into how many a time-out is divided.
	intervals = 32
	// idleTicks is after how many ticks without use no more are made.
	idleTicks = 10
)

func newClock(timeout time.Duration, watch func(time.Time) bool) *clock {
	return &clock{
		timeout:  timeout,
		interval: min(max(timeout/intervals, minInterval), maxInterval),
		watch:    watch,
		closing:  make(chan struct{}),
	}
}

// now returns the tick of a call that begins.
func (c *clock) now() *tick {
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
func (c *clock) next(now time.Time) *tick {
	t := &tick{time: now, deadline: now.Add(c.timeout + c.interval), done: make(chan struct{})}
	c.given = append(c.given, t)
	c.current.Store(t)
	return t
}

func (c *clock) start() *tick {
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

func (c *clock) run() {
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

// advance makes the next tick, if one is wanted, and ends those whose time is
// up. It reports whether there is nothing left to do.
func (c *clock) advance(now time.Time, wanted, again bool) (done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := 0
	for ended < len(c.given) && !now.Before(c.given[ended].deadline) {
		c.given[ended].end()
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

// close stops the clock for good, and ends all ticks.
func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	close(c.closing)
	c.running.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.given {
		t.end()
	}
	c.given = nil
	c.current.Store(nil)
}
