package xcachetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// ttl returns what the store says about one key.
func (s *subject) ttl(key string) (time.Duration, error) {
	dst := make([]driver.Value, 1)
	err := s.caps.Expirer.TTL(noDeadline, []string{key}, dst)
	return dst[0].TTL, cmpErr(err, dst[0].Err)
}

// wantTTL compares the TTL of a key that was written a moment ago. A store
// that cannot tell TTLs passes.
func (s *subject) wantTTL(key string, want time.Duration) error {
	if s.caps.Expirer == nil {
		return nil
	}
	got, err := s.ttl(key)
	if err != nil {
		return fmt.Errorf("TTL(%s) = %w, want %s", s.show(key), err, ttlText(want))
	}
	return s.sameTTL("TTL("+s.show(key)+")", got, want)
}

// sameTTL compares what is left of a TTL with what it was set to.
func (s *subject) sameTTL(what string, got, want time.Duration) error {
	slack := tolerance
	if s.h.InProcess {
		slack = 0
	}
	if want == driver.NoExpiry {
		if got != want {
			return fmt.Errorf("%s = %s, want NoExpiry", what, ttlText(got))
		}
		return nil
	}
	if got < want-slack || got-want > s.resolution() || got == driver.NoExpiry {
		return fmt.Errorf("%s = %s, want %s", what, ttlText(got), ttlText(want))
	}
	return nil
}

func (s *subject) expire(key string, ttl time.Duration) error {
	entries := []driver.Entry{{Key: key, TTL: ttl}}
	err := s.caps.Expirer.Expire(noDeadline, entries)
	return cmpErr(err, entries[0].Err)
}

func (s *subject) wantExpire(key string, ttl time.Duration, want error) error {
	return s.wantErr(s.expire(key, ttl), want, "Expire(%s, %s)", s.show(key), ttlText(ttl))
}

func (s *subject) resolution() time.Duration {
	return max(s.caps.Limits.TTLResolution, time.Millisecond)
}

// soon is a TTL that a check can wait for.
func (s *subject) soon() time.Duration {
	if s.h.InProcess {
		return 10 * max(time.Second, s.resolution())
	}
	return max(40*time.Millisecond, 2*s.resolution())
}

// wantExpiry waits until gone reports true, and wants it neither before ttl
// has passed since start nor much later. start is when the write began.
func (s *subject) wantExpiry(start time.Time, ttl time.Duration, gone func() (bool, error)) error {
	latest := ttl + s.resolution() + s.h.Grace
	if s.h.InProcess {
		return s.wantExpiryAt(start, ttl, latest, gone)
	}
	// The clocks of client and server tick in milliseconds.
	earliest := ttl - 2*time.Millisecond
	for {
		before := time.Since(start)
		ok, err := gone()
		switch after := time.Since(start); {
		case err != nil:
			return err
		case ok && after < earliest:
			return fmt.Errorf("gone %v after it was written with a TTL of %v", after, ttl)
		case ok:
			return nil
		case before > latest:
			return fmt.Errorf("still there %v after it was written with a TTL of %v", before, ttl)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// wantExpiryAt looks twice: a nanosecond before the time has come, and after.
func (s *subject) wantExpiryAt(start time.Time, ttl, latest time.Duration, gone func() (bool, error)) error {
	time.Sleep(ttl - time.Nanosecond - time.Since(start))
	if ok, err := gone(); err != nil || ok {
		return errors.Join(err, fmt.Errorf("gone before its TTL of %v is over", ttl))
	}
	time.Sleep(latest - time.Since(start))
	if ok, err := gone(); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("still there %v after it was written with a TTL of %v", latest, ttl))
	}
	return nil
}

// missed is wantExpiry's question about a key that holds a string.
func (s *subject) missed(key string) func() (bool, error) {
	return func() (bool, error) {
		_, err := s.get(key)
		if errors.Is(err, driver.ErrNotFound) {
			return true, nil
		}
		return false, err
	}
}

// setExpired leaves keys whose TTL is over, and that nobody has looked at
// since.
func (s *subject) setExpired(value string, keys ...string) error {
	witness := s.key("witness of expiry")
	var entries []driver.Entry
	for _, key := range keys {
		entries = append(entries, driver.Entry{Key: key, Value: []byte(value), TTL: s.soon()})
	}
	if err := errors.Join(s.store.Set(noDeadline, entries), entryErrs(entries)); err != nil {
		return err
	}
	// After them, as it may be on another server.
	if err := s.set(witness, value, s.soon()); err != nil {
		return err
	}
	if s.h.InProcess {
		time.Sleep(s.soon() + s.resolution() + s.h.Grace)
		return nil
	}
	return s.eventually(func() error { return s.wantMiss(witness) })
}
