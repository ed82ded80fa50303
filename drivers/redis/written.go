package redis

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/failure"
)

// Write implements net.Conn. It notes which replies are due.
//
// What is behind MULTI is written when the server has accepted MULTI on this
// connection before, or else does now: a server that refuses it would run the
// commands one by one.
func (c *conn) Write(p []byte) (int, error) {
	nc := c.current()
	if nc == nil {
		var err error
		if nc, err = c.establish(); err != nil {
			return 0, err
		}
	}
	if c.idle() {
		if err := c.unfit(); err != nil {
			return 0, err
		}
		c.due.clear()
		c.sent, c.skipped = c.network.clock.now(), 0
	}
	from := 0
	for at := 0; ; {
		n, command, ok := c.requests.Next(p[at:])
		if !ok {
			break
		}
		at += n
		name, class := string(command.Name), classOf(command)
		if class == handshake && c.lease.Load() != nil {
			c.shorten(c.lease.Load(), time.Now().Add(c.network.settings.OpTimeout))
		}
		if c.transaction && name != "EXEC" {
			class = queued
		}
		if c.multiRefused {
			c.ready = append(c.ready, errorLine(textNotRun)...)
			if name == "EXEC" {
				from, c.multiRefused, c.transaction = at, false, false
			}
			continue
		}
		switch name {
		case "MULTI":
			c.transaction = true
		case "EXEC":
			c.transaction = false
		}
		c.due.add(class, command)
		if name == "MULTI" && !c.multiAccepted && !c.onlyReads(p[at:]) {
			if err := c.begin(nc, p[from:at]); err != nil {
				return from, err
			}
			from = at
		}
	}
	if c.multiRefused {
		return len(p), nil
	}
	n, err := c.write(nc, p[from:])
	return from + n, err
}

// onlyReads reports whether p is a whole transaction in which nothing writes.
func (c *conn) onlyReads(p []byte) bool {
	requests := c.requests
	for {
		n, command, ok := requests.Next(p)
		if !ok {
			return false
		}
		name := string(command.Name)
		if name == "EXEC" {
			return true
		}
		if row, known := driver.LookupCommand(name); !known || !row.ReadOnly {
			return false
		}
		p = p[n:]
	}
}

// textNotRun is the error of commands that are not written, as MULTI was refused.
const textNotRun = "EXECABORT Transaction discarded because of MULTI, which was refused."

func errorLine(text string) string { return "-" + text + "\r\n" }

// begin writes what ends with MULTI, and reads the reply to that.
func (c *conn) begin(nc net.Conn, p []byte) error {
	if _, err := c.write(nc, p); err != nil {
		return err
	}
	buffer := make([]byte, 4<<10)
	for c.due.left() > 0 || !c.replies.Between() {
		if err := c.fill(nc, buffer); err != nil {
			return &unsentError{err} // of the transaction
		}
		if c.broken != nil {
			return &unsentError{c.broken}
		}
	}
	c.multiAccepted = c.replies.Top() == '+'
	c.multiRefused = !c.multiAccepted
	return nil
}

// write writes the whole of p. If replies may come before it is read to its end,
// they are read when it takes long: a server may not read on while nobody reads
// its replies.
func (c *conn) write(nc net.Conn, p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.due.left() > 1 {
		if c.drain == nil {
			c.drain = newDrain(c, nc)
		}
		c.drain.timer.Reset(drainDelay)
		n, err = nc.Write(p)
		c.drain.stop()
	} else {
		n, err = nc.Write(p)
	}
	if err != nil {
		if failure.IsTimeout(err) {
			c.network.timedOut(c.sent)
		}
		c.lost(err)
		err = c.lastWords(nc, err)
	}
	return n, err
}

// drainDelay is how long a write takes until replies are read beside it.
const drainDelay = 5 * time.Millisecond

// A drain reads replies while the connection is being written to.
type drain struct {
	conn    *conn
	nc      net.Conn
	timer   *time.Timer // starts it
	stopped atomic.Bool
	done    chan struct{} // gets something when it reads no more
}

func newDrain(c *conn, nc net.Conn) *drain {
	d := &drain{conn: c, nc: nc, done: make(chan struct{}, 1)}
	d.timer = time.AfterFunc(time.Hour, d.read)
	d.timer.Stop()
	return d
}

func (d *drain) read() {
	defer func() { d.done <- struct{}{} }()
	buffer := make([]byte, 32<<10)
	for !d.stopped.Load() && d.conn.broken == nil {
		if d.conn.fill(d.nc, buffer) != nil {
			return // who reads next is told why
		}
	}
}

// stop is called after the write.
func (d *drain) stop() {
	if d.timer.Stop() {
		return
	}
	d.stopped.Store(true)
	_ = d.nc.SetReadDeadline(time.Unix(1, 0)) // of a connection that is closed
	<-d.done
	d.stopped.Store(false)
	d.conn.restoreReadDeadline(d.nc)
}
