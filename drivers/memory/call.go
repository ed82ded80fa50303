package memory

import (
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A call is one command being run: its arguments, and the transaction that it
// reads and writes in.
type call struct {
	transaction
	arguments.List
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
