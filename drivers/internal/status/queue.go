// Package status keeps the state of servers for operators: the state of the connections,
// for driver.Inspector, and events, for DSN.Notify.
//
// A successful call uses nothing of the package.
package status

import (
	"sync"

	"github.com/xcache-go/xcache/driver"
)

// maxWaiting is the limit of events that wait for a slow listener. Further events are
// dropped.
const maxWaiting = 256

// A Queue delivers the events of a store to a listener, one after the other, in their
// order. The reporter of an event neither waits for the listener nor runs its code. So
// the listener may use the store, but must not close the store. A panic of the listener
// loses that event only.
//
// All methods may be called concurrently. A nil Queue has no listener.
type Queue struct {
	listener func(driver.Event)

	mu         sync.Mutex
	waiting    []driver.Event
	delivering bool // a goroutine delivers events
	closed     bool
	running    sync.WaitGroup // the goroutine that delivers
}

// NewQueue returns a queue for a listener, or nil without a listener.
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

// Close waits until all reported events are delivered. Later events are dropped.
func (q *Queue) Close() {
	if q == nil {
		return
	}
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.running.Wait()
}

// deliver delivers the waiting events, and returns.
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

// tell calls the listener. A panic in this goroutine would end the process, because no
// caller of the store could recover from the panic.
func (q *Queue) tell(e driver.Event) {
	defer func() { _ = recover() }()
	q.listener(e)
}
