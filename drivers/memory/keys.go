package memory

import (
	"time"

	"github.com/xcache-go/xcache/driver"
)

var keyCommands = map[string]command{
	"DEL":             {run: del, min: 1, max: unlimited},
	"UNLINK":          {run: del, min: 1, max: unlimited},
	"EXISTS":          {run: exists, min: 1, max: unlimited},
	"TYPE":            {run: typeOf, min: 1, max: 1},
	"PTTL":            {run: pttl, min: 1, max: 1},
	"PEXPIRE":         {run: pexpire, min: 2, max: 4},
	"PERSIST":         {run: persist, min: 1, max: 1},
	driver.CmdPersist: {run: persistOrExists, min: 1, max: 1},
	"RENAME":          {run: rename, min: 2, max: 2},
	"RENAMENX":        {run: renameNX, min: 2, max: 2},
	"FLUSHDB":         {run: flushDB, max: 1, whole: true},
}

func del(c *call) (driver.Reply, error) {
	keys, err := c.keys(0, c.count())
	var removed int64
	for _, key := range keys {
		if e := c.peek(key); e != nil {
			c.remove(e)
			removed++
		}
	}
	return driver.IntReply(removed), err
}

func exists(c *call) (driver.Reply, error) {
	keys, err := c.keys(0, c.count())
	var found int64
	for _, key := range keys {
		if c.peek(key) != nil {
			found++
		}
	}
	return driver.IntReply(found), err
}

func typeOf(c *call) (driver.Reply, error) {
	kind := driver.Kind("none")
	if e := c.peek(c.key(0)); e != nil {
		kind = e.kind()
	}
	return driver.DataReply([]byte(kind)), nil
}

func pttl(c *call) (driver.Reply, error) {
	e := c.peek(c.key(0))
	switch {
	case e == nil:
		return driver.IntReply(-2), nil
	case e.deadline == never:
		return driver.IntReply(-1), nil
	}
	return driver.IntReply(driver.Milliseconds(c.remaining(e))), nil
}

// pexpire is key, milliseconds [NX | XX | GT | LT].
func pexpire(c *call) (driver.Reply, error) {
	ms, err := c.int(1)
	if err != nil {
		return driver.Reply{}, err
	}
	var nx, xx, gt, lt bool
	for i := 2; i < c.count(); i++ {
		switch {
		case c.is(i, "NX"):
			nx = true
		case c.is(i, "XX"):
			xx = true
		case c.is(i, "GT"):
			gt = true
		case c.is(i, "LT"):
			lt = true
		default:
			return driver.Reply{}, c.syntaxError()
		}
	}
	if nx && (xx || gt || lt) || gt && lt {
		return driver.Reply{}, c.fail("NX does not go with XX, GT or LT, nor GT with LT")
	}
	e := c.peek(c.key(0))
	if e == nil {
		return driver.IntReply(0), nil
	}
	ttl := milliseconds(ms)
	deadline := c.now
	if ttl > 0 {
		deadline = c.deadline(ttl)
	}
	switch {
	case nx && e.deadline != never,
		xx && e.deadline == never,
		gt && deadline <= e.deadline,
		lt && deadline >= e.deadline:
		return driver.IntReply(0), nil
	}
	return boolReply(c.setTTL(c.key(0), ttl)), nil
}

// milliseconds returns a number of milliseconds as a TTL that is never
// NoExpiry or KeepTTL.
func milliseconds(ms int64) time.Duration {
	const limit = int64(driver.NoExpiry/time.Millisecond) - 1
	return time.Duration(max(-limit, min(ms, limit))) * time.Millisecond
}

func persist(c *call) (driver.Reply, error) {
	e := c.peek(c.key(0))
	if e == nil || e.deadline == never {
		return driver.IntReply(0), nil
	}
	e.deadline = never
	return driver.IntReply(1), nil
}

func persistOrExists(c *call) (driver.Reply, error) {
	return boolReply(c.setTTL(c.key(0), driver.NoExpiry)), nil
}

func rename(c *call) (driver.Reply, error) {
	if _, err := c.rename(c.key(0), c.key(1), driver.Always); err != nil {
		return driver.Reply{}, err
	}
	return okReply, nil
}

func renameNX(c *call) (driver.Reply, error) {
	moved, err := c.rename(c.key(0), c.key(1), driver.IfAbsent)
	return boolReply(moved), err
}

// flushDB is [ASYNC | SYNC], which makes no difference here.
func flushDB(c *call) (driver.Reply, error) {
	if c.count() == 1 && !c.is(0, "ASYNC") && !c.is(0, "SYNC") {
		return driver.Reply{}, c.syntaxError()
	}
	c.clear()
	return okReply, nil
}
