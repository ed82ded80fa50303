package valkey

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/exchange"
)

// callers are the calls on a connection. Each of their callers leaves when his call has
// ended, and the connection stays in use: a reply that comes later is dropped.
//
// While valkey-go writes and reads by the caller's own goroutine, conn gives it something
// to read in the place of the replies. Otherwise valkey-go leaves the call in its queue.
type callers struct {
	conn *conn
	// entered is how many commands valkey-go was given.
	entered atomic.Int64

	mu      sync.Mutex
	calls   []*callContext
	waiting []*callContext // for room, in their order
	// left has, for each call that is in the queue without its caller, how many
	// replies have come when its own have.
	left []int64
}

// maxCalls is how many calls there are on a connection. The queue of valkey-go takes a
// thousand, and has a caller wait, whatever his context, when it is full.
const maxCalls = 768

// A callContext is the context of a call as valkey-go has it: one with a deadline, as
// else valkey-go reads all the time, by a goroutine of its own. valkey-go asks for the
// deadline when it is about to write and read by the caller's goroutine, for the channel
// when the call waits in its queue, and for the error before everything else, and when it
// leaves the call in the queue.
type callContext struct {
	context.Context // the caller's
	call            *exchange.Call
	on              *callers
	ended           chan struct{} // has an element when the call has ended
	admitted        chan bool     // whether it may begin, for one that had to wait

	serving    atomic.Bool // valkey-go writes and reads by the caller's goroutine
	unanswered int         // commands at the end that were answered in the server's place

	// Of the caller's goroutine:
	begun bool // valkey-go has asked whether the context has ended
	left  bool // valkey-go has left the call in its queue

	// Guarded by callers.mu:
	at   int  // in the list of calls
	told bool // that the call has ended
}

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) {
	c.serving.Store(true)
	c.on.conn.serve(c)
	return c.call.Deadline, true
}

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} { return c.ended }

// Err implements context.Context.
func (c *callContext) Err() error {
	if !c.begun {
		c.begun = true // the call is in the list: it is told when it ends
		return nil
	}
	c.left = true
	return c.reason()
}

// reason returns why the call has ended.
func (c *callContext) reason() error {
	if c.call.Context.Done() != nil {
		if err := c.call.Context.Err(); err != nil {
			return err
		}
	}
	return context.DeadlineExceeded
}

// begin makes the context that of a call.
func (c *callContext) begin(call *exchange.Call) {
	if c.ended == nil {
		c.ended, c.admitted = make(chan struct{}, 1), make(chan bool, 1)
	}
	c.Context, c.call = call.Context, call
	c.serving.Store(false)
	c.unanswered, c.begun, c.left, c.told = 0, false, false, false
}

// end lets go of a call.
func (c *callContext) end() { c.Context, c.call, c.unanswered = nil, nil, 0 }

// enter adds a call, and reports whether it may begin. Else it gets to know that by its
// channel.
func (v *callers) enter(c *callContext) bool {
	c.on = v
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.waiting) > 0 || !v.hasRoom() {
		v.waiting = append(v.waiting, c)
		return false
	}
	v.add(c)
	return true
}

// hasRoom reports whether another call may begin. v.mu is locked.
func (v *callers) hasRoom() bool {
	if len(v.left) > 0 {
		answered, n := v.conn.answered.Load(), 0
		for n < len(v.left) && v.left[n] <= answered {
			n++
		}
		v.left = append(v.left[:0], v.left[n:]...)
	}
	return len(v.calls)+len(v.left) < maxCalls
}

// add adds a call that begins. v.mu is locked.
func (v *callers) add(c *callContext) {
	v.entered.Add(int64(len(c.call.Commands)))
	c.at = len(v.calls)
	v.calls = append(v.calls, c)
}

// leave takes a call away that may have begun.
func (v *callers) leave(c *callContext) {
	v.mu.Lock()
	defer v.mu.Unlock()
	last := len(v.calls) - 1
	v.calls[c.at] = v.calls[last]
	v.calls[c.at].at = c.at
	v.calls[last] = nil
	v.calls = v.calls[:last]
	if c.left {
		v.left = append(v.left, v.entered.Load())
	}
	if c.told {
		select {
		case <-c.ended:
		default:
		}
	}
	if len(v.waiting) > 0 {
		v.admit()
	}
}

// admit lets calls begin that wait for room. v.mu is locked.
func (v *callers) admit() {
	n := 0
	for n < len(v.waiting) && v.hasRoom() {
		v.add(v.waiting[n])
		v.waiting[n].admitted <- true
		n++
	}
	v.waiting = slices.Delete(v.waiting, 0, n)
}

// await waits until a call may begin, and reports whether it may: not if the connection
// is not to be used any more, or if the call has ended.
func (v *callers) await(c *callContext) bool {
	ended, late := c.call.Done()
	select {
	case may := <-c.admitted:
		return may
	case <-ended:
	case <-late:
	}
	v.mu.Lock()
	i := slices.Index(v.waiting, c)
	if i >= 0 {
		v.waiting = slices.Delete(v.waiting, i, i+1)
	}
	v.mu.Unlock()
	if i < 0 && <-c.admitted {
		v.forget(c)
	}
	return false
}

// forget takes a call away that was admitted, and does not begin.
func (v *callers) forget(c *callContext) {
	v.entered.Add(-int64(len(c.call.Commands)))
	v.leave(c)
}

// look tells the calls that have ended, and those that wait in vain if the connection is
// not to be used any more. It returns how many calls there are, and how many of those
// that have left are still in the queue.
func (v *callers) look(now time.Time, usable bool) (calls, left int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, c := range v.calls {
		if !c.told && c.call.Ended(now) {
			c.told = true
			c.ended <- struct{}{}
		}
		if c.told && c.serving.Load() {
			v.conn.interrupt(c)
		}
	}
	if len(v.waiting) > 0 {
		v.admit()
	}
	if !usable {
		for _, c := range v.waiting {
			c.admitted <- false
		}
		clear(v.waiting)
		v.waiting = v.waiting[:0]
	}
	v.hasRoom()
	return len(v.calls), len(v.left)
}
