package xcachetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// Conform checks the stores that open returns for every rule of the contract, outside of
// "go test", and returns the result of each check. Conform trusts the store: a check for
// which the store or its server has no capability or command is skipped. The store must
// keep its values, and others may use its database; [Harness.Conform] has options for
// other cases. If the server is too old for commands, or for fields of XINFO's replies,
// Conform detects that.
//
// open is called at least once for each check, and must return a new store, ready for
// use. Conform closes the store. The stores may see the same keys or not. The checks of a
// report run one after the other. Some checks take seconds, because these checks wait for
// keys to expire. A process may run only one call of Conform or Run at a time.
//
// When ctx ends, the running check gets the time that its calls need, and is skipped. All
// later checks are skipped, too, with ctx's error as the reason. When Conform returns, no
// goroutine of the suite is left, except of a check that hung; the report names such a
// check.
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

// Conform is [Conform] with a harness, and [Run] outside of "go test".
//
// Open and OpenAt get a testing.TB without a test: FailNow, Fatal and Skip end the check,
// and Cleanup and TempDir last until its end. Logs are reported if the check fails. Setenv
// and Chdir panic. InProcess is ignored, because testing/synctest needs a test, so checks
// of expiry wait.
//
// Report.Error tells why Run would refuse the harness, or why a file of h.Report
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

// unable returns the report of a suite that cannot run.
func (s *suite) unable(err error) Report {
	for _, c := range s.checks {
		s.results = append(s.results, result{name: c.name, skipped: "the suite could not be run"})
	}
	report := s.report()
	report.Error = redact(err.Error())
	return report
}

// claiming returns the harness with the features that its stores and their server lack.
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
		return h, r.err // if ctx has ended, the report has the error of ctx as the reason
	}
	return learnt, nil
}

// claim sets the missing features of a store, by the store's own declaration, and the
// commands that the server refuses.
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
		case row.Blocking && s.caps.Exclusive != nil: // runs on sessions
		case !runs:
			h.LacksCommands = append(h.LacksCommands, row.Name)
		case row.Keys != driver.NoKey && !row.Blocking && !s.late():
			// A single key is not enough for most commands, and does no harm.
			args := []driver.Arg{s.slotKey("k")}
			if row.Name == "XGROUP" || row.Name == "XINFO" { // the key comes after a word
				args = append([]driver.Arg{literal("HELP")}, args...)
			}
			if _, err := s.do(row.Name, args...); errors.Is(err, errors.ErrUnsupported) {
				h.ServerLacks = append(h.ServerLacks, row.Name)
			}
		}
	}
	// A command that waits has been in servers as long as the same command without waiting.
	for _, pair := range [][2]string{{"LMOVE", "BLMOVE"}, {"LMPOP", "BLMPOP"}, {"ZMPOP", "BZMPOP"}} {
		if slices.Contains(h.ServerLacks, pair[0]) && !slices.Contains(h.LacksCommands, pair[1]) {
			h.ServerLacks = append(h.ServerLacks, pair[1])
		}
	}
	if s.runs("XADD") && s.runs("XGROUP") && s.runs("XINFO") && !slices.Contains(h.ServerLacks, "XINFO") && !s.late() {
		h.ServerLacksFields = untoldFields(s)
	}
}

// untoldFields returns the fields that are missing in XINFO's replies. The checks find
// errors of the store.
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
