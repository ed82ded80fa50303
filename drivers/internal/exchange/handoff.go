package exchange

import (
	"slices"
	"time"
	"unsafe"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// A Detached wire does not listen to the caller's context. So another goroutine runs
// Exchange, and the caller leaves when the context ends first.

// The states of a call, in their order.
const (
	waiting         = iota // nothing has been written yet
	sending                // the first command may have been written
	abandonedUnsent        // the caller has left, and nothing may be written any more
	abandonedSent          // the caller has left, and a reply is dropped
	finished
)

// Begin tells that the first byte of a call is about to be written. false means that the
// caller has left, and that nothing may be written.
func (c *Call) Begin() bool {
	if c.finished == nil {
		return true
	}
	return c.state.CompareAndSwap(waiting, sending) || c.state.Load() != abandonedUnsent
}

// abandon leaves the call to the goroutine that sends the commands, unless that
// goroutine has finished. sent tells whether a command may have been written.
func (c *Call) abandon() (abandoned, sent bool) {
	if c.state.CompareAndSwap(waiting, abandonedUnsent) {
		return true, false
	}
	return c.state.CompareAndSwap(sending, abandonedSent), true
}

// handOff lets another goroutine send the call. The caller leaves the call there if the
// context or the store ends first.
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

// work sends a call, and tells the caller unless the caller has left.
func (s *Store) work(c *Call) {
	s.wire.Exchange(c)
	if c.state.Swap(finished) < abandonedUnsent {
		c.finished <- struct{}{}
	}
}

// abandonedError returns the error of a call that ended early, or was not sent, because its
// context or the store has ended.
func (s *Store) abandonedError(c *Call, sent bool) error {
	switch {
	case c.Context.Err() != nil:
		return failure.OfContext(c.Context, sent)
	case s.disconnected.Load():
		return driver.Fail(driver.ErrClosed, failure.Outcome(sent), nil)
	}
	return driver.Fail(driver.ErrUnavailable, failure.Outcome(sent), &failure.TimeoutError{Limit: s.options.OpTimeout})
}

// own copies the borrowed arguments of a call, which the wire may read after the call.
// Values of at least borrowed bytes are not copied, unless borrowed is 0. handedOff tells
// that another goroutine sends the call, so that the list of arguments is copied, too.
//
// Texts are copied as well: a program may have made a text of memory that the program uses
// again. Keys, and the texts of calls that the store builds, were made by this library.
func (c *Call) own(borrowed int, handedOff bool) {
	size, count := 0, 0
	for i := range c.Commands {
		args := c.Commands[i].Args
		count += len(args)
		for j := range args {
			if !stays(&args[j], borrowed) {
				size += len(args[j].Data)
			}
			if !c.built && args[j].Role != driver.RoleKey {
				size += len(args[j].Text)
			}
		}
	}
	if size == 0 && (c.built || !handedOff) {
		return
	}
	c.buffer = slices.Grow(c.buffer[:0], size) // slices into buffer and copies stay valid: neither grows below
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
			arg, from := &command.Args[j], len(c.buffer)
			switch {
			case arg.Data != nil && !stays(arg, borrowed):
				c.buffer = append(c.buffer, arg.Data...)
				arg.Data = c.buffer[from:len(c.buffer):len(c.buffer)]
			case arg.Text != "" && !c.built && arg.Role != driver.RoleKey:
				c.buffer = append(c.buffer, arg.Text...)
				arg.Text = unsafe.String(&c.buffer[from], len(arg.Text))
			}
		}
	}
}

func stays(arg *driver.Arg, borrowed int) bool {
	return borrowed > 0 && arg.Role == driver.RoleValue && len(arg.Data) >= borrowed
}

// far is later than the end of any call without a time-out. The client bounds such calls.
const far = 24 * time.Hour
