package xcachetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/null"
)

// These tests test KeepsNothing.

// empty is embedded in the broken stores that keep nothing.
type empty = *null.Store

// keepingNothing is the harness of stores that keep nothing.
func keepingNothing(open func() driver.Store) Harness {
	h := inProcess(open)
	h.KeepsNothing = true
	h.Lacks, h.LacksCommands = lackedBy(null.NewStore()), commandsLackedBy(null.NewStore())
	return h
}

var brokenEmptyStores = []struct {
	name   string
	open   func() driver.Store
	caught []string
}{
	{"what is written is kept", func() driver.Store { return newCorrect() }, []string{"nothing/is-kept", "nothing/writes", "nothing/expiry", "nothing/counts", "nothing/swaps", "nothing/moves", "nothing/commands", "nothing/cache"}},
	{"commands keep what is written", func() driver.Store { return commandsKeep{null.NewStore(), newCorrect()} }, []string{"nothing/commands"}},
	{"Add succeeds once", func() driver.Store { return &addOnce{empty: null.NewStore()} }, []string{"nothing/writes", "nothing/cache"}},
	{"Replace succeeds", func() driver.Store { return writesAll{null.NewStore()} }, []string{"nothing/writes", "nothing/cache"}},
	{"an old error of an entry stays", func() driver.Store { return leavesErr{null.NewStore()} }, []string{"nothing/writes"}},
	{"Delete counts the keys it was given", func() driver.Store { return countsGiven{null.NewStore()} }, []string{"nothing/is-kept", "nothing/cache"}},
	{"Expire finds every key", func() driver.Store { return expiresAll{null.NewStore()} }, []string{"nothing/expiry", "expirer/expire-absent"}},
	{"Incr creates", func() driver.Store { return incrInits{null.NewStore()} }, []string{"nothing/counts", "counter/missing"}},
	{"IncrInit checks nothing", func() driver.Store { return unchecked{null.NewStore()} }, []string{"nothing/counts"}},
	{"CompareAndSwap succeeds", func() driver.Store { return swapsAll{null.NewStore()} }, []string{"nothing/swaps"}},
	{"Rename succeeds", func() driver.Store { return renamesAll{null.NewStore()} }, []string{"nothing/moves"}},
	{"every command is OK", func() driver.Store { return allOK{null.NewStore()} }, []string{"nothing/commands", "nothing/bad-arguments"}},
	{"ended contexts are ignored", func() driver.Store { return deaf{null.NewStore()} }, []string{"nothing/ended-contexts"}},
}

func TestBrokenStoresThatKeepNothingAreCaught(t *testing.T) {
	for _, broken := range brokenEmptyStores {
		t.Run(broken.name, func(t *testing.T) {
			for _, r := range runChecks(t, keepingNothing(broken.open), broken.caught...) {
				if r.err == nil {
					t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
				}
			}
		})
	}
}

func TestCorrectStoreThatKeepsNothingPasses(t *testing.T) {
	wantAllPassed(t, runChecks(t, keepingNothing(func() driver.Store { return null.NewStore() })))
}

// A store that keeps nothing does not pass without KeepsNothing.
func TestStoreThatKeepsNothingIsCaughtWithoutTheWord(t *testing.T) {
	h := keepingNothing(func() driver.Store { return null.NewStore() })
	h.KeepsNothing = false
	for _, r := range runChecks(t, h, "set/overwrites", "set/if-absent", "counter/init-creates", "command/GET") {
		if r.err == nil {
			t.Errorf("%s did not catch it (skipped: %q)", r.name, r.skipped)
		}
	}
}

// For a store that keeps nothing, the four methods are enough.
func TestStoreThatKeepsNothingMayHaveOnlyTheFourMethods(t *testing.T) {
	h := keepingNothing(func() driver.Store { return struct{ driver.Store }{null.NewStore()} })
	h.Lacks, h.Exclusive = capabilityNames(), false
	results := runChecks(t, h)
	wantAllPassed(t, results)
	for _, r := range results {
		if want := "the store keeps nothing, and so what was written cannot be read back"; r.name == "set/overwrites" && r.skipped != want {
			t.Errorf("%s is skipped because %q, want because %q", r.name, r.skipped, want)
		}
	}
}

// A check that must read back a written value fails on a store that keeps nothing. Any
// other check holds for such a store, and is in forAll.
func TestChecksForStoresThatKeepNothing(t *testing.T) {
	checks := keptChecks()
	for i := range checks {
		checks[i].needs = slices.DeleteFunc(slices.Clone(checks[i].needs), func(need string) bool { return need == keeps })
	}
	for _, r := range trial(t, keepingNothing(func() driver.Store { return null.NewStore() }), checks...).results {
		listed := slices.Contains(forAll, r.name)
		switch {
		case listed && r.err != nil:
			t.Errorf("%s is in forAll, and a store that keeps nothing fails it: %v", r.name, r.err)
		case !listed && r.err == nil && r.skipped == "":
			t.Errorf("a store that keeps nothing passes %s, and it is not in forAll", r.name)
		}
	}
	for _, name := range forAll {
		if !slices.ContainsFunc(checks, func(c check) bool { return c.name == name }) {
			t.Errorf("forAll names %q, which is no check", name)
		}
	}
}

func TestEveryCommandHasAnEmptyReplyOrNone(t *testing.T) {
	for _, row := range driver.Commands() {
		answered := slices.ContainsFunc(emptyReplies(driver.Key("k")), func(l lone) bool { return l.cmd.Name == row.Name })
		if answered == slices.Contains(madeUp, row.Name) {
			t.Errorf("%s: in emptyReplies %t, and in madeUp %t; want one of the two", row.Name, answered, !answered)
		}
	}
}

type commandsKeep struct {
	empty
	kept correct
}

func (s commandsKeep) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	err := s.empty.Do(ctx, cmds, how)
	for _, cmd := range cmds {
		if cmd.Name == "RPUSH" && cmd.Err == nil {
			return s.kept.Do(ctx, cmds, how)
		}
	}
	return err
}

type addOnce struct {
	empty
	added bool
}

func (s *addOnce) Set(ctx context.Context, entries []driver.Entry) error {
	err := s.empty.Set(ctx, entries)
	for i := range entries {
		if entries[i].Cond == driver.IfAbsent {
			if s.added {
				entries[i].Err = driver.ErrNotStored
			}
			s.added = true
		}
	}
	return err
}

type writesAll struct{ empty }

func (s writesAll) Set(ctx context.Context, entries []driver.Entry) error {
	err := s.empty.Set(ctx, entries)
	for i := range entries {
		entries[i].Err = nil
	}
	return err
}

type leavesErr struct{ empty }

func (s leavesErr) Set(ctx context.Context, entries []driver.Entry) error {
	changed := slices.Clone(entries)
	err := s.empty.Set(ctx, changed)
	for i := range entries {
		if changed[i].Err != nil {
			entries[i].Err = changed[i].Err
		}
	}
	return err
}

type countsGiven struct{ empty }

func (s countsGiven) Delete(ctx context.Context, keys []string) (int, error) {
	_, err := s.empty.Delete(ctx, keys)
	return len(keys), err
}

type expiresAll struct{ empty }

func (s expiresAll) Expire(ctx context.Context, entries []driver.Entry) error {
	err := s.empty.Expire(ctx, entries)
	for i := range entries {
		entries[i].Err = nil
	}
	return err
}

type incrInits struct{ empty }

func (s incrInits) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	return s.IncrInit(ctx, key, delta, 0, driver.NoExpiry)
}

type unchecked struct{ empty }

func (s unchecked) IncrInit(_ context.Context, _ string, delta, init int64, _ time.Duration) (int64, error) {
	return init + delta, nil
}

type swapsAll struct{ empty }

func (s swapsAll) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	_, err := s.empty.CompareAndSwap(ctx, e, old)
	return err == nil, err
}

type renamesAll struct{ empty }

func (s renamesAll) Rename(ctx context.Context, _, _ string) error { return s.Ping(ctx) }

type allOK struct{ empty }

func (s allOK) Do(ctx context.Context, cmds []*driver.Cmd, _ driver.How) error {
	for _, cmd := range cmds {
		cmd.Reply = okReply
	}
	return s.Ping(ctx)
}

type deaf struct{ empty }

func (s deaf) Get(_ context.Context, keys []string, dst []driver.Value) error {
	return s.empty.Get(noDeadline, keys, dst)
}
