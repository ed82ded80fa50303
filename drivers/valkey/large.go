package valkey

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// A server hangs up on an argument beyond its limit, and all calls on the connection
// fail. So an argument goes over a separate connection if the argument is longer than all
// arguments that the server has taken before.

// minLimit is the least limit that a server can be configured to have.
const minLimit = 1 << 20

// longest returns the length of the longest argument.
func longest(c *exchange.Call) int {
	n := 0
	for i := range c.Commands {
		for j := range c.Commands[i].Args {
			n = max(n, len(c.Commands[i].Args[j].Text), len(c.Commands[i].Args[j].Data))
		}
	}
	return n
}

// isRisky reports whether the server may hang up on an argument of a size.
func (p *pool) isRisky(size int) bool {
	return size > minLimit && int64(size) > p.proven.Load()
}

// unproven forgets the longest argument that the server has taken, because the server has
// hung up on an argument.
func (p *pool) unproven() { p.proven.Store(minLimit) }

// acquireAlone is acquire for a call that may end its connection. acquireAlone waits until
// no other such call is in flight.
func (p *pool) acquireAlone(c *exchange.Call, size int) (*link, error) {
	ended, late := c.Done()
	select {
	case p.alone <- struct{}{}:
	case <-ended:
		return nil, p.left(c)
	case <-late:
		return nil, p.left(c)
	}
	for p.isRisky(size) {
		if err := p.connect(c, &p.large); err != nil {
			<-p.alone
			return nil, err
		}
		if l := p.large.link.Load(); l.usable() {
			l.alone = true
			return l, nil
		}
	}
	<-p.alone // the server has taken an argument of this size meanwhile
	return p.acquireAny(c)
}

// releaseAlone releases a connection of acquireAlone. proven is the length of the longest
// argument if the server has taken it, and 0 otherwise.
func (p *pool) releaseAlone(l *link, proven int) {
	p.proven.Store(max(p.proven.Load(), int64(proven)))
	l.kill(errRetired)
	<-p.alone
}

// left returns the error of a call that has ended without a connection.
func (p *pool) left(c *exchange.Call) error {
	if c.Context.Err() != nil {
		return failure.OfContext(c.Context, false)
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &failure.TimeoutError{Limit: p.timeout})
}

// A server may answer the first commands of a long pipeline before the last ones are
// written. Some servers stop reading until their replies are read. So valkey-go has to
// write and read at the same time.
const (
	// muchToWrite is more than the buffers between client and server hold.
	muchToWrite = 64 << 10
	// fewReplies is a number of replies that fit into the buffers, if the replies are as
	// short as the replies to SET.
	fewReplies = 4 << 10
)

// bothWays is a context for which valkey-go writes and reads by two goroutines: the context
// can end, and has no deadline.
type bothWays struct{ context.Context }

var never = make(chan struct{})

func (bothWays) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c bothWays) Done() <-chan struct{} {
	if done := c.Context.Done(); done != nil {
		return done
	}
	return never
}
