package valkey

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	valkeygo "github.com/valkey-io/valkey-go"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/retry"
	"github.com/xcache-go/xcache/drivers/internal/shape"
)

// A request is one or more commands that are sent together, in one round trip.
// It is owned by the caller, until that abandons it to the goroutine that sends
// it.
type request struct {
	commands []command
	context  requestContext
	state    atomic.Uint32
	// unsent tells, when the request is finished, that nothing was written.
	unsent bool
	// failed tells that valkey-go may still read what it was to write: there was no
	// reply, or an error, which servers send before they have read a command to
	// its end.
	failed bool
	// finished tells the caller, who waits for another goroutine.
	finished chan struct{}
	// short tells that no reply is longer than that to SET.
	short bool
	// link is what it was sent over last.
	link *link
	// atomic tells that the commands are a transaction, MULTI and EXEC included.
	atomic bool
	// once tells that nothing of it is sent again.
	once bool
	// pool, if set, takes the request back for another call.
	pool *sync.Pool

	result valkeygo.ValkeyResult // of the only command
	batch  []valkeygo.Completed  // the commands, if there are several

	// Of requests with one command that come from a pool.
	one    [1]command
	words  []string
	built  [maxBuilt + 1]valkeygo.Completed // by the number of words
	buffer []byte
	// milliseconds is ttl as an argument of SET.
	ttl          time.Duration
	milliseconds []byte
}

// A command is one command on its way to the server.
type command struct {
	args     []string // the name is the first
	readOnly bool
	shape    shape.Shape // of its reply; 0 is any
	result   *valkeygo.ValkeyResult

	// What became of it, after request.settle: whether a reply came, and nil if
	// that is no error.
	replied bool
	err     error
}

// The states of a request, in their order.
const (
	waiting         = iota // valkey-go does not have it yet
	sending                // valkey-go has it, and may write it at any time
	abandonedUnsent        // the caller has left: valkey-go does not get it any more
	abandonedSent          // the caller has left: the reply, if any, is dropped
	finished
)

// abandon leaves the request to the goroutine that sends it. It reports false
// if that has finished, and else whether something may have been written, or
// may yet be.
func (r *request) abandon() (abandoned, sent bool) {
	if r.state.CompareAndSwap(waiting, abandonedUnsent) {
		return true, false
	}
	return r.state.CompareAndSwap(sending, abandonedSent), true
}

// send sends the commands and waits for the replies. It reports whether the
// caller has abandoned the request in the meantime.
func (r *request) send(ctx context.Context, l *link) (abandoned bool) {
	if !r.state.CompareAndSwap(waiting, sending) {
		if l.alone {
			l.conn.pool.leaveAlone(l, 0)
		}
		return true
	}
	r.exchange(ctx, l)
	return !r.state.CompareAndSwap(sending, finished)
}

// exchange sends the commands of a request that nobody can abandon.
func (r *request) exchange(ctx context.Context, l *link) {
	r.link = l
	if l.conn == nil {
		r.do(ctx, l.client)
		return
	}
	before := l.conn.commands.Load()
	r.do(ctx, l.client)
	r.unsent = l.conn.unsent(before)
	if l.alone {
		l.conn.pool.leaveAlone(l, r.proven())
	}
}

// do leaves the sending to valkey-go, which sends a command again only if it is
// built as one that reads. None of these is.
func (r *request) do(ctx context.Context, client valkeygo.Client) {
	if len(r.commands) == 1 {
		c := &r.commands[0]
		r.result = client.Do(ctx, r.build(client, c))
		c.result = &r.result
		return
	}
	builder := client.B()
	if r.failed {
		r.batch = nil // the one before may still be read
	}
	r.batch = slices.Grow(r.batch[:0], len(r.commands))
	size := 0
	for i := range r.commands {
		r.batch = append(r.batch, builder.Arbitrary(r.commands[i].args...).Build())
		for _, arg := range r.commands[i].args {
			size += len(arg)
		}
	}
	if size > muchToWrite && (!r.short || len(r.commands) > fewReplies) {
		ctx = bothWays{ctx}
	}
	results := client.DoMulti(ctx, r.batch...)
	for i := range results {
		r.commands[i].result = &results[i]
	}
}

// maxBuilt is how many words a command may have that is built once for all calls.
const maxBuilt = 5

// args returns the memory for the words of the only command of a request that
// comes from a pool.
func (r *request) args(n int) []string {
	if n <= maxBuilt && !r.built[n].IsEmpty() {
		return r.built[n].Commands()
	}
	r.words = slices.Grow(r.words[:0], n)
	return r.words[:n]
}

// build returns the only command. valkey-go would take a short one from a pool and
// back for each call, and fold its name, which is a tenth of what a call takes.
// Pinned ones stay here; args has given out their words.
func (r *request) build(client valkeygo.Client, c *command) valkeygo.Completed {
	if r.pool == nil || len(c.args) > maxBuilt {
		return client.B().Arbitrary(c.args...).Build()
	}
	built := &r.built[len(c.args)]
	if built.IsEmpty() {
		*built = client.B().Arbitrary(c.args...).Build().Pin()
		c.args = built.Commands()
	}
	return *built
}

const (
	// maxBuffer is the largest copy whose memory is kept for the next call.
	maxBuffer = 64 << 10
	// maxWords is the largest number of arguments whose memory is.
	maxWords = 1 << 10
)

// release takes the request back for another call, if it is one that can be.
func (r *request) release() {
	if r.pool == nil || r.failed {
		return
	}
	clear(r.one[0].args)
	r.link = nil
	r.one[0], r.result = command{}, valkeygo.ValkeyResult{}
	r.context = requestContext{}
	if cap(r.buffer) > maxBuffer {
		r.buffer = nil
	}
	if cap(r.words) > maxWords {
		r.words = nil
	}
	r.pool.Put(r)
}

// succeeded reports whether each command of a request that was sent got a reply
// that is no error. Then each has its outcome.
func (r *request) succeeded() bool {
	for i := range r.commands {
		c := &r.commands[i]
		if err := c.result.Error(); err != nil && !isNil(err) || !c.fits() {
			return false
		}
		c.replied, c.err = true, nil
	}
	return !r.atomic
}

// settle gives each command its outcome once the request is finished. err tells
// why it was not sent at all.
func (r *request) settle(err error, limit *limit) {
	for i := range r.commands {
		c := &r.commands[i]
		if err != nil {
			c.replied, c.err = false, err
			continue
		}
		switch cause := c.result.Error(); {
		case (cause == nil || isNil(cause)) && c.fits():
			c.replied, c.err = true, nil
			continue
		case cause == nil || isNil(cause):
			c.replied, c.err = false, driver.Fail(driver.ErrUnavailable, failure.Outcome(!c.readOnly), errUnexpected)
			r.link.kill(errUnexpected)
		case c.result.NonValkeyError() != nil:
			c.replied, c.err = false, clientError(cause, !r.unsent, limit)
		default:
			c.replied, c.err = true, r.link.anew(replyError(c.result, c.readOnly))
		}
		r.failed = true
	}
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
	for i := range r.commands[1 : len(r.commands)-1] {
		if !r.commands[1+i].readOnly {
			return false
		}
	}
	return true
}

// atomicError returns why a transaction was not run, or nil if it was.
func (r *request) atomicError() error {
	last := len(r.commands) - 1
	inner := r.commands[1:last]
	if err := r.commands[0].err; err != nil && r.commands[0].replied {
		for i := range inner {
			if inner[i].err == nil || errors.Is(inner[i].err, driver.ErrUnknownOutcome) {
				// Without MULTI the others were run one by one.
				return driver.Fail(err, driver.Unknown, nil)
			}
		}
		return err
	}
	for i := range r.commands[:last] {
		if err := r.commands[i].err; err != nil && errors.Is(err, errUnexpected) {
			return err // some of it may have been run for itself
		}
	}
	exec := &r.commands[last]
	switch {
	case exec.err == nil && len(items(exec.result)) != len(inner):
		return driver.Fail(driver.ErrUnavailable, driver.Unknown, errUnexpected)
	case exec.err == nil || !exec.replied:
		return exec.err
	}
	for i := range inner {
		if inner[i].err != nil {
			return inner[i].err // which is why the server refused EXEC
		}
	}
	return exec.err
}

// failure returns the error of the whole call, or nil if at least one command
// got a reply. Commands that failed while the caller's context ended say so.
func (r *request) failure(ctx context.Context) error {
	if r.atomic {
		return failure.InContext(ctx, r.atomicError())
	}
	replied := false
	for i := range r.commands {
		c := &r.commands[i]
		c.err = failure.InContext(ctx, c.err)
		replied = replied || c.replied
	}
	if !replied {
		return r.commands[0].err
	}
	return nil
}

// A requestContext is the context of a call with the deadline that every
// request has, and without a channel: who listens for its end is the caller.
type requestContext struct {
	context.Context
	deadline time.Time
}

func (c *requestContext) Deadline() (time.Time, bool) { return c.deadline, true }
func (c *requestContext) Done() <-chan struct{}       { return nil }
