package valkey

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/exchange"
)

// callers are the calls in flight on a connection. A caller leaves when the call has ended,
// and the connection stays in use: a late reply is dropped.
//
// valkey-go may write and read in the goroutine of the caller. In that case conn ends the
// read and gives valkey-go stand-ins for the missing replies. Otherwise valkey-go leaves
// the call in its queue.
type callers struct {
	conn *conn
	// entered is the number of commands that were given to valkey-go.
	entered atomic.Int64

	mu      sync.Mutex
	calls   []*callContext
	waiting []*callContext // calls that wait for room, in order
	// left has an entry for each call in the queue whose caller has left: the number of
	// replies on the connection after which the call's own replies have come.
	left []int64
}

// maxCalls is the limit of calls on a connection. The queue of valkey-go has room for a
// thousand calls. A caller at a full queue waits there even if the context has ended.
const maxCalls = 768

// A callContext is the context of a call for valkey-go. The context always has a
// deadline, because without a deadline valkey-go reads by a goroutine of its own.
//
// The order of valkey-go's questions tells what happens to the call. valkey-go asks for Err
// before everything else, for Deadline just before the caller's goroutine writes and reads,
// and for Done when the call waits in the queue. A second question for Err means that
// valkey-go leaves the call in the queue.
type callContext struct {
	context.Context // the context of the caller
	call            *exchange.Call
	on              *callers
	ended           chan struct{} // has an element when the call has ended
	admitted        chan bool     // tells a call that waits for room whether to begin

	serving    atomic.Bool // the caller's goroutine writes and reads for valkey-go
	unanswered int         // number of the last commands that got stand-ins for their replies

	// The caller's goroutine alone uses these fields.
	begun bool // valkey-go has asked for Err
	left  bool // valkey-go has left the call in its queue

	// callers.mu guards these fields.
	at   int  // index in the list of calls
	told bool // the call was told of its end
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
		c.begun = true // a call in the list is told of its end by Done
		return nil
	}
	c.left = true
	return c.reason()
}

// reason returns the reason why the call has ended.
func (c *callContext) reason() error {
	if c.call.Context.Done() != nil {
		if err := c.call.Context.Err(); err != nil {
			return err
		}
	}
	return context.DeadlineExceeded
}

// begin prepares the context for a call.
func (c *callContext) begin(call *exchange.Call) {
	if c.ended == nil {
		c.ended, c.admitted = make(chan struct{}, 1), make(chan bool, 1)
	}
	c.Context, c.call = call.Context, call
	c.serving.Store(false)
	c.unanswered, c.begun, c.left, c.told = 0, false, false, false
}

// end releases the call.
func (c *callContext) end() { c.Context, c.call, c.on, c.unanswered = nil, nil, nil, 0 }

// enter adds a call. false means that the call has to wait for room: see await.
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

// leave removes a call that may have begun.
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

// admit lets waiting calls begin while there is room. v.mu is locked.
func (v *callers) admit() {
	n := 0
	for n < len(v.waiting) && v.hasRoom() {
		v.add(v.waiting[n])
		v.waiting[n].admitted <- true
		n++
	}
	v.waiting = slices.Delete(v.waiting, 0, n)
}

// await waits until a call may begin. false means that the call has ended, or that the
// connection takes no new calls.
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

// endIfNone ends the writes to the connection unless a call is in flight or waits for room.
// endIfNone reports whether the writes have ended. A call that enters later is not written,
// and its outcome is known.
func (v *callers) endIfNone() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.calls) > 0 || len(v.waiting) > 0 {
		return false
	}
	v.conn.dead.Store(true)
	return true
}

// forget removes an admitted call that does not begin.
func (v *callers) forget(c *callContext) {
	v.entered.Add(-int64(len(c.call.Commands)))
	v.leave(c)
}

// sweep tells the ended calls of their end, and ends the waiting of all calls if the
// connection is not usable. The results are the number of calls in flight, and the number
// of calls in the queue whose callers have left.
func (v *callers) sweep(now time.Time, usable bool) (calls, left int) {
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
