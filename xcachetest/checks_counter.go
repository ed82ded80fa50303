package xcachetest

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/xcache-go/xcache/driver"
)

func counterChecks() []check {
	checks := []check{
		{
			name: "counter/adds",
			rule: "Incr adds a positive, a negative or no delta to the decimal number of a key, returns the sum, and stores it as decimal text",
			run: func(s *subject) error {
				key := s.key("k")
				errs := []error{s.set(key, "41", long)}
				for _, step := range []struct{ delta, want int64 }{{1, 42}, {-50, -8}, {0, -8}, {8, 0}, {1 << 40, 1 << 40}} {
					errs = append(errs, s.wantIncr(key, step.delta, step.want), s.wantValue(key, strconv.FormatInt(step.want, 10)))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "counter/missing",
			rule: "Incr of an absent key is ErrNotFound, whatever the delta, and creates nothing",
			run: func(s *subject) error {
				key := s.key("k")
				var errs []error
				for _, delta := range []int64{1, -1, 0} {
					errs = append(errs, s.wantIncrErr(key, delta, driver.ErrNotFound), s.wantMiss(key))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "counter/keeps-ttl",
			rule:  "Incr leaves the TTL of the key as it is",
			needs: needs(expirer),
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "1", long), s.wantIncr(a, 1, 2), s.wantTTL(a, long),
					s.set(b, "1", driver.NoExpiry), s.wantIncr(b, 1, 2), s.wantTTL(b, driver.NoExpiry))
			},
		},
		{
			name: "counter/not-an-integer",
			rule: "Incr of a value that is no decimal integer of 64 bits is ErrWrongType, and the value stays",
			run: func(s *subject) error {
				var errs []error
				for i, value := range []string{"", "text", "1.5", "1e3", " 1", "1 ", "0x10", "1\n", "--1", "1_000", "NaN", "99999999999999999999"} {
					key := s.key(strconv.Itoa(i))
					errs = append(errs, s.set(key, value, long))
					_, err := s.caps.Counter.Incr(noDeadline, key, 1)
					_, initErr := s.caps.Counter.IncrInit(noDeadline, key, 1, 0, medium)
					errs = append(errs,
						s.wantErr(err, driver.ErrWrongType, "Incr of %q", value),
						s.wantErr(initErr, driver.ErrWrongType, "IncrInit of %q", value),
						s.wantValue(key, value), s.wantTTL(key, long))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "counter/wrong-type",
			rule:  "Incr of a key that holds no string is ErrWrongType, and the key stays",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				key := s.key("k")
				err := s.push(key, "1", "2")
				_, initErr := s.caps.Counter.IncrInit(noDeadline, key, 1, 0, long)
				return errors.Join(err, s.wantIncrErr(key, 1, driver.ErrWrongType), s.wantErr(initErr, driver.ErrWrongType, "IncrInit"), s.wantList(key, "1", "2"))
			},
		},
		{
			name: "counter/overflow",
			rule: "a sum beyond 64 bits is ErrOverflow, in both directions, and the value stays; the largest and the smallest number are reached",
			run: func(s *subject) error {
				top, bottom := strconv.FormatInt(math.MaxInt64, 10), strconv.FormatInt(math.MinInt64, 10)
				a, b := s.key("a"), s.key("b")
				return errors.Join(
					s.set(a, strconv.FormatInt(math.MaxInt64-1, 10), long), s.wantIncr(a, 1, math.MaxInt64),
					s.wantIncrErr(a, 1, driver.ErrOverflow), s.wantIncrErr(a, math.MaxInt64, driver.ErrOverflow), s.wantValue(a, top), s.wantTTL(a, long),
					s.set(b, strconv.FormatInt(math.MinInt64+1, 10), long), s.wantIncr(b, -1, math.MinInt64),
					s.wantIncrErr(b, -1, driver.ErrOverflow), s.wantIncrErr(b, math.MinInt64, driver.ErrOverflow), s.wantValue(b, bottom))
			},
		},
		{
			name: "counter/extreme-deltas",
			rule: "the largest and the smallest 64-bit numbers are deltas like others",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(
					s.set(key, "-1", long), s.wantIncr(key, math.MaxInt64, math.MaxInt64-1), s.wantIncr(key, -math.MaxInt64, -1),
					s.set(key, "0", long), s.wantIncr(key, math.MinInt64, math.MinInt64),
					s.set(key, strconv.FormatInt(math.MaxInt64, 10), long), s.wantIncr(key, math.MinInt64, -1))
			},
		},
		{
			name: "counter/atomic",
			rule: "no increment among rivals is lost, and each returns a sum of its own",
			run: func(s *subject) error {
				key := s.key("k")
				const each = 50
				err := s.set(key, "0", long)
				seen := make([]int64, rivals*each)
				err = errors.Join(err, together(rivals, func(i int) error {
					for j := range each {
						n, err := s.caps.Counter.Incr(noDeadline, key, 1)
						if err != nil {
							return err
						}
						seen[i*each+j] = n
					}
					return nil
				}))
				return errors.Join(err, s.wantValue(key, strconv.Itoa(rivals*each)), allDifferent(seen))
			},
		},
		{
			name:  "counter/never-revives-an-expiring-key",
			rule:  "Incr of a key that is about to expire finds it or not; it never leaves a counter without TTL behind",
			needs: needs(expirer),
			run: func(s *subject) error {
				keys := s.keysNamed("k", 5)
				ttl := 5 * s.resolution()
				err := together(30, func(i int) error {
					key := keys[i%len(keys)]
					for range 60 {
						if i < len(keys) {
							if err := s.write(driver.Entry{Key: key, Value: []byte("1"), TTL: ttl, Cond: driver.IfAbsent}); err != nil && !errors.Is(err, driver.ErrNotStored) {
								return err
							}
						}
						if _, err := s.caps.Counter.Incr(noDeadline, key, 1); err != nil && !errors.Is(err, driver.ErrNotFound) {
							return err
						}
						if s.h.InProcess {
							time.Sleep(s.resolution())
						}
					}
					return nil
				})
				errs := []error{err}
				for _, key := range keys {
					ttl, err := s.ttl(key)
					errs = append(errs, that(errors.Is(err, driver.ErrNotFound) || err == nil && ttl != driver.NoExpiry, "the TTL of %s is %s, %v", s.show(key), ttlText(ttl), err))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "counter/init-creates",
			rule: "IncrInit of an absent key stores and returns init+delta, with the TTL that is given",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(
					s.wantIncrInit(a, 5, 10, long, 15), s.wantValue(a, "15"), s.wantTTL(a, long),
					s.wantIncrInit(b, -5, 0, driver.NoExpiry, -5), s.wantValue(b, "-5"), s.wantTTL(b, driver.NoExpiry))
			},
		},
		{
			name: "counter/init-of-existing",
			rule: "IncrInit of a key that exists adds delta and leaves the TTL as it is, whatever init and TTL are given",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(
					s.set(a, "1", long), s.wantIncrInit(a, 2, 100, medium, 3), s.wantTTL(a, long),
					s.wantIncrInit(a, 2, 100, driver.NoExpiry, 5), s.wantTTL(a, long),
					s.set(b, "1", driver.NoExpiry), s.wantIncrInit(b, 2, 100, medium, 3), s.wantTTL(b, driver.NoExpiry), s.wantValue(b, "3"))
			},
		},
		{
			name: "counter/init-expired",
			rule: "IncrInit of an absent key with a TTL <= 0 returns init+delta and stores nothing",
			run: func(s *subject) error {
				var errs []error
				for _, ttl := range []time.Duration{0, -1, -time.Hour} {
					key := s.key("k" + ttl.String())
					errs = append(errs, s.wantIncrInit(key, 2, 40, ttl, 42), s.wantGone(key))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "counter/init-expires",
			rule: "a counter that IncrInit created expires when its TTL is over, increments or not",
			run: func(s *subject) error {
				key, start, ttl := s.key("k"), time.Now(), s.soon()
				return errors.Join(s.wantIncrInit(key, 1, 0, ttl, 1), s.wantExpiry(start, ttl, s.missed(key)),
					s.wantIncrInit(key, 1, 0, long, 1))
			},
		},
		{
			name: "counter/init-below-resolution-rounds-up",
			rule: "IncrInit rounds a positive TTL below the store's resolution up: the counter is neither dropped at once nor kept for ever",
			run: func(s *subject) error {
				key, start := s.key("k"), time.Now()
				err := s.wantIncrInit(key, 1, 0, 1, 1)
				if s.h.InProcess {
					err = errors.Join(err, whileThere(start, 1, s.wantValue(key, "1")))
				}
				return errors.Join(err, s.wantExpiry(start, 1, s.missed(key)))
			},
		},
		{
			name: "counter/init-overflow",
			rule: "IncrInit whose init+delta is beyond 64 bits is ErrOverflow and creates nothing",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				_, errA := s.caps.Counter.IncrInit(noDeadline, a, 1, math.MaxInt64, long)
				_, errB := s.caps.Counter.IncrInit(noDeadline, b, -1, math.MinInt64, long)
				return errors.Join(s.wantErr(errA, driver.ErrOverflow, "IncrInit(1, init MaxInt64)"), s.wantErr(errB, driver.ErrOverflow, "IncrInit(-1, init MinInt64)"),
					s.wantMiss(a, b), s.wantIncrInit(a, 0, math.MaxInt64, long, math.MaxInt64), s.wantIncrInit(b, 0, math.MinInt64, long, math.MinInt64))
			},
		},
		{
			name: "counter/init-atomic",
			rule: "of rivals that IncrInit an absent key exactly one starts it, and no increment is lost",
			run: func(s *subject) error {
				var errs []error
				for _, key := range s.keysNamed("k", 10) {
					seen := make([]int64, rivals)
					errs = append(errs, together(rivals, func(i int) error {
						n, err := s.caps.Counter.IncrInit(noDeadline, key, 1, 100, long)
						seen[i] = n
						return err
					}), s.wantValue(key, strconv.Itoa(100+rivals)), s.wantTTL(key, long), allDifferent(seen))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "counter/init-no-window-without-ttl",
			rule:  "IncrInit sets number and TTL in one step: nobody ever sees the counter without a TTL",
			needs: needs(expirer),
			run: func(s *subject) error {
				return s.wantNoWindow(func(key string) error {
					_, err := s.caps.Counter.IncrInit(noDeadline, key, 1, 0, long)
					return err
				})
			},
		},
	}
	return withNeeds(checks, counter)
}

func (s *subject) wantIncr(key string, delta, want int64) error {
	got, err := s.caps.Counter.Incr(noDeadline, key, delta)
	if err != nil || got != want {
		return fmt.Errorf("Incr(%s, %d) = %d, %w, want %d", s.show(key), delta, got, orNone(err), want)
	}
	return nil
}

func (s *subject) wantIncrErr(key string, delta int64, want error) error {
	_, err := s.caps.Counter.Incr(noDeadline, key, delta)
	return s.wantErr(err, want, "Incr(%s, %d)", s.show(key), delta)
}

func (s *subject) wantIncrInit(key string, delta, init int64, ttl time.Duration, want int64) error {
	got, err := s.caps.Counter.IncrInit(noDeadline, key, delta, init, ttl)
	if err != nil || got != want {
		return fmt.Errorf("IncrInit(%s, %d, init %d, TTL %s) = %d, %w, want %d", s.show(key), delta, init, ttlText(ttl), got, orNone(err), want)
	}
	return nil
}

func allDifferent(numbers []int64) error {
	seen := make(map[int64]bool, len(numbers))
	for _, n := range numbers {
		if seen[n] {
			return fmt.Errorf("two callers were given %d", n)
		}
		seen[n] = true
	}
	return nil
}
