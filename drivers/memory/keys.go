package memory

import (
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

var keyCommands = map[string]command{
	"DEL":             {run: del, min: 1, max: arguments.Unlimited},
	"UNLINK":          {run: del, min: 1, max: arguments.Unlimited},
	"EXISTS":          {run: exists, min: 1, max: arguments.Unlimited},
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
	keys, err := c.Keys(0, c.Count())
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
	keys, err := c.Keys(0, c.Count())
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
	if e := c.peek(c.Key(0)); e != nil {
		kind = e.kind()
	}
	return driver.DataReply([]byte(kind)), nil
}

func pttl(c *call) (driver.Reply, error) {
	e := c.peek(c.Key(0))
	switch {
	case e == nil:
		return driver.IntReply(-2), nil
	case e.deadline == never:
		return driver.IntReply(-1), nil
	}
	return driver.IntReply(driver.Milliseconds(c.remaining(e))), nil
}

// sameTime is the largest difference of two deadlines that compare as equal. Redis counts
// in milliseconds.
const sameTime = int64(time.Millisecond)

// pexpire takes key, milliseconds [NX | XX | GT | LT].
func pexpire(c *call) (driver.Reply, error) {
	ttl, when, err := c.ExpireOptions()
	if err != nil {
		return driver.Reply{}, err
	}
	e := c.peek(c.Key(0))
	if e == nil {
		return driver.IntReply(0), nil
	}
	deadline := c.now
	if ttl > 0 {
		deadline = c.deadline(ttl)
	}
	switch {
	case when.NX && e.deadline != never,
		when.XX && e.deadline == never,
		when.GT && deadline-e.deadline < sameTime,
		when.LT && e.deadline-deadline < sameTime:
		return driver.IntReply(0), nil
	}
	return boolReply(c.setTTL(c.Key(0), ttl)), nil
}

func persist(c *call) (driver.Reply, error) {
	e := c.peek(c.Key(0))
	if e == nil || e.deadline == never {
		return driver.IntReply(0), nil
	}
	c.db.shardOf(e.hash).setDeadline(e, never)
	return driver.IntReply(1), nil
}

func persistOrExists(c *call) (driver.Reply, error) {
	return boolReply(c.setTTL(c.Key(0), driver.NoExpiry)), nil
}

func rename(c *call) (driver.Reply, error) {
	if _, err := c.rename(c.Key(0), c.Key(1), driver.Always); err != nil {
		return driver.Reply{}, err
	}
	return okReply, nil
}

func renameNX(c *call) (driver.Reply, error) {
	moved, err := c.rename(c.Key(0), c.Key(1), driver.IfAbsent)
	return boolReply(moved), err
}

// flushDB takes [ASYNC | SYNC], which makes no difference here.
func flushDB(c *call) (driver.Reply, error) {
	if err := c.FlushMode(); err != nil {
		return driver.Reply{}, err
	}
	c.clear()
	return okReply, nil
}
