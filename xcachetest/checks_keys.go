package xcachetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/driver"
)

// keyChecks has section 1 of the contract, for the rules of stores.
func keyChecks() []check {
	return []check{
		{
			name: "keys/every-byte",
			rule: "every byte may stand in a key, and keys that differ in one byte are different",
			run: func(s *subject) error {
				var keys []string
				for b := range 256 {
					keys = append(keys, "a"+string([]byte{byte(b)})+"z")
				}
				return s.wantDistinct(keys)
			},
		},
		{
			name: "keys/protocol-bytes",
			rule: "line ends and words of the wire protocol inside a key are part of the key",
			run: func(s *subject) error {
				return s.wantDistinct([]string{"k", "k\r\n", "k\r\nDEL k\r\n", "k\n", "$1\r\nk", "*1\r\n$8\r\nFLUSHALL\r\n", "noreply", "k 0 0 1"})
			},
		},
		{
			name: "keys/space-and-case",
			rule: "spaces around a key, and upper and lower case, are part of it",
			run: func(s *subject) error {
				return s.wantDistinct([]string{"key", " key", "key ", "KEY", "Key", "k ey", "key\t", ""})
			},
		},
		{
			name: "keys/not-utf8",
			rule: "keys need not be UTF-8, and text is not normalised",
			run: func(s *subject) error {
				return s.wantDistinct([]string{"\xff\xfe", "\xc3\x28", "é", "e\u0301", "\xe9", "日本", "\u2028", "👩‍👧"})
			},
		},
		{
			name: "keys/one-is-the-start-of-another",
			rule: "a key that another one starts with is a key of its own",
			run: func(s *subject) error {
				return s.wantDistinct([]string{"a", "aa", "aaa", "a:", "a:1", "a:1:b"})
			},
		},
		{
			name: "keys/glob-characters",
			rule: "outside of Scan the characters of a pattern are ordinary characters",
			run: func(s *subject) error {
				return s.wantDistinct([]string{"k*", "k?", "k[ab]", "ka", "kb", `k\*`, "k", "*", "k^", "k-"})
			},
		},
		{
			name: "keys/hash-tags",
			rule: "a hash tag in braces is part of the key",
			run: func(s *subject) error {
				return s.wantDistinct([]string{"{a}k", "{b}k", "ak", "{}k", "{k", "k}", "{a}{b}k", "{a}"})
			},
		},
		{
			name: "keys/long",
			rule: "keys may be as long as the store's Limits say, and 64 KiB if they say nothing",
			run: func(s *subject) error {
				length := 64 << 10
				if limit := s.caps.Limits.KeyLength; limit > 0 {
					length = limit
				}
				one := s.key(strings.Repeat("k", length-len(s.prefix)-1) + "1")
				other := one[:length-1] + "2"
				s.own(other)
				return errors.Join(
					s.set(one, "one", long), s.set(other, "other", long),
					s.wantValue(one, "one"), s.wantValue(other, "other"),
					s.wantDeleted(1, one), s.wantMiss(one), s.wantValue(other, "other"),
				)
			},
		},
	}
}

// wantDistinct wants that keys with the given names are stored, read and deleted
// separately. Names that the store's Limits exclude are left out.
func (s *subject) wantDistinct(names []string) error {
	var keys []string
	for _, name := range names {
		if valid := s.caps.Limits.ValidKey; valid == nil || valid(s.prefix+name) {
			keys = append(keys, s.key(name))
		}
	}
	if len(keys) == 0 {
		return inapplicable("the store's Limits exclude such keys")
	}
	entries := make([]driver.Entry, len(keys))
	for i, key := range keys {
		entries[i] = driver.Entry{Key: key, Value: fmt.Appendf(nil, "value %d", i), TTL: long}
	}
	errs := []error{s.store.Set(noDeadline, entries), entryErrs(entries)}
	check := func(there func(i int) bool) {
		dst := make([]driver.Value, len(keys))
		errs = append(errs, s.store.Get(noDeadline, keys, dst))
		for i := range dst {
			want := fmt.Sprintf("value %d", i)
			switch {
			case there(i) && (dst[i].Err != nil || string(dst[i].Data) != want):
				errs = append(errs, fmt.Errorf("%s holds %s, %w, want %q", s.show(keys[i]), quote(string(dst[i].Data)), orNone(dst[i].Err), want))
			case !there(i) && !errors.Is(dst[i].Err, driver.ErrNotFound):
				errs = append(errs, fmt.Errorf("%s holds %s, %w after it was deleted", s.show(keys[i]), quote(string(dst[i].Data)), orNone(dst[i].Err)))
			}
		}
	}
	check(func(int) bool { return true })
	// Every other key is deleted, and the rest must stay.
	var gone []string
	for i := 0; i < len(keys); i += 2 {
		gone = append(gone, keys[i])
	}
	errs = append(errs, s.wantDeleted(len(gone), gone...))
	check(func(i int) bool { return i%2 == 1 })
	return errors.Join(errs...)
}

// capabilityChecks has the rules on the capabilities that a store declares.
func capabilityChecks() []check {
	return []check{
		{
			name: "caps/declared-equals-detected",
			rule: "the store has exactly the capabilities that the harness does not list in Lacks; an Inspector and a Locator, which calls do not depend on, and a Watcher, without which the checks on Watch say what must be true, it may have or lack without a word",
			run: func(s *subject) error {
				var errs []error
				optional := []string{inspector, locator, ownTransaction}
				for _, name := range capabilityNames() {
					if slices.Contains(optional, name) && !slices.Contains(s.h.Lacks, name) {
						continue
					}
					switch lacks := slices.Contains(s.h.Lacks, name); {
					case lacks && has(s.caps, name):
						errs = append(errs, fmt.Errorf("the harness says that the store lacks %s, but it has it", name))
					case !lacks && !has(s.caps, name):
						errs = append(errs, fmt.Errorf("the store has no %s, and the harness does not list it in Lacks", name))
					}
				}
				return errors.Join(errs...)
			},
		},
		{
			name:  "caps/declared-commands-equal-detected",
			rule:  "the store runs exactly the commands of the table that the harness does not list in LacksCommands or LacksGroups, and none that is not in the table; those that came after the harness' Release it may run or not",
			needs: needs(commander),
			run: func(s *subject) error {
				return s.h.wantCommands(driver.Commands(), s.caps.Commander.Commands(), s.caps.Exclusive != nil)
			},
		},
		{
			name: "caps/fixed-for-life",
			rule: "capabilities, commands and limits do not change while the store is in use",
			run: func(s *subject) error {
				var errs []error
				key := s.key("k")
				errs = append(errs, s.set(key, "v", long), s.wantValue(key, "v"))
				caps := driver.CapsOf(s.store)
				for _, name := range capabilityNames() {
					errs = append(errs, expect(has(caps, name), has(s.caps, name), "after use, the presence of %s", name))
				}
				if caps.Commander != nil && s.caps.Commander != nil {
					before, after := s.caps.Commander.Commands().Names(), caps.Commander.Commands().Names()
					errs = append(errs, that(slices.Equal(before, after), "Commands was %v and is %v", before, after))
				}
				errs = append(errs,
					expect(caps.Limits.KeyLength, s.caps.Limits.KeyLength, "after use, Limits.KeyLength"),
					expect(caps.Limits.ValueSize, s.caps.Limits.ValueSize, "after use, Limits.ValueSize"),
					expect(caps.Limits.TTLResolution, s.caps.Limits.TTLResolution, "after use, Limits.TTLResolution"))
				return errors.Join(errs...)
			},
		},
		{
			name: "caps/limits-make-sense",
			rule: "limits are not negative, and leave room for a key of 64 bytes and a value of 1 KiB",
			run: func(s *subject) error {
				l := s.caps.Limits
				return errors.Join(
					that(l.KeyLength == 0 || l.KeyLength >= 64, "Limits.KeyLength = %d", l.KeyLength),
					that(l.ValueSize == 0 || l.ValueSize >= 1<<10, "Limits.ValueSize = %d", l.ValueSize),
					that(l.TTLResolution >= 0, "Limits.TTLResolution = %v", l.TTLResolution),
					that(l.CallTimeout >= 0, "Limits.CallTimeout = %v", l.CallTimeout),
					that(l.ValidKey == nil || l.ValidKey("prefix:1:key"), "Limits.ValidKey refuses prefix:1:key"),
				)
			},
		},
	}
}

// wantCommands compares the commands of a store with a table, and with the harness.
// inSessions means that the store has exclusive connections, on which commands wait.
func (h Harness) wantCommands(table []driver.Command, set driver.CommandSet, inSessions bool) error {
	var errs []error
	known := make(map[string]bool, len(table))
	for _, row := range table {
		known[row.Name] = true
		lacks := slices.Contains(h.LacksCommands, row.Name) || slices.Contains(h.LacksGroups, row.Group)
		switch {
		case row.Blocking && inSessions && set.Has(row.Name):
			errs = append(errs, fmt.Errorf("the store gives connections of callers' own, and yet runs %s, which waits, among other calls", row.Name))
		case row.Blocking && inSessions:
		case lacks && set.Has(row.Name):
			errs = append(errs, fmt.Errorf("the harness says that the store lacks %s, but it runs it", row.Name))
		case !lacks && !set.Has(row.Name) && row.Since <= h.Release:
			errs = append(errs, fmt.Errorf("the store does not run %s, and the harness lists neither it nor its group", row.Name))
		}
	}
	for _, name := range set.Names() {
		if !known[name] {
			errs = append(errs, fmt.Errorf("the store declares %s, which is not in driver.Commands", name))
		}
	}
	return errors.Join(errs...)
}
