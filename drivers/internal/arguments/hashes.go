package arguments

import (
	"math"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Fields reads FIELDS numfields and the following groups of arguments, up to the end of
// the command. A group is a field, or a field and its value. first is the index of the
// first group.
func (l List) Fields(i, group int) (first int, err error) {
	if i+1 >= l.Count() || !l.Is(i, "FIELDS") {
		return 0, l.Fail("argument %d must be FIELDS, with a number and fields behind it", i+1)
	}
	n, err := l.Int(i + 1)
	if err != nil {
		return 0, err
	}
	first = i + 2
	if rest := l.Count() - first; n < 1 || rest%group != 0 || n != int64(rest/group) {
		return 0, l.Fail("the number of fields must be greater than 0 and that of the arguments behind it")
	}
	return first, nil
}

// A FieldExpiry holds the arguments of HEXPIRE and similar commands.
type FieldExpiry struct {
	// TTL is not positive for a time in the past.
	TTL  time.Duration
	When ExpireOptions
	// First is the index of the first field.
	First int
}

// FieldExpiry reads key, time [NX | XX | GT | LT], FIELDS numfields field…. The time is a
// number of units. An absolute time counts from 1970.
func (l List) FieldExpiry(unit time.Duration, absolute bool) (e FieldExpiry, err error) {
	if e.TTL, err = l.timeToLive(1, unit, absolute); err != nil {
		return e, err
	}
	i := 2
	switch {
	case l.Is(i, "NX"):
		e.When.NX = true
	case l.Is(i, "XX"):
		e.When.XX = true
	case l.Is(i, "GT"):
		e.When.GT = true
	case l.Is(i, "LT"):
		e.When.LT = true
	default:
		i--
	}
	e.First, err = l.Fields(i+1, 1)
	return e, err
}

// A FieldWrite holds the options of HGETEX and HSETEX.
type FieldWrite struct {
	// Cond tells whether HSETEX needs all fields, or none of them, to exist.
	Cond driver.Cond
	// TTL may be NoExpiry or KeepTTL. TTL is not positive for a time in the past.
	TTL time.Duration
	// First is the index of the first field.
	First int
}

// FieldGet reads key [EX seconds | PX milliseconds | EXAT second | PXAT millisecond |
// PERSIST] FIELDS numfields field….
func (l List) FieldGet() (w FieldWrite, err error) {
	w.TTL = driver.KeepTTL
	i := 1
	switch ttl, ok, err := l.fieldTTL(i); {
	case err != nil:
		return w, err
	case ok:
		w.TTL = ttl
		i += 2
	case l.Is(i, "PERSIST"):
		w.TTL = driver.NoExpiry
		i++
	}
	w.First, err = l.Fields(i, 1)
	return w, err
}

// FieldSet reads key [FNX | FXX] [EX seconds | PX milliseconds | EXAT second | PXAT
// millisecond | KEEPTTL] FIELDS numfields field value….
func (l List) FieldSet() (w FieldWrite, err error) {
	w.TTL = driver.NoExpiry
	i := 1
	for ; i < l.Count() && !l.Is(i, "FIELDS"); i++ {
		switch {
		case l.Is(i, "FNX") && w.Cond == driver.Always:
			w.Cond = driver.IfAbsent
		case l.Is(i, "FXX") && w.Cond == driver.Always:
			w.Cond = driver.IfPresent
		case w.TTL != driver.NoExpiry:
			return w, l.SyntaxError()
		case l.Is(i, "KEEPTTL"):
			w.TTL = driver.KeepTTL
		default:
			ttl, ok, err := l.fieldTTL(i)
			if err != nil {
				return w, err
			}
			if !ok {
				return w, l.SyntaxError()
			}
			w.TTL = ttl
			i++
		}
	}
	w.First, err = l.Fields(i, 2)
	return w, err
}

// fieldTTL reads the option at i and its number, if the option sets a TTL.
func (l List) fieldTTL(i int) (ttl time.Duration, ok bool, err error) {
	unit, absolute := time.Millisecond, false
	switch {
	case l.Is(i, "EX"):
		unit = time.Second
	case l.Is(i, "PX"):
	case l.Is(i, "EXAT"):
		unit, absolute = time.Second, true
	case l.Is(i, "PXAT"):
		absolute = true
	default:
		return 0, false, nil
	}
	if i+1 == l.Count() {
		return 0, false, l.SyntaxError()
	}
	ttl, err = l.timeToLive(i+1, unit, absolute)
	return ttl, true, err
}

// timeToLive reads argument i as a non-negative number of units. An absolute time counts
// from 1970.
func (l List) timeToLive(i int, unit time.Duration, absolute bool) (time.Duration, error) {
	n, err := l.Int(i)
	if err != nil {
		return 0, err
	}
	if n < 0 || n > math.MaxInt64/unit.Milliseconds() {
		return 0, l.Fail("invalid expire time")
	}
	n *= unit.Milliseconds()
	if absolute {
		return min(time.Until(time.UnixMilli(n)), Milliseconds(math.MaxInt64)), nil
	}
	return Milliseconds(n), nil
}

// A RandomCount holds the arguments of HRANDFIELD and SRANDMEMBER.
type RandomCount struct {
	// Given tells that the command has a count, and that the reply is an array.
	Given bool
	// N is the limit of different elements. A negative N is a number of elements that may
	// repeat. N is 1 without a count.
	N int64
	// Values tells that the reply has the values of the fields, too.
	Values bool
}

// maxRandom is the limit of elements that may repeat: each element takes memory, however
// small the hash or set is.
const maxRandom = 1 << 20

// RandomCount reads key [count] and, if the command has the option, [WITHVALUES].
func (l List) RandomCount(withValues bool) (c RandomCount, err error) {
	c.N = 1
	if l.Count() == 1 {
		return c, nil
	}
	c.Given = true
	if c.N, err = l.Int(1); err != nil {
		return c, err
	}
	if c.N < -maxRandom {
		return c, l.Fail("the count must not be less than %d", -maxRandom)
	}
	if l.Count() > 2 {
		if !withValues || !l.Is(2, "WITHVALUES") {
			return c, l.SyntaxError()
		}
		c.Values = true
	}
	return c, nil
}
