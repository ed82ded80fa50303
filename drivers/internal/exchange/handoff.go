package exchange

import (
	"slices"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// A wire whose Exchange does not listen to the caller's context has another
// goroutine run it, and the caller leaves when the context ends first.

// The states of a call, in their order.
const (
	waiting         = iota // nothing was written yet
	sending                // the first command has been written, perhaps
	abandonedUnsent        // the caller has left: nothing may be written any more
	abandonedSent          // the caller has left: the reply, if any, is dropped
	finished
)

// Begin tells that the first byte of a call is about to be written, and reports
// whether it may be: nothing may once the caller has left.
func (c *Call) Begin() bool {
	if c.finished == nil {
		return true
	}
	return c.state.CompareAndSwap(waiting, sending) || c.state.Load() != abandonedUnsent
}

// abandon leaves the call to the goroutine that sends it. It reports false if that
// has finished, and else whether something may have been written.
func (c *Call) abandon() (abandoned, sent bool) {
	if c.state.CompareAndSwap(waiting, abandonedUnsent) {
		return true, false
	}
	return c.state.CompareAndSwap(sending, abandonedSent), true
}

// handOff has a call sent by another goroutine, and leaves it there when the context
// or the store ends first.
func (s *Store) handOff(c *Call) (abandoned, sent bool) {
	if c.finished == nil {
		c.finished = make(chan struct{}, 1)
	}
	c.state.Store(waiting)
	s.workers.Run(c)
	ended, late := c.Done()
	select {
	case <-c.finished:
		return false, false
	case <-ended:
	case <-late:
	case <-s.quit:
	}
	if abandoned, sent = c.abandon(); !abandoned {
		<-c.finished
	}
	return abandoned, sent
}

// work sends a call, and tells its caller, unless that has left.
func (s *Store) work(c *Call) {
	s.wire.Exchange(c)
	if c.state.Swap(finished) < abandonedUnsent {
		c.finished <- struct{}{}
	}
}

// abandonedError returns what became of a call that has left, or was not sent,
// because its context or the store has ended.
func (s *Store) abandonedError(c *Call, sent bool) error {
	switch {
	case c.Context.Err() != nil:
		return failure.OfContext(c.Context, sent)
	case s.disconnected.Load():
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
	}
	return driver.Fail(driver.ErrUnavailable, failure.Outcome(sent), &failure.TimeoutError{Limit: s.options.OpTimeout})
}

// own copies what a call was lent, as it may be used after the call: its values, and the
// arguments with them unless they were built here. Values that are at least so long stay
// borrowed, unless that is 0.
func (c *Call) own(borrowed int, handedOff bool) {
	size, count := 0, 0
	for i := range c.Commands {
		args := c.Commands[i].Args
		count += len(args)
		for j := range args {
			if !stays(&args[j], borrowed) {
				size += len(args[j].Data)
			}
		}
	}
	if size == 0 && (c.built || !handedOff) {
		return
	}
	c.buffer = slices.Grow(c.buffer[:0], size) // neither moves from here on
	if !c.built {
		c.copies = slices.Grow(c.copies[:0], count)
	}
	for i := range c.Commands {
		command := &c.Commands[i]
		if !c.built {
			first := len(c.copies)
			c.copies = append(c.copies, command.Args...)
			command.Args = c.copies[first:len(c.copies):len(c.copies)]
		}
		for j := range command.Args {
			if arg := &command.Args[j]; arg.Data != nil && !stays(arg, borrowed) {
				from := len(c.buffer)
				c.buffer = append(c.buffer, arg.Data...)
				arg.Data = c.buffer[from:len(c.buffer):len(c.buffer)]
			}
		}
	}
}

func stays(arg *driver.Arg, borrowed int) bool {
	return borrowed > 0 && arg.Role == driver.RoleValue && len(arg.Data) >= borrowed
}

// far is later than the end of any call whose client bounds it.
const far = 24 * time.Hour
