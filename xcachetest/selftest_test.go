package xcachetest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// These tests test the suite: the checks of its bug must catch each broken store, and no
// check may catch an odd but legal store.

func TestBrokenStoresAreCaught(t *testing.T) {
	for _, broken := range brokenStores {
		t.Run(broken.name, func(t *testing.T) {
			for _, r := range runChecks(t, inProcess(broken.open), broken.caught...) {
				if r.err == nil {
					t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
				} else if testing.Verbose() {
					t.Logf("%s: %.300s", r.name, strings.ReplaceAll(r.err.Error(), "\n", "; "))
				}
			}
		})
	}
}

// A check that catches a broken store must pass on the correct store. Otherwise the check
// would catch everything.
func TestCorrectStorePassesWhatCatchesTheBrokenOnes(t *testing.T) {
	var names []string
	for _, broken := range brokenStores {
		names = append(names, broken.caught...)
	}
	slices.Sort(names)
	wantAllPassed(t, runChecks(t, inProcess(func() driver.Store { return newCorrect() }), slices.Compact(names)...))
}

func TestOddStoresAreNotFlagged(t *testing.T) {
	for _, odd := range oddStores {
		t.Run(odd.name, func(t *testing.T) {
			h := inProcess(odd.open)
			h.Lacks = append(h.Lacks, odd.lacks...)
			if slices.Contains(odd.lacks, "Flusher") {
				h.Exclusive = false
			}
			wantAllPassed(t, runChecks(t, h))
		})
	}
}

// inProcess is the harness of the stores in these tests.
func inProcess(open func() driver.Store) Harness {
	return Harness{
		Open:      func(testing.TB) driver.Store { return open() },
		InProcess: true,
		Exclusive: true,
		Lacks:     lackedBy(newCorrect()),
		MaxValue:  1 << 20,
		Timeout:   20 * time.Second,

		LacksCommands: commandsLackedBy(newCorrect()),
	}
}

// commandsLackedBy returns the commands that a store lacks.
func commandsLackedBy(store driver.Commander) []string {
	var names []string
	for _, row := range driver.Commands() {
		if !store.Commands().Has(row.Name) {
			names = append(names, row.Name)
		}
	}
	return names
}

// lackedBy returns the capabilities that a store lacks.
func lackedBy(store driver.Store) []string {
	caps := driver.CapsOf(store)
	return slices.DeleteFunc(capabilityNames(), func(name string) bool { return has(caps, name) })
}

// runChecks runs the named checks, or all, without failing t.
func runChecks(t *testing.T, h Harness, names ...string) []result {
	t.Helper()
	checks := table()
	if len(names) > 0 {
		for _, name := range names {
			if !slices.ContainsFunc(checks, func(c check) bool { return c.name == name }) {
				t.Errorf("there is no check %s", name)
			}
		}
		checks = slices.DeleteFunc(checks, func(c check) bool { return !slices.Contains(names, c.name) })
	}
	s, err := newSuite(h, checks)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.checks {
		// The subtest runs the clean-up of Open after each check.
		t.Run("", func(t *testing.T) { s.run(noDeadline, t, &s.checks[i]) })
	}
	return s.results
}

func wantAllPassed(t *testing.T, results []result) {
	t.Helper()
	for _, r := range results {
		if r.err != nil {
			t.Errorf("%s: %v", r.name, r.err)
		}
	}
}

func TestTableOfChecks(t *testing.T) {
	shape := regexp.MustCompile(`^[a-z-]+/[A-Za-z0-9._-]+$`)
	seen := make(map[string]bool)
	for _, c := range Checks() {
		if seen[c.Name] {
			t.Errorf("%s appears twice", c.Name)
		}
		seen[c.Name] = true
		if !shape.MatchString(c.Name) {
			t.Errorf("%s: the name is not of the form group/rule-in-words", c.Name)
		}
		if len(c.Rule) < 20 || strings.HasSuffix(c.Rule, ".") {
			t.Errorf("%s: the rule is not a sentence without a full stop: %q", c.Name, c.Rule)
		}
	}
	if len(seen) < 150 {
		t.Errorf("there are %d checks", len(seen))
	}
}

func TestEveryCommandHasACheck(t *testing.T) {
	for _, row := range driver.Commands() {
		if !slices.ContainsFunc(table(), func(c check) bool { return c.name == "command/"+row.Name }) {
			t.Errorf("%s is in driver.Commands, but there is no check command/%s", row.Name, row.Name)
		}
	}
}

func TestHarnessIsChecked(t *testing.T) {
	open := func(testing.TB) driver.Store { return newCorrect() }
	openAt := func(testing.TB, string) driver.Store { return newCorrect() }
	for name, test := range map[string]struct {
		h    Harness
		want string
	}{
		"no Open":              {Harness{}, "Open is required"},
		"Addr alone":           {Harness{Open: open, Addr: "127.0.0.1:1"}, "go together"},
		"OpenAt alone":         {Harness{Open: open, OpenAt: openAt}, "go together"},
		"network in process":   {Harness{Open: open, OpenAt: openAt, Addr: "127.0.0.1:1", InProcess: true}, "without a network"},
		"unknown check":        {Harness{Open: open, Skip: map[string]string{"get/nonsense": "why"}}, `"get/nonsense", which is no check`},
		"skip without reason":  {Harness{Open: open, Skip: map[string]string{"get/hit": " "}}, `no reason for "get/hit"`},
		"unknown capability":   {Harness{Open: open, Lacks: []string{"Teleporter"}}, `"Teleporter"; capabilities are Commander, Expirer`},
		"limits as capability": {Harness{Open: open, Lacks: []string{"Limits"}}, `"Limits"`},
		"unknown group":        {Harness{Open: open, LacksGroups: []driver.Group{"nosuch"}}, `"nosuch", of which there are no commands`},
		"unknown release":      {Harness{Open: open, Release: driver.Release + 1}, "the table of commands has releases 1 to"},
		"unknown field":        {Harness{Open: open, ServerLacksFields: []string{"entries-red"}}, `"entries-red"; fields that servers may lack are max-deleted-entry-id`},
		"field of any server":  {Harness{Open: open, ServerLacksFields: []string{"length"}}, `"length"; fields`},
		"unknown command":      {Harness{Open: open, LacksCommands: []string{"NOSUCH"}}, `"NOSUCH", which is not in driver.Commands`},
	} {
		_, err := newSuite(test.h, table())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, test.want)
		}
	}
}

// trial runs checks of a test on a correct store.
func trial(t *testing.T, h Harness, checks ...check) *suite {
	t.Helper()
	s, err := newSuite(h, checks)
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.checks {
		t.Run("", func(t *testing.T) { s.run(noDeadline, t, &s.checks[i]) })
	}
	return s
}

func TestRunnerGoesOnAfterWhateverAStoreDoes(t *testing.T) {
	for _, inProcess := range []bool{true, false} {
		t.Run(fmt.Sprint("InProcess=", inProcess), func(t *testing.T) {
			block := make(chan struct{})
			defer close(block)
			h := Harness{
				Open: func(testing.TB) driver.Store { return newCorrect() }, InProcess: inProcess, Timeout: time.Second,
				Skip: map[string]string{"t/skipped": "the reason"},
			}
			s := trial(t, h,
				check{name: "t/panics", run: func(*subject) error { panic("boom") }},
				check{name: "t/hangs", run: func(*subject) error { <-block; return nil }},
				check{name: "t/needs", needs: needs("Tracker"), run: func(*subject) error { panic("must not run") }},
				check{name: "t/skipped", run: func(*subject) error { panic("must not run") }},
				check{name: "t/inapplicable", run: func(*subject) error { return inapplicable("not here") }},
				check{name: "t/fails-twice", run: func(*subject) error { return fmt.Errorf("one\ntwo") }},
				check{name: "t/passes", run: func(*subject) error { return nil }},
			)
			want := []struct{ err, skipped string }{
				{err: "panic: boom"}, {err: "hung"}, {skipped: "the store has no Tracker"}, {skipped: "the reason"}, {skipped: "not here"}, {err: "one\ntwo"}, {},
			}
			for i, r := range s.results {
				got := ""
				if r.err != nil {
					got = r.err.Error()
				}
				if !strings.Contains(got, want[i].err) || (got == "") != (want[i].err == "") || r.skipped != want[i].skipped {
					t.Errorf("%s: error %q, skipped %q, want %+v", r.name, got, r.skipped, want[i])
				}
			}
			summary := s.report().String()
			for _, line := range []string{"1 checks passed, 3 failed, 3 did not run", "the reason: t/skipped", "the store has no Tracker: t/needs"} {
				if !strings.Contains(summary, line) {
					t.Errorf("summary %q, want it to contain %q", summary, line)
				}
			}
		})
	}
}

func TestRunnerCleansUp(t *testing.T) {
	store := newCorrect()
	shared := func(testing.TB) driver.Store { return struct{ keepsOpen }{keepsOpen{store}} }
	for name, c := range map[string]string{"keys of the store": "get/hit", "keys of caches": "cache-keys/glob-in-prefix"} {
		s, err := newSuite(Harness{Open: shared}, slices.DeleteFunc(table(), func(row check) bool { return row.name != c }))
		if err != nil {
			t.Fatal(err)
		}
		if r := s.run(noDeadline, t, &s.checks[0]); r.err != nil {
			t.Fatal(r.err)
		}
		for key, err := range store.Scan(t.Context(), "*") {
			t.Errorf("%s: %q was left behind, %v", name, key, err)
		}
	}
}

// keepsOpen is a store that several opens share.
type keepsOpen struct{ correct }

func (keepsOpen) Close() error { return nil }

// A table of commands of a later release does not fail a driver, which may run the new
// commands or not.
func TestCommandsOfALaterRelease(t *testing.T) {
	table := []driver.Command{
		{Name: "OLD", Group: driver.GroupLists, Since: 1}, {Name: "NEW", Group: driver.GroupLists, Since: 2}, {Name: "OTHER", Group: driver.GroupSets, Since: 1},
	}
	groups := []driver.Group{driver.GroupSets}
	for name, test := range map[string]struct {
		h    Harness
		runs []string
		want string // in the error; empty without an error
	}{
		"without the new one":                   {Harness{Release: 1, LacksGroups: groups}, []string{"OLD"}, ""},
		"with it":                               {Harness{Release: 1, LacksGroups: groups}, []string{"OLD", "NEW"}, ""},
		"without an old one":                    {Harness{Release: 1, LacksGroups: groups}, []string{"NEW"}, "does not run OLD"},
		"for the release, without":              {Harness{Release: 2, LacksGroups: groups}, []string{"OLD"}, "does not run NEW"},
		"for the release, as said":              {Harness{Release: 2, LacksGroups: groups, LacksCommands: []string{"NEW"}}, []string{"OLD"}, ""},
		"a group that is there":                 {Harness{Release: 1, LacksGroups: groups}, []string{"OLD", "OTHER"}, "lacks OTHER, but it runs it"},
		"a new one that was said to be lacking": {Harness{Release: 1, LacksGroups: groups, LacksCommands: []string{"NEW"}}, []string{"OLD", "NEW"}, "lacks NEW, but it runs it"},
		"one of no table":                       {Harness{Release: 1, LacksGroups: groups}, []string{"OLD", "OWN"}, "declares OWN"},
	} {
		err := test.h.wantCommands(table, driver.NewCommandSet(test.runs...), false)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}
