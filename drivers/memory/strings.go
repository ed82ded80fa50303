package memory

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

var stringCommands = map[string]command{
	"GET":                      {run: get, min: 1, max: 1},
	"MGET":                     {run: mget, min: 1, max: arguments.Unlimited},
	"SET":                      {run: set, min: 2, max: arguments.Unlimited},
	"GETDEL":                   {run: getDel, min: 1, max: 1},
	"GETEX":                    {run: getEx, min: 1, max: arguments.Unlimited},
	"STRLEN":                   {run: strLen, min: 1, max: 1},
	"INCR":                     {run: incrBy, min: 1, max: 1},
	"INCRBY":                   {run: incrBy, min: 2, max: 2},
	"DECR":                     {run: decrBy, min: 1, max: 1},
	"DECRBY":                   {run: decrBy, min: 2, max: 2},
	driver.CmdIncr:             {run: incrExisting, min: 2, max: 2},
	driver.CmdIncrInit:         {run: incrInit, min: 4, max: 4},
	driver.CmdSwap:             {run: swap, min: 3, max: 3},
	driver.CmdCompareAndSwap:   {run: compareAndSwap, min: 4, max: 4},
	driver.CmdCompareAndDelete: {run: compareAndDelete, min: 2, max: 2},
}

func get(c *call) (driver.Reply, error) {
	e, err := c.findString(c.Key(0))
	return stringReply(e), err
}

// mget returns nil for a key without a string.
func mget(c *call) (driver.Reply, error) {
	keys, err := c.Keys(0, c.Count())
	if err != nil {
		return driver.Reply{}, err
	}
	items := make([]driver.Reply, len(keys))
	for i, key := range keys {
		e, _ := c.findString(key)
		items[i] = stringReply(e)
	}
	return driver.ArrayReply(items...), nil
}

func set(c *call) (driver.Reply, error) {
	options, err := c.SetOptions()
	if err != nil {
		return driver.Reply{}, err
	}
	if err := c.fits(c.Key(0), 1); err != nil {
		return driver.Reply{}, err
	}
	reply := okReply
	if options.Get {
		e, err := c.findString(c.Key(0))
		if err != nil {
			return driver.Reply{}, err
		}
		reply = stringReply(e)
	}
	if err := c.set(c.Key(0), c.value(1), options.TTL, options.Cond); err != nil && !options.Get {
		return driver.Reply{}, nil // nil is Redis' reply when the condition did not hold
	} else if err == nil && driver.Expired(options.TTL) {
		c.tell(c.Key(0)) // for Redis the key existed, if only for a moment
	}
	return reply, nil
}

func getDel(c *call) (driver.Reply, error) {
	e, err := c.findString(c.Key(0))
	reply := stringReply(e)
	if e != nil {
		c.remove(e)
	}
	return reply, err
}

// getEx is key [EX seconds | PX milliseconds | EXAT second | PXAT millisecond | PERSIST].
func getEx(c *call) (driver.Reply, error) {
	if err := c.CheckGetEx(); err != nil {
		return driver.Reply{}, err
	}
	e, err := c.findString(c.Key(0))
	if e == nil {
		return driver.Reply{}, err
	}
	ttl, err := c.GetExTTL() // which Redis reads only if the key exists
	if err != nil {
		return driver.Reply{}, err
	}
	reply := stringReply(e)
	c.setTTL(c.Key(0), ttl)
	return reply, nil
}

func strLen(c *call) (driver.Reply, error) {
	e, err := c.findString(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	return driver.IntReply(int64(len(e.data))), nil
}

// incrBy takes key [delta].
func incrBy(c *call) (driver.Reply, error) {
	delta, err := c.Delta()
	if err != nil {
		return driver.Reply{}, err
	}
	sum, err := c.incrInit(c.Key(0), delta, 0, driver.NoExpiry)
	return driver.IntReply(sum), err
}

// decrBy takes key [delta].
func decrBy(c *call) (driver.Reply, error) {
	delta, err := c.NegativeDelta()
	if err != nil {
		return driver.Reply{}, err
	}
	sum, err := c.incrInit(c.Key(0), delta, 0, driver.NoExpiry)
	return driver.IntReply(sum), err
}

func incrExisting(c *call) (driver.Reply, error) {
	delta, err := c.Int(1)
	if err != nil {
		return driver.Reply{}, err
	}
	sum, exists, err := c.incr(c.Key(0), delta)
	if !exists {
		return driver.Reply{}, err
	}
	return driver.IntReply(sum), err
}

func incrInit(c *call) (driver.Reply, error) {
	delta, init, ttl, err := c.IncrInit()
	if err != nil {
		return driver.Reply{}, err
	}
	sum, err := c.incrInit(c.Key(0), delta, init, ttl)
	return driver.IntReply(sum), err
}

func swap(c *call) (driver.Reply, error) {
	ttl, err := c.TTL(2)
	if err != nil {
		return driver.Reply{}, err
	}
	if err := c.fits(c.Key(0), 1); err != nil {
		return driver.Reply{}, err
	}
	e, err := c.findString(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	reply := stringReply(e)
	return reply, c.set(c.Key(0), c.value(1), ttl, driver.Always)
}

func compareAndSwap(c *call) (driver.Reply, error) {
	ttl, err := c.TTL(3)
	if err != nil {
		return driver.Reply{}, err
	}
	if err := c.fits(c.Key(0), 2); err != nil {
		return driver.Reply{}, err
	}
	same, err := c.holds(c.Key(0), c.Bytes(1))
	if !same {
		return driver.IntReply(0), err
	}
	return driver.IntReply(1), c.set(c.Key(0), c.value(2), ttl, driver.Always)
}

func compareAndDelete(c *call) (driver.Reply, error) {
	same, err := c.holds(c.Key(0), c.Bytes(1))
	if same {
		c.remove(c.peek(c.Key(0)))
	}
	return boolReply(same), err
}

// fits returns an error if argument i is too large for the value of key.
func (c *call) fits(key string, i int) error {
	return c.db.fits(entryOverhead + int64(len(key)+c.Size(i)))
}

// stringReply returns the value of a string, or nil.
func stringReply(e *entry) driver.Reply {
	if e == nil {
		return driver.Reply{}
	}
	return driver.DataReply(e.data)
}

// findString is find for keys that must hold a string or be missing.
func (t *transaction) findString(key string) (*entry, error) {
	e := t.find(key)
	if e != nil && e.object != nil {
		return nil, driver.ErrWrongType
	}
	return e, nil
}

// set stores data, which then belongs to the store, with the rules of driver.Entry.
func (t *transaction) set(key string, data []byte, ttl time.Duration, cond driver.Cond) error {
	e := t.peek(key)
	if cond == driver.IfAbsent && e != nil || cond == driver.IfPresent && e == nil {
		return driver.ErrNotStored
	}
	switch {
	case ttl == driver.KeepTTL && e != nil:
		t.put(key, data, nil, e.deadline)
	case ttl == driver.KeepTTL:
		t.put(key, data, nil, never)
	case !driver.Expired(ttl):
		t.put(key, data, nil, t.deadline(ttl))
	case e != nil:
		t.remove(e)
	}
	return nil
}

// holds reports whether a key has exactly the bytes data.
func (t *transaction) holds(key string, data []byte) (bool, error) {
	e, err := t.findString(key)
	return e != nil && bytes.Equal(e.data, data), err
}

// incr adds to the number at an existing key.
func (t *transaction) incr(key string, delta int64) (sum int64, exists bool, err error) {
	e, err := t.findString(key)
	if e == nil {
		return 0, false, err
	}
	n, ok := arguments.ParseInt(e.data)
	if !ok {
		return 0, true, driver.ErrWrongType
	}
	if sum, err = arguments.Add(n, delta); err != nil {
		return 0, true, err
	}
	t.put(key, formatInt(sum), nil, e.deadline)
	return sum, true, nil
}

// incrInit adds to the number at a key. A missing key starts at init, and gets a TTL.
func (t *transaction) incrInit(key string, delta, init int64, ttl time.Duration) (int64, error) {
	sum, exists, err := t.incr(key, delta)
	if exists || err != nil {
		return sum, err
	}
	if sum, err = arguments.Add(init, delta); err != nil {
		return 0, err
	}
	data := formatInt(sum)
	if err := t.db.fits(stringSize(key, data)); err != nil {
		return 0, err
	}
	return sum, t.set(key, data, ttl, driver.Always)
}

func formatInt(n int64) []byte { return slices.Clip(strconv.AppendInt(nil, n, 10)) }
