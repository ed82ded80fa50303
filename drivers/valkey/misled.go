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
	case servererror.Misleads(err, c.addr, c.RemoteAddr().String()):
		c.pool.misled()
	case isProtocolError(string(text)):
		c.pool.unproven()
	}
}

// isProtocolError reports whether the server has refused the form of a command, or the
// length of an argument, and hangs up.
func isProtocolError(text string) bool { return strings.HasPrefix(text, "ERR Protocol error") }

// anew returns err, marked as transient if err redirects to the address of the connection
// itself, by name or by number.
func (c *conn) anew(err error) error {
	return servererror.Anew(servererror.Anew(err, c.addr), c.RemoteAddr().String())
}

// misledPause is the time after misled in which the pool believes the server: a server may
// be read-only for good.
const misledPause = 50 * time.Millisecond

// misled retires all connections. The address belongs to another server now, or will soon.
func (p *pool) misled() {
	now, last := time.Now().UnixNano(), p.lastMisled.Load()
	if now-last < int64(misledPause) || !p.lastMisled.CompareAndSwap(last, now) {
		return
	}
	for i := range p.slots {
		if l := p.slots[i].link.Load(); l != nil {
			l.retired.Store(true)
		}
	}
}
