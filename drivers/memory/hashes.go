package memory

import (
	"math/big"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
	"github.com/xcache-go/xcache/drivers/memory/internal/expiring"
)

var hashCommands = map[string]command{
	"HSET":         {run: hset, min: 3, max: arguments.Unlimited},
	"HSETNX":       {run: hsetNX, min: 3, max: 3},
	"HGET":         {run: hget, min: 2, max: 2},
	"HMGET":        {run: hmget, min: 2, max: arguments.Unlimited},
	"HGETALL":      {run: hgetAll, min: 1, max: 1},
	"HKEYS":        {run: hkeys, min: 1, max: 1},
	"HVALS":        {run: hvals, min: 1, max: 1},
	"HDEL":         {run: hdel, min: 2, max: arguments.Unlimited},
	"HLEN":         {run: hlen, min: 1, max: 1},
	"HEXISTS":      {run: hexists, min: 2, max: 2},
	"HSTRLEN":      {run: hstrLen, min: 2, max: 2},
	"HINCRBY":      {run: hincrBy, min: 3, max: 3},
	"HINCRBYFLOAT": {run: hincrByFloat, min: 3, max: 3},
	"HRANDFIELD":   {run: hrandField, min: 1, max: 3},
	"HSCAN":        {run: scans(true, scanFields), min: 2, max: arguments.Unlimited},
}

// A hash has its values in a table whose fields may expire. No value is written to again.
type hash struct {
	fields expiring.Table[[]byte]
	bytes  int64
}

const (
	// fieldOverhead is the memory of a field beside its bytes and the bytes of its value:
	// its places in the table, and the rounding of allocations.
	fieldOverhead = 120
	// fieldTTLOverhead is the memory of a TTL.
	fieldTTLOverhead = 44
)

func (h *hash) kind() driver.Kind { return driver.KindHash }
func (h *hash) empty() bool       { return h.fields.Len() == 0 }

func (h *hash) size() int64 {
	return h.bytes + int64(h.fields.Len())*fieldOverhead + int64(h.fields.Expiring())*fieldTTLOverhead
}

// set gives a field a value, and reports whether the field is new. The field keeps its TTL.
func (h *hash) set(field string, value []byte) (created bool) {
	old, ok := h.fields.Get(field)
	if ok {
		h.bytes += int64(len(value) - len(old))
	} else {
		h.bytes += int64(len(field) + len(value))
	}
	h.fields.Set(field, value)
	return !ok
}

// added returns the growth of the hash by set. h may be nil.
func (h *hash) added(field string, size int) int64 {
	if h != nil {
		if old, ok := h.fields.Get(field); ok {
			return int64(size - len(old))
		}
	}
	return fieldOverhead + int64(len(field)+size)
}

// remove removes a field, and reports whether the field existed.
func (h *hash) remove(field string) bool {
	value, ok := h.fields.Delete(field)
	if ok {
		h.bytes -= int64(len(field) + len(value))
	}
	return ok
}

// lapse implements lapsing.
func (h *hash) lapse(now int64) {
	h.fields.Expire(now, func(field string, value []byte) { h.bytes -= int64(len(field) + len(value)) })
}

// hset takes key, field, value…. As in Redis, an overwritten field loses its TTL.
func hset(c *call) (driver.Reply, error) {
	if c.Count()%2 == 0 {
		return driver.Reply{}, c.Fail("wrong number of arguments")
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	if err := c.fieldsFit(e, h, 1, driver.NoExpiry); err != nil {
		return driver.Reply{}, err
	}
	if e == nil {
		h = new(hash)
	}
	var created int64
	for i := 1; i < c.Count(); i += 2 {
		field := c.Text(i)
		if h.set(field, c.value(i+1)) {
			created++
		} else {
			h.fields.SetDeadline(field, never)
		}
	}
	c.store(c.Key(0), e, h)
	return driver.IntReply(created), nil
}

// fieldsFit returns an error if there is no room for the fields and values from argument i
// on, with a TTL. A repeated field counts twice.
func (c *call) fieldsFit(e *entry, h *hash, i int, ttl time.Duration) error {
	var overhead int64
	if !driver.Expired(ttl) && ttl != driver.NoExpiry && ttl != driver.KeepTTL {
		overhead = fieldTTLOverhead
	}
	var added int64
	for ; i < c.Count(); i += 2 {
		added += h.added(c.Text(i), c.Size(i+1)) + overhead
	}
	return c.fitsMore(c.Key(0), e, added)
}

func hsetNX(c *call) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	if e != nil {
		if _, ok := h.fields.Get(c.Text(1)); ok {
			return driver.IntReply(0), nil
		}
	}
	if err := c.setField(e, h, c.Text(1), c.value(2)); err != nil {
		return driver.Reply{}, err
	}
	return driver.IntReply(1), nil
}

// setField sets a field, which keeps its TTL, if there is room. Without an entry setField
// makes a hash.
func (c *call) setField(e *entry, h *hash, field string, value []byte) error {
	if err := c.fitsMore(c.Key(0), e, h.added(field, len(value))); err != nil {
		return err
	}
	if e == nil {
		h = new(hash)
	}
	h.set(field, value)
	c.store(c.Key(0), e, h)
	return nil
}

func hget(c *call) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if e == nil {
		return driver.Reply{}, err
	}
	return h.value(c.Text(1)), nil
}

// value returns the value of a field, or nil. h may be nil.
func (h *hash) value(field string) driver.Reply {
	if h != nil {
		if value, ok := h.fields.Get(field); ok {
			return driver.DataReply(value)
		}
	}
	return driver.Reply{}
}

func hmget(c *call) (driver.Reply, error) {
	_, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	items := make([]driver.Reply, 0, c.Count()-1)
	for i := 1; i < c.Count(); i++ {
		items = append(items, h.value(c.Text(i)))
	}
	return driver.ArrayReply(items...), nil
}

func hgetAll(c *call) (driver.Reply, error) { return listHash(c, true, true) }
func hkeys(c *call) (driver.Reply, error)   { return listHash(c, true, false) }
func hvals(c *call) (driver.Reply, error)   { return listHash(c, false, true) }

// listHash returns the fields of a hash, their values, or both in turn.
func listHash(c *call, fields, values bool) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if err != nil || e == nil {
		return driver.ArrayReply(), err
	}
	n := h.fields.Len()
	if fields && values {
		n *= 2
	}
	items := make([]driver.Reply, 0, n)
	for field, value := range h.fields.All() {
		if fields {
			items = append(items, textReply(field))
		}
		if values {
			items = append(items, driver.DataReply(value))
		}
	}
	return driver.ArrayReply(items...), nil
}

func hdel(c *call) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	var removed int64
	for i := 1; i < c.Count(); i++ {
		if h.remove(c.Text(i)) {
			removed++
		}
	}
	c.changedIf(removed > 0, e)
	return driver.IntReply(removed), nil
}

func hlen(c *call) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	return driver.IntReply(int64(h.fields.Len())), nil
}

func hexists(c *call) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	_, ok := h.fields.Get(c.Text(1))
	return boolReply(ok), nil
}

func hstrLen(c *call) (driver.Reply, error) {
	e, h, err := c.findHash(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	value, _ := h.fields.Get(c.Text(1))
	return driver.IntReply(int64(len(value))), nil
}

// hincrBy takes key, field, delta. The field keeps its TTL.
func hincrBy(c *call) (driver.Reply, error) {
	delta, err := c.Int(2)
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	var n int64
	if value := h.value(c.Text(1)); !value.IsNil() {
		var ok bool
		if n, ok = arguments.ParseInt(value.Data); !ok {
			return driver.Reply{}, driver.ErrWrongType
		}
	}
	sum, err := arguments.Add(n, delta)
	if err != nil {
		return driver.Reply{}, err
	}
	return driver.IntReply(sum), c.setField(e, h, c.Text(1), formatInt(sum))
}

// hincrByFloat takes key, field, delta. The field keeps its TTL.
func hincrByFloat(c *call) (driver.Reply, error) {
	delta, err := c.LongDouble(2)
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	f := new(big.Float)
	if value := h.value(c.Text(1)); !value.IsNil() {
		var ok bool
		if f, ok = arguments.ParseLongDouble(value.Data); !ok {
			return driver.Reply{}, driver.ErrWrongType
		}
	}
	sum, err := arguments.AddLongDoubles(f, delta)
	if err != nil {
		return driver.Reply{}, err
	}
	return driver.DataReply(sum), c.setField(e, h, c.Text(1), sum)
}

// hrandField takes key [count [WITHVALUES]].
func hrandField(c *call) (driver.Reply, error) {
	count, err := c.RandomCount(true)
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	switch {
	case err != nil:
		return driver.Reply{}, err
	case e == nil && count.Given:
		return driver.ArrayReply(), nil
	case e == nil:
		return driver.Reply{}, nil
	}
	positions := picks(h.fields.Len(), count.N)
	items := make([]driver.Reply, 0, 2*len(positions))
	for _, position := range positions {
		field, value := h.fields.At(position)
		items = append(items, textReply(field))
		if count.Values {
			items = append(items, driver.DataReply(value))
		}
	}
	if !count.Given {
		return items[0], nil
	}
	return driver.ArrayReply(items...), nil
}

func scanFields(h *hash, cursor uint64, count int, found func(string, ...driver.Reply)) uint64 {
	return h.fields.Scan(cursor, count, func(field string, value []byte) { found(field, driver.DataReply(value)) })
}

// findHash is find for keys that must hold a hash if they exist.
func (t *transaction) findHash(key string) (*entry, *hash, error) {
	return findObject[*hash](t, key)
}
