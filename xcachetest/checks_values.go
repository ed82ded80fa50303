package xcachetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// valueChecks has section 3 of the contract, for the rules of stores.
func valueChecks() []check {
	return []check{
		{
			name: "values/empty",
			rule: "an empty value is a hit",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(s.set(key, "", long), s.wantValue(key, ""),
					s.wantSet(driver.IfAbsent, key, "second", long, driver.ErrNotStored), s.wantValue(key, ""),
					s.wantDeleted(1, key))
			},
		},
		{
			name: "values/nil-is-empty",
			rule: "a nil value is stored as an empty one",
			run: func(s *subject) error {
				key := s.key("k")
				return errors.Join(
					s.wantErr(s.write(driver.Entry{Key: key, TTL: long}), nil, "Set of a nil value"),
					s.wantValue(key, ""))
			},
		},
		{
			name: "values/every-byte",
			rule: "a value may hold any bytes",
			run: func(s *subject) error {
				var all [256]byte
				for i := range all {
					all[i] = byte(i)
				}
				return s.wantRoundTrips(string(all[:]), "\x00", "\xff\xff", "\x00\x00\x00", string(all[128:]))
			},
		},
		{
			name: "values/protocol-bytes",
			rule: "a value that looks like a part of the wire protocol is still a value",
			run: func(s *subject) error {
				return s.wantRoundTrips("\r\n", "$-1\r\n", "+OK\r\n", "-ERR no\r\n", "*0\r\n", "_\r\n", "END\r\n", "(nil)", "nil", "OK", "QUEUED")
			},
		},
		{
			name: "values/text-of-numbers",
			rule: "a value that looks like a number comes back byte for byte",
			run: func(s *subject) error {
				return s.wantRoundTrips("0", "007", "+1", "-0", " 1", "1e3", "1.0", "9223372036854775808", "0x10", "true", "NaN")
			},
		},
		{
			name: "values/compressed-bytes",
			rule: "values that start like a compressed format are not touched",
			run: func(s *subject) error {
				return s.wantRoundTrips("\x1f\x8b\x08\x00rest", "\x28\xb5\x2f\xfdrest", "\x04\x22\x4d\x18rest", "x\x9crest", "\xfd7zXZ\x00rest", "\xfe\xc1rest")
			},
		},
		{
			name: "values/sizes",
			rule: "values come back whole, whatever their size",
			run: func(s *subject) error {
				var values []string
				for _, size := range []int{1, 2, 15, 16, 63, 64, 255, 256, 257, 4095, 4096, 4097, 16 << 10, 65535, 65536, 65537} {
					if limit := s.caps.Limits.ValueSize; limit == 0 || size <= limit {
						values = append(values, pattern(size))
					}
				}
				return s.wantRoundTrips(values...)
			},
		},
		{
			name: "values/one-mebibyte",
			rule: "a value of 1 MiB is stored whole, unless the store's Limits exclude it",
			run: func(s *subject) error {
				if limit := s.caps.Limits.ValueSize; limit > 0 && limit < 1<<20 {
					return inapplicable("the store's Limits exclude such values")
				}
				return s.wantRoundTrips(pattern(1<<20), pattern(1<<20+1))
			},
		},
		{
			name: "values/largest",
			rule: "a value of the harness's MaxValue, or of the store's limit if that is less, is stored whole",
			run: func(s *subject) error {
				size := s.h.MaxValue
				if limit := s.caps.Limits.ValueSize; limit > 0 {
					size = min(size, limit)
				}
				return s.wantRoundTrips(pattern(size))
			},
		},
		{
			name: "values/input-not-kept",
			rule: "the store copies what it is given: the caller may change keys and values once the call has returned",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 3)
				buffers := make([][]byte, len(keys))
				entries := make([]driver.Entry, len(keys))
				for i, key := range keys {
					buffers[i] = fmt.Appendf(nil, "value %d", i)
					entries[i] = driver.Entry{Key: key, Value: buffers[i], TTL: long}
				}
				errs := []error{s.store.Set(noDeadline, entries)}
				for i := range entries {
					copy(buffers[i], "XXXXXXXX")
					entries[i] = driver.Entry{Key: "overwritten"}
				}
				for i, key := range keys {
					errs = append(errs, s.wantValue(key, fmt.Sprintf("value %d", i)))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "values/input-not-changed",
			rule: "the store does not change keys, values, TTLs or conditions that it is given",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 3)
				buffer := []byte("a value, and what follows it")
				value := buffer[:7]
				var entries []driver.Entry
				for i, key := range keys {
					entries = append(entries, driver.Entry{Key: key, Value: value, TTL: long, Cond: driver.Cond(i)})
				}
				asked := append([]string(nil), keys...)
				errs := []error{s.store.Set(noDeadline, entries), s.store.Get(noDeadline, asked, make([]driver.Value, len(asked)))}
				_, err := s.store.Delete(noDeadline, asked)
				errs = append(errs, err, expect(string(buffer), "a value, and what follows it", "the caller's buffer after Set"))
				for i, e := range entries {
					errs = append(errs,
						that(e.Key == keys[i] && string(e.Value) == "a value" && e.TTL == long && e.Cond == driver.Cond(i), "Set changed entry %d to %+v", i, e),
						expect(asked[i], keys[i], "after Get and Delete, keys[%d]", i))
				}
				return errors.Join(errs...)
			},
		},
		{
			name: "values/data-lasts",
			rule: "data that Get returned stays as it is when the key is overwritten, deleted or expires, and when other keys are read",
			run: func(s *subject) error {
				const size = 2000
				key := s.key("k")
				others := s.keysNamed("other", 50)
				fill := func(b byte) string { return strings.Repeat(string(b), size) }
				if err := s.set(key, fill('1'), long); err != nil {
					return err
				}
				first, second := make([]driver.Value, 1), make([]driver.Value, 1)
				errs := []error{s.store.Get(noDeadline, []string{key}, first), s.store.Get(noDeadline, []string{key}, second)}
				errs = append(errs, s.set(key, fill('2'), long), s.wantValue(key, fill('2')), s.wantDeleted(1, key))
				for _, other := range others {
					errs = append(errs, s.set(other, fill('3'), long))
				}
				errs = append(errs, s.store.Get(noDeadline, others, make([]driver.Value, len(others))))
				for i, dst := range [][]driver.Value{first, second} {
					errs = append(errs, that(string(dst[0].Data) == fill('1'), "the data of Get %d has become %s", i+1, quote(string(dst[0].Data))))
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "values/command-data-lasts",
			rule:  "data in the reply of a command stays as it is, whatever happens later",
			needs: needs("GET", "MGET"),
			run: func(s *subject) error {
				keys := s.keysNamed("{t}k", 3)
				var errs []error
				for _, key := range keys {
					errs = append(errs, s.set(key, "before", long))
				}
				get, err := s.do("GET", driver.Key(keys[0]))
				mget, mgetErr := s.do("MGET", driver.Key(keys[1]), driver.Key(keys[2]))
				errs = append(errs, err, mgetErr)
				for range 20 {
					for _, key := range keys {
						errs = append(errs, s.set(key, "AFTER!", long), s.wantValue(key, "AFTER!"))
					}
				}
				data := driver.DataReply([]byte("before"))
				errs = append(errs,
					that(sameReply(get, data), "the reply of GET has become %s", replyText(get)),
					that(sameReply(mget, driver.ArrayReply(data, data)), "the reply of MGET has become %s", replyText(mget)))
				return errors.Join(errs...)
			},
		},
		{
			name: "values/capacity-not-shared",
			rule: "appending to data that Get returned changes nothing else",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 3)
				var errs []error
				for _, key := range keys {
					errs = append(errs, s.set(key, "value of "+key, long))
				}
				dst := make([]driver.Value, len(keys))
				errs = append(errs, s.store.Get(noDeadline, keys, dst))
				for i := range dst {
					_ = append(dst[i].Data, "XXXXXXXXXXXXXXXX"...)
				}
				for i, key := range keys {
					errs = append(errs, s.wantValue(key, "value of "+key),
						expect(string(dst[i].Data), "value of "+key, "the data of %s after appending to that of its neighbours", s.show(key)))
				}
				return errors.Join(errs...)
			},
		},
	}
}

// wantRoundTrips wants each value to be read back as stored, alone and in batches.
func (s *subject) wantRoundTrips(values ...string) error {
	keys := s.keysNamed("k", len(values))
	entries := make([]driver.Entry, len(values))
	for i, value := range values {
		entries[i] = driver.Entry{Key: keys[i], Value: []byte(value), TTL: long}
	}
	ctx, cancel := transferContext(values...)
	defer cancel()
	store := func(how string, keys []string, entries []driver.Entry) error {
		dst := make([]driver.Value, len(keys))
		errs := []error{s.store.Set(ctx, entries), entryErrs(entries), s.store.Get(ctx, keys, dst)}
		for i := range keys {
			if dst[i].Err != nil || !bytes.Equal(dst[i].Data, entries[i].Value) {
				errs = append(errs, fmt.Errorf("stored %s %s, got %s, %w", quote(string(entries[i].Value)), how, quote(string(dst[i].Data)), orNone(dst[i].Err)))
			}
		}
		return errors.Join(errs...)
	}
	errs := []error{store("in a batch", keys, entries)}
	for i := range keys {
		errs = append(errs, store("alone", keys[i:i+1], entries[i:i+1]))
	}
	return errors.Join(errs...)
}

// pattern returns size bytes that change if a piece is lost or moved.
func pattern(size int) string {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return string(data)
}
