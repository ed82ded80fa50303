package memory

import (
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// What the commands for those who coordinate have in common. They keep what they know in a
// hash, as the scripts of the servers do.

// kept is for how much longer than the longest lease a key is kept: what it knows of the past
// orders what comes next.
const kept = time.Hour

// longestLease bounds leases as the scripts do: more than three years.
const longestLease = 100_000_000_000 * time.Millisecond

// micros is the time of the call in microseconds since 1970, on a clock that never goes back.
func (t *transaction) micros() int64 { return t.db.start.UnixMicro() + t.now/1000 }

// lease returns argument i as a lease.
func (c *call) lease(i int) (time.Duration, error) {
	ms, err := c.Int(i)
	if err == nil && (ms <= 0 || ms >= longestLease.Milliseconds()) {
		err = c.Fail("a lease must be a positive number of milliseconds")
	}
	return time.Duration(ms) * time.Millisecond, err
}

// number returns a field as a number, and 0 for none; the hash may be nil.
func (h *hash) number(field string) int64 {
	n, _ := arguments.ParseInt(h.value(field).Data)
	return n
}

// A record is a field of a hash with its number or text.
type record struct {
	field string
	value []byte
}

func number(field string, n int64) record { return record{field, strconv.AppendInt(nil, n, 10)} }

// keep writes fields of the hash of the first key, which is nil for a new one, and gives the key
// a TTL.
func (c *call) keep(e *entry, h *hash, ttl time.Duration, records ...record) error {
	return c.keepAt(c.Key(0), e, h, ttl, records...)
}

// keepAt is keep for another key.
func (c *call) keepAt(key string, e *entry, h *hash, ttl time.Duration, records ...record) error {
	var added int64
	for _, r := range records {
		added += h.added(r.field, len(r.value))
	}
	if err := c.fitsMore(key, e, added); err != nil {
		return err
	}
	if e == nil {
		h = new(hash)
	}
	for _, r := range records {
		h.set(r.field, r.value)
	}
	c.store(key, e, h)
	c.setTTL(key, ttl)
	return nil
}

// wakeWaiting publishes on a channel, to wake processes that wait for a lock or a permit.
func (c *call) wakeWaiting(channel string) {
	c.db.broker.publish(publication{driver.Channels, channel, []byte{}})
}

// millisecondsUntil rounds up.
func millisecondsUntil(micros, now int64) int64 { return (micros - now + 999) / 1000 }
