package redis

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/retry"
	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// A request is one or more commands that are sent together, in one round trip.
// It is owned by the caller, until that abandons it to the goroutine that sends
// it.
type request struct {
	commands []*command
	context  requestContext
	// handedOff tells that another goroutine sends the request, and that state
	// is between the two. Else begun does.
	handedOff bool
	begun     bool
	state     atomic.Uint32
	// err is why commands got no reply, sent whether any was written. Both are
	// valid when the request is finished.
	err  error
	sent bool
	addr string // that it was sent to last
	// finished tells the caller, who waits for another goroutine.
	finished chan struct{}
	// atomic tells that the commands are a transaction, MULTI and EXEC included.
	atomic bool
	// once tells that nothing of it is sent again.
	once bool
	// recycle, if set, takes the request back for another call.
	recycle func()
}

// The states of a request, in their order.
const (
	waiting         = iota // nothing was written yet
	sending                // the first command has been written, perhaps
	abandonedUnsent        // the caller has left: nothing may be written any more
	abandonedSent          // the caller has left: the reply, if any, is dropped
	finished
)

// errAbandoned is what go-redis gets to hear when it asks for the bytes of a
// command that nobody waits for any more. It is a context error, so go-redis
// does not use the connection again.
var errAbandoned = errors.Join(errors.New("the caller has left"), context.Canceled)

// begin tells that the first byte is about to be written, and reports whether
// it may be.
func (r *request) begin() bool {
	if !r.handedOff {
		r.begun = true
		return true
	}
	return r.state.CompareAndSwap(waiting, sending) || r.state.Load() != abandonedUnsent
}

// abandon leaves the request to the goroutine that sends it. It reports false
// if that has finished, and else whether something may have been written.
func (r *request) abandon() (abandoned, sent bool) {
	if r.state.CompareAndSwap(waiting, abandonedUnsent) {
		return true, false
	}
	return r.state.CompareAndSwap(sending, abandonedSent), true
}

// send sends the commands and reads the replies. It reports whether the caller
// has abandoned the request in the meantime.
func (r *request) send(ctx context.Context, client *client) (abandoned bool) {
	r.addr = client.Options().Addr
	for r.err = r.exchange(ctx, client); isUnfit(r.err) && r.unsend(); r.err = r.exchange(ctx, client) {
		for _, c := range r.commands {
			c.reset()
		}
	}
	if !r.handedOff {
		r.sent = r.begun
		return false
	}
	switch r.state.Swap(finished) {
	case waiting:
		r.sent = false
	case sending:
		r.sent = true
	default:
		return true
	}
	return false
}

// unsend takes back that something was written, and reports false if the caller has
// left meanwhile.
func (r *request) unsend() bool {
	r.begun = false
	return !r.handedOff || r.state.CompareAndSwap(sending, waiting)
}

// isUnfit reports whether nothing was written as go-redis took a connection that is
// of no use any more. It does not take that again.
func isUnfit(err error) bool {
	if err == nil {
		return false
	}
	_, unfit := errors.AsType[*unfitError](err)
	return unfit
}

// exchange leaves the sending to go-redis. Its readers trust the lengths that a
// reply claims, and panic at impossible ones. The connections of the driver's own
// clients let none of these pass.
func (r *request) exchange(ctx context.Context, client *client) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("%w: %w", errReply, p)
			for _, c := range r.commands {
				c.wire.SetErr(err) // nobody knows which of them were read
			}
		default:
			panic(p)
		}
	}()
	if len(r.commands) == 1 {
		return client.Process(ctx, r.commands[0].cmder(client))
	}
	return r.sendPipeline(ctx, client)
}

func (r *request) sendPipeline(ctx context.Context, client *client) error {
	wires := make([]goredis.Cmder, len(r.commands))
	for i, c := range r.commands {
		wires[i] = c.cmder(client)
	}
	pipeline := client.Pipeline()
	if err := pipeline.BatchProcess(ctx, wires...); err != nil {
		return err
	}
	_, err := pipeline.Exec(ctx)
	return err
}

// release takes the request back for another call, if it is one that can be.
func (r *request) release() {
	if r.recycle != nil {
		r.recycle()
	}
}

// reset makes the request ready to be sent, for the first time or again.
func (r *request) reset() {
	r.handedOff, r.begun = false, false
	r.err = nil
	for _, c := range r.commands {
		c.reset()
	}
}

// settle gives each command its outcome once the request is finished, and
// reports whether there may be a failure among them.
func (s *Store) settle(r *request, limit *limit) (failed bool) {
	for _, c := range r.commands {
		if c.replied, c.err = c.serverAnswer(r.sent); !c.replied {
			mayBeApplied := r.sent && !(c.readOnly && errors.Is(r.err, errReply))
			c.err = s.clientError(r.err, mayBeApplied, limit)
		} else if c.err != nil {
			c.err = servererror.Anew(c.err, r.addr)
		}
		failed = failed || c.err != nil
	}
	return failed || r.atomic
}

// serverAnswer reports whether the server has answered a command, and with what
// error.
func (c *command) serverAnswer(sent bool) (replied bool, err error) {
	if c.reply != nil {
		return c.reply.complete, unwritten(c.reply.err, c.readOnly)
	}
	err = c.wire.Err()
	if err == nil || !sent {
		return sent, nil
	}
	if err == goredis.Nil { //nolint:errorlint // go-redis returns it bare
		return true, driver.ErrNotFound
	}
	var reply goredis.Error
	if errors.Is(err, errReply) || !errors.As(err, &reply) {
		return false, nil
	}
	return true, unwritten(replyError(reply.Error()), c.readOnly)
}

// again returns the first command that is to be sent again, with all that
// follow it; the number of commands if there is none.
func (r *request) again() int {
	n := len(r.commands)
	if r.once {
		return n
	}
	if !r.atomic {
		return retry.From(n, func(i int) bool { return retry.Allowed(r.commands[i].err, r.commands[i].readOnly) })
	}
	if retry.Allowed(r.atomicError(), r.readOnly()) {
		return 0
	}
	return n
}

// readOnly reports whether nothing between MULTI and EXEC writes.
func (r *request) readOnly() bool {
	for _, c := range r.commands[1 : len(r.commands)-1] {
		if !c.readOnly {
			return false
		}
	}
	return true
}

// atomicError returns why a transaction was not run, or nil if it was.
func (r *request) atomicError() error {
	last := len(r.commands) - 1
	if err := r.commands[0].err; err != nil && r.commands[0].replied {
		for _, c := range r.commands[1:last] {
			if c.err == nil || errors.Is(c.err, driver.ErrUnknownOutcome) {
				// Without MULTI the others were run one by one.
				return driver.Fail(err, driver.Unknown, nil)
			}
		}
		return err
	}
	err := r.commands[last].err
	switch {
	case err == nil && len(r.commands[last].reply.reply.Items) != last-1:
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, errReply)
	case err == nil || !r.commands[last].replied:
		return err
	}
	for _, c := range r.commands[1:last] {
		if c.err != nil {
			return c.err // which is why the server refused EXEC
		}
	}
	return err
}

// failure returns the error of the whole call, or nil if at least one command
// got a reply. Commands that failed while the caller's context ended say so.
func (r *request) failure(ctx context.Context) error {
	if r.atomic {
		return failure.InContext(ctx, r.atomicError())
	}
	replied := false
	for _, c := range r.commands {
		c.err = failure.InContext(ctx, c.err)
		replied = replied || c.replied
	}
	if !replied {
		return r.commands[0].err
	}
	return nil
}

// A requestContext is the context of a call with the deadline that every
// request has. It costs no timer: go-redis asks for the deadline and sets it on
// the connection.
type requestContext struct {
	context.Context
	deadline time.Time
}

func (c *requestContext) Deadline() (time.Time, bool) { return c.deadline, true }
