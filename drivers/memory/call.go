package memory

import (
	"context"
	"strconv"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A call is one command being run: its arguments, and the transaction that it
// reads and writes in.
type call struct {
	transaction
	arguments.List
	ctx context.Context //nolint:containedctx // a call lives as long as its context
	// undo is what a script may have to take back, for a command that a script runs.
	undo *undoLog
}

// okReply is how a write answers that it was done.
var okReply = driver.DataReply([]byte("OK"))

// boolReply is 1 or 0.
func boolReply(b bool) driver.Reply {
	if b {
		return driver.IntReply(1)
	}
	return driver.IntReply(0)
}

// textReply is a text, copied.
func textReply(text string) driver.Reply { return driver.DataReply([]byte(text)) }

// scanReply answers a step of a scan: the next cursor, and what it found.
func scanReply(next uint64, items []driver.Reply) driver.Reply {
	return driver.ArrayReply(driver.DataReply(strconv.AppendUint(nil, next, 10)), driver.ArrayReply(items...))
}

// value returns a copy of argument i to store.
func (c *call) value(i int) []byte {
	data := make([]byte, c.Size(i))
	if a := &c.Cmd.Args[i]; a.Role == driver.RoleValue {
		copy(data, a.Data)
	} else {
		copy(data, a.String())
	}
	return data
}

// fitsMore returns an error if a key, whose entry is e or nil, can not hold so many bytes
// more.
func (c *call) fitsMore(key string, e *entry, added int64) error {
	if e != nil {
		return c.db.fits(e.cost + added)
	}
	return c.db.fits(entryOverhead + int64(len(key)) + added)
}

// store settles an object that was written to: that of e, or, without an entry, a new one.
func (c *call) store(key string, e *entry, o object) {
	if e == nil {
		c.put(key, nil, o, never)
		return
	}
	c.changed(e)
}
