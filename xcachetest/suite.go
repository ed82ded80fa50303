package xcachetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// A suite has the checks for one harness.
type suite struct {
	h       Harness
	checks  []check
	results []result
	began   time.Time

	mu             sync.Mutex
	driver, server string // by the harness, or by the first store that knows
}

// A result is the result of one check.
type result struct {
	name    string
	err     error
	skipped string // the reason why the check did not run
	told    string // by an observation
	took    time.Duration
}

func newSuite(h Harness, checks []check) (*suite, error) {
	var errs []error
	if h.Open == nil {
		errs = append(errs, errors.New("Harness.Open is required"))
	}
	if (h.OpenAt == nil) != (h.Addr == "") {
		errs = append(errs, errors.New("Harness.Addr and Harness.OpenAt go together"))
	}
	if h.InProcess && h.OpenAt != nil {
		errs = append(errs, errors.New("Harness.InProcess is for stores without a network, so Harness.OpenAt makes no sense"))
	}
	for _, name := range slices.Sorted(maps.Keys(h.Skip)) {
		if !slices.ContainsFunc(checks, func(c check) bool { return c.name == name }) {
			errs = append(errs, fmt.Errorf("Harness.Skip names %q, which is no check", name))
		}
		if strings.TrimSpace(h.Skip[name]) == "" {
			errs = append(errs, fmt.Errorf("Harness.Skip gives no reason for %q", name))
		}
	}
	for _, name := range h.Lacks {
		if !slices.Contains(capabilityNames(), name) {
			errs = append(errs, fmt.Errorf("Harness.Lacks names %q; capabilities are %s", name, strings.Join(capabilityNames(), ", ")))
		}
	}
	for _, name := range slices.Concat(h.LacksCommands, h.ServerLacks) {
		if _, ok := driver.LookupCommand(name); !ok {
			errs = append(errs, fmt.Errorf("Harness.LacksCommands or ServerLacks names %q, which is not in driver.Commands", name))
		}
	}
	for _, name := range h.ServerLacksFields {
		if !slices.Contains(newFields, name) {
			errs = append(errs, fmt.Errorf("Harness.ServerLacksFields names %q; fields that servers may lack are %s", name, strings.Join(newFields, ", ")))
		}
	}
	for _, group := range h.LacksGroups {
		if !slices.ContainsFunc(driver.Commands(), func(row driver.Command) bool { return row.Group == group }) {
			errs = append(errs, fmt.Errorf("Harness.LacksGroups names %q, of which there are no commands", group))
		}
	}
	if h.Release < 0 || h.Release > driver.Release {
		errs = append(errs, fmt.Errorf("Harness.Release is %d; the table of commands has releases 1 to %d", h.Release, driver.Release))
	}
	if h.Release == 0 {
		h.Release = 1
	}
	if h.Timeout == 0 {
		h.Timeout = 30 * time.Second
	}
	if h.MaxValue == 0 {
		h.MaxValue = 8 << 20
	}
	if h.Grace == 0 && !h.InProcess {
		h.Grace = time.Second
	}
	return &suite{h: h, checks: checks, began: time.Now(), driver: h.Driver, server: h.Server}, errors.Join(errs...)
}

// run runs one check under the watchdog. The result is returned, and t does not fail.
func (s *suite) run(ctx context.Context, t testing.TB, c *check) result {
	r := result{name: c.name}
	began := time.Now()
	if reason, ok := s.h.Skip[c.name]; ok {
		r.skipped = reason
	} else if ctx.Err() == nil {
		r.told, r.err = s.watch(ctx, t, c)
		r.took = time.Since(began)
	}
	if inapplicable, ok := errors.AsType[*inapplicableError](r.err); ok {
		r.err, r.skipped = nil, inapplicable.reason
	}
	if err := ctx.Err(); err != nil && r.skipped == "" {
		r.err, r.skipped = nil, fmt.Sprintf("the context has ended: %v", context.Cause(ctx))
	}
	s.results = append(s.results, r)
	return r
}

// watch runs one check with a time-out. Time in which the process does not run does not
// count.
func (s *suite) watch(ctx context.Context, t testing.TB, c *check) (told string, err error) {
	watch := stopwatch.Start() // before the check, so that its goroutine is not counted as the store's
	defer watch.Stop()
	ended := make(chan struct{})
	g := guarded{suite: s, ctx: ctx, t: t, check: c}
	go func() {
		defer close(ended) // also when the harness ends the goroutine
		g.run()
	}()
	for {
		left := s.h.Timeout - watch.Elapsed()
		if left <= 0 {
			return "", fmt.Errorf("the check hung for %v; all goroutines:\n%s", s.h.Timeout, stacks())
		}
		select {
		case <-ended:
			return g.told, g.err
		case <-time.After(left):
		}
	}
}

// A guarded is a run of a check in a goroutine of its own. A check that ends without a
// return has an error.
type guarded struct {
	suite *suite
	ctx   context.Context
	t     testing.TB
	check *check

	told string
	err  error
}

func (g *guarded) run() {
	returned := false
	defer func() {
		switch p := recover(); {
		case p != nil: // of synctest, or of the harness: the panics of the check are caught inside
			g.err = errors.Join(g.err, fmt.Errorf("goroutines are blocked for ever, or the harness panicked: %v\n%s", p, stacks()))
		case returned:
		case g.t.Skipped():
			g.err = &inapplicableError{"the harness skipped it"}
		default:
			g.err = errors.New("the harness ended the test")
		}
		g.finish()
	}()
	if test, ok := g.t.(*testing.T); ok && g.suite.h.InProcess {
		synctest.Test(test, func(t *testing.T) { g.apply(t) })
	} else {
		g.apply(g.t)
	}
	returned = true
}

// finish ends a test that the suite has made, and adds the errors that the harness
// reported to the test.
func (g *guarded) finish() {
	t, ok := g.t.(interface{ itself() *standalone })
	if !ok {
		if g.t.Failed() && g.err == nil {
			g.err = errors.New("the harness failed the test")
		}
		return
	}
	own := t.itself()
	g.err = errors.Join(g.err, own.finish())
	switch _, skipped := errors.AsType[*inapplicableError](g.err); {
	case own.Failed():
		g.err = errors.Join(g.err, fmt.Errorf("the harness failed the test: %s", own.said()))
	case skipped && own.Skipped() && own.said() != "":
		g.err = &inapplicableError{"the harness skipped it: " + own.said()}
	}
}

// apply opens a store, runs the check on it, and cleans up.
func (g *guarded) apply(t testing.TB) {
	ctx := g.ctx
	if g.suite.h.InProcess { // in a bubble, where no goroutine may wait for anything outside
		ctx = context.Background()
	}
	subject := newSubject(ctx, t, &g.suite.h)
	if missing := subject.missing(g.check.needs); missing != "" {
		g.err = &inapplicableError{missing}
	} else {
		g.told, g.err = runRecovered(g.check, subject)
	}
	g.suite.recognise(subject)
	g.err = errors.Join(g.err, subject.end())
	if g.suite.h.InProcess {
		// A load without callers may be in a slow call of the store. In a bubble, time passes
		// until here only.
		time.Sleep(time.Second)
	}
}

func runRecovered(c *check, subject *subject) (told string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if c.tell == nil {
		return "", c.run(subject)
	}
	told, err = c.tell(subject)
	if _, ok := errors.AsType[*inapplicableError](err); err != nil && !ok {
		told, err = fmt.Sprintf("nothing, because of: %v", err), nil
	}
	return told, err
}

// An inapplicableError means that a check does not apply to the store.
type inapplicableError struct{ reason string }

func (e *inapplicableError) Error() string { return "not applicable: " + e.reason }

// inapplicable is for checks that find out during their run.
func inapplicable(format string, args ...any) error {
	return &inapplicableError{fmt.Sprintf(format, args...)}
}

// capabilityNames returns the fields of driver.Caps that a store has or lacks.
func capabilityNames() []string {
	var names []string
	for field := range reflect.TypeFor[driver.Caps]().Fields() {
		if field.Type.Kind() == reflect.Interface {
			names = append(names, field.Name)
		}
	}
	return names
}

// has reports whether the named field of caps is set.
func has(caps driver.Caps, name string) bool {
	return !reflect.ValueOf(caps).FieldByName(name).IsNil()
}

// stacks returns the stacks of all goroutines, within a limit.
func stacks() []byte {
	buffer := make([]byte, 256<<10)
	return buffer[:runtime.Stack(buffer, true)]
}

// noDeadline is the context of calls without a rule on contexts. The watchdog bounds these
// calls.
var noDeadline = context.Background()

// farAway is a time-out that no check measures. A machine stops a process for a shorter time,
// and Close and Disconnect end a call earlier. The default Timeout of a Harness is longer, so
// that a check itself can say what is wrong.
const farAway = 20 * time.Second

// farContext returns the context of a call that must succeed, or that Close or Disconnect must
// end. The store's own time limit does not bound the call.
func farContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(noDeadline, farAway)
}

// batchContext returns the context of a call with n keys. A call with thousands of keys
// gets a far deadline, in the place of the store's own time limit: on a busy machine,
// such a call may take longer than the store waits for its server.
func batchContext(n int) (context.Context, context.CancelFunc) { return contextOf(n >= 1000) }

// transferContext is batchContext for values: some MiB take as long as thousands of keys.
func transferContext(values ...string) (context.Context, context.CancelFunc) {
	size := 0
	for _, value := range values {
		size += len(value)
	}
	return contextOf(size >= 1<<20)
}

func contextOf(long bool) (context.Context, context.CancelFunc) {
	if !long {
		return noDeadline, func() {}
	}
	return farContext()
}
