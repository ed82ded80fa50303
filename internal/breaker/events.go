package breaker

import (
	"sync"

	"github.com/xcache-go/xcache/driver"
)

// events delivers the events of a breaker one after the other, in the order of the changes,
// in the goroutines of calls. An observer may use the cache meanwhile: an event that comes
// from inside of the observer is delivered when the observer has returned.
type events struct {
	notify func(driver.Event) // or nil

	mu         sync.Mutex
	pending    []driver.Event
	delivering bool
}

// add queues an event. The caller holds the lock of the circuit, so that the order of the
// events is the order of the changes. The caller calls deliver without that lock.
func (e *events) add(event driver.Event) {
	if e.notify == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending = append(e.pending, event)
}

// deliver delivers the queued events, unless another goroutine does.
func (e *events) deliver() {
	for {
		e.mu.Lock()
		if e.delivering || len(e.pending) == 0 {
			e.mu.Unlock()
			return
		}
		event := e.pending[0]
		e.pending = e.pending[1:]
		e.delivering = true
		e.mu.Unlock()
		e.tell(event)
		e.mu.Lock()
		e.delivering = false
		e.mu.Unlock()
	}
}

// tell passes one event on. A panic of the observer loses the event, as for the events of a
// store.
func (e *events) tell(event driver.Event) {
	defer func() { _ = recover() }()
	e.notify(event)
}
