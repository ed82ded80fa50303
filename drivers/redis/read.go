package redis

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"

	"github.com/xcache-go/xcache/drivers/internal/failure"
	"github.com/xcache-go/xcache/drivers/internal/resp"
)

var (
	// errReply is a reply that is not RESP, or not what the command has. The
	// connection cannot be used further.
	errReply = resp.ErrMalformed
	// errLongValue is a value that is longer than max_value.
	errLongValue = errors.New("the value is longer than max_value")
	// errLeftOut is a connection that was given up in the middle of such a value.
	errLeftOut = errors.New("the connection was given up, as a value on it is longer than max_value")
)

// textLongValue is the error reply that stands in the place of such a value.
const textLongValue = "XCACHE the value is longer than max_value"

// hangsUp is the beginning of the last reply on a connection: the server closes it.
var hangsUp = []byte("-ERR Protocol error")

// Read implements net.Conn. go-redis gets to read what was looked at, and no more
// than the replies that are due.
func (c *conn) Read(p []byte) (int, error) {
	nc := c.current()
	if nc == nil {
		return 0, net.ErrClosed
	}
	for {
		switch {
		case len(c.ready) > 0:
			n := copy(p, c.ready)
			if c.ready = c.ready[n:]; len(c.ready) == 0 {
				c.ready = nil
			}
			return n, nil
		case c.broken != nil:
			return 0, c.broken
		case len(c.held) >= len(p):
			if err := c.fill(nc, make([]byte, 4<<10)); err != nil {
				return 0, err
			}
			continue
		}
		n, err := c.receive(nc, p)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// receive reads something, and returns how much of it may be passed on at once.
// Anything else becomes ready, is held, or is why the connection is broken.
func (c *conn) receive(nc net.Conn, p []byte) (n int, err error) {
	held := copy(p, c.held)
	n, err = nc.Read(p[held:])
	if !c.greeted && c.plain {
		if reason := failure.OfFirstRead(p[:n], err); reason != nil && reason != err { //nolint:errorlint // err as it is
			return 0, reason
		}
	}
	if n == 0 {
		if err != nil && failure.IsTimeout(err) {
			c.network.timedOut(c.sent)
		}
		if err != nil {
			c.lost(err)
		}
		return 0, err
	}
	c.heard = c.network.clock.now()
	if !c.welcomed && p[held] != '-' {
		c.welcome(p[held : held+n])
	}
	if !c.greeted {
		c.greeted = true
		if text, ok := failure.ErrorLine(p[:n]); ok && refusesClient(text) {
			return 0, &failure.HangUpError{Text: text, Err: io.EOF}
		}
	}
	c.held = c.held[:0]
	data := p[:held+n]
	n, err = c.replies.Scan(data, &c.due)
	if c.replies.Top() == '-' && bytes.Contains(data, hangsUp) {
		c.breakOff(io.EOF) // before anybody else writes to it
	}
	if err == nil && n == len(data) {
		return n, nil
	}
	c.keep(nc, data[n:], err)
	return n, nil
}

// fill is receive for what becomes ready. The buffer is longer than any line that
// is held.
func (c *conn) fill(nc net.Conn, buffer []byte) error {
	before := c.ready
	c.ready = nil
	n, err := c.receive(nc, buffer)
	c.ready = append(append(before, buffer[:n]...), c.ready...)
	return err
}

// keep takes what may not be passed on as it is, with the error of resp.Scanner.
func (c *conn) keep(nc net.Conn, rest []byte, err error) {
	for errors.Is(err, resp.ErrTooLong) {
		size := c.replies.Omit()
		c.ready = append(c.ready, errorLine(textLongValue)...)
		if size > int64(len(rest)) {
			switch {
			case c.skip(nc, size-int64(len(rest))):
			case c.replies.Inside():
				c.breakOff(errLongValue) // there is nothing else to say of the reply
			default:
				c.breakOff(errLeftOut)
			}
			return
		}
		rest = rest[size:]
		var n int
		n, err = c.replies.Scan(rest, &c.due)
		c.ready = append(c.ready, rest[:n]...)
		rest = rest[n:]
	}
	switch {
	case err != nil:
		c.breakOff(err)
	case len(rest) > 0 && rest[0] != '>' && c.due.left() == 0 && c.replies.Between() && !c.due.unasked:
		c.breakOff(resp.ErrUnasked)
	default:
		c.held = append(c.held[:0], rest...)
	}
}

const (
	// maxSkip is how many bytes of strings that are too long are read in one
	// exchange, so that others of it have their replies, and maxLastSkip how many
	// if nothing is due behind them: making a new connection is cheaper than more.
	maxSkip     = 128 << 20
	maxLastSkip = 1 << 20
	// skipShare is the part of op_timeout that one of them may take to come.
	skipShare = 4
)

// skip drops bytes that are to come, if they are few and come soon.
func (c *conn) skip(nc net.Conn, size int64) bool {
	limit := int64(maxSkip)
	if c.due.left() == 0 && !c.replies.Inside() {
		limit = maxLastSkip
	}
	if c.skipped += size; c.skipped > limit {
		return false
	}
	deadline := time.Now().Add(c.network.settings.OpTimeout / skipShare)
	if !c.readDeadline.IsZero() && c.readDeadline.Before(deadline) {
		deadline = c.readDeadline
	}
	if nc.SetReadDeadline(deadline) != nil {
		return false
	}
	defer c.restoreReadDeadline(nc)
	_, err := io.CopyN(io.Discard, nc, size)
	return err == nil
}
