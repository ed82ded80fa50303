package memory

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A call is one command being run: its arguments, and the transaction that it
// reads and writes in.
type call struct {
	transaction
	cmd *driver.Cmd
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

// fail returns an error about the arguments of the command. It never repeats
// one.
func (c *call) fail(format string, args ...any) error {
	return badSyntax(c.cmd, format, args...)
}

func badSyntax(cmd *driver.Cmd, format string, args ...any) error {
	return driver.Fail(driver.ErrSyntax, driver.NotApplied, fmt.Errorf(cmd.Name+": "+format, args...))
}

func (c *call) syntaxError() error {
	return c.fail("an option that it does not have, or that does not go with the others")
}

// count is the number of arguments.
func (c *call) count() int { return len(c.cmd.Args) }

// key returns argument i as a key. For commands with one or two keys in front
// it is known to be one; the others use keys.
func (c *call) key(i int) string { return c.cmd.Args[i].Text }

// keys returns the arguments from i to end, all of which must be keys.
func (c *call) keys(i, end int) ([]string, error) {
	keys := make([]string, 0, end-i)
	for ; i < end; i++ {
		if c.cmd.Args[i].Role != driver.RoleKey {
			return nil, c.fail("argument %d must be a key", i+1)
		}
		keys = append(keys, c.cmd.Args[i].Text)
	}
	return keys, nil
}

// bytes returns argument i, borrowed.
func (c *call) bytes(i int) []byte {
	if a := &c.cmd.Args[i]; a.Role == driver.RoleValue {
		return a.Data
	}
	return c.cmd.Args[i].Append(nil)
}

// value returns a copy of argument i to store.
func (c *call) value(i int) []byte {
	if a := &c.cmd.Args[i]; a.Role == driver.RoleValue {
		return clone(a.Data)
	}
	return clone(c.cmd.Args[i].Append(nil))
}

// size is how long argument i is.
func (c *call) size(i int) int {
	a := &c.cmd.Args[i]
	if a.Role == driver.RoleValue {
		return len(a.Data)
	}
	return len(a.String())
}

// is reports whether argument i is a word of the command language, in any case.
func (c *call) is(i int, word string) bool {
	return strings.EqualFold(c.cmd.Args[i].String(), word)
}

// int returns argument i as a number.
func (c *call) int(i int) (int64, error) {
	if n, ok := c.cmd.Args[i].Integer(); ok {
		return n, nil
	}
	if n, ok := parseInt(c.cmd.Args[i].String()); ok {
		return n, nil
	}
	return 0, c.fail("argument %d is not an integer or out of range", i+1)
}

// ttl returns argument i, as driver.TTLArg makes it.
func (c *call) ttl(i int) (time.Duration, error) {
	ttl, err := driver.ParseTTLArg(c.cmd.Args[i])
	if err != nil {
		return 0, c.fail("argument %d is not a TTL", i+1)
	}
	return ttl, nil
}

// parseInt parses a decimal integer as Redis does: no plus sign, no leading
// zeros, no space.
func parseInt[T string | []byte](text T) (int64, bool) {
	if len(text) == 0 || len(text) > len("-9223372036854775808") {
		return 0, false
	}
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && len(text) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}
