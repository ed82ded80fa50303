package memory

import "github.com/xcache-go/xcache/driver"

var lockCommands = map[string]command{
	driver.CmdLock:        {run: lock, min: 4, max: 4},
	driver.CmdLockExtend:  {run: extendLock, min: 3, max: 3},
	driver.CmdLockRelease: {run: releaseLock, min: 2, max: 2},
}

// The fields of a lock. The fence outlives its holder.
const (
	lockToken = "token"
	lockUntil = "until"
	lockFence = "fence"
	lockWaits = "waits"
)

// lock takes key, token, lease, waits. Fences follow the clock, so that they grow even if
// the last fence is lost.
func lock(c *call) (driver.Reply, error) {
	lease, err := c.lease(2)
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	now := c.micros()
	until, fence := h.number(lockUntil), h.number(lockFence)
	if until > now && string(h.value(lockToken).Data) != c.Text(1) {
		if c.Text(3) == "1" && h.set(lockWaits, []byte("1")) {
			c.changed(e)
		}
		return driver.ArrayReply(driver.IntReply(0), driver.IntReply(0), driver.IntReply(millisecondsUntil(until, now))), nil
	}
	if until <= now {
		fence = max(fence+1, now)
	}
	err = c.keep(e, h, lease+kept, record{lockToken, []byte(c.Text(1))}, number(lockUntil, now+lease.Microseconds()), number(lockFence, fence))
	if err != nil {
		return driver.Reply{}, err
	}
	return driver.ArrayReply(driver.IntReply(1), driver.IntReply(fence), driver.IntReply(lease.Milliseconds())), nil
}

// extendLock takes key, token, lease.
func extendLock(c *call) (driver.Reply, error) {
	lease, err := c.lease(2)
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil || !c.holdsLock(h) {
		return driver.IntReply(0), err
	}
	return driver.IntReply(1), c.keep(e, h, lease+kept, number(lockUntil, c.micros()+lease.Microseconds()))
}

// holdsLock reports whether the token in argument 1 holds the lock now. h may be nil.
func (c *call) holdsLock(h *hash) bool {
	return h.number(lockUntil) > c.micros() && string(h.value(lockToken).Data) == c.Text(1)
}

// heldLast reports whether the token in argument 1 was the last holder. A token may be empty.
func (c *call) heldLast(h *hash) bool {
	token := h.value(lockToken)
	return !token.IsNil() && string(token.Data) == c.Text(1)
}

// releaseLock takes key, token.
func releaseLock(c *call) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if e == nil || err != nil || !c.heldLast(h) {
		return driver.IntReply(0), err
	}
	held := c.holdsLock(h)
	h.remove(lockToken)
	h.remove(lockUntil)
	if h.remove(lockWaits) {
		c.wakeWaiting(c.Key(0))
	}
	c.changed(e)
	return boolReply(held), nil
}
