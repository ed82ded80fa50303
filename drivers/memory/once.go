package memory

import (
	"bytes"

	"github.com/xcache-go/xcache/driver"
)

var onceCommands = map[string]command{
	driver.CmdOnce:     {run: once, min: 4, max: 4},
	driver.CmdOnceDone: {run: onceDone, min: 4, max: 4},
}

// onceValue is the field of the kept value, beside the fields of a lock.
const onceValue = "value"

// once is key, token, lease, waits: the value that is kept, or else the lock of the key,
// without a fence.
func once(c *call) (driver.Reply, error) {
	lease, err := c.lease(2)
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	if value := h.value(onceValue); !value.IsNil() {
		return driver.ArrayReply(driver.IntReply(2), driver.IntReply(0), value), nil
	}
	now, until := c.micros(), h.number(lockUntil)
	if until > now && string(h.value(lockToken).Data) != c.Text(1) {
		if c.Text(3) == "1" && h.set(lockWaits, []byte("1")) {
			c.changed(e)
		}
		return driver.ArrayReply(driver.IntReply(0), driver.IntReply(millisecondsUntil(until, now)), driver.Reply{}), nil
	}
	if err := c.keep(e, h, lease+kept, record{lockToken, []byte(c.Text(1))}, number(lockUntil, now+lease.Microseconds())); err != nil {
		return driver.Reply{}, err
	}
	return driver.ArrayReply(driver.IntReply(1), driver.IntReply(lease.Milliseconds()), driver.Reply{}), nil
}

// onceDone is key, token, value, ttl.
func onceDone(c *call) (driver.Reply, error) {
	ttl, err := c.lease(3)
	if err != nil {
		return driver.Reply{}, c.Fail("a TTL must be a positive number of milliseconds")
	}
	e, h, err := c.findHash(c.Key(0))
	if e == nil || err != nil || !c.heldLast(h) {
		return driver.IntReply(0), err
	}
	if value := h.value(onceValue); !value.IsNil() {
		return driver.IntReply(1), nil
	}
	if err := c.keep(e, h, ttl, record{onceValue, bytes.Clone(c.Bytes(2))}, number(lockUntil, 0)); err != nil {
		return driver.Reply{}, err
	}
	if waits := h.value(lockWaits); !waits.IsNil() {
		c.wakeWaiting(c.Key(0))
	}
	return driver.IntReply(1), nil
}
