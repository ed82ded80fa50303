package valkey

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/exchange"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// A server hangs up on an argument that is longer than it takes, and all whose
// calls are on that connection lose them. So an argument that is longer than any
// that the server has taken yet goes over a connection of its own.

// minLimit is the least that a server can be configured to take.
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

// isRisky reports whether the server may hang up on an argument.
func (p *pool) isRisky(size int) bool {
	return size > minLimit && int64(size) > p.proven.Load()
}

// unproven tells that the server has hung up on an argument, whatever it has taken
// before.
func (p *pool) unproven() { p.proven.Store(minLimit) }

// acquireAlone is acquire for a request that may end its connection. It waits until
// no other such request is under way.
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
	<-p.alone // another one was taken meanwhile
	return p.acquireAny(c)
}

// leaveAlone is called when a request for which acquireAlone got a connection has
// ended. proven is the length of its longest argument if the server has taken it.
func (p *pool) leaveAlone(l *link, proven int) {
	p.proven.Store(max(p.proven.Load(), int64(proven)))
	l.kill(errRetired)
	<-p.alone
}

// left is the failure of a call that has ended before it had a connection.
func (p *pool) left(c *exchange.Call) error {
	if c.Context.Err() != nil {
		return failure.OfContext(c.Context, false)
	}
	return driver.Fail(driver.ErrUnavailable, driver.NotApplied, &failure.TimeoutError{Limit: p.timeout})
}

// Much that is sent in one pipeline may be answered before it is all written. A
// server that wants its answers to be read before it reads on must not wait for
// ever, so valkey-go is to write and read at the same time then.
const (
	// muchToWrite is more than is on its way without anybody reading it.
	muchToWrite = 64 << 10
	// fewReplies are not much to read if they are as short as those to SET.
	fewReplies = 4 << 10
)

// bothWays is a context that has valkey-go write and read by two goroutines: it can
// end, at any time.
type bothWays struct{ context.Context }

var never = make(chan struct{})

func (bothWays) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c bothWays) Done() <-chan struct{} {
	if done := c.Context.Done(); done != nil {
		return done
	}
	return never
}
