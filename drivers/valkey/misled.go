package valkey

import (
	"strings"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/servererror"
)

// serverFailed hears every error that the server answers with, before the caller
// does who is to try again.
func (c *conn) serverFailed(text []byte) {
	err := servererror.Parse(string(text), nil)
	switch {
	case servererror.Misleads(err, c.addr, c.RemoteAddr().String()):
		c.pool.misled()
	case isProtocolError(string(text)):
		c.pool.unproven()
	}
}

// isProtocolError reports whether the server did not understand a command, or
// would not have one of its arguments, and hangs up.
func isProtocolError(text string) bool { return strings.HasPrefix(text, "ERR Protocol error") }

// anew returns err, marked as one that passes if it sends the caller to the very
// address that the connection was made to: by its name, or by the number behind it.
func (c *conn) anew(err error) error {
	return servererror.Anew(servererror.Anew(err, c.addr), c.RemoteAddr().String())
}

// misledPause is how long a pool that has just made its connections anew takes
// what a server says for the truth: a server may be read-only for good.
const misledPause = 50 * time.Millisecond

// misled lets no more calls use the connections that there are. The address leads
// to another server by now, or it will soon.
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
