package mixins

import (
	"context"
	"time"

	"github.com/xcache-go/xcache"
)

// This file has the methods on TTLs of single fields. Servers have them since Redis 7.4 and
// Valkey 9.0, HGetEx and HSetEx since Redis 8.0 and Valkey 9.0, HGetDel since Redis 8.0 and
// Valkey 9.1. On an older server they are errors.ErrUnsupported, which names the version.

// ExpireOptions say which fields HExpire and its kin give a TTL. A field without a TTL
// counts as one that lasts for ever. What contradicts itself is xcache.ErrSyntax.
type ExpireOptions struct {
	NX bool // only fields without a TTL
	XX bool // only fields with a TTL
	GT bool // only if the field lasts longer then
	LT bool // only if the field lasts shorter then
}

// A FieldExpiry is what HExpire and its kin did with a field.
type FieldExpiry int

// What HExpire and its kin did with a field: the numbers are those of the server.
const (
	FieldMissing FieldExpiry = -2 // there is no such field
	FieldKept    FieldExpiry = 0  // the options do not hold: the field is as it was
	FieldExpires FieldExpiry = 1  // the field has the TTL
	FieldDeleted FieldExpiry = 2  // the time has passed already: the field is gone
)

// HGetExOptions say what HGetEx does with the TTLs of the fields that it reads. The zero
// value leaves them as they are.
type HGetExOptions struct {
	// TTL is what the fields get, in milliseconds, rounded up. xcache.NoExpiry takes
	// the TTLs away, 0 leaves them. The fields of a negative one are removed.
	TTL time.Duration
	// At is when the fields expire, instead of TTL.
	At time.Time
}

// HSetExOptions say which TTL HSetEx gives fields, and when it sets them. The zero value
// sets them, without a TTL.
type HSetExOptions struct {
	// TTL is what the fields get, in milliseconds, rounded up. 0 and xcache.NoExpiry
	// are none. With a negative one nothing is stored, and what there was is removed.
	TTL time.Duration
	// At is when the fields expire, instead of TTL.
	At time.Time
	// KeepTTL leaves each field the TTL that it has, instead of TTL.
	KeepTTL bool

	FNX bool // only if none of the fields is there
	FXX bool // only if all of the fields are there
}

// HExpire gives fields a TTL of ttl, in whole seconds, rounded up, and returns what became
// of each field, in their order. ttl <= 0 removes the fields. xcache.NoExpiry is
// xcache.ErrSyntax: HPersist takes TTLs away.
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

// HTTL returns the time that each of the fields has left, in seconds; xcache.NoExpiry for
// one without a TTL. Fields that do not exist are not in the map.
func (h *Hashes[V]) HTTL(ctx context.Context, key string, fields ...string) (map[string]time.Duration, error) {
	return xcache.Run(ctx, behindFields(h.op("httl", "HTTL", key), fields), readFieldTTLsInSeconds)
}

// HPTTL is HTTL in milliseconds.
func (h *Hashes[V]) HPTTL(ctx context.Context, key string, fields ...string) (map[string]time.Duration, error) {
	return xcache.Run(ctx, behindFields(h.op("hpttl", "HPTTL", key), fields), readFieldTTLsInMilliseconds)
}

// HPersist takes the TTLs of fields away, and reports for each of them, in their order,
// whether the field exists. As with Cache.Persist that is true of one that had no TTL.
func (h *Hashes[V]) HPersist(ctx context.Context, key string, fields ...string) ([]bool, error) {
	return xcache.Run(ctx, behindFields(h.op("hpersist", "HPERSIST", key), fields), readFieldsPersisted)
}

// HGetEx returns the values of those of the fields that exist, and changes their TTLs, in
// one step.
func (h *Hashes[V]) HGetEx(ctx context.Context, key string, options HGetExOptions, fields ...string) (map[string]V, error) {
	return xcache.Run(ctx, behindFields(options.on(h.op("hgetex", "HGETEX", key)), fields), readFieldsFound[V])
}

// HGetDel returns the values of those of the fields that exist, and removes them, in one
// step.
func (h *Hashes[V]) HGetDel(ctx context.Context, key string, fields ...string) (map[string]V, error) {
	return xcache.Run(ctx, behindFields(h.op("hgetdel", "HGETDEL", key), fields), readFieldsFound[V])
}

// HSetEx stores a value in each of the fields with a TTL, in one step, and reports whether
// it did: the options may be against it.
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

// longAgo is a point in time that has passed on every server.
const longAgo = 1

// expiring adds a TTL that is not 0, or a point in time that is not zero.
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

// pointInTime returns a point in time in units since 1970, rounded up.
func pointInTime(at time.Time, unit time.Duration) int64 {
	const endOfTime = 1 << 50 // in seconds, beyond what servers take
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

// behindFields adds FIELDS, how many there are, and the fields.
func behindFields(o *xcache.Op, fields []string) *xcache.Op {
	return addFields(o.Word("FIELDS").Int(int64(len(fields))), fields)
}
