package mixins

import (
	"context"
	"time"

	"github.com/xcache-go/xcache"
)

// This file has the methods on TTLs of single fields. The methods need Redis 7.4 or Valkey
// 9.0. HGetEx and HSetEx need Redis 8.0 or Valkey 9.0, and HGetDel needs Redis 8.0 or Valkey
// 9.1. On an older server a method returns errors.ErrUnsupported, and the error names the
// version.

// ExpireOptions select the fields to which HExpire, HPExpire, HExpireAt and HPExpireAt give
// a TTL. A field without a TTL counts as a field that lasts for ever. Contradicting options
// are xcache.ErrSyntax.
type ExpireOptions struct {
	NX bool // only fields without a TTL
	XX bool // only fields with a TTL
	GT bool // only if the new TTL is longer
	LT bool // only if the new TTL is shorter
}

// A FieldExpiry is the result of HExpire, HPExpire, HExpireAt or HPExpireAt for a field.
type FieldExpiry int

// These results have the numbers of the server.
const (
	FieldMissing FieldExpiry = -2 // the field does not exist
	FieldKept    FieldExpiry = 0  // the options exclude the field, which stays as before
	FieldExpires FieldExpiry = 1  // the field has the TTL
	FieldDeleted FieldExpiry = 2  // the time has passed already, and the field is removed
)

// HGetExOptions change the TTLs of the fields that HGetEx reads. The zero value leaves the
// TTLs.
type HGetExOptions struct {
	// TTL is the new TTL of the fields, in milliseconds, rounded up. xcache.NoExpiry
	// removes the TTLs, and 0 leaves them. A negative TTL removes the fields.
	TTL time.Duration
	// At is the time when the fields expire, instead of TTL.
	At time.Time
}

// HSetExOptions are the TTL and the conditions of HSetEx. The zero value stores the fields
// without a TTL.
type HSetExOptions struct {
	// TTL is the TTL of the fields, in milliseconds, rounded up. 0 and xcache.NoExpiry give
	// the fields no TTL. A negative TTL stores nothing, and removes the fields.
	TTL time.Duration
	// At is the time when the fields expire, instead of TTL.
	At time.Time
	// KeepTTL leaves each field its present TTL, instead of TTL.
	KeepTTL bool

	FNX bool // only if no field exists
	FXX bool // only if all fields exist
}

// HExpire gives fields a TTL of ttl, in whole seconds, rounded up, and returns one result
// for each field, in the order of fields. ttl <= 0 removes the fields. xcache.NoExpiry is
// xcache.ErrSyntax: HPersist removes TTLs.
func (h *Hashes[V]) HExpire(ctx context.Context, key string, ttl time.Duration, options ExpireOptions, fields ...string) ([]FieldExpiry, error) {
	return xcache.Run(ctx, h.expire("hexpire", "HEXPIRE", key, ttl, time.Second, options, fields), readFieldExpiries)
}

// HPExpire is HExpire in whole milliseconds.
func (h *Hashes[V]) HPExpire(ctx context.Context, key string, ttl time.Duration, options ExpireOptions, fields ...string) ([]FieldExpiry, error) {
	return xcache.Run(ctx, h.expire("hpexpire", "HPEXPIRE", key, ttl, time.Millisecond, options, fields), readFieldExpiries)
}

// HExpireAt makes fields expire at a point in time, in whole seconds, rounded up: see
// HExpire.
func (h *Hashes[V]) HExpireAt(ctx context.Context, key string, at time.Time, options ExpireOptions, fields ...string) ([]FieldExpiry, error) {
	return xcache.Run(ctx, options.on(h.op("hexpireat", "HEXPIREAT", key).Int(pointInTime(at, time.Second)), fields), readFieldExpiries)
}

// HPExpireAt is HExpireAt in whole milliseconds.
func (h *Hashes[V]) HPExpireAt(ctx context.Context, key string, at time.Time, options ExpireOptions, fields ...string) ([]FieldExpiry, error) {
	return xcache.Run(ctx, options.on(h.op("hpexpireat", "HPEXPIREAT", key).Int(pointInTime(at, time.Millisecond)), fields), readFieldExpiries)
}

// HTTL returns the remaining time of each field, in seconds, and xcache.NoExpiry for a
// field without a TTL. The map has no missing fields.
func (h *Hashes[V]) HTTL(ctx context.Context, key string, fields ...string) (map[string]time.Duration, error) {
	return xcache.Run(ctx, behindFields(h.op("httl", "HTTL", key), fields), readFieldTTLsInSeconds)
}

// HPTTL is HTTL in milliseconds.
func (h *Hashes[V]) HPTTL(ctx context.Context, key string, fields ...string) (map[string]time.Duration, error) {
	return xcache.Run(ctx, behindFields(h.op("hpttl", "HPTTL", key), fields), readFieldTTLsInMilliseconds)
}

// HPersist removes the TTLs of fields, and reports for each field whether the field exists,
// in the order of fields. As with Cache.Persist, the report is true for a field that had no
// TTL.
func (h *Hashes[V]) HPersist(ctx context.Context, key string, fields ...string) ([]bool, error) {
	return xcache.Run(ctx, behindFields(h.op("hpersist", "HPERSIST", key), fields), readFieldsPersisted)
}

// HGetEx returns the values of the existing fields, and changes their TTLs, in one step.
// The bytes of a value that the codec cannot read are in an *xcache.UnreadReplyError.
func (h *Hashes[V]) HGetEx(ctx context.Context, key string, options HGetExOptions, fields ...string) (map[string]V, error) {
	return xcache.Run(ctx, behindFields(options.on(h.op("hgetex", "HGETEX", key)), fields), readFieldsFound[V])
}

// HGetDel returns the values of the existing fields, and removes the fields, in one step.
// The bytes of a value that the codec cannot read are in an *xcache.UnreadReplyError.
func (h *Hashes[V]) HGetDel(ctx context.Context, key string, fields ...string) (map[string]V, error) {
	return xcache.Run(ctx, behindFields(h.op("hgetdel", "HGETDEL", key), fields), readFieldsFound[V])
}

// HSetEx stores a value in each of the fields with a TTL, in one step, and reports whether
// the values were stored: the conditions of the options may not hold.
func (h *Hashes[V]) HSetEx(ctx context.Context, key string, options HSetExOptions, values map[string]V) (bool, error) {
	return xcache.Run(ctx, h.setEx(key, options, values), readFlag)
}

func (h *Hashes[V]) expire(name, command, key string, ttl, unit time.Duration, options ExpireOptions, fields []string) *xcache.Op {
	o := h.op(name, command, key)
	if ttl == xcache.NoExpiry {
		return o.Fail(syntaxError("NoExpiry is no TTL of a field: HPersist takes TTLs away"))
	}
	return options.on(o.Int(roundedUp(max(0, ttl), unit)), fields)
}

func (h *Hashes[V]) setEx(key string, options HSetExOptions, values map[string]V) *xcache.Op {
	o := options.on(h.op("hsetex", "HSETEX", key)).Word("FIELDS").Int(int64(len(values)))
	return addFieldValues(o, values)
}

func (x ExpireOptions) on(o *xcache.Op, fields []string) *xcache.Op {
	words := 0
	for _, option := range []struct {
		given bool
		word  string
	}{{x.NX, "NX"}, {x.XX, "XX"}, {x.GT, "GT"}, {x.LT, "LT"}} {
		if option.given {
			o.Word(option.word)
			words++
		}
	}
	if words > 1 {
		o.Fail(syntaxError("NX, XX, GT and LT exclude each other: give it one at most"))
	}
	return behindFields(o, fields)
}

func (x HGetExOptions) on(o *xcache.Op) *xcache.Op {
	if x.TTL == xcache.NoExpiry {
		o.Word("PERSIST")
		if !x.At.IsZero() {
			o.Fail(errTwoExpiries)
		}
		return o
	}
	return expiring(o, x.TTL, x.At)
}

func (x HSetExOptions) on(o *xcache.Op) *xcache.Op {
	if x.FNX {
		o.Word("FNX")
	}
	if x.FXX {
		o.Word("FXX")
	}
	if x.FNX && x.FXX {
		o.Fail(syntaxError("FNX and FXX exclude each other"))
	}
	if x.TTL == xcache.NoExpiry {
		x.TTL = 0
	}
	if x.KeepTTL {
		o.Word("KEEPTTL")
		if x.TTL != 0 || !x.At.IsZero() {
			o.Fail(errTwoExpiries)
		}
	}
	return expiring(o, x.TTL, x.At)
}

var errTwoExpiries = syntaxError("a field has one TTL: give it either TTL or At or KeepTTL")

// longAgo is a time that has passed on every server.
const longAgo = 1

// expiring adds a TTL other than 0, or a time that is not zero.
func expiring(o *xcache.Op, ttl time.Duration, at time.Time) *xcache.Op {
	switch {
	case ttl != 0 && !at.IsZero():
		return o.Fail(errTwoExpiries)
	case !at.IsZero():
		return o.Word("PXAT").Int(pointInTime(at, time.Millisecond))
	case ttl < 0:
		return o.Word("PXAT").Int(longAgo)
	case ttl > 0:
		return o.Word("PX").Int(roundedUp(ttl, time.Millisecond))
	}
	return o
}

// pointInTime returns a time as a number of units since 1970, rounded up.
func pointInTime(at time.Time, unit time.Duration) int64 {
	const endOfTime = 1 << 50 // in seconds, beyond the limit of every server
	n := min(at.Unix(), endOfTime) * int64(time.Second/unit)
	return max(longAgo, n+roundedUp(time.Duration(at.Nanosecond()), unit))
}

func roundedUp(d, unit time.Duration) int64 {
	n := int64(d / unit)
	if d%unit > 0 {
		n++
	}
	return n
}

// behindFields adds FIELDS, the number of fields, and the fields.
func behindFields(o *xcache.Op, fields []string) *xcache.Op {
	return addFields(o.Word("FIELDS").Int(int64(len(fields))), fields)
}
