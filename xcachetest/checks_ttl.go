package xcachetest

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// ttlChecks has section 2 of the contract.
func ttlChecks() []check {
	checks := append(ttlMatrix(), expiredKeyChecks()...)
	return append(checks, []check{
		{
			name: "ttl/expires-on-time",
			rule: "a key is there until its TTL is over, and gone soon after",
			run: func(s *subject) error {
				key, start, ttl := s.key("k"), time.Now(), s.soon()
				return errors.Join(s.set(key, "v", ttl), s.wantExpiry(start, ttl, s.missed(key)))
			},
		},
		{
			name: "ttl/each-key-of-a-batch-expires-on-its-own",
			rule: "entries of one batch have TTLs of their own",
			run: func(s *subject) error {
				keys, start, ttl := s.keysNamed("k", 4), time.Now(), s.soon()
				err := s.wantOutcomes([]driver.Entry{
					{Key: keys[0], Value: []byte("0"), TTL: long}, {Key: keys[1], Value: []byte("1"), TTL: ttl},
					{Key: keys[2], Value: []byte("2"), TTL: driver.NoExpiry}, {Key: keys[3], Value: []byte("3"), TTL: 2 * ttl},
				}, make([]error, 4))
				one, two := storedSince(start, ttl), storedSince(start, 2*ttl)
				return errors.Join(err,
					s.wantTTL(keys[0], long), s.wantTTL(keys[2], driver.NoExpiry),
					s.wantEnd(one, s.missed(keys[1])), s.wantEnd(two, s.missed(keys[3])),
					s.wantValue(keys[0], "0"), s.wantValue(keys[2], "2"))
			},
		},
		{
			name: "ttl/overwriting-starts-anew",
			rule: "overwriting a key replaces its TTL, whether the new one is longer, shorter or none",
			run: func(s *subject) error {
				a, b, c, ttl := s.key("a"), s.key("b"), s.key("c"), s.soon()
				err := errors.Join(
					s.set(a, "1", ttl), s.set(a, "2", long), s.wantTTL(a, long),
					s.set(b, "1", ttl), s.set(b, "2", driver.NoExpiry), s.wantTTL(b, driver.NoExpiry),
					s.set(c, "1", long))
				start := time.Now()
				return errors.Join(err, s.set(c, "2", ttl), s.wantExpiry(start, ttl, s.missed(c)),
					s.wantValue(a, "2"), s.wantValue(b, "2"))
			},
		},
		{
			name: "ttl/kept-ttl-still-ends",
			rule: "a key that was overwritten with KeepTTL expires when it would have",
			run: func(s *subject) error {
				var key string
				l, err := s.withinTTL(func(ttl time.Duration) error {
					key = s.key("k" + ttl.String())
					return errors.Join(s.set(key, "1", ttl),
						s.wantErr(s.write(driver.Entry{Key: key, Value: []byte("2"), TTL: driver.KeepTTL}), nil, "Set with KeepTTL"))
				})
				if err != nil {
					return err
				}
				return s.wantEnd(l, s.missed(key))
			},
		},
		{
			name: "ttl/positive-below-resolution-rounds-up",
			rule: "a positive TTL below the store's resolution is rounded up: the value is stored, for at most the resolution, and neither dropped nor kept for ever",
			run: func(s *subject) error {
				var errs []error
				for _, ttl := range []time.Duration{1, time.Microsecond, 999 * time.Microsecond, s.resolution() - 1} {
					errs = append(errs, s.wantStoredFor(ttl))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "ttl/fraction-of-a-step-rounds-up",
			rule: "a TTL that is no multiple of the store's resolution is rounded up, so that the key does not expire early",
			run: func(s *subject) error {
				key, start := s.key("k"), time.Now()
				ttl := s.soon() + s.resolution()/2 + 1
				return errors.Join(s.set(key, "v", ttl), s.wantExpiry(start, ttl, s.missed(key)))
			},
		},
		{
			name: "ttl/whole-seconds-and-parts-of-them",
			rule: "a TTL with parts of a second is not cut to whole ones",
			run: func(s *subject) error {
				if s.resolution() >= time.Second {
					return inapplicable("the store's TTLResolution is a second or more")
				}
				key, start := s.key("k"), time.Now()
				ttl := 1100 * time.Millisecond
				return errors.Join(s.set(key, "v", ttl), s.wantExpiry(start, ttl, s.missed(key)))
			},
		},
		longTTL("ttl/thirty-days-and-a-second", "30 days and a second, more than memcached takes as a duration,", 30*24*time.Hour+time.Second),
		longTTL("ttl/sixty-years", "60 years, which as seconds look like a date,", 60*365*24*time.Hour),
		longTTL("ttl/two-hundred-and-fifty-years", "250 years, which with today's date exceeds 64 bits of nanoseconds,", 250*365*24*time.Hour),
		longTTL("ttl/longest", "the longest duration below NoExpiry", driver.NoExpiry-1),
		{
			name: "ttl/shortest-negative",
			rule: "every TTL <= 0 but KeepTTL has expired, down to the one next to KeepTTL",
			run: func(s *subject) error {
				var errs []error
				for _, ttl := range []time.Duration{driver.KeepTTL + 1, driver.KeepTTL + time.Millisecond, -time.Hour, -time.Second, -2, -1} {
					key := s.key("k" + ttl.String())
					errs = append(errs, s.set(key, "old", long), s.set(key, "new", ttl), s.wantMiss(key))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "ttl/no-window-without-ttl",
			rule:  "a value and its TTL are set in one step: nobody ever sees the key without a TTL",
			needs: needs(expirer),
			run: func(s *subject) error {
				return s.wantNoWindow(func(key string) error { return s.write(driver.Entry{Key: key, Value: []byte("v"), TTL: long}) })
			},
		},
		{
			name:  "ttl/no-window-with-condition",
			rule:  "a value that is stored if absent gets its TTL in the same step",
			needs: needs(expirer),
			run: func(s *subject) error {
				return s.wantNoWindow(func(key string) error {
					return s.write(driver.Entry{Key: key, Value: []byte("v"), TTL: long, Cond: driver.IfAbsent})
				})
			},
		},
		{
			name: "ttl/expired-write-has-no-window",
			rule: "a write whose TTL has expired deletes in one step: nobody sees its value",
			run: func(s *subject) error {
				key := s.key("k")
				var done atomic.Bool
				return together(2, func(i int) error {
					if i == 0 {
						defer done.Store(true)
						for range 200 {
							if err := s.write(driver.Entry{Key: key, Value: []byte("expired"), TTL: -1}); err != nil {
								return err
							}
						}
						return nil
					}
					for !done.Load() {
						if got, err := s.get(key); !errors.Is(err, driver.ErrNotFound) {
							return fmt.Errorf("Get during writes with an expired TTL = %s, %w, want a miss", quote(got), orNone(err))
						}
					}
					return nil
				})
			},
		},
	}...)
}

// ttlMatrix returns a check for each condition and kind of TTL, over every state of a key.
func ttlMatrix() []check {
	conds := []struct {
		name, rule string
		cond       driver.Cond
	}{
		{"set", "a write without condition", driver.Always},
		{"set-if-absent", "a write with IfAbsent", driver.IfAbsent},
		{"set-if-present", "a write with IfPresent", driver.IfPresent},
	}
	ttls := []struct {
		name, rule string
		ttl        time.Duration
	}{
		{"positive", "a positive TTL stores the value with that TTL", long},
		{"no-expiry", "NoExpiry stores the value without a TTL, also over one that had it", driver.NoExpiry},
		{"keep", "KeepTTL replaces the value and keeps the expiry; an absent key gets none", driver.KeepTTL},
		{"zero", "a TTL of 0 counts as done, stores nothing and deletes what is there", 0},
		{"negative", "a negative TTL counts as done, stores nothing and deletes what is there", -time.Second},
	}
	var checks []check
	for _, cond := range conds {
		for _, ttl := range ttls {
			rule := cond.rule + " and " + ttl.rule
			if cond.cond != driver.Always {
				rule += "; where the condition does not hold it is ErrNotStored, and nothing changes"
			}
			checks = append(checks, check{
				name: "ttl/" + cond.name + "-" + ttl.name,
				rule: rule,
				run:  func(s *subject) error { return s.wantMatrix(cond.cond, ttl.ttl) },
			})
		}
	}
	return checks
}

// wantMatrix overwrites a missing key, a persistent key, a key with a TTL, and a list.
func (s *subject) wantMatrix(cond driver.Cond, ttl time.Duration) error {
	var errs []error
	for _, state := range []struct {
		name   string
		exists bool
		old    time.Duration // the TTL that KeepTTL keeps
	}{
		{"absent", false, driver.NoExpiry},
		{"persistent", true, driver.NoExpiry},
		{"with a TTL", true, medium},
		{"a list", true, driver.NoExpiry},
	} {
		isList := state.name == "a list"
		if isList && s.missing(needs("RPUSH", "LRANGE")) != "" {
			continue
		}
		key := s.key(state.name)
		var err error
		switch {
		case isList:
			err = s.push(key, "old")
		case state.exists:
			err = s.set(key, "old", state.old)
		}
		unchanged := func() error {
			switch {
			case !state.exists:
				return s.wantMiss(key)
			case isList:
				return s.wantList(key, "old")
			}
			return errors.Join(s.wantValue(key, "old"), s.wantTTL(key, state.old))
		}
		holds := cond == driver.Always || state.exists == (cond == driver.IfPresent)
		switch {
		case !holds:
			err = errors.Join(err, s.wantSet(cond, key, "new", ttl, driver.ErrNotStored), unchanged())
		case driver.Expired(ttl):
			err = errors.Join(err, s.wantSet(cond, key, "new", ttl, nil), s.wantGone(key))
		default:
			want := ttl
			if ttl == driver.KeepTTL {
				want = state.old
			}
			err = errors.Join(err, s.wantSet(cond, key, "new", ttl, nil), s.wantValue(key, "new"), s.wantTTL(key, want))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("the key was %s: %w", state.name, err))
		}
	}
	return errors.Join(errs...)
}

// wantGone wants the key to be missing, for every type.
func (s *subject) wantGone(key string) error {
	return errors.Join(s.wantMiss(key), s.wantDeleted(0, key))
}

// wantStoredFor wants a value with a TTL below the resolution to be stored, for a moment.
func (s *subject) wantStoredFor(ttl time.Duration) error {
	key, start, err := s.seenWith(ttl)
	if err != nil {
		return err
	}
	if err := s.wantExpiry(start, ttl, s.missed(key)); err != nil {
		return fmt.Errorf("a TTL of %v: %w", ttl, err)
	}
	return nil
}

// lasting returns the shortest time for which a value with a TTL is stored. The store's
// resolution may be longer than the TTL.
func (s *subject) lasting(ttl time.Duration) time.Duration {
	return max(ttl, cmp.Or(s.caps.Limits.TTLResolution, time.Millisecond))
}

// seenWith stores a key with a TTL below the resolution, which a read right after must see.
// The result is the key and the start of the write.
func (s *subject) seenWith(ttl time.Duration) (key string, start time.Time, err error) {
	// A real server may expire the key before the read. But that cannot happen each time,
	// unless write and read take longer than the lifetime of the key.
	const tries, enough = 100, 10
	quick := 0
	for try := range tries {
		key, start = s.key(fmt.Sprintf("k%s-%d", ttl, try)), time.Now()
		if err := s.set(key, "v", ttl); err != nil {
			return key, start, err
		}
		if _, err := s.get(key); err == nil {
			return key, start, nil
		}
		if time.Since(start) < s.lasting(ttl) {
			if quick++; s.h.InProcess {
				break
			}
		}
		if quick == 0 && try == tries/enough {
			break
		}
	}
	if quick >= enough || quick > 0 && s.h.InProcess {
		return key, start, fmt.Errorf("a value with a TTL of %v is never seen", ttl)
	}
	// A write in the same call may see the key when no other call is fast enough.
	for try := range tries {
		key, start = s.key(fmt.Sprintf("both%s-%d", ttl, try)), time.Now()
		entries := []driver.Entry{{Key: key, Value: []byte("v"), TTL: ttl}, {Key: key, Value: []byte("w"), TTL: driver.KeepTTL, Cond: driver.IfPresent}}
		err := cmpErr(s.store.Set(noDeadline, entries), entries[0].Err)
		if err != nil || entries[1].Err == nil {
			return key, start, err
		}
		if s.late() {
			break
		}
	}
	if ttl >= s.lasting(0) {
		return key, start, nil // the store keeps such a TTL exactly, and calls take longer
	}
	return key, start, inapplicable("calls take longer than the %v of the store's TTLResolution", s.resolution())
}

func longTTL(name, text string, ttl time.Duration) check {
	return check{
		name: name,
		rule: "a TTL of " + text + " is a TTL: the key is stored and does not expire early",
		run: func(s *subject) error {
			set, added := s.key("set"), s.key("added")
			errs := []error{
				s.set(set, "v", ttl), s.wantValue(set, "v"),
				s.wantSet(driver.IfAbsent, added, "v", ttl, nil), s.wantValue(added, "v"),
			}
			if s.caps.Expirer != nil {
				for _, key := range []string{set, added} {
					// A store may cut a time beyond its calendar, but must not wrap around.
					got, err := s.ttl(key)
					errs = append(errs, err, that(got >= min(ttl-tolerance, 100*365*24*time.Hour), "TTL(%s) = %s, want %s", s.show(key), ttlText(got), ttl))
				}
			}
			return errors.Join(errs...)
		},
	}
}

// wantNoWindow reads a key that is written and deleted repeatedly.
func (s *subject) wantNoWindow(write func(key string) error) error {
	key := s.key("k")
	const enough = 300
	var writes atomic.Int64
	var done atomic.Bool
	return together(2, func(i int) error {
		if i == 0 {
			defer writes.Store(enough) // also after a failed write
			for ; !done.Load(); writes.Add(1) {
				if err := write(key); err != nil {
					return err
				}
				if _, err := s.store.Delete(noDeadline, []string{key}); err != nil {
					return err
				}
			}
			return nil
		}
		defer done.Store(true)
		for looks := 0; (looks < enough || writes.Load() < enough) && !s.late(); looks++ {
			runtime.Gosched() // otherwise one of the two may have the processor for long
			ttl, err := s.ttl(key)
			if err == nil && ttl == driver.NoExpiry {
				return errors.New("the key was seen without a TTL")
			}
			if err != nil && !errors.Is(err, driver.ErrNotFound) {
				return err
			}
		}
		return nil
	})
}

// expiredKeyChecks returns a check for each operation: an expired key must look missing,
// also before the store has removed the key.
func expiredKeyChecks() []check {
	row := func(operation string, needed []string, run func(s *subject, key string) error) check {
		return check{
			name:  "ttl/expired-is-absent-to-" + operation,
			rule:  "a key whose TTL is over is absent to " + operation + ", also when nothing has looked at it since",
			needs: needed,
			run: func(s *subject) error {
				key := s.key("{t}expired")
				return errors.Join(s.setExpired("41", key), run(s, key))
			},
		}
	}
	return []check{
		row("get", nil, func(s *subject, key string) error { return s.wantMiss(key) }),
		row("delete", nil, func(s *subject, key string) error { return s.wantDeleted(0, key) }),
		row("set-if-absent", nil, func(s *subject, key string) error {
			return errors.Join(s.wantSet(driver.IfAbsent, key, "new", long, nil), s.wantValue(key, "new"), s.wantTTL(key, long))
		}),
		row("set-if-present", nil, func(s *subject, key string) error {
			return errors.Join(s.wantSet(driver.IfPresent, key, "new", long, driver.ErrNotStored), s.wantMiss(key))
		}),
		row("keep-ttl", nil, func(s *subject, key string) error {
			return errors.Join(s.wantErr(s.write(driver.Entry{Key: key, Value: []byte("new"), TTL: driver.KeepTTL}), nil, "Set with KeepTTL"),
				s.wantValue(key, "new"), s.wantTTL(key, driver.NoExpiry))
		}),
		row("ttl", needs(expirer), func(s *subject, key string) error {
			_, err := s.ttl(key)
			dst := make([]driver.Value, 1)
			callErr := s.caps.Expirer.GetTTL(noDeadline, []string{key}, dst)
			return errors.Join(s.wantErr(err, driver.ErrNotFound, "TTL"), s.wantErr(cmpErr(callErr, dst[0].Err), driver.ErrNotFound, "GetTTL"))
		}),
		row("expire", needs(expirer), func(s *subject, key string) error {
			return errors.Join(s.wantExpire(key, long, driver.ErrNotFound), s.wantMiss(key),
				s.wantExpire(key, driver.NoExpiry, driver.ErrNotFound), s.wantMiss(key))
		}),
		row("incr", needs(counter), func(s *subject, key string) error {
			_, err := s.caps.Counter.Incr(noDeadline, key, 1)
			return errors.Join(s.wantErr(err, driver.ErrNotFound, "Incr"), s.wantMiss(key))
		}),
		row("incr-init", needs(counter), func(s *subject, key string) error {
			n, err := s.caps.Counter.IncrInit(noDeadline, key, 1, 10, long)
			return errors.Join(err, expect(n, 11, "IncrInit(1, init 10)"), s.wantTTL(key, long))
		}),
		row("swap", needs(swapper), func(s *subject, key string) error {
			var old driver.Value
			err := s.caps.Swapper.Swap(noDeadline, &driver.Entry{Key: key, Value: []byte("new"), TTL: long}, &old)
			return errors.Join(err, s.wantErr(old.Err, driver.ErrNotFound, "the old value"), s.wantValue(key, "new"))
		}),
		row("compare-and-swap", needs(swapper), func(s *subject, key string) error {
			ok, err := s.caps.Swapper.CompareAndSwap(noDeadline, &driver.Entry{Key: key, Value: []byte("new"), TTL: long}, []byte("41"))
			return errors.Join(err, expect(ok, false, "CompareAndSwap"), s.wantMiss(key))
		}),
		row("compare-and-delete", needs(swapper), func(s *subject, key string) error {
			ok, err := s.caps.Swapper.CompareAndDelete(noDeadline, key, []byte("41"))
			return errors.Join(err, expect(ok, false, "CompareAndDelete"))
		}),
		row("rename", needs(mover), func(s *subject, key string) error {
			to := s.key("{t}to")
			err := s.caps.Mover.Rename(noDeadline, key, to)
			_, errNX := s.caps.Mover.RenameNX(noDeadline, key, to)
			return errors.Join(s.wantErr(err, driver.ErrNotFound, "Rename"), s.wantErr(errNX, driver.ErrNotFound, "RenameNX"), s.wantMiss(to))
		}),
		row("rename-nx-onto-it", needs(mover), func(s *subject, key string) error {
			from := s.key("{t}from")
			err := s.set(from, "v", long)
			ok, errNX := s.caps.Mover.RenameNX(noDeadline, from, key)
			return errors.Join(err, errNX, expect(ok, true, "RenameNX onto an expired key"), s.wantValue(key, "v"), s.wantTTL(key, long))
		}),
		row("scan", needs(scanner), func(s *subject, key string) error {
			return s.wantScan(s.prefix + "*expired")
		}),
		row("commands", needs("EXISTS", "TYPE", "STRLEN", "PTTL"), func(s *subject, key string) error {
			k := driver.Key(key)
			return errors.Join(
				s.wantReply(driver.IntReply(0), "EXISTS", k), s.wantReply(driver.DataReply([]byte("none")), "TYPE", k),
				s.wantReply(driver.IntReply(0), "STRLEN", k), s.wantReply(driver.IntReply(-2), "PTTL", k))
		}),
		row("push", needs("RPUSH", "LRANGE"), func(s *subject, key string) error {
			return errors.Join(s.push(key, "a"), s.wantList(key, "a"), s.wantTTL(key, driver.NoExpiry))
		}),
	}
}
