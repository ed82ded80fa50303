package xcachetest

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// ttl returns the TTL of one key, by the store.
func (s *subject) ttl(key string) (time.Duration, error) {
	dst := make([]driver.Value, 1)
	err := s.caps.Expirer.TTL(noDeadline, []string{key}, dst)
	return dst[0].TTL, cmpErr(err, dst[0].Err)
}

// wantTTL compares the TTL of a key that was just written. A store without TTL queries
// passes.
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

// sameTTL compares the remaining TTL with the TTL that was set.
func (s *subject) sameTTL(what string, got, want time.Duration) error {
	slack := tolerance
	if s.h.InProcess {
		slack = s.spentInCalls()
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

// soon returns a TTL that a check can wait for.
func (s *subject) soon() time.Duration {
	if s.h.InProcess {
		return 10 * max(time.Second, s.resolution())
	}
	return max(40*time.Millisecond, 2*s.resolution())
}

// A lifetime is a TTL of a key. The TTL began at some moment of the write.
type lifetime struct {
	ttl              time.Duration
	began, wasStored time.Time // the beginning and the end of the write
}

// storedSince returns the lifetime of a key whose write began at a time, and has just
// ended.
func storedSince(began time.Time, ttl time.Duration) lifetime {
	return lifetime{ttl, began, time.Now()}
}

// over reports whether the TTL may be over by now.
func (l lifetime) over() bool { return time.Since(l.began) >= l.ttl-clockSteps }

// clockSteps is the time by which a key may expire early by the client's clock, because the
// clocks of client and server tick in milliseconds.
const clockSteps = 2 * time.Millisecond

// withinTTL runs steps that want a key with a TTL to exist all the time. On a busy
// machine the steps may take longer than the TTL. Then their result is ignored, and the
// steps run again with another TTL. The TTL also distinguishes the keys of different
// runs.
func (s *subject) withinTTL(steps func(ttl time.Duration) error) (lifetime, error) {
	const tries = 7
	ttl := s.soon()
	for range tries {
		began := time.Now()
		err := steps(ttl)
		if l := storedSince(began, ttl); !l.over() {
			return l, err
		}
		ttl *= 2
	}
	return lifetime{}, inapplicable("a few calls take longer than %v", ttl/2)
}

// wantExpiry waits until gone reports true. gone must not report true before ttl has
// passed since start, nor much later. start is the beginning of a write that has
// ended.
func (s *subject) wantExpiry(start time.Time, ttl time.Duration, gone func() (bool, error)) error {
	return s.wantEnd(storedSince(start, ttl), gone)
}

// wantEnd is wantExpiry for a lifetime.
func (s *subject) wantEnd(l lifetime, gone func() (bool, error)) error {
	latest := l.ttl + s.resolution() + s.h.Grace
	if s.h.InProcess {
		return s.wantEndAt(l, latest, gone)
	}
	for {
		before := time.Since(l.wasStored)
		ok, err := gone()
		switch after := time.Since(l.began); {
		case err != nil:
			return err
		case ok && after < l.ttl-clockSteps:
			return fmt.Errorf("gone %v after it was written with a TTL of %v", after, l.ttl)
		case ok:
			return nil
		case before > latest:
			return fmt.Errorf("still there %v after it was written with a TTL of %v", before, l.ttl)
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		s.pause(2 * time.Millisecond)
	}
}

// wantEndAt calls gone twice: a nanosecond before the end, and after. A first reply
// after the end says nothing.
func (s *subject) wantEndAt(l lifetime, latest time.Duration, gone func() (bool, error)) error {
	s.sleep(l.ttl - time.Nanosecond - time.Since(l.began))
	if ok, err := gone(); err != nil || ok && time.Since(l.began) < l.ttl {
		return errors.Join(err, fmt.Errorf("gone before its TTL of %v is over", l.ttl))
	}
	s.sleep(latest - time.Since(l.wasStored))
	if ok, err := gone(); err != nil || !ok {
		return errors.Join(err, fmt.Errorf("still there %v after it was written with a TTL of %v", latest, l.ttl))
	}
	return nil
}

// whileThere returns err, the result of a check of a key whose write began at start with a
// TTL. After the end of the TTL the result is nil.
func whileThere(start time.Time, ttl time.Duration, err error) error {
	if time.Since(start) >= ttl {
		return nil
	}
	return err
}

// within runs a check with a key of its own, until a run has ended within d of its start:
// only such a run knows the value of its key. ok is false if the store is too slow for
// that.
func (s *subject) within(d time.Duration, name string, run func(key driver.Arg) error) (key driver.Arg, ok bool, err error) {
	for i := range 20 {
		key = s.slotKey(name + strconv.Itoa(i))
		began := time.Now()
		err := run(key)
		if time.Since(began) < d {
			return key, true, err
		}
	}
	return key, false, nil
}

// missed returns a function for wantExpiry that reads a key with a string.
func (s *subject) missed(key string) func() (bool, error) {
	return func() (bool, error) {
		_, err := s.get(key)
		if errors.Is(err, driver.ErrNotFound) {
			return true, nil
		}
		return false, err
	}
}

// setExpired stores keys and waits until their TTL is over. No call reads the keys
// meanwhile.
func (s *subject) setExpired(value string, keys ...string) error {
	witness := s.key("witness of expiry")
	var entries []driver.Entry
	for _, key := range keys {
		entries = append(entries, driver.Entry{Key: key, Value: []byte(value), TTL: s.soon()})
	}
	if err := errors.Join(s.store.Set(noDeadline, entries), entryErrs(entries)); err != nil {
		return err
	}
	// The witness is written last, because the servers of the keys may differ.
	if err := s.set(witness, value, s.soon()); err != nil {
		return err
	}
	if s.h.InProcess {
		s.sleep(s.soon() + s.resolution() + s.h.Grace)
		return nil
	}
	return s.eventually(func() error { return s.wantMiss(witness) })
}
