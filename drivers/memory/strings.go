package memory

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
)

var stringCommands = map[string]command{
	"GET":                      {run: get, min: 1, max: 1},
	"MGET":                     {run: mget, min: 1, max: unlimited},
	"SET":                      {run: set, min: 2, max: unlimited},
	"GETDEL":                   {run: getDel, min: 1, max: 1},
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
	e, err := c.findString(c.key(0))
	return stringReply(e), err
}

// mget answers nil for a key that does not hold a string.
func mget(c *call) (driver.Reply, error) {
	keys, err := c.keys(0, c.count())
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

// set is key, value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT second
// | PXAT millisecond | KEEPTTL].
func set(c *call) (driver.Reply, error) {
	cond, ttl, old := driver.Always, driver.NoExpiry, false
	for i := 2; i < c.count(); i++ {
		switch {
		case c.is(i, "NX") && cond != driver.IfPresent:
			cond = driver.IfAbsent
		case c.is(i, "XX") && cond != driver.IfAbsent:
			cond = driver.IfPresent
		case c.is(i, "GET"):
			old = true
		case ttl != driver.NoExpiry:
			return driver.Reply{}, c.syntaxError()
		case c.is(i, "KEEPTTL"):
			ttl = driver.KeepTTL
		case i+1 < c.count():
			var err error
			if ttl, err = c.expiryOption(i); err != nil {
				return driver.Reply{}, err
			}
			i++
		default:
			return driver.Reply{}, c.syntaxError()
		}
	}
	if err := c.fits(c.key(0), 1); err != nil {
		return driver.Reply{}, err
	}
	reply := okReply
	if old {
		e, err := c.findString(c.key(0))
		if err != nil {
			return driver.Reply{}, err
		}
		reply = stringReply(e)
	}
	if err := c.set(c.key(0), c.value(1), ttl, cond); err != nil && !old {
		return driver.Reply{}, nil // nil is how Redis says that the condition did not hold
	}
	return reply, nil
}

// expiryOption returns the TTL that the option at i and its number say.
func (c *call) expiryOption(i int) (time.Duration, error) {
	unit, absolute := int64(1), false
	switch {
	case c.is(i, "EX"):
		unit = 1000
	case c.is(i, "PX"):
	case c.is(i, "EXAT"):
		unit, absolute = 1000, true
	case c.is(i, "PXAT"):
		absolute = true
	default:
		return 0, c.syntaxError()
	}
	n, err := c.int(i + 1)
	if err != nil {
		return 0, err
	}
	if n <= 0 || n > math.MaxInt64/unit {
		return 0, c.fail("invalid expire time")
	}
	n *= unit
	if absolute {
		n -= time.Now().UnixMilli()
	}
	return milliseconds(n), nil
}

func getDel(c *call) (driver.Reply, error) {
	e, err := c.findString(c.key(0))
	reply := stringReply(e)
	if e != nil {
		c.remove(e)
	}
	return reply, err
}

func strLen(c *call) (driver.Reply, error) {
	e, err := c.findString(c.key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	return driver.IntReply(int64(len(e.data))), nil
}

// incrBy is key [delta].
func incrBy(c *call) (driver.Reply, error) {
	delta, err := c.delta()
	if err != nil {
		return driver.Reply{}, err
	}
	sum, err := c.incrInit(c.key(0), delta, 0, driver.NoExpiry)
	return driver.IntReply(sum), err
}

// decrBy is key [delta].
func decrBy(c *call) (driver.Reply, error) {
	delta, err := c.delta()
	if err != nil {
		return driver.Reply{}, err
	}
	if delta == math.MinInt64 {
		return driver.Reply{}, driver.ErrOverflow
	}
	sum, err := c.incrInit(c.key(0), -delta, 0, driver.NoExpiry)
	return driver.IntReply(sum), err
}

// delta returns the second argument as a number, or 1 if there is none.
func (c *call) delta() (int64, error) {
	if c.count() == 1 {
		return 1, nil
	}
	return c.int(1)
}

func incrExisting(c *call) (driver.Reply, error) {
	delta, err := c.int(1)
	if err != nil {
		return driver.Reply{}, err
	}
	sum, exists, err := c.incr(c.key(0), delta)
	if !exists {
		return driver.Reply{}, err
	}
	return driver.IntReply(sum), err
}

func incrInit(c *call) (driver.Reply, error) {
	delta, err := c.int(1)
	if err != nil {
		return driver.Reply{}, err
	}
	init, err := c.int(2)
	if err != nil {
		return driver.Reply{}, err
	}
	ttl, err := c.ttl(3)
	if err != nil {
		return driver.Reply{}, err
	}
	if ttl == driver.KeepTTL {
		return driver.Reply{}, errKeepTTL
	}
	sum, err := c.incrInit(c.key(0), delta, init, ttl)
	return driver.IntReply(sum), err
}

func swap(c *call) (driver.Reply, error) {
	ttl, err := c.ttl(2)
	if err != nil {
		return driver.Reply{}, err
	}
	if err := c.fits(c.key(0), 1); err != nil {
		return driver.Reply{}, err
	}
	e, err := c.findString(c.key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	reply := stringReply(e)
	return reply, c.set(c.key(0), c.value(1), ttl, driver.Always)
}

func compareAndSwap(c *call) (driver.Reply, error) {
	ttl, err := c.ttl(3)
	if err != nil {
		return driver.Reply{}, err
	}
	if err := c.fits(c.key(0), 2); err != nil {
		return driver.Reply{}, err
	}
	same, err := c.holds(c.key(0), c.bytes(1))
	if !same {
		return driver.IntReply(0), err
	}
	return driver.IntReply(1), c.set(c.key(0), c.value(2), ttl, driver.Always)
}

func compareAndDelete(c *call) (driver.Reply, error) {
	same, err := c.holds(c.key(0), c.bytes(1))
	if same {
		c.remove(c.peek(c.key(0)))
	}
	return boolReply(same), err
}

// fits returns an error if argument i is too large to be the value of key.
func (c *call) fits(key string, i int) error {
	return c.db.fits(entryOverhead + int64(len(key)+c.size(i)))
}

// stringReply is the value of a string, or nil.
func stringReply(e *entry) driver.Reply {
	if e == nil {
		return driver.Reply{}
	}
	return driver.DataReply(e.data)
}

// findString is find for keys that must hold a string if they exist.
func (t *transaction) findString(key string) (*entry, error) {
	e := t.find(key)
	if e != nil && e.object != nil {
		return nil, driver.ErrWrongType
	}
	return e, nil
}

// set stores data, which becomes the store's own, as driver.Entry says.
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

// holds reports whether a key holds exactly some bytes.
func (t *transaction) holds(key string, data []byte) (bool, error) {
	e, err := t.findString(key)
	return e != nil && bytes.Equal(e.data, data), err
}

// incr adds to the number at a key, if it exists.
func (t *transaction) incr(key string, delta int64) (sum int64, exists bool, err error) {
	e, err := t.findString(key)
	if e == nil {
		return 0, false, err
	}
	n, ok := parseInt(e.data)
	if !ok {
		return 0, true, driver.ErrWrongType
	}
	if sum, err = add(n, delta); err != nil {
		return 0, true, err
	}
	t.put(key, formatInt(sum), nil, e.deadline)
	return sum, true, nil
}

// incrInit adds to the number at a key, or to init if there is none, which then
// gets a TTL.
func (t *transaction) incrInit(key string, delta, init int64, ttl time.Duration) (int64, error) {
	sum, exists, err := t.incr(key, delta)
	if exists || err != nil {
		return sum, err
	}
	if sum, err = add(init, delta); err != nil {
		return 0, err
	}
	data := formatInt(sum)
	if err := t.db.fits(stringSize(key, data)); err != nil {
		return 0, err
	}
	return sum, t.set(key, data, ttl, driver.Always)
}

func add(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return 0, driver.ErrOverflow
	}
	return sum, nil
}

func formatInt(n int64) []byte { return slices.Clip(strconv.AppendInt(nil, n, 10)) }
