// Package status keeps what an operator wants to know of servers: how the connections
// to each are, for driver.Inspector, and what changes, as events for DSN.Notify.
//
// None of it is on the way of a call that goes well.
package status

import (
	"sync"

	"github.com/xcache-go/xcache/driver"
)

// maxWaiting is how many events wait for a listener that takes its time. Further ones
// are dropped.
const maxWaiting = 256

// A Queue delivers the events of a store to a listener, one after the other, in the
// order in which they happened. Whoever reports an event neither waits for the
// listener nor runs its code, so that the listener may do what it likes with the
// store, except to close it. A listener that panics loses that event and nothing else.
//
// All methods may be called concurrently, and on nil, which is nobody who listens.
type Queue struct {
	listener func(driver.Event)

	mu         sync.Mutex
	waiting    []driver.Event
	delivering bool // there is a goroutine
	closed     bool
	running    sync.WaitGroup // the goroutine
}

// NewQueue returns a queue for a listener, or nil if that is nil.
func NewQueue(listener func(driver.Event)) *Queue {
	if listener == nil {
		return nil
	}
	return &Queue{listener: listener}
}

// Notify reports an event.
func (q *Queue) Notify(e driver.Event) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.waiting) == maxWaiting {
		return
	}
	q.waiting = append(q.waiting, e)
	if !q.delivering {
		q.delivering = true
		q.running.Go(q.deliver)
	}
}

// Close waits until the events that were reported so far are delivered. There are no
// further ones.
func (q *Queue) Close() {
	if q == nil {
		return
	}
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.running.Wait()
}

// deliver delivers what waits, and ends.
func (q *Queue) deliver() {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			q.delivering, q.waiting = false, nil
			q.mu.Unlock()
			return
		}
		e := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		q.tell(e)
	}
}

// tell calls the listener. Its panic would end the process, as no caller of the store
// could recover: this is a goroutine of the store's own.
func (q *Queue) tell(e driver.Event) {
	defer func() { _ = recover() }()
	q.listener(e)
}
