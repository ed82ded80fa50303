package memory

import (
	"context"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A call is a running command: its arguments, and its transaction.
type call struct {
	transaction
	arguments.List
	ctx context.Context //nolint:containedctx // a call lives as long as its context
	// undo has the changes of a script that may be taken back. Outside of scripts undo is
	// nil.
	undo *undoLog
}

// okReply is the reply of a write that succeeded.
var okReply = driver.DataReply([]byte("OK"))

// boolReply returns 1 or 0.
func boolReply(b bool) driver.Reply {
	if b {
		return driver.IntReply(1)
	}
	return driver.IntReply(0)
}

// textReply returns a copy of a text.
func textReply(text string) driver.Reply { return driver.DataReply([]byte(text)) }

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

// fitsMore returns an error if the entry of a key cannot grow by a number of bytes. e is
// nil for a missing key.
func (c *call) fitsMore(key string, e *entry, added int64) error {
	if e != nil {
		return c.db.fits(e.cost + added)
	}
	return c.db.fits(entryOverhead + int64(len(key)) + added)
}

// store stores an object after a write: the object of e, or a new object if e is nil.
func (c *call) store(key string, e *entry, o object) {
	if e == nil {
		c.put(key, nil, o, never)
		return
	}
	c.changed(e)
}
