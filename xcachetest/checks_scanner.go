package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
)

func scannerChecks() []check {
	checks := []check{
		globCheck("scan/star", "* matches any number of bytes, also none, line ends and colons among them",
			"a*", "a", "ab", "a\n", "a:b:c", "a\xff", "a*", "aa*b", "abc", "a?c", "ac", "abbc", "a\nc", "a*c", "abab", "abba", "aa*b:b"),
		globCheck("scan/question-mark", "? matches exactly one byte",
			"a?c", "abc", "a?c", "a\nc", "a*c"),
		globCheck("scan/class", "[abc] matches one of the bytes in it",
			"x[ab]y", "xay", "xby"),
		globCheck("scan/range", "[a-c] matches one byte of the range, both ends included",
			"n[1-3]", "n1", "n2", "n3"),
		globCheck("scan/negated-class", "[^a] matches one byte that is not in the class",
			"x[^ab]y", "xcy", "x*y", "x^y", "x-y", "x]y"),
		globCheck("scan/escapes", `\ makes the next character stand for itself`,
			`a\*`, "a*"),
		globCheck("scan/escapes-in-front-of-each-special-character", `\* \? \[ \] \\ \^ \- each stand for one character`,
			`\*\?\[\]\\\^\-`, `*?[]\^-`),
		globCheck("scan/escapes-in-class", `inside a class \ makes ], ^ and - ordinary`,
			`x[\^\-\]]y`, "x^y", "x-y", "x]y"),
		globCheck("scan/literal", "a pattern without special characters matches that key alone",
			"abc", "abc"),
		globCheck("scan/case", "patterns tell upper from lower case",
			"AB*", "ABC", "AB"),
		globCheck("scan/several-stars", "several stars in a pattern are tried in every way",
			"*b*b*", "abbc", "abab", "abba", "bb", "aa*b:b"),
		{
			name: "scan/any-type",
			rule: "Scan yields keys of any type",
			run: func(s *subject) error {
				text := s.key("text")
				want := []string{text}
				err := s.set(text, "v", long)
				if s.missing(needs("RPUSH")) == "" {
					list := s.key("list")
					want = append(want, list)
					err = errors.Join(err, s.push(list, "a"))
				}
				return errors.Join(err, s.wantScan(s.prefix+"*", want...))
			},
		},
		{
			name: "scan/nothing",
			rule: "Scan of a pattern that no key matches yields nothing, no error either",
			run: func(s *subject) error {
				return errors.Join(s.set(s.key("k"), "v", long), s.wantScan(s.prefix+"other*"), s.wantScan(s.prefix+"[^k]"))
			},
		},
		{
			name: "scan/large-keyspace",
			rule: "Scan yields every one of thousands of keys",
			run: func(s *subject) error {
				keys, entries := s.manyEntries()
				return errors.Join(s.setBatch(entries), entryErrs(entries),
					s.wantScan(s.prefix+"*", keys...), s.wantScan(s.prefix+"k7???", keys[7000:8000]...))
			},
		},
		{
			name: "scan/whole-while-keys-come-and-go",
			rule: "a key that is there during the whole scan is yielded, whatever is written and deleted meanwhile",
			run: func(s *subject) error {
				stable, entries := s.keysNamed("stable", 2000), []driver.Entry{}
				for _, key := range stable {
					entries = append(entries, driver.Entry{Key: key, TTL: long})
				}
				errs := []error{s.setBatch(entries), entryErrs(entries)}
				passing := s.keysNamed("passing", 500)
				var done atomic.Bool
				errs = append(errs, together(3, func(i int) error {
					if i == 0 {
						defer done.Store(true)
						for range 3 {
							if err := s.wantScan(s.prefix+"stable*", stable...); err != nil {
								return err
							}
						}
						return nil
					}
					for n := i; !done.Load(); n += 7 {
						key := passing[n%len(passing)]
						if err := s.write(driver.Entry{Key: key, TTL: long}); err != nil {
							return err
						}
						if n%3 == 0 {
							if _, err := s.store.Delete(noDeadline, []string{key}); err != nil {
								return err
							}
						}
					}
					return nil
				}))
				return errors.Join(errs...)
			},
		},
		{
			name: "scan/changes-inside-the-loop",
			rule: "the loop over a Scan may write and delete keys",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 500)
				errs := []error{setAll(noDeadline, s.store, keys, driver.Entry{TTL: long})}
				changed := make(map[string]bool)
				for key, err := range s.caps.Scanner.Scan(noDeadline, s.prefix+"k*") {
					errs = append(errs, err)
					if s.late() {
						break
					}
					_, deleteErr := s.store.Delete(noDeadline, []string{key})
					errs = append(errs, deleteErr, s.write(driver.Entry{Key: s.key("other of " + key), TTL: long}))
					changed[key] = true
				}
				if s.late() {
					return errors.Join(append(errs, s.wantDeleted(len(keys)-len(changed), keys...))...)
				}
				return errors.Join(append(errs, s.wantDeleted(0, keys...))...)
			},
		},
		{
			name: "scan/stops-at-break",
			rule: "Scan stops at once when the loop breaks, after any number of keys, and the store is as good as before",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 300)
				errs := []error{setAll(noDeadline, s.store, keys, driver.Entry{TTL: long})}
				for _, after := range []int{1, 2, 10, 150, 299} {
					n := 0
					for _, err := range s.caps.Scanner.Scan(noDeadline, s.prefix+"*") {
						errs = append(errs, err)
						if n++; n == after {
							break
						}
					}
				}
				return errors.Join(append(errs, s.wantScan(s.prefix+"*", keys...))...)
			},
		},
		{
			name: "scan/ends-with-its-context",
			rule: "when its context ends inside the loop, Scan yields at most the rest of a page (1000 keys), and ends with the context's error",
			run: func(s *subject) error {
				_, entries := s.manyEntries()
				errs := []error{s.setBatch(entries), entryErrs(entries)}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				var after int
				var last error
				for _, err := range s.caps.Scanner.Scan(ctx, s.prefix+"*") {
					if last != nil {
						errs = append(errs, errors.New("Scan went on after it had yielded an error"))
						break
					}
					if ctx.Err() != nil && err == nil {
						after++
					}
					last = err
					cancel()
				}
				return errors.Join(append(errs,
					that(after <= 1000, "after the context ended, Scan yielded %d keys", after),
					s.wantErr(last, context.Canceled, "the last pair"))...)
			},
		},
		{
			name: "scan/several-at-once",
			rule: "several scans may run at once and inside one another",
			run: func(s *subject) error {
				keys := s.keysNamed("k", 50)
				var errs []error
				for _, key := range keys {
					errs = append(errs, s.write(driver.Entry{Key: key, TTL: long}))
				}
				outer := 0
				for _, err := range s.caps.Scanner.Scan(noDeadline, s.prefix+"k1*") {
					errs = append(errs, err)
					if outer++; outer <= 3 {
						errs = append(errs, s.wantScan(s.prefix+"k*", keys...))
					}
				}
				return errors.Join(append(errs, together(8, func(int) error { return s.wantScan(s.prefix+"*", keys...) }))...)
			},
		},
		{
			name: "scan/does-nothing-before-the-loop",
			rule: "a Scan that is never looped over costs nothing and may be dropped",
			run: func(s *subject) error {
				for range 1000 {
					_ = s.caps.Scanner.Scan(noDeadline, "*")
				}
				key := s.key("k")
				return errors.Join(s.set(key, "v", long), s.wantScan(key, key))
			},
		},
	}
	return withNeeds(checks, scanner)
}

// globCheck returns a check that pattern matches, among a fixed set of names, exactly the
// wanted names. Names with bytes that the store's Limits exclude are left out.
func globCheck(name, rule, pattern string, want ...string) check {
	names := []string{
		"a", "ab", "a\n", "a:b:c", "a\xff", "a*", "aa*b", "b", "abc", "a?c", "ac", "abbc", "a\nc", "a*c",
		"xay", "xby", "xcy", "xy", "x*y", "x^y", "x-y", "x]y", "n0", "n1", "n2", "n3", "n4", "n-",
		`*?[]\^-`, `*?[]\^`, "ABC", "AB", "abab", "abba", "bb", "aa*b:b",
	}
	return check{
		name: name,
		rule: "in a pattern of Scan, " + rule,
		run: func(s *subject) error {
			var errs []error
			full := make(map[string]string)
			for _, name := range names {
				if valid := s.caps.Limits.ValidKey; valid == nil || valid(s.prefix+name) {
					full[name] = s.key(name)
					errs = append(errs, s.write(driver.Entry{Key: full[name], TTL: long}))
				}
			}
			var keys []string
			for _, name := range want {
				if key, ok := full[name]; ok {
					keys = append(keys, key)
				}
			}
			return errors.Join(append(errs, s.wantScan(s.prefix+pattern, keys...))...)
		},
	}
}

// wantScan wants a scan to yield exactly these keys, each at least once.
func (s *subject) wantScan(pattern string, want ...string) error {
	missing := make(map[string]bool, len(want))
	for _, key := range want {
		missing[key] = true
	}
	expected := maps.Clone(missing)
	var errs []error
	for key, err := range s.caps.Scanner.Scan(noDeadline, pattern) {
		if err != nil {
			errs = append(errs, fmt.Errorf("Scan(%s): %w", s.show(pattern), err))
			continue
		}
		if !expected[key] {
			errs = append(errs, fmt.Errorf("Scan(%s) yielded %s", s.show(pattern), s.show(key)))
		}
		delete(missing, key)
	}
	if len(missing) > 0 {
		keys := slices.Sorted(maps.Keys(missing))
		errs = append(errs, fmt.Errorf("Scan(%s) did not yield %s (%s of %d)", s.show(pattern), s.showAll(keys), strconv.Itoa(len(keys)), len(want)))
	}
	return errors.Join(errs...)
}
