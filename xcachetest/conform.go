package xcachetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// Conform holds the stores that open returns to every rule of the contract, outside of
// "go test", and returns what became of each check. A store is taken at its word: what it
// has no capability, command or server for is skipped. It keeps what it is given, and
// others may use its database; [Harness.Conform] is for all else. What a server is too old
// for, commands and fields of XINFO's replies, is found out.
//
// open is called at least once for each check, returns a new store, ready for use, and
// Conform closes the store. The stores may see the same keys or not. Checks of one report
// run one after the other, some of them for seconds, since they wait for keys to expire;
// one call of Conform or Run at a time may be made in a process.
//
// When ctx ends, the check that runs is given the time that its calls need, and is
// skipped, and so are all others, with ctx's error as the reason. No goroutine of the
// suite is left when Conform returns, unless a check hung, which the report tells.
func Conform(ctx context.Context, open func() (driver.Store, error)) Report {
	if open == nil {
		return Harness{}.Conform(ctx)
	}
	h := Harness{Release: driver.Release, Open: func(t testing.TB) driver.Store {
		store, err := open()
		if err != nil {
			t.Fatalf("opening a store: %v", err)
		}
		return store
	}}
	h, err := h.claiming(ctx)
	if err != nil {
		s, suiteErr := newSuite(h, table())
		return s.unable(errors.Join(err, suiteErr))
	}
	return h.Conform(ctx)
}

// Conform is [Conform] of a harness: Run outside of "go test".
//
// Open and OpenAt are called with a testing.TB that has no test behind it: FailNow, Fatal
// and Skip end the check, Cleanup and TempDir last until its end, and what is logged is
// told if the check fails. Setenv and Chdir panic. InProcess is ignored, as testing/synctest
// needs a test: checks of expiry wait.
//
// A harness that Run would refuse is told in Report.Error, as is a file of h.Report that
// cannot be written.
func (h Harness) Conform(ctx context.Context) Report {
	h.InProcess = false
	s, err := newSuite(h, table())
	if err != nil {
		return s.unable(err)
	}
	for i := range s.checks {
		s.runStandalone(ctx, &s.checks[i])
	}
	report := s.report()
	if err := report.writeFiles(h.Report); err != nil {
		report.Error = redact(err.Error())
	}
	return report
}

// runStandalone runs one check that has no test.
func (s *suite) runStandalone(ctx context.Context, c *check) result {
	return s.run(ctx, newStandalone(ctx, c.name).TB(), c)
}

// unable returns the report of a suite that cannot be run.
func (s *suite) unable(err error) Report {
	for _, c := range s.checks {
		s.results = append(s.results, result{name: c.name, skipped: "the suite could not be run"})
	}
	report := s.report()
	report.Error = redact(err.Error())
	return report
}

// claiming returns the harness with what its stores do not have, by what they say, and
// what their server does not.
func (h Harness) claiming(ctx context.Context) (Harness, error) {
	learnt := h
	s, err := newSuite(h, []check{{name: "claims", run: func(s *subject) error {
		claim(&learnt, s)
		return nil
	}}})
	if err != nil {
		return h, err
	}
	if r := s.runStandalone(ctx, &s.checks[0]); r.err != nil || r.skipped != "" {
		return h, r.err // if ctx has ended, that is the reason which the report gives
	}
	return learnt, nil
}

// claim fills in what a store does not have, by what it says, and what its server refuses.
func claim(h *Harness, s *subject) {
	for _, name := range capabilityNames() {
		if !has(s.caps, name) {
			h.Lacks = append(h.Lacks, name)
		}
	}
	if s.caps.Commander == nil {
		return
	}
	for _, row := range driver.Commands() {
		switch runs := s.caps.Commander.Commands().Has(row.Name); {
		case row.Blocking && s.caps.Exclusive != nil: // on sessions
		case !runs:
			h.LacksCommands = append(h.LacksCommands, row.Name)
		case row.Keys != driver.NoKey && !row.Blocking && !s.late():
			// A key alone is too little for most commands, and harms none.
			args := []driver.Arg{s.slotKey("k")}
			if row.Name == "XGROUP" || row.Name == "XINFO" { // which have a word in front of it
				args = append([]driver.Arg{literal("HELP")}, args...)
			}
			if _, err := s.do(row.Name, args...); errors.Is(err, errors.ErrUnsupported) {
				h.ServerLacks = append(h.ServerLacks, row.Name)
			}
		}
	}
	// Commands that wait came with those that do not.
	for _, pair := range [][2]string{{"LMOVE", "BLMOVE"}, {"LMPOP", "BLMPOP"}, {"ZMPOP", "BZMPOP"}} {
		if slices.Contains(h.ServerLacks, pair[0]) && !slices.Contains(h.LacksCommands, pair[1]) {
			h.ServerLacks = append(h.ServerLacks, pair[1])
		}
	}
	if s.runs("XADD") && s.runs("XGROUP") && s.runs("XINFO") && !slices.Contains(h.ServerLacks, "XINFO") && !s.late() {
		h.ServerLacksFields = untoldFields(s)
	}
}

// untoldFields returns those fields of XINFO's replies that may be missing, and are. An error
// of the store is for the checks to find.
func untoldFields(s *subject) (untold []string) {
	key := s.slotKey("x")
	_, addErr := s.do("XADD", key, literal("*"), driver.Field("f"), element("v"))
	_, groupErr := s.do("XGROUP", literal("CREATE"), key, literal("g"), literal("0"))
	stream, streamErr := s.do("XINFO", literal("STREAM"), key)
	groups, groupsErr := s.do("XINFO", literal("GROUPS"), key)
	if errors.Join(addErr, groupErr, streamErr, groupsErr) != nil || len(groups.Items) != 1 {
		return nil
	}
	told := slices.Concat(stream.Items, groups.Items[0].Items)
	for _, field := range newFields {
		if !slices.ContainsFunc(told, func(r driver.Reply) bool { return string(r.Data) == field }) {
			untold = append(untold, field)
		}
	}
	return untold
}
