package xcachetest

import (
	"context"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// Run checks the store that h opens for every rule of the contract. Each check is a subtest
// with the name of the check, so that
//
//	go test -run 'TestConformance/ttl/'
//
// runs the checks of expiry. A check that fails prints its rule in a sentence, and all
// violations. A check that needs a feature of the store, or an option of the harness, may
// not apply. Such checks are listed at the end, with the reason, and with the observations.
//
// A test binary may call Run several times, but one call at a time: checks of goroutines
// cannot tell their owner.
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

// A Harness opens the store under test and declares its features. Only Open is required.
type Harness struct {
	// Open returns a new store, ready for use. The suite closes the store. Open is called
	// at least once for each check. The stores may see the same keys or not: each check
	// uses keys with a prefix of its own, and deletes them at the end.
	//
	// t is the test of the check, for failures and for clean-up.
	Open func(t testing.TB) driver.Store

	// InProcess means that the store is pure Go within this process: no network, no files,
	// no goroutines or channels shared between stores. Its checks then run under
	// testing/synctest, where waiting takes no time and expiry is checked to the
	// nanosecond. Without InProcess, checks of expiry wait in real time, and poll.
	InProcess bool

	// Exclusive means that nobody else uses the database, so that checks may empty the
	// database.
	Exclusive bool

	// KeepsNothing means that the store is always empty: its arguments are validated, and
	// no value is kept, as package drivers/null does. Then the replies must be the replies
	// of an empty store. Above all, the group nothing checks that. Checks that must read
	// back a value do not run.
	KeepsNothing bool

	// Addr is the host:port on loopback of the server that Open connects to. OpenAt opens a
	// store for the same server at another address. With both, the suite puts a Proxy in
	// between, and checks faults, contexts that end in flight, and numbers of round trips.
	// The connection must not be encrypted.
	Addr   string
	OpenAt func(t testing.TB, addr string) driver.Store

	// Lacks has the fields of driver.Caps, such as "Tracker", that the store lacks. The
	// list must be exact: a feature that was lost by accident fails the suite.
	Lacks []string

	// LacksCommands has the rows of driver.Commands that the store's Commander lacks.
	// LacksGroups has the groups of which the Commander runs no command. Both must be
	// exact, except for commands that came to the table after Release.
	LacksCommands []string
	LacksGroups   []driver.Group

	// ServerLacks has the commands of the store's Commander for which the server of this
	// harness is too old. These commands must be errors.ErrUnsupported. Checks that need
	// these commands do not run.
	ServerLacks []string

	// ServerLacksFields has the fields in the replies of XINFO, such as "entries-added",
	// for which the server of this harness is too old. Results must have mixins.NotKnown or
	// no value in their place.
	ServerLacksFields []string

	// Release is the release of the table of commands (driver.Release) for which the driver
	// was written; 0 is the first. The driver may run later commands or not, so that a new
	// release of this library does not fail the driver.
	Release int

	// Skip maps names of checks to the reason why the store is not checked for them. A name
	// that is not in Checks is an error, and so is an empty reason.
	Skip map[string]string

	// Report is the path of two files for the report at the end: Report with ".json", and
	// Report with ".xml" for JUnit XML. Existing files are replaced. An empty Report writes
	// no files.
	Report string

	// Driver and Server are the tested driver and server in the report, with name and
	// version. For "" the suite finds the text. The driver's name comes from its
	// Inspector, or else from the package of the store and the build information. The
	// server's name comes from the Inspector.
	Driver, Server string

	// Grace is the time for which a key may still be seen after its end, beyond the store's
	// TTLResolution. Grace is also the unit of the time in which a store must recover. 0 is
	// one second, or no time with InProcess.
	Grace time.Duration

	// MaxValue is the size of the largest value in the checks, if the store's Limits allow
	// that. 0 is 8 MiB.
	MaxValue int

	// Timeout is the time after which a check counts as hung, without the time in which the
	// process did not run. The report of a hung check has the stacks of all goroutines, and
	// the suite continues. Loops of checks end after a third of Timeout if calls are slow.
	// 0 is 30 seconds.
	Timeout time.Duration
}

// A Check is one rule for stores.
type Check struct {
	// Name is stable: "ttl/expires-on-time". Name is the name of the subtest, and the key
	// in Harness.Skip.
	Name string
	// Rule is a sentence that must be true.
	Rule string
	// Level is the meaning of the check for a driver.
	Level Level
	// Needs has the needs of the check: fields of driver.Caps, commands, Harness.Exclusive,
	// Addr or KeepsNothing of the Harness. The need Keeps means that KeepsNothing must not
	// be set.
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
