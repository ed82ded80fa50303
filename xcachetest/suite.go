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
	"testing"
	"testing/synctest"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/internal/stopwatch"
)

// A suite is the checks applied to one harness.
type suite struct {
	h       Harness
	checks  []check
	results []result
}

// A result is what became of one check.
type result struct {
	name    string
	err     error
	skipped string // why it did not run
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
	return &suite{h: h, checks: checks}, errors.Join(errs...)
}

// run runs one check under the watchdog. It never fails t itself.
func (s *suite) run(t *testing.T, c *check) result {
	r := result{name: c.name}
	if reason, ok := s.h.Skip[c.name]; ok {
		r.skipped = reason
	} else {
		r.err = s.watch(t, c)
	}
	if inapplicable, ok := errors.AsType[*inapplicableError](r.err); ok {
		r.err, r.skipped = nil, inapplicable.reason
	}
	s.results = append(s.results, r)
	return r
}

// watch runs one check for as long as it may take. Time in which the process does
// not run is not the store's fault.
func (s *suite) watch(t *testing.T, c *check) error {
	watch := stopwatch.Start() // before the check, so that its goroutine is none of the store's
	defer watch.Stop()
	outcome := make(chan error, 1)
	go func() { outcome <- s.guard(t, c) }()
	for {
		left := s.h.Timeout - watch.Elapsed()
		if left <= 0 {
			return fmt.Errorf("the check hung for %v; all goroutines:\n%s", s.h.Timeout, stacks())
		}
		select {
		case err := <-outcome:
			return err
		case <-time.After(left):
		}
	}
}

// guard turns the ways in which a check can end without returning into errors.
func (s *suite) guard(t *testing.T, c *check) (err error) {
	returned := false
	defer func() {
		switch p := recover(); {
		case p != nil: // of synctest: the check's own panics are caught inside
			err = errors.Join(err, fmt.Errorf("goroutines are blocked for ever: %v\n%s", p, stacks()))
		case returned:
		case t.Skipped():
			err = &inapplicableError{"the harness skipped it"}
		default:
			err = errors.New("the harness ended the test")
		}
	}()
	if s.h.InProcess {
		synctest.Test(t, func(t *testing.T) { err = s.apply(t, c) })
	} else {
		err = s.apply(t, c)
	}
	returned = true
	return err
}

// apply opens a store, runs the check on it, and cleans up.
func (s *suite) apply(t testing.TB, c *check) (err error) {
	subject := newSubject(t, &s.h)
	if missing := subject.missing(c.needs); missing != "" {
		err = &inapplicableError{missing}
	} else {
		err = runRecovered(c, subject)
	}
	return errors.Join(err, subject.end())
}

func runRecovered(c *check, subject *subject) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.run(subject)
}

// An inapplicableError is returned by a check that has nothing to say about
// the store.
type inapplicableError struct{ reason string }

func (e *inapplicableError) Error() string { return "not applicable: " + e.reason }

// inapplicable is for checks that find out while they run.
func inapplicable(format string, args ...any) error {
	return &inapplicableError{fmt.Sprintf(format, args...)}
}

// namesShown is how many checks the summary names for one reason.
const namesShown = 10

// summary says how many checks ran, and which did not, by reason.
func (s *suite) summary() string {
	var passed, failed int
	skipped := make(map[string][]string)
	for _, r := range s.results {
		switch {
		case r.skipped != "":
			skipped[r.skipped] = append(skipped[r.skipped], r.name)
		case r.err != nil:
			failed++
		default:
			passed++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "conformance: %d checks passed, %d failed, %d did not run", passed, failed, len(s.results)-passed-failed)
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		names := skipped[reason]
		fmt.Fprintf(&b, "\n  %s: %s", reason, strings.Join(names[:min(len(names), namesShown)], ", "))
		if len(names) > namesShown {
			fmt.Fprintf(&b, ", … %d in all", len(names))
		}
	}
	return b.String()
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

// stacks returns the stacks of all goroutines, as many as are useful.
func stacks() []byte {
	buffer := make([]byte, 256<<10)
	return buffer[:runtime.Stack(buffer, true)]
}

// noDeadline is the context of calls that nothing is said about: the watchdog
// bounds them.
var noDeadline = context.Background()
