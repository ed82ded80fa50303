// Package stopwatch measures how long calls take on a machine that may be busy
// with something else.
//
// A test that wants a call to return promptly must not fail because the system
// gave the processor to other processes. A [Watch] therefore leaves out the time
// in which this process did not run: on an idle machine a Watch shows the same
// time as a clock, and on a busy machine less. A call that waits in vain fails
// such a test on both machines: the Watch goes on while the call waits.
package stopwatch

import (
	"sync/atomic"
	"time"
)

// step is the time between two ticks, and the precision of a Watch.
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
	// The ticker is made here, so that the time until the goroutine begins counts.
	ticker := time.NewTicker(step)
	go w.run(ticker)
	return w
}

// run counts the ticks that arrive. A ticker drops ticks while the process does
// not run.
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

// Elapsed returns how long the Watch has run. Elapsed never returns more than
// the time on a clock.
func (w *Watch) Elapsed() time.Duration { return time.Duration(w.ticks.Load()) * step }

// Stop ends the Watch, waits for its goroutine, and returns how long the Watch ran.
// Stop may be called only once.
func (w *Watch) Stop() time.Duration {
	close(w.stop)
	<-w.stopped
	return w.Elapsed()
}

// Rest waits until the process could run for d, so that the other goroutines of
// the process have done their work, and know of all that has happened.
func Rest(d time.Duration) {
	w := Start()
	defer w.Stop()
	for w.Elapsed() < d {
		time.Sleep(time.Millisecond)
	}
}
