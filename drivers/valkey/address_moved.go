package valkey

import (
	"strings"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// serverFailed sees each error reply before the caller, who may retry after it.
func (c *conn) serverFailed(text []byte) {
	err := servererror.Parse(string(text), nil)
	switch {
	case servererror.IsStaleAddress(err, c.addr, c.RemoteAddr().String()):
		c.pool.addressMoved()
	case isProtocolError(string(text)):
		c.pool.unproven()
	}
}

// isProtocolError reports whether the server has refused the form of a command, or the
// length of an argument, and hangs up.
func isProtocolError(text string) bool { return strings.HasPrefix(text, "ERR Protocol error") }

// markSelfRedirect returns err, marked as transient if err redirects to the address of the
// connection itself, by name or by number.
func (c *conn) markSelfRedirect(err error) error {
	return servererror.MarkSelfRedirect(servererror.MarkSelfRedirect(err, c.addr), c.RemoteAddr().String())
}

// addressMovedPause is the time after addressMoved in which the pool believes the server: a
// server may be read-only for good.
const addressMovedPause = 50 * time.Millisecond

// addressMoved retires all connections. The address belongs to another server now, or will
// soon.
func (p *pool) addressMoved() {
	now, last := time.Now().UnixNano(), p.lastAddressMoved.Load()
	if now-last < int64(addressMovedPause) || !p.lastAddressMoved.CompareAndSwap(last, now) {
		return
	}
	for i := range p.slots {
		if l := p.slots[i].link.Load(); l != nil {
			l.retired.Store(true)
		}
	}
}
