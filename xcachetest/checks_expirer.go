package xcachetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/xcache-go/xcache/driver"
)

func expirerChecks() []check {
	checks := []check{
		{
			name: "expirer/get-ttl",
			rule: "GetTTL gives value and TTL together; NoExpiry for a persistent key, ErrNotFound for an absent one; in order, duplicates too",
			run: func(s *subject) error {
				a, b, none := s.key("a"), s.key("b"), s.key("none")
				keys := []string{a, none, b, a}
				dst := make([]driver.Value, len(keys))
				errs := []error{s.set(a, "A", long), s.set(b, "B", driver.NoExpiry), s.caps.Expirer.GetTTL(noDeadline, keys, dst)}
				for _, i := range []int{0, 3} {
					errs = append(errs, s.wantErr(dst[i].Err, nil, "key %d", i), expect(string(dst[i].Data), "A", "value %d", i), s.sameTTL("TTL 0", dst[i].TTL, long))
				}
				return errors.Join(append(errs,
					s.wantErr(dst[1].Err, driver.ErrNotFound, "key 1"),
					s.wantErr(dst[2].Err, nil, "key 2"), expect(string(dst[2].Data), "B", "value 2"), s.sameTTL("TTL 2", dst[2].TTL, driver.NoExpiry))...)
			},
		},
		{
			name:  "expirer/get-ttl-wrong-type",
			rule:  "GetTTL of one key that holds no string is ErrWrongType; among several it may be ErrNotFound, and the others are read",
			needs: needs("RPUSH"),
			run: func(s *subject) error {
				list, text := s.key("list"), s.key("text")
				err := errors.Join(s.push(list, "x"), s.set(text, "v", long))
				one, two := make([]driver.Value, 1), make([]driver.Value, 2)
				callErr := s.caps.Expirer.GetTTL(noDeadline, []string{list}, one)
				return errors.Join(err, s.wantErr(cmpErr(callErr, one[0].Err), driver.ErrWrongType, "GetTTL of a list"),
					s.caps.Expirer.GetTTL(noDeadline, []string{list, text}, two),
					that(errors.Is(two[0].Err, driver.ErrWrongType) || errors.Is(two[0].Err, driver.ErrNotFound), "the list's error in a batch is %v", two[0].Err),
					s.wantErr(two[1].Err, nil, "the string after it"), expect(string(two[1].Data), "v", "the string after it"))
			},
		},
		{
			name: "expirer/ttl",
			rule: "TTL gives what is left, NoExpiry for a persistent key, ErrNotFound for an absent one, and no data; in order, duplicates too",
			run: func(s *subject) error {
				a, b, none := s.key("a"), s.key("b"), s.key("none")
				dst := make([]driver.Value, 4)
				errs := []error{s.set(a, "A", long), s.set(b, "B", driver.NoExpiry), s.caps.Expirer.TTL(noDeadline, []string{a, none, b, a}, dst)}
				for i := range dst {
					errs = append(errs, expect(len(dst[i].Data), 0, "the length of the data of key %d", i))
				}
				return errors.Join(append(errs,
					s.wantErr(dst[0].Err, nil, "key 0"), s.sameTTL("TTL 0", dst[0].TTL, long),
					that(isBare(dst[1].Err, driver.ErrNotFound), "the absent key's error is %#v, want driver.ErrNotFound itself", dst[1].Err),
					s.wantErr(dst[2].Err, nil, "key 2"), s.sameTTL("TTL 2", dst[2].TTL, driver.NoExpiry),
					s.wantErr(dst[3].Err, nil, "key 3"), s.sameTTL("TTL 3", dst[3].TTL, long))...)
			},
		},
		{
			name: "expirer/ttl-goes-down",
			rule: "what TTL gives shrinks as time passes, and a read does not renew it",
			run: func(s *subject) error {
				key, ttl := s.key("k"), 10*time.Hour
				err := s.set(key, "v", ttl)
				if s.h.InProcess {
					s.sleep(3 * time.Hour)
					_, getErr := s.get(key)
					return errors.Join(err, getErr, s.wantTTL(key, 7*time.Hour))
				}
				first, firstErr := s.ttl(key)
				return errors.Join(err, firstErr, s.eventually(func() error {
					_, getErr := s.get(key)
					now, err := s.ttl(key)
					return errors.Join(getErr, err, that(now < first, "TTL = %v, want less than %v a while ago", now, first))
				}))
			},
		},
		{
			name:  "expirer/any-type",
			rule:  "TTL and Expire work on keys of any type, and leave what they hold",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				key := s.key("list")
				return errors.Join(s.push(key, "a", "b"), s.wantTTL(key, driver.NoExpiry),
					s.wantExpire(key, long, nil), s.wantTTL(key, long), s.wantList(key, "a", "b"),
					s.wantExpire(key, driver.NoExpiry, nil), s.wantTTL(key, driver.NoExpiry),
					s.wantExpire(key, -1, nil), s.wantDeleted(0, key))
			},
		},
		{
			name: "expirer/expire",
			rule: "Expire replaces the TTL of a key, by a longer or a shorter one, and leaves its value",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.set(key, "v", driver.NoExpiry),
					s.wantExpire(key, long, nil), s.wantTTL(key, long),
					s.wantExpire(key, medium, nil), s.wantTTL(key, medium),
					s.wantExpire(key, 2*long, nil), s.wantTTL(key, 2*long), s.wantValue(key, "v"))
			},
		},
		{
			name: "expirer/expire-absent",
			rule: "Expire of an absent key is ErrNotFound, whatever the TTL, and creates nothing",
			run: func(s *subject) error {
				key := s.key("k")
				var errs []error
				for _, ttl := range []time.Duration{long, driver.NoExpiry, driver.KeepTTL, 0, -time.Second} {
					errs = append(errs, s.wantExpire(key, ttl, driver.ErrNotFound), s.wantMiss(key))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "expirer/expire-to-none",
			rule: "Expire with NoExpiry takes the TTL away, and succeeds on a key that has none",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.set(key, "v", long),
					s.wantExpire(key, driver.NoExpiry, nil), s.wantTTL(key, driver.NoExpiry),
					s.wantExpire(key, driver.NoExpiry, nil), s.wantTTL(key, driver.NoExpiry), s.wantValue(key, "v"))
			},
		},
		{
			name: "expirer/expire-keep",
			rule: "Expire with KeepTTL changes nothing and tells whether the key exists",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "v", long), s.wantExpire(a, driver.KeepTTL, nil), s.wantTTL(a, long),
					s.set(b, "v", driver.NoExpiry), s.wantExpire(b, driver.KeepTTL, nil), s.wantTTL(b, driver.NoExpiry), s.wantValue(b, "v"))
			},
		},
		{
			name: "expirer/expire-expired",
			rule: "Expire with a TTL <= 0 deletes the key and succeeds",
			run: func(s *subject) error {
				var errs []error
				for _, ttl := range []time.Duration{0, -1, -time.Hour, driver.KeepTTL + 1} {
					key := s.key("k" + ttl.String())
					errs = append(errs, s.set(key, "v", long), s.wantExpire(key, ttl, nil), s.wantGone(key))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "expirer/expire-takes-effect",
			rule: "a key expires by the TTL that Expire gave it, not by the one it was stored with",
			run: func(s *subject) error {
				var later string
				l, err := s.withinTTL(func(ttl time.Duration) error {
					later = s.key("later" + ttl.String())
					return errors.Join(s.set(later, "v", ttl), s.wantExpire(later, long, nil))
				})
				if err != nil {
					return err
				}
				earlier := s.key("earlier")
				err = s.set(earlier, "v", long)
				start := time.Now()
				return errors.Join(err, s.wantExpire(earlier, l.ttl, nil), s.wantExpiry(start, l.ttl, s.missed(earlier)), s.wantValue(later, "v"))
			},
		},
		{
			name: "expirer/expire-below-resolution-rounds-up",
			rule: "Expire rounds a positive TTL below the store's resolution up: the key is there for a moment more, and then gone",
			run: func(s *subject) error {
				key := s.key("k")
				err := s.set(key, "v", long)
				start := time.Now()
				err = errors.Join(err, s.wantExpire(key, 1, nil))
				if s.h.InProcess {
					err = errors.Join(err, whileThere(start, 1, s.wantValue(key, "v")))
				}
				return errors.Join(err, s.wantExpiry(start, 1, s.missed(key)))
			},
		},
		{
			name: "expirer/expire-long",
			rule: "Expire takes long TTLs for TTLs: 30 days and a second, and 60 years",
			run: func(s *subject) error {
				key := s.key("k")
				err := s.set(key, "v", medium)
				for _, ttl := range []time.Duration{30*24*time.Hour + time.Second, 60 * 365 * 24 * time.Hour} {
					err = errors.Join(err, s.wantExpire(key, ttl, nil), s.wantTTL(key, ttl), s.wantValue(key, "v"))
				}
				return err
			},
		},
		{
			name: "expirer/expire-ignores-value-and-condition",
			rule: "Expire looks at Key and TTL of an entry, and at nothing else",
			run: func(s *subject) error {
				key := s.key("k")
				entries := []driver.Entry{{Key: key, Value: []byte("other"), TTL: medium, Cond: driver.IfAbsent, Err: errors.New("stale")}}
				return errors.Join(s.set(key, "v", long), s.caps.Expirer.Expire(noDeadline, entries),
					s.wantErr(entries[0].Err, nil, "Expire"), s.wantValue(key, "v"), s.wantTTL(key, medium))
			},
		},
		{
			name: "expirer/expire-batch",
			rule: "each entry of an Expire has its own outcome, in order",
			run: func(s *subject) error {
				a, b, c, none := s.key("a"), s.key("b"), s.key("c"), s.key("none")
				entries := []driver.Entry{
					{Key: none, TTL: long}, {Key: a, TTL: long}, {Key: b, TTL: driver.NoExpiry}, {Key: none, TTL: -1},
					{Key: c, TTL: -1}, {Key: c, TTL: long}, {Key: a, TTL: medium},
				}
				want := []error{driver.ErrNotFound, nil, nil, driver.ErrNotFound, nil, driver.ErrNotFound, nil}
				errs := []error{s.set(a, "A", driver.NoExpiry), s.set(b, "B", long), s.set(c, "C", long), s.caps.Expirer.Expire(noDeadline, entries)}
				for i := range entries {
					errs = append(errs, s.wantErr(entries[i].Err, want[i], "entry %d", i))
				}
				return errors.Join(append(errs, s.wantTTL(a, medium), s.wantTTL(b, driver.NoExpiry), s.wantMiss(c, none))...)
			},
		},
		{
			name: "expirer/empty-batches",
			rule: "TTL, GetTTL and Expire of nothing succeed",
			run: func(s *subject) error {
				e := s.caps.Expirer
				return errors.Join(e.TTL(noDeadline, nil, nil), e.GetTTL(noDeadline, nil, nil), e.Expire(noDeadline, nil))
			},
		},
		{
			name: "expirer/large-batch",
			rule: "TTL and Expire take batches of 10 000 keys, in order",
			run: func(s *subject) error {
				keys, entries := s.manyEntries()
				err := errors.Join(s.setBatch(entries), entryErrs(entries))
				ctx, cancel := batchContext(len(keys))
				defer cancel()
				for i := range entries {
					entries[i] = driver.Entry{Key: keys[i], TTL: long + time.Duration(i)*time.Second}
				}
				dst := make([]driver.Value, len(keys))
				err = errors.Join(err, s.caps.Expirer.Expire(ctx, entries), entryErrs(entries), s.caps.Expirer.TTL(ctx, keys, dst))
				for i := range dst {
					if wrong := errors.Join(dst[i].Err, s.sameTTL(fmt.Sprintf("TTL %d", i), dst[i].TTL, entries[i].TTL)); wrong != nil {
						return errors.Join(err, wrong) // one failure of 10 000 is enough
					}
				}
				return err
			},
		},
	}
	return withNeeds(checks, expirer)
}

// withNeeds adds a need to every check of a group.
func withNeeds(checks []check, need string) []check {
	for i := range checks {
		checks[i].needs = append([]string{need}, checks[i].needs...)
	}
	return checks
}
