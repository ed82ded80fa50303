package xcachetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

func swapperChecks() []check {
	checks := []check{
		{
			name: "swap/returns-what-was-there",
			rule: "Swap stores the new value and gives the old one",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.set(key, "1", long),
					s.wantSwap(key, "2", long, "1"), s.wantValue(key, "2"), s.wantSwap(key, "", long, "2"), s.wantSwap(key, "4", long, ""), s.wantValue(key, "4"))
			},
		},
		{
			name: "swap/absent",
			rule: "Swap of an absent key gives ErrNotFound as the old value, succeeds, and stores the new one",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.wantSwap(key, "new", long, absent), s.wantValue(key, "new"), s.wantTTL(key, long))
			},
		},
		{
			name: "swap/ttl",
			rule: "Swap sets the TTL as a write does: a new one, none, or the one the key had",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.set(key, "0", long),
					s.wantSwap(key, "1", driver.KeepTTL, "0"), s.wantTTL(key, long),
					s.wantSwap(key, "2", medium, "1"), s.wantTTL(key, medium),
					s.wantSwap(key, "3", driver.NoExpiry, "2"), s.wantTTL(key, driver.NoExpiry),
					s.wantSwap(key, "4", driver.KeepTTL, "3"), s.wantTTL(key, driver.NoExpiry), s.wantValue(key, "4"))
			},
		},
		{
			name: "swap/expired",
			rule: "Swap with a TTL <= 0 gives the old value and deletes the key; of an absent key it stores nothing",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "old", long), s.wantSwap(a, "new", -1, "old"), s.wantGone(a),
					s.wantSwap(b, "new", 0, absent), s.wantGone(b))
			},
		},
		{
			name:  "swap/wrong-type",
			rule:  "Swap of a key that holds no string is ErrWrongType, and the key stays",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				key := s.key("k")
				errs := []error{s.push(key, "a")}
				for _, ttl := range []time.Duration{long, -1} {
					var old driver.Value
					err := s.caps.Swapper.Swap(noDeadline, &driver.Entry{Key: key, Value: []byte("v"), TTL: ttl}, &old)
					errs = append(errs, s.wantErr(cmpErr(err, old.Err), driver.ErrWrongType, "Swap of a list, TTL %s", ttl), s.wantList(key, "a"))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "swap/ignores-condition",
			rule: "Swap ignores the condition of its entry",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				var oldA, oldB driver.Value
				return errors.Join(s.set(a, "old", long),
					s.caps.Swapper.Swap(noDeadline, &driver.Entry{Key: a, Value: []byte("new"), TTL: long, Cond: driver.IfAbsent}, &oldA),
					s.caps.Swapper.Swap(noDeadline, &driver.Entry{Key: b, Value: []byte("new"), TTL: long, Cond: driver.IfPresent}, &oldB),
					expect(string(oldA.Data), "old", "the old value"), s.wantErr(oldB.Err, driver.ErrNotFound, "the old value of an absent key"),
					s.wantValue(a, "new"), s.wantValue(b, "new"))
			},
		},
		{
			name: "swap/atomic",
			rule: "among rivals that swap, each value is given back to exactly one, but the last",
			run: func(s *subject) error {
				key := s.key("k")
				err := s.set(key, "0", long)
				olds := make([]int64, rivals*10+1)
				err = errors.Join(err, together(rivals, func(i int) error {
					for j := range 10 {
						n := i*10 + j
						var old driver.Value
						if err := s.caps.Swapper.Swap(noDeadline, &driver.Entry{Key: key, Value: []byte(strconv.Itoa(n + 1)), TTL: long}, &old); err != nil {
							return err
						}
						value, err := strconv.ParseInt(string(old.Data), 10, 64)
						if err = errors.Join(old.Err, err); err != nil {
							return err
						}
						olds[n] = value
					}
					return nil
				}))
				last, getErr := s.get(key)
				value, parseErr := strconv.ParseInt(last, 10, 64)
				olds[len(olds)-1] = value
				return errors.Join(err, getErr, parseErr, allDifferent(olds))
			},
		},
		{
			name: "swap/old-data-lasts",
			rule: "the old value that Swap gave stays as it is when the key is written again",
			run: func(s *subject) error {
				key := s.key("k")
				var old driver.Value
				err := errors.Join(s.set(key, "first value", long), s.caps.Swapper.Swap(noDeadline, &driver.Entry{Key: key, Value: []byte("OTHER VALUE"), TTL: long}, &old))
				for range 20 {
					err = errors.Join(err, s.set(key, "THIRD VALUE", long))
				}
				return errors.Join(err, expect(string(old.Data), "first value", "the old value, later"))
			},
		},
		{
			name: "cas/swaps",
			rule: "CompareAndSwap stores the new value if the key holds exactly the old bytes, and reports it",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.set(key, "old", long), s.wantCAS(key, "old", "new", medium, true), s.wantValue(key, "new"), s.wantTTL(key, medium),
					s.wantCAS(key, "old", "newer", long, false), s.wantValue(key, "new"), s.wantTTL(key, medium))
			},
		},
		{
			name: "cas/compares-all-bytes",
			rule: "CompareAndSwap compares whole values: no prefix, no other case, no other spelling of a number",
			run: func(s *subject) error {
				var errs []error
				for i, pair := range [][2]string{{"abc", "ab"}, {"abc", "abcd"}, {"abc", "ABC"}, {"abc", ""}, {"", "x"}, {"1", "01"}, {"1", "1.0"}, {"a\x00b", "a\x00c"}, {"a\x00b", "a"}, {"\xff", "\xfe"}} {
					key := s.key(strconv.Itoa(i))
					errs = append(errs, s.set(key, pair[0], long), s.wantCAS(key, pair[1], "new", medium, false), s.wantValue(key, pair[0]), s.wantTTL(key, long))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "cas/any-bytes",
			rule: "CompareAndSwap compares and stores any bytes: empty, binary, 64 KiB",
			run: func(s *subject) error {
				key := s.key("k")
				values := []string{"", "\x00", "\x00\xff\r\n", pattern(64 << 10), "", "end"}
				errs := []error{s.set(key, "start", long)}
				previous := "start"
				for _, value := range values {
					errs = append(errs, s.wantCAS(key, previous, value, long, true), s.wantValue(key, value))
					previous = value
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "cas/absent",
			rule: "CompareAndSwap of an absent key is false, also with an empty old value, and creates nothing",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.wantCAS(key, "old", "new", long, false), s.wantMiss(key), s.wantCAS(key, "", "new", long, false), s.wantMiss(key),
					s.wantCAS(key, "", "new", driver.KeepTTL, false), s.wantMiss(key))
			},
		},
		{
			name: "cas/ttl",
			rule: "CompareAndSwap sets the TTL as a write does: a new one, none, or the one the key had",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.set(key, "0", long),
					s.wantCAS(key, "0", "1", driver.KeepTTL, true), s.wantTTL(key, long),
					s.wantCAS(key, "1", "2", driver.NoExpiry, true), s.wantTTL(key, driver.NoExpiry),
					s.wantCAS(key, "2", "3", driver.KeepTTL, true), s.wantTTL(key, driver.NoExpiry),
					s.wantCAS(key, "3", "4", medium, true), s.wantTTL(key, medium))
			},
		},
		{
			name: "cas/expired",
			rule: "CompareAndSwap with a TTL <= 0 deletes the key if it holds the old bytes, and leaves it if not",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "old", long), s.wantCAS(a, "old", "new", -1, true), s.wantGone(a),
					s.set(b, "old", long), s.wantCAS(b, "other", "new", 0, false), s.wantValue(b, "old"), s.wantTTL(b, long))
			},
		},
		{
			name:  "cas/wrong-type",
			rule:  "CompareAndSwap and CompareAndDelete of a key that holds no string are ErrWrongType, and the key stays",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				key := s.key("k")
				err := s.push(key, "a")
				_, casErr := s.caps.Swapper.CompareAndSwap(noDeadline, &driver.Entry{Key: key, Value: []byte("new"), TTL: long}, []byte("a"))
				_, cadErr := s.caps.Swapper.CompareAndDelete(noDeadline, key, []byte("a"))
				return errors.Join(err, s.wantErr(casErr, driver.ErrWrongType, "CompareAndSwap of a list"), s.wantErr(cadErr, driver.ErrWrongType, "CompareAndDelete of a list"), s.wantList(key, "a"))
			},
		},
		{
			name: "cas/ignores-condition",
			rule: "CompareAndSwap ignores the condition of its entry",
			run: func(s *subject) error {
				key := s.key("k")
				err := s.set(key, "old", long)
				ok, casErr := s.caps.Swapper.CompareAndSwap(noDeadline, &driver.Entry{Key: key, Value: []byte("new"), TTL: long, Cond: driver.IfAbsent}, []byte("old"))
				return errors.Join(err, casErr, expect(ok, true, "CompareAndSwap with IfAbsent in its entry"), s.wantValue(key, "new"))
			},
		},
		{
			name: "cas/atomic",
			rule: "of rivals that swap the same old value, exactly one succeeds",
			run: func(s *subject) error {
				key := s.key("k")
				errs := []error{s.set(key, "0", long)}
				for round := range 20 {
					var winners atomic.Int64
					errs = append(errs, together(rivals, func(int) error {
						ok, err := s.caps.Swapper.CompareAndSwap(noDeadline, &driver.Entry{Key: key, Value: []byte(strconv.Itoa(round + 1)), TTL: long}, []byte(strconv.Itoa(round)))
						if ok {
							winners.Add(1)
						}
						return err
					}), expect(winners.Load(), 1, "callers that swapped in round %d", round))
				}
				return errors.Join(append(errs, s.wantValue(key, "20"))...)
			},
		},
		{
			name: "cad/deletes",
			rule: "CompareAndDelete deletes a key that holds exactly the old bytes, and reports it; any other key stays",
			run: func(s *subject) error {
				key := s.key("k")
				errs := []error{s.set(key, "a\x00b", long)}
				for _, other := range []string{"", "a", "a\x00", "a\x00bc", "A\x00b"} {
					errs = append(errs, s.wantCAD(key, other, false), s.wantValue(key, "a\x00b"), s.wantTTL(key, long))
				}
				return errors.Join(append(errs, s.wantCAD(key, "a\x00b", true), s.wantGone(key))...)
			},
		},
		{
			name: "cad/absent",
			rule: "CompareAndDelete of an absent key is false, also with an empty old value; an empty value is deleted by one",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.wantCAD(key, "old", false), s.wantCAD(key, "", false), s.set(key, "", long), s.wantCAD(key, "", true), s.wantGone(key))
			},
		},
		{
			name: "cad/atomic",
			rule: "of rivals that CompareAndDelete one key, exactly one succeeds",
			run: func(s *subject) error {
				var errs []error
				for _, key := range s.keysNamed("k", 20) {
					errs = append(errs, s.set(key, "v", long))
					var winners atomic.Int64
					errs = append(errs, together(rivals, func(int) error {
						ok, err := s.caps.Swapper.CompareAndDelete(noDeadline, key, []byte("v"))
						if ok {
							winners.Add(1)
						}
						return err
					}), expect(winners.Load(), 1, "callers that deleted"))
				}
				return errors.Join(errs...)
			},
		},
	}
	return withNeeds(checks, swapper)
}

func (s *subject) wantSwap(key, value string, ttl time.Duration, want string) error {
	var old driver.Value
	err := s.caps.Swapper.Swap(noDeadline, &driver.Entry{Key: key, Value: []byte(value), TTL: ttl}, &old)
	what := fmt.Sprintf("Swap(%s, %s, TTL %s)", s.show(key), quote(value), ttlText(ttl))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if want == absent {
		return s.wantErr(old.Err, driver.ErrNotFound, "%s: the old value", what)
	}
	return errors.Join(s.wantErr(old.Err, nil, "%s: the old value", what), expect(string(old.Data), want, "%s: the old value", what))
}

func (s *subject) wantCAS(key, old, value string, ttl time.Duration, want bool) error {
	ok, err := s.caps.Swapper.CompareAndSwap(noDeadline, &driver.Entry{Key: key, Value: []byte(value), TTL: ttl}, []byte(old))
	if err != nil || ok != want {
		return fmt.Errorf("CompareAndSwap(%s, %s → %s, TTL %s) = %t, %w, want %t", s.show(key), quote(old), quote(value), ttlText(ttl), ok, orNone(err), want)
	}
	return nil
}

func (s *subject) wantCAD(key, old string, want bool) error {
	ok, err := s.caps.Swapper.CompareAndDelete(noDeadline, key, []byte(old))
	if err != nil || ok != want {
		return fmt.Errorf("CompareAndDelete(%s, %s) = %t, %w, want %t", s.show(key), quote(old), ok, orNone(err), want)
	}
	return nil
}
