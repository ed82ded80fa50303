package arguments

import (
	"errors"
	"math"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// SetOptions are the options of SET.
type SetOptions struct {
	// Cond is the condition of NX or XX.
	Cond driver.Cond
	// TTL is NoExpiry unless an option sets it.
	TTL time.Duration
	// Get tells that the reply is the old value.
	Get bool
}

// SetOptions reads key, value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT
// second | PXAT millisecond | KEEPTTL].
func (l List) SetOptions() (SetOptions, error) {
	o := SetOptions{TTL: driver.NoExpiry}
	for i := 2; i < l.Count(); i++ {
		switch {
		case l.Is(i, "NX") && o.Cond != driver.IfPresent:
			o.Cond = driver.IfAbsent
		case l.Is(i, "XX") && o.Cond != driver.IfAbsent:
			o.Cond = driver.IfPresent
		case l.Is(i, "GET"):
			o.Get = true
		case o.TTL != driver.NoExpiry:
			return o, l.SyntaxError()
		case l.Is(i, "KEEPTTL"):
			o.TTL = driver.KeepTTL
		case i+1 < l.Count():
			var err error
			if o.TTL, err = l.expiry(i); err != nil {
				return o, err
			}
			i++
		default:
			return o, l.SyntaxError()
		}
	}
	return o, nil
}

// CheckGetEx checks key [EX seconds | PX milliseconds | EXAT second | PXAT millisecond |
// PERSIST], but for the number.
func (l List) CheckGetEx() error {
	switch {
	case l.Count() == 1, l.Count() == 2 && l.Is(1, "PERSIST"):
		return nil
	case l.Count() == 3 && (l.Is(1, "EX") || l.Is(1, "PX") || l.Is(1, "EXAT") || l.Is(1, "PXAT")):
		return nil
	}
	return l.SyntaxError()
}

// GetExTTL returns the TTL of arguments that CheckGetEx has checked.
func (l List) GetExTTL() (time.Duration, error) {
	switch l.Count() {
	case 1:
		return driver.KeepTTL, nil
	case 2:
		return driver.NoExpiry, nil
	}
	return l.expiry(1)
}

// expiry returns the TTL of the option at i and its number.
func (l List) expiry(i int) (time.Duration, error) {
	unit, absolute := int64(1), false
	switch {
	case l.Is(i, "EX"):
		unit = 1000
	case l.Is(i, "PX"):
	case l.Is(i, "EXAT"):
		unit, absolute = 1000, true
	case l.Is(i, "PXAT"):
		absolute = true
	default:
		return 0, l.SyntaxError()
	}
	n, err := l.Int(i + 1)
	if err != nil {
		return 0, err
	}
	if n <= 0 || n > math.MaxInt64/unit {
		return 0, l.Fail("invalid expire time")
	}
	n *= unit
	if absolute {
		n -= time.Now().UnixMilli()
	}
	return Milliseconds(n), nil
}

// ExpireOptions holds the condition under which PEXPIRE sets the TTL.
type ExpireOptions struct{ NX, XX, GT, LT bool }

// ExpireOptions reads key, milliseconds [NX | XX | GT | LT].
func (l List) ExpireOptions() (ttl time.Duration, o ExpireOptions, err error) {
	ms, err := l.Int(1)
	if err != nil {
		return 0, o, err
	}
	for i := 2; i < l.Count(); i++ {
		switch {
		case l.Is(i, "NX"):
			o.NX = true
		case l.Is(i, "XX"):
			o.XX = true
		case l.Is(i, "GT"):
			o.GT = true
		case l.Is(i, "LT"):
			o.LT = true
		default:
			return 0, o, l.SyntaxError()
		}
	}
	if o.NX && (o.XX || o.GT || o.LT) || o.GT && o.LT {
		return 0, o, l.Fail("NX does not go with XX, GT or LT, nor GT with LT")
	}
	return Milliseconds(ms), o, nil
}

// A Count is the optional number of elements that a command pops.
type Count struct {
	// N is 1 unless Given is true.
	N int64
	// Given tells that the reply is an array.
	Given bool
}

// PopCount reads key [count].
func (l List) PopCount() (Count, error) {
	if l.Count() == 1 {
		return Count{N: 1}, nil
	}
	n, err := l.Int(1)
	if err == nil && n < 0 {
		err = l.Fail("the count must not be negative")
	}
	return Count{N: n, Given: true}, err
}

// Delta reads key [delta]. The default delta is 1.
func (l List) Delta() (int64, error) {
	if l.Count() == 1 {
		return 1, nil
	}
	return l.Int(1)
}

// NegativeDelta is Delta with the opposite sign, for decrements. The least integer is
// ErrOverflow, because its opposite does not exist.
func (l List) NegativeDelta() (int64, error) {
	delta, err := l.Delta()
	if err == nil && delta == math.MinInt64 {
		err = driver.ErrOverflow
	}
	return -delta, err
}

// IncrInit reads key, delta, init, ttl of XCACHE.INCRINIT.
func (l List) IncrInit() (delta, init int64, ttl time.Duration, err error) {
	if delta, err = l.Int(1); err != nil {
		return 0, 0, 0, err
	}
	if init, err = l.Int(2); err != nil {
		return 0, 0, 0, err
	}
	if ttl, err = l.TTL(3); err != nil {
		return 0, 0, 0, err
	}
	return delta, init, ttl, CheckInitTTL(ttl)
}

// CheckInitTTL returns an error for a TTL that Counter.IncrInit does not take.
func CheckInitTTL(ttl time.Duration) error {
	if ttl == driver.KeepTTL {
		return errKeepTTL
	}
	return nil
}

var errKeepTTL = errors.New("xcache: a counter that may be new has no TTL to keep; give one, or NoExpiry")

// FlushMode reads [ASYNC | SYNC] of FLUSHDB, which have no effect within the process.
func (l List) FlushMode() error {
	if l.Count() == 1 && !l.Is(0, "ASYNC") && !l.Is(0, "SYNC") {
		return l.SyntaxError()
	}
	return nil
}
