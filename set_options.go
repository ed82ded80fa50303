package xcache

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// NoExpiry is the TTL of a key that never expires, in TTL(NoExpiry), in WithTTL, and in
// results.
const NoExpiry = driver.NoExpiry

// A SetOption sets the expiry of the key of a write, or names the tags of the value. Without
// an expiry, the default TTL of the cache applies. A call takes at most one expiry.
type SetOption struct {
	kind    setOptionKind
	ttl     time.Duration
	at      time.Time
	tags    []string
	tagging *tagging
}

type setOptionKind uint8

const (
	optionTTL setOptionKind = iota + 1
	optionExpireAt
	optionKeepTTL
	optionTags
	optionTagging // the tags of a load, with their generations
)

// TTL makes the key expire after d, or never with NoExpiry. A value with d <= 0 has expired
// already: nothing is stored, and an existing key is deleted. d is rounded up to the
// resolution of the driver, a millisecond.
func TTL(d time.Duration) SetOption { return SetOption{kind: optionTTL, ttl: d} }

// ExpireAt makes the key expire at t. ExpireAt is TTL(time.Until(t)) at the start of the
// operation.
func ExpireAt(t time.Time) SetOption { return SetOption{kind: optionExpireAt, at: t} }

// KeepTTL replaces the value, and keeps the expiry. A key that did not exist gets no
// expiry, as with Redis' SET … KEEPTTL. Add and IncrInit refuse KeepTTL, because a new key
// has no expiry to keep.
func KeepTTL() SetOption { return SetOption{kind: optionKeepTTL} }

// ttlOf returns the TTL of the options of a conditional write, before jitter.
func (s *settings) ttlOf(cond driver.Cond, opts []SetOption) (time.Duration, error) {
	var o *SetOption
	for i := range opts {
		switch {
		case opts[i].kind == optionTags || opts[i].kind == optionTagging:
		case o != nil:
			return 0, errors.New("xcache: more than one of TTL, ExpireAt and KeepTTL")
		default:
			o = &opts[i]
		}
	}
	if o == nil {
		return s.ttl, nil
	}
	switch o.kind {
	case optionTTL:
		return realTTL(o.ttl), nil
	case optionExpireAt:
		return realTTL(time.Until(o.at)), nil
	case optionKeepTTL:
		if s.stale.buffer() > 0 {
			return 0, errors.New("xcache: KeepTTL would keep the age of a value that may be stale, as StaleFor and StaleOnError ask for; give the new value a TTL")
		}
		if cond == driver.IfAbsent {
			return 0, errors.New("xcache: KeepTTL makes no sense here: only a key that does not exist gets a TTL")
		}
		return driver.KeepTTL, nil
	}
	return 0, errors.New("xcache: an empty SetOption; use TTL, ExpireAt, KeepTTL or Tags")
}

// onlyTTLOf is ttlOf for an operation that gives no tags to a value.
func (s *settings) onlyTTLOf(cond driver.Cond, opts []SetOption) (time.Duration, error) {
	for i := range opts {
		if opts[i].kind == optionTags {
			return 0, errors.New("xcache: IncrInit and Touch take no Tags: a number that the server counts has no tags, and Touch leaves those of a value as they are")
		}
	}
	return s.ttlOf(cond, opts)
}

// realTTL returns a caller's duration. A duration that equals driver.KeepTTL becomes
// another expired one.
func realTTL(d time.Duration) time.Duration {
	if d == driver.KeepTTL {
		return -1
	}
	return d
}

// jittered shortens a TTL by a random part of the configured fraction. A longer TTL would
// keep values for longer than the caller asked.
func (s *settings) jittered(ttl time.Duration) time.Duration {
	if s.jitter == 0 || ttl <= 0 || ttl == NoExpiry {
		return ttl
	}
	return max(1, ttl-time.Duration(rand.Float64()*s.jitter*float64(ttl)))
}
