package memory

import (
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

var fieldTTLCommands = map[string]command{
	"HEXPIRE":    {run: expiresFields(time.Second, false), min: 5, max: arguments.Unlimited},
	"HPEXPIRE":   {run: expiresFields(time.Millisecond, false), min: 5, max: arguments.Unlimited},
	"HEXPIREAT":  {run: expiresFields(time.Second, true), min: 5, max: arguments.Unlimited},
	"HPEXPIREAT": {run: expiresFields(time.Millisecond, true), min: 5, max: arguments.Unlimited},
	"HTTL":       {run: tellsFieldTTLs(time.Second), min: 4, max: arguments.Unlimited},
	"HPTTL":      {run: tellsFieldTTLs(time.Millisecond), min: 4, max: arguments.Unlimited},
	"HPERSIST":   {run: hpersist, min: 4, max: arguments.Unlimited},
	"HGETEX":     {run: hgetEx, min: 4, max: arguments.Unlimited},
	"HGETDEL":    {run: hgetDel, min: 4, max: arguments.Unlimited},
	"HSETEX":     {run: hsetEx, min: 5, max: arguments.Unlimited},
}

// These numbers are the results of the commands for TTLs of fields.
const (
	noSuchField  = -2
	noFieldTTL   = -1
	conditionNot = 0
	fieldTTLSet  = 1
	fieldDeleted = 2
)

// eachField returns a list with a number for each field from argument first on. h is nil
// for a missing key.
func (c *call) eachField(h *hash, first int, answer func(h *hash, field string) int64) driver.Reply {
	items := make([]driver.Reply, 0, c.Count()-first)
	for i := first; i < c.Count(); i++ {
		n := int64(noSuchField)
		if field := c.Text(i); h != nil {
			if _, ok := h.fields.Get(field); ok {
				n = answer(h, field)
			}
		}
		items = append(items, driver.IntReply(n))
	}
	return driver.ArrayReply(items...)
}

// expiresFields takes key, time [NX | XX | GT | LT] FIELDS numfields field….
func expiresFields(unit time.Duration, absolute bool) func(*call) (driver.Reply, error) {
	return func(c *call) (driver.Reply, error) {
		expiry, err := c.FieldExpiry(unit, absolute)
		if err != nil {
			return driver.Reply{}, err
		}
		e, h, err := c.findHash(c.Key(0))
		if err != nil {
			return driver.Reply{}, err
		}
		if err := c.ttlsFit(e, h, expiry.First, expiry.TTL); err != nil {
			return driver.Reply{}, err
		}
		changed := false
		reply := c.eachField(h, expiry.First, func(h *hash, field string) int64 {
			answer := c.expireField(h, field, expiry)
			changed = changed || answer != conditionNot
			return answer
		})
		c.changedIf(changed, e)
		return reply, nil
	}
}

func (c *call) expireField(h *hash, field string, expiry arguments.FieldExpiry) int64 {
	old, deadline := h.fields.Deadline(field), c.now
	if expiry.TTL > 0 {
		deadline = c.deadline(expiry.TTL)
	}
	switch when := expiry.When; {
	case when.NX && old != never,
		when.XX && old == never,
		when.GT && deadline-old < sameTime,
		when.LT && old-deadline < sameTime:
		return conditionNot
	case expiry.TTL <= 0:
		h.remove(field)
		return fieldDeleted
	}
	h.fields.SetDeadline(field, deadline)
	return fieldTTLSet
}

// tellsFieldTTLs takes key, FIELDS numfields field….
func tellsFieldTTLs(unit time.Duration) func(*call) (driver.Reply, error) {
	return func(c *call) (driver.Reply, error) {
		_, h, first, err := c.fieldsOf(1)
		if err != nil {
			return driver.Reply{}, err
		}
		return c.eachField(h, first, func(h *hash, field string) int64 {
			deadline := h.fields.Deadline(field)
			if deadline == never {
				return noFieldTTL
			}
			left := time.Duration(deadline - c.now)
			return int64((left-1)/unit) + 1 // rounded up
		}), nil
	}
}

// hpersist takes key, FIELDS numfields field….
func hpersist(c *call) (driver.Reply, error) {
	e, h, first, err := c.fieldsOf(1)
	if err != nil {
		return driver.Reply{}, err
	}
	changed := false
	reply := c.eachField(h, first, func(h *hash, field string) int64 {
		if h.fields.Deadline(field) == never {
			return noFieldTTL
		}
		h.fields.SetDeadline(field, never)
		changed = true
		return fieldTTLSet
	})
	c.changedIf(changed, e)
	return reply, nil
}

// hgetEx takes key [EX seconds | PX milliseconds | EXAT second | PXAT millisecond | PERSIST]
// FIELDS numfields field….
func hgetEx(c *call) (driver.Reply, error) {
	options, err := c.FieldGet()
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	if err := c.ttlsFit(e, h, options.First, options.TTL); err != nil {
		return driver.Reply{}, err
	}
	items := make([]driver.Reply, 0, c.Count()-options.First)
	changed := false
	for i := options.First; i < c.Count(); i++ {
		value := h.value(c.Text(i))
		items = append(items, value)
		if !value.IsNil() && c.setFieldTTL(h, c.Text(i), options.TTL) {
			changed = true
		}
	}
	c.changedIf(changed, e)
	return driver.ArrayReply(items...), nil
}

// ttlsFit returns an error if there is no room for TTLs of the existing fields from
// argument first on.
func (c *call) ttlsFit(e *entry, h *hash, first int, ttl time.Duration) error {
	if e == nil || driver.Expired(ttl) || ttl == driver.NoExpiry || ttl == driver.KeepTTL {
		return nil
	}
	var added int64
	for i := first; i < c.Count(); i++ {
		if _, ok := h.fields.Get(c.Text(i)); ok && h.fields.Deadline(c.Text(i)) == never {
			added += fieldTTLOverhead
		}
	}
	if added == 0 {
		return nil
	}
	return c.fitsMore(c.Key(0), e, added)
}

// setFieldTTL gives an existing field a TTL, and reports whether the TTL has changed.
func (c *call) setFieldTTL(h *hash, field string, ttl time.Duration) bool {
	switch {
	case ttl == driver.KeepTTL, ttl == driver.NoExpiry && h.fields.Deadline(field) == never:
		return false
	case driver.Expired(ttl):
		h.remove(field)
	default:
		h.fields.SetDeadline(field, c.deadline(ttl))
	}
	return true
}

// hgetDel takes key, FIELDS numfields field….
func hgetDel(c *call) (driver.Reply, error) {
	e, h, first, err := c.fieldsOf(1)
	if err != nil {
		return driver.Reply{}, err
	}
	items := make([]driver.Reply, 0, c.Count()-first)
	changed := false
	for i := first; i < c.Count(); i++ {
		items = append(items, h.value(c.Text(i)))
		if h != nil && h.remove(c.Text(i)) {
			changed = true
		}
	}
	c.changedIf(changed, e)
	return driver.ArrayReply(items...), nil
}

// hsetEx takes key [FNX | FXX] [EX seconds | PX milliseconds | EXAT second | PXAT
// millisecond | KEEPTTL] FIELDS numfields field value…. hsetEx sets all of the fields, or
// none.
func hsetEx(c *call) (driver.Reply, error) {
	options, err := c.FieldSet()
	if err != nil {
		return driver.Reply{}, err
	}
	e, h, err := c.findHash(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	for i := options.First; options.Cond != driver.Always && i < c.Count(); i += 2 {
		if value := h.value(c.Text(i)); value.IsNil() == (options.Cond == driver.IfPresent) {
			return driver.IntReply(0), nil
		}
	}
	if err := c.fieldsFit(e, h, options.First, options.TTL); err != nil {
		return driver.Reply{}, err
	}
	if e == nil {
		h = new(hash)
	}
	for i := options.First; i < c.Count(); i += 2 {
		h.set(c.Text(i), c.value(i+1))
		c.setFieldTTL(h, c.Text(i), options.TTL)
	}
	if e == nil && h.empty() { // the fields have expired at once: no key, and a change on Redis
		c.db.shardOf(c.db.hash(c.Key(0))).tell(c.Key(0))
	} else {
		c.store(c.Key(0), e, h)
	}
	return driver.IntReply(1), nil
}

// fieldsOf reads the fields from argument i on, and finds their hash.
func (c *call) fieldsOf(i int) (e *entry, h *hash, first int, err error) {
	if first, err = c.Fields(i, 1); err != nil {
		return nil, nil, 0, err
	}
	e, h, err = c.findHash(c.Key(0))
	return e, h, first, err
}
