package xcachetest

import (
	"context"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Run holds the store that h opens to every rule of the contract: one subtest
// for each check, named after it, so that
//
//	go test -run 'TestConformance/ttl/'
//
// runs the checks on expiry. A check that fails says its rule in a sentence,
// and everything that it saw break it. Checks that do not apply, because the
// store lacks a feature or the harness a knob, are listed with the reason at
// the end, with what was observed.
//
// Run may be called several times in a test binary, but one at a time: checks
// for goroutines left behind cannot tell whose they are.
func Run(t *testing.T, h Harness) {
	s, err := newSuite(h, table())
	if err != nil {
		t.Fatalf("xcachetest: %v", err)
	}
	for i := range s.checks {
		c := &s.checks[i]
		t.Run(c.name, func(t *testing.T) {
			r := s.run(context.Background(), t, c)
			switch {
			case r.told != "":
				t.Log(r.told)
			case r.skipped != "":
				t.Skip(r.skipped)
			case r.err != nil:
				t.Errorf("rule broken: %s\n%v", c.rule, r.err)
			}
		})
	}
	report := s.report()
	t.Log(report.headline() + report.remainder())
	if err := report.writeFiles(h.Report); err != nil {
		t.Error(err)
	}
}

// A Harness says how to get at the store under test and what it claims to do.
// Only Open is required.
type Harness struct {
	// Open returns a new store, ready for use; the suite closes it. It is
	// called at least once for each check. The stores may see the same keys
	// or not: each check uses keys with a prefix of its own, and deletes them
	// in the end.
	//
	// t is the test of the check, to fail and for clean-up.
	Open func(t testing.TB) driver.Store

	// InProcess tells that the store is pure Go within this process: no
	// network, no files, no goroutines or channels shared between stores. Its
	// checks then run under testing/synctest, where waiting takes no time and
	// expiry is checked to the nanosecond. Without it, checks on expiry wait
	// for real, and poll.
	InProcess bool

	// Exclusive tells that nobody else uses the database, so that checks may
	// empty it.
	Exclusive bool

	// KeepsNothing tells that the store is an empty one, each time: it checks what it
	// is given, and forgets it, as package drivers/null does. It is then held to what
	// an empty store answers, to the checks of the group nothing above all. Checks that
	// must read back what they wrote do not run.
	KeepsNothing bool

	// Addr is the host:port on loopback of the server that Open connects to,
	// and OpenAt opens a store for the same server at another address. With
	// both, the suite puts a Proxy in between, and checks faults, contexts
	// that end in flight, and numbers of round trips. The connection must not
	// be encrypted.
	Addr   string
	OpenAt func(t testing.TB, addr string) driver.Store

	// Lacks names the fields of driver.Caps, such as "Tracker", that the
	// store does not have. What it has and what it lacks must be exactly as
	// said: a feature that was lost by accident fails the suite.
	Lacks []string

	// LacksCommands names the rows of driver.Commands that the store's
	// Commander does not run, and LacksGroups those groups of which it runs
	// nothing. The same applies, but for commands that came to the table after
	// Release.
	LacksCommands []string
	LacksGroups   []driver.Group

	// ServerLacks names commands that the store's Commander has, and that the server of
	// this harness is too old for. They must be errors.ErrUnsupported; what needs them
	// does not run.
	ServerLacks []string

	// ServerLacksFields names what the replies of XINFO tell on other servers, such as
	// "entries-added", and the server of this harness is too old for. Results must have
	// mixins.NotKnown or nothing in their place.
	ServerLacksFields []string

	// Release is the release of the table of commands (driver.Release) that the
	// driver was written for; 0 is the first. Commands that came later may run or
	// not, so that a new release of this library does not fail the driver.
	Release int

	// Skip maps names of checks to the reason why the store is not held to
	// them. A name that is not in Checks is an error, and so is an empty
	// reason.
	Skip map[string]string

	// Report is the path of two files that the report is written to when the checks are
	// over: Report with ".json" behind it, and with ".xml", which is JUnit XML. A file
	// that is there is replaced. Empty is none.
	Report string

	// Driver and Server say in the report what was tested: name and version. What is ""
	// the suite finds out: the driver by its Inspector, or the package of the store, and
	// by what the program was built of; the server by the Inspector.
	Driver, Server string

	// Grace is how long after its time, and the store's TTLResolution, a key
	// may still be seen, and the unit of how long the suite waits for a store
	// to recover. 0 is one second, or nothing if InProcess.
	Grace time.Duration

	// MaxValue is the size of the largest value that is tried, if the store's
	// Limits allow it. 0 is 8 MiB.
	MaxValue int

	// Timeout is after how long a check counts as hung, not counting the time in
	// which the process did not run. It is reported with the stacks of all
	// goroutines, and the suite goes on. Loops of checks end after a third of it,
	// if calls are so slow. 0 is 30 seconds.
	Timeout time.Duration
}

// A Check is one rule that stores are held to.
type Check struct {
	// Name is stable: "ttl/expires-on-time". It is the name of the subtest
	// and what Harness.Skip takes.
	Name string
	// Rule says in a sentence what must be true.
	Rule string
	// Level says what the check means to a driver.
	Level Level
	// Needs names what the check cannot run without: fields of driver.Caps,
	// commands, Harness.Exclusive, Addr or KeepsNothing of the Harness, and Keeps where
	// KeepsNothing must not be set.
	Needs []string
}

// Checks returns all checks in the order they run.
func Checks() []Check {
	var list []Check
	for _, c := range table() {
		list = append(list, Check{Name: c.name, Rule: c.rule, Level: c.level(), Needs: append([]string(nil), c.needs...)})
	}
	return list
}
