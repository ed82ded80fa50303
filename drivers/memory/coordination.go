package memory

import (
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// These functions are shared by the commands of locks and semaphores. As in the scripts of
// the servers, their data is in a hash.

// kept is the time for which a key outlives its longest lease. The data of a key orders
// later holders.
const kept = time.Hour

// longestLease bounds leases, as in the scripts: more than three years.
const longestLease = 100_000_000_000 * time.Millisecond

// micros returns the time of the call in microseconds since 1970, on a clock that never
// goes back.
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

// A record is a field of a hash with a number or a text.
type record struct {
	field string
	value []byte
}

func number(field string, n int64) record { return record{field, strconv.AppendInt(nil, n, 10)} }

// keep writes fields of the hash of the first key, and gives the key a TTL. h is nil for a new hash.
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

// wakeWaiting publishes on a channel, and so wakes callers that wait for a lock, a permit
// or a result.
func (c *call) wakeWaiting(channel string) {
	c.db.broker.publish(publication{driver.Channels, channel, []byte{}})
}

// millisecondsUntil returns the remaining milliseconds, rounded up.
func millisecondsUntil(micros, now int64) int64 { return (micros - now + 999) / 1000 }
