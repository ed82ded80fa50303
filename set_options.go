package xcache

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// NoExpiry is the TTL of a key that never expires: in TTL(NoExpiry), in
// WithTTL, and as the answer of a TTL query.
const NoExpiry = driver.NoExpiry

// A SetOption says how one write treats the expiry of its key. Without one the
// cache's default TTL applies. A call takes at most one.
type SetOption struct {
	kind setOptionKind
	ttl  time.Duration
	at   time.Time
}

type setOptionKind uint8

const (
	optionTTL setOptionKind = iota + 1
	optionExpireAt
	optionKeepTTL
)

// TTL makes the key expire after d. NoExpiry: never. A value with d <= 0 has
// expired already: nothing is stored, and an existing key is deleted. Below
// the driver's resolution (a millisecond) d is rounded up.
func TTL(d time.Duration) SetOption { return SetOption{kind: optionTTL, ttl: d} }

// ExpireAt makes the key expire at t. It is TTL(time.Until(t)), computed when
// the operation starts.
func ExpireAt(t time.Time) SetOption { return SetOption{kind: optionExpireAt, at: t} }

// KeepTTL replaces the value and leaves the expiry as it is. As with Redis'
// SET … KEEPTTL, a key that did not exist gets none. Add and IncrInit refuse
// it: there is no expiry that they could keep.
func KeepTTL() SetOption { return SetOption{kind: optionKeepTTL} }

// ttlOf returns the TTL that the options of a write with a condition ask for,
// before jitter.
func (s *settings) ttlOf(cond driver.Cond, opts []SetOption) (time.Duration, error) {
	if len(opts) == 0 {
		return s.ttl, nil
	}
	if len(opts) > 1 {
		return 0, errors.New("xcache: more than one of TTL, ExpireAt and KeepTTL")
	}
	switch o := opts[0]; o.kind {
	case optionTTL:
		return realTTL(o.ttl), nil
	case optionExpireAt:
		return realTTL(time.Until(o.at)), nil
	case optionKeepTTL:
		if cond == driver.IfAbsent {
			return 0, errors.New("xcache: KeepTTL makes no sense here: only a key that does not exist gets a TTL")
		}
		return driver.KeepTTL, nil
	}
	return 0, errors.New("xcache: an empty SetOption; use TTL, ExpireAt or KeepTTL")
}

// realTTL keeps a caller's duration from being taken for driver.KeepTTL.
func realTTL(d time.Duration) time.Duration {
	if d == driver.KeepTTL {
		return -1
	}
	return d
}

// jittered shortens a TTL by a random part of the configured fraction. A
// longer one would keep values for longer than the caller asked.
func (s *settings) jittered(ttl time.Duration) time.Duration {
	if s.jitter == 0 || ttl <= 0 || ttl == NoExpiry {
		return ttl
	}
	return max(1, ttl-time.Duration(rand.Float64()*s.jitter*float64(ttl)))
}
