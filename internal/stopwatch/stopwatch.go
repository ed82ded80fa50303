// Package stopwatch measures how long calls take on a machine that may be busy
// with something else.
//
// A test that wants a call to return promptly must not fail because the system
// gave the processor to others. A [Watch] therefore leaves out the time in which
// this process did not run: on a machine at rest the time of a Watch is that of
// the wall, on a busy one it is less. A call that waits for something that does
// not come is found on both: the Watch goes on while the call waits.
package stopwatch

import (
	"sync/atomic"
	"time"
)

// step is the time between two ticks, and how exact a Watch is.
const step = 5 * time.Millisecond

// A Watch runs from [Start] to Stop. Elapsed may be called concurrently.
type Watch struct {
	ticks   atomic.Int64
	stop    chan struct{}
	stopped chan struct{}
}

// Start returns a Watch that runs. Its goroutine ends with Stop.
func Start() *Watch {
	w := &Watch{stop: make(chan struct{}), stopped: make(chan struct{})}
	// Made here, so that the time until the goroutine begins counts.
	ticker := time.NewTicker(step)
	go w.run(ticker)
	return w
}

// run counts the ticks that arrive. A ticker drops those for which the process did
// not run in time.
func (w *Watch) run(ticker *time.Ticker) {
	defer close(w.stopped)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.ticks.Add(1)
		case <-w.stop:
			return
		}
	}
}

// Elapsed returns how long the Watch has run: never more than has passed on the
// wall.
func (w *Watch) Elapsed() time.Duration { return time.Duration(w.ticks.Load()) * step }

// Stop ends the Watch, waits for its goroutine, and returns how long the Watch ran.
// It is called once.
func (w *Watch) Stop() time.Duration {
	close(w.stop)
	<-w.stopped
	return w.Elapsed()
}

// Rest waits until the process could run for d, so that its other goroutines have
// done what they were given to do, and have heard of what has happened.
func Rest(d time.Duration) {
	w := Start()
	defer w.Stop()
	for w.Elapsed() < d {
		time.Sleep(time.Millisecond)
	}
}
