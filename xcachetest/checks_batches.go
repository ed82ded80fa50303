package xcachetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
)

// many is the size of a large batch.
const many = 10_000

func getChecks() []check {
	return []check{
		{
			name: "get/hit",
			rule: "Get of a key that exists fills Data and leaves Err nil",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.set(key, "value", long), s.wantValue(key, "value"), s.wantValue(key, "value"))
			},
		},
		{
			name: "get/miss",
			rule: "Get of an absent key succeeds, with the bare ErrNotFound for that key and no data",
			run: func(s *subject) error {
				dst := make([]driver.Value, 1)
				return errors.Join(
					s.wantErr(s.store.Get(noDeadline, []string{s.key("k")}, dst), nil, "Get of an absent key"),
					that(isBare(dst[0].Err, driver.ErrNotFound), "the key's error is %#v, want driver.ErrNotFound itself", dst[0].Err),
					expect(len(dst[0].Data), 0, "the length of its data"))
			},
		},
		{
			name: "get/creates-nothing",
			rule: "reading an absent key does not create it",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.wantMiss(key), s.wantMiss(key), s.wantSet(driver.IfAbsent, key, "v", long, nil), s.wantDeleted(1, key), s.wantDeleted(0, key))
			},
		},
		{
			name: "get/no-keys",
			rule: "Get of no keys succeeds",
			run: func(s *subject) error {
				return errors.Join(
					s.wantErr(s.store.Get(noDeadline, nil, nil), nil, "Get of nil"),
					s.wantErr(s.store.Get(noDeadline, []string{}, []driver.Value{}), nil, "Get of no keys"))
			},
		},
		{
			name: "get/order",
			rule: "Get fills dst[i] for keys[i], with hits and misses mixed in any order",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 40)
				var errs []error
				for i := 0; i < len(keys); i += 3 {
					errs = append(errs, s.set(keys[i], strconv.Itoa(i), long))
				}
				asked, want := make([]string, len(keys)), make([]string, len(keys))
				for i := range keys {
					from := i * 27 % len(keys) // 27 and 40 have no common factor
					asked[i], want[i] = keys[from], absent
					if from%3 == 0 {
						want[i] = strconv.Itoa(from)
					}
				}
				return errors.Join(append(errs, s.wantValues(asked, want))...)
			},
		},
		{
			name: "get/duplicates",
			rule: "the same key may appear in a batch several times, and each place is filled",
			run: func(s *subject) error {
				a, b, none := s.key("a"), s.key("b"), s.key("none")
				return errors.Join(s.set(a, "A", long), s.set(b, "B", long),
					s.wantValues([]string{a, a, none, b, a, none, b}, []string{"A", "A", absent, "B", "A", absent, "B"}))
			},
		},
		{
			name: "get/large-batch",
			rule: "a batch of 10 000 keys is read whole and in order",
			run: func(s *subject) error {
				keys, entries := s.manyEntries()
				want := make([]string, len(keys))
				for i := range entries {
					want[i] = string(entries[i].Value)
				}
				return errors.Join(s.setBatch(entries), entryErrs(entries), s.wantValues(keys, want))
			},
		},
		{
			name: "get/reads-what-was-written",
			rule: "a read after a write that has returned sees the write",
			run: func(s *subject) error {
				key := s.key("k")
				var errs []error
				for i := range 50 {
					errs = append(errs, s.set(key, strconv.Itoa(i), long), s.wantValue(key, strconv.Itoa(i)))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "get/wrong-type-alone",
			rule:  "Get of one key that holds no string is ErrWrongType, and changes nothing",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				key := s.key("list")
				err := s.push(key, "a", "b")
				_, got := s.get(key)
				return errors.Join(err, s.wantErr(got, driver.ErrWrongType, "Get of a list"), s.wantList(key, "a", "b"))
			},
		},
		{
			name:  "get/wrong-type-in-batch",
			rule:  "among several keys, one that holds no string is ErrWrongType or ErrNotFound, and the others are read",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				list, a, b := s.key("list"), s.key("a"), s.key("b")
				dst := make([]driver.Value, 3)
				err := errors.Join(s.push(list, "x"), s.set(a, "A", long), s.set(b, "B", long),
					s.store.Get(noDeadline, []string{a, list, b}, dst))
				return errors.Join(err,
					that(errors.Is(dst[1].Err, driver.ErrWrongType) || errors.Is(dst[1].Err, driver.ErrNotFound), "the list's error is %v", dst[1].Err),
					that(dst[0].Err == nil && string(dst[0].Data) == "A", "the key before it is %q, %v", dst[0].Data, dst[0].Err),
					that(dst[2].Err == nil && string(dst[2].Data) == "B", "the key after it is %q, %v", dst[2].Data, dst[2].Err),
					s.wantList(list, "x"))
			},
		},
	}
}

func setChecks() []check {
	return []check{
		{
			name: "set/overwrites",
			rule: "Set replaces the value, with a longer, a shorter or an empty one",
			run: func(s *subject) error {
				key := s.key("k")
				var errs []error
				for _, value := range []string{"middling", "something much longer than that", "short", "", "again"} {
					errs = append(errs, s.set(key, value, long), s.wantValue(key, value))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "set/overwrites-any-type",
			rule:  "Set replaces a key of any type by a string",
			needs: needs("RPUSH"),
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.push(key, "a", "b"), s.set(key, "text", long), s.wantValue(key, "text"), s.wantTTL(key, long))
			},
		},
		{
			name: "set/no-entries",
			rule: "Set of no entries succeeds",
			run: func(s *subject) error {
				return errors.Join(
					s.wantErr(s.store.Set(noDeadline, nil), nil, "Set of nil"),
					s.wantErr(s.store.Set(noDeadline, []driver.Entry{}), nil, "Set of no entries"))
			},
		},
		{
			name: "set/in-order",
			rule: "the entries of a batch are written in order: the last one for a key wins, and conditions see the entries before",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(
					s.wantOutcomes([]driver.Entry{
						{Key: a, Value: []byte("1")}, {Key: b, Value: []byte("1"), Cond: driver.IfPresent},
						{Key: a, Value: []byte("2"), Cond: driver.IfAbsent}, {Key: b, Value: []byte("2"), Cond: driver.IfAbsent},
						{Key: a, Value: []byte("3"), Cond: driver.IfPresent}, {Key: b, Value: []byte("3"), Cond: driver.IfAbsent},
						{Key: a, Value: []byte("4")},
					}, []error{nil, driver.ErrNotStored, driver.ErrNotStored, nil, nil, driver.ErrNotStored, nil}),
					s.wantValue(a, "4"), s.wantValue(b, "2"))
			},
		},
		{
			name: "set/outcome-of-each",
			rule: "each entry of a batch has its own outcome, and one that fails does not stop the others",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 6)
				return errors.Join(
					s.set(keys[0], "old", long), s.set(keys[3], "old", long),
					s.wantOutcomes([]driver.Entry{
						{Key: keys[0], Value: []byte("new"), Cond: driver.IfAbsent},
						{Key: keys[1], Value: []byte("new"), Cond: driver.IfAbsent},
						{Key: keys[2], Value: []byte("new"), Cond: driver.IfPresent},
						{Key: keys[3], Value: []byte("new"), Cond: driver.IfPresent},
						{Key: keys[4], Value: []byte("new"), TTL: -1},
						{Key: keys[5], Value: []byte("new")},
					}, []error{driver.ErrNotStored, nil, driver.ErrNotStored, nil, nil, nil}),
					s.wantValues(keys, []string{"old", "new", absent, "new", absent, "new"}))
			},
		},
		{
			name: "set/outcome-overwrites-what-was-there",
			rule: "Set fills Err of every entry, also with nil where an old error stood",
			run: func(s *subject) error {
				entries := []driver.Entry{
					{Key: s.key("a"), Value: []byte("v"), TTL: long, Err: errors.New("stale")},
					{Key: s.key("b"), Value: []byte("v"), TTL: -1, Err: errors.New("stale")},
				}
				return errors.Join(s.store.Set(noDeadline, entries), s.wantErr(entryErrs(entries), nil, "entries that were stored"))
			},
		},
		{
			name: "set/if-absent",
			rule: "IfAbsent stores a key that is absent; on a present key it is the bare ErrNotStored, and value and TTL stay",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(
					s.wantSet(driver.IfAbsent, key, "first", long, nil), s.wantValue(key, "first"), s.wantTTL(key, long),
					s.wantBareNotStored(driver.IfAbsent, key),
					s.wantValue(key, "first"), s.wantTTL(key, long),
					s.wantDeleted(1, key), s.wantSet(driver.IfAbsent, key, "third", driver.NoExpiry, nil), s.wantValue(key, "third"))
			},
		},
		{
			name: "set/if-present",
			rule: "IfPresent replaces a key that exists; on an absent key it is the bare ErrNotStored, and nothing is created",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(
					s.wantBareNotStored(driver.IfPresent, key), s.wantMiss(key),
					s.set(key, "first", long), s.wantSet(driver.IfPresent, key, "second", medium, nil),
					s.wantValue(key, "second"), s.wantTTL(key, medium))
			},
		},
		{
			name:  "set/conditions-see-any-type",
			rule:  "a key of another type counts as present: IfAbsent leaves it, IfPresent replaces it",
			needs: needs("RPUSH", "LRANGE"),
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.push(key, "a"),
					s.wantSet(driver.IfAbsent, key, "text", long, driver.ErrNotStored), s.wantList(key, "a"),
					s.wantSet(driver.IfPresent, key, "text", long, nil), s.wantValue(key, "text"))
			},
		},
		{
			name: "set/if-absent-is-atomic",
			rule: "of callers that store the same absent key with IfAbsent at once, exactly one succeeds, and its value stays",
			run: func(s *subject) error {
				var errs []error
				for _, key := range s.keysNamed("k", 20) {
					var winners, winner atomic.Int64
					errs = append(errs, together(rivals, func(i int) error {
						err := s.write(driver.Entry{Key: key, Value: []byte(strconv.Itoa(i)), TTL: long, Cond: driver.IfAbsent})
						if err == nil {
							winners.Add(1)
							winner.Store(int64(i))
							return nil
						}
						return s.wantErr(err, driver.ErrNotStored, "Set with IfAbsent among rivals")
					}), expect(winners.Load(), 1, "callers that succeeded"))
					if winners.Load() == 1 {
						errs = append(errs, s.wantValue(key, strconv.FormatInt(winner.Load(), 10)))
					}
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "set/values-are-never-mixed",
			rule: "a key that several callers write at once holds one of their values, whole, at any time",
			run: func(s *subject) error {
				key := s.key("k")
				const size = 8 << 10
				if err := s.set(key, string(make([]byte, size)), long); err != nil {
					return err
				}
				return together(8, func(i int) error {
					mine := make([]byte, size)
					for j := range mine {
						mine[j] = byte(i)
					}
					for range 20 {
						if i%2 == 0 {
							if err := s.write(driver.Entry{Key: key, Value: mine, TTL: long}); err != nil {
								return err
							}
							continue
						}
						got, err := s.get(key)
						if err != nil {
							return err
						}
						for j := range got {
							if got[j] != got[0] || len(got) != size {
								return fmt.Errorf("a reader got %d bytes, of which byte 0 is %d and byte %d is %d", len(got), got[0], j, got[j])
							}
						}
					}
					return nil
				})
			},
		},
		{
			name: "set/large-batch",
			rule: "a batch of 10 000 entries is stored whole, each with its outcome",
			run: func(s *subject) error {
				keys, entries := s.manyEntries()
				for i := range entries {
					if i%4 == 3 {
						entries[i].Cond = driver.IfPresent
					}
				}
				err := s.setBatch(entries)
				want := make([]string, len(keys))
				wrong := 0
				for i := range entries {
					want[i] = string(entries[i].Value)
					wantErr := error(nil)
					if i%4 == 3 {
						want[i], wantErr = absent, driver.ErrNotStored
					}
					if !errors.Is(entries[i].Err, wantErr) {
						wrong++
					}
				}
				return errors.Join(err, expect(wrong, 0, "entries with the wrong outcome"), s.wantValues(keys, want))
			},
		},
	}
}

func deleteChecks() []check {
	return []check{
		{
			name: "delete/counts-what-was-there",
			rule: "Delete removes keys and returns how many existed",
			run: func(s *subject) error {
				a, b, c := s.key("a"), s.key("b"), s.key("c")
				return errors.Join(s.set(a, "v", long), s.set(b, "v", driver.NoExpiry), s.set(c, "v", long),
					s.wantDeleted(2, a, s.key("none"), b), s.wantMiss(a, b), s.wantValue(c, "v"),
					s.wantDeleted(0, a, b), s.wantDeleted(1, c), s.wantMiss(c))
			},
		},
		{
			name: "delete/no-keys",
			rule: "Delete of no keys returns 0",
			run: func(s *subject) error {
				n, err := s.store.Delete(noDeadline, nil)
				m, err2 := s.store.Delete(noDeadline, []string{})
				return errors.Join(err, err2, expect(n, 0, "Delete(nil)"), expect(m, 0, "Delete of no keys"))
			},
		},
		{
			name: "delete/duplicates-count-once",
			rule: "a key that appears twice in a Delete counts once",
			run: func(s *subject) error {
				a, b := s.key("a"), s.key("b")
				return errors.Join(s.set(a, "v", long), s.set(b, "v", long), s.wantDeleted(2, a, b, a, b, a), s.wantMiss(a, b))
			},
		},
		{
			name:  "delete/any-type",
			rule:  "Delete removes keys of any type",
			needs: needs("RPUSH", "LLEN"),
			run: func(s *subject) error {
				list, text := s.key("list"), s.key("text")
				return errors.Join(s.push(list, "a", "b"), s.set(text, "v", long), s.wantDeleted(2, list, text),
					s.wantMiss(list, text), s.wantReply(driver.IntReply(0), "LLEN", driver.Key(list)))
			},
		},
		{
			name: "delete/large-batch",
			rule: "a batch of 10 000 keys is deleted whole, and counted",
			run: func(s *subject) error {
				keys, entries := s.manyEntries()
				err := errors.Join(s.setBatch(entries[:many/2]), entryErrs(entries[:many/2]))
				want := make([]string, many)
				for i := range want {
					want[i] = absent
				}
				return errors.Join(err, s.wantDeleted(many/2, keys...), s.wantValues(keys, want))
			},
		},
		{
			name: "delete/counts-once-among-rivals",
			rule: "of callers that delete the same key at once, exactly one counts it",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 20)
				var errs []error
				for _, key := range keys {
					errs = append(errs, s.set(key, "v", long))
				}
				var removed atomic.Int64
				errs = append(errs, together(rivals, func(int) error {
					for _, key := range keys {
						n, err := s.store.Delete(noDeadline, []string{key})
						if err != nil {
							return err
						}
						removed.Add(int64(n))
					}
					return nil
				}), expect(removed.Load(), int64(len(keys)), "the sum of what Delete returned"))
				return errors.Join(errs...)
			},
		},
	}
}

// absent stands for a miss among wanted values.
const absent = "\x00absent"

// wantValues reads keys in one batch.
func (s *subject) wantValues(keys, want []string) error {
	ctx, cancel := batchContext(len(keys))
	defer cancel()
	dst := make([]driver.Value, len(keys))
	if err := s.store.Get(ctx, keys, dst); err != nil {
		return fmt.Errorf("Get(%s): %w", s.showAll(keys), err)
	}
	var errs []error
	for i := range dst {
		missed := errors.Is(dst[i].Err, driver.ErrNotFound)
		switch {
		case want[i] == absent && missed, dst[i].Err == nil && string(dst[i].Data) == want[i]:
		case len(errs) > 20:
			return errors.Join(append(errs, errors.New("and more"))...)
		default:
			errs = append(errs, fmt.Errorf("of %d keys, number %d (%s) is %s, %w, want %s",
				len(keys), i, s.show(keys[i]), quote(string(dst[i].Data)), orNone(dst[i].Err), quote(want[i])))
		}
	}
	return errors.Join(errs...)
}

// wantOutcomes writes entries and compares their outcomes. Entries without a TTL get a long
// TTL.
func (s *subject) wantOutcomes(entries []driver.Entry, want []error) error {
	for i := range entries {
		if entries[i].TTL == 0 {
			entries[i].TTL = long
		}
	}
	errs := []error{s.wantErr(s.store.Set(noDeadline, entries), nil, "Set of %d entries", len(entries))}
	for i := range entries {
		errs = append(errs, s.wantErr(entries[i].Err, want[i], "entry %d of %d", i, len(entries)))
	}
	return errors.Join(errs...)
}

// wantBareNotStored writes with a condition that is not met.
func (s *subject) wantBareNotStored(cond driver.Cond, key string) error {
	entries := []driver.Entry{{Key: key, Value: []byte("refused"), TTL: medium, Cond: cond}}
	return errors.Join(
		s.wantErr(s.store.Set(noDeadline, entries), nil, "Set with %s", condText(cond)),
		that(isBare(entries[0].Err, driver.ErrNotStored), "the entry's error is %#v, want driver.ErrNotStored itself", entries[0].Err))
}

// setBatch calls Set, and leaves the outcomes in the entries.
func (s *subject) setBatch(entries []driver.Entry) error {
	ctx, cancel := batchContext(len(entries))
	defer cancel()
	return s.store.Set(ctx, entries)
}

// manyEntries returns a large batch to write, and its keys.
func (s *subject) manyEntries() ([]string, []driver.Entry) {
	keys := s.keysNamed("k", many)
	entries := make([]driver.Entry, many)
	for i := range entries {
		entries[i] = driver.Entry{Key: keys[i], Value: []byte(strconv.Itoa(i)), TTL: long}
	}
	return keys, entries
}
