package reliability

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

// Measure runs the tests of the table on each driver, one driver after the other. The
// tests are those whose function matches only; all other results are taken from before.
// root is the folder of the module. The error names the failed tests.
func Measure(ctx context.Context, root string, before Tests, only *regexp.Regexp) (Tests, error) {
	tests := Tests{Servers: map[string]string{}, Results: map[string]map[string]*Result{}}
	var failed []string
	for _, driver := range Drivers {
		server, err := release.Find(driver)
		if err != nil {
			return tests, err
		}
		tests.Servers[driver] = server.Name
		tests.Results[driver] = map[string]*Result{}
		for name, result := range before.Results[driver] {
			function, _, _ := strings.Cut(name, "/")
			if !only.MatchString(function) {
				tests.Results[driver][name] = result
			}
		}
		for _, pattern := range patterns(only) {
			if err := run(ctx, root, driver, pattern, tests.Results[driver]); err != nil {
				failed = append(failed, fmt.Sprintf("%s: %v", driver, err))
			}
		}
		for name, result := range tests.Results[driver] {
			if !result.Passed {
				failed = append(failed, driver+": "+name)
			}
		}
	}
	if failed != nil {
		return tests, errors.New(strings.Join(failed, "\n"))
	}
	return tests, nil
}

// patterns returns the patterns for "go test -run" for the tests of the table: one
// pattern for tests that the table names as a whole, and one pattern for tests of
// which the table names a part.
func patterns(only *regexp.Regexp) (all []string) {
	whole, outer, inner := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, fault := range Named() {
		for _, test := range append(slices.Clone(fault.Tests), fault.Beside) {
			function, part, isPart := strings.Cut(test, "/")
			if test == "" || !only.MatchString(function) {
				continue
			}
			if !isPart {
				whole[regexp.QuoteMeta(function)] = true
				continue
			}
			part, _, _ = strings.Cut(part, "/") // deeper subtests run with this one
			outer[regexp.QuoteMeta(function)], inner[regexp.QuoteMeta(part)] = true, true
		}
	}
	for function := range whole {
		delete(outer, function)
	}
	either := func(names map[string]bool) string {
		return "^(" + strings.Join(slices.Sorted(maps.Keys(names)), "|") + ")$"
	}
	if len(whole) > 0 {
		all = append(all, either(whole))
	}
	if len(outer) > 0 {
		all = append(all, either(outer)+"/"+either(inner))
	}
	return all
}

// An event is a line of "go test -json".
type event struct {
	Action, Test, Key, Value, Output string
}

// run runs tests of a driver.
func run(ctx context.Context, root, driver, pattern string, results map[string]*Result) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-timeout=60m", "-run="+pattern, "./drivers/"+driver) //nolint:gosec // of the table
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	said := map[string]string{} // the output of each test, for failed tests
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		result := results[e.Test]
		if result == nil {
			result = &Result{}
			results[e.Test] = result
		}
		switch {
		case e.Action == "pass" || e.Action == "skip":
			delete(said, e.Test)
			result.Passed = e.Action == "pass"
			fmt.Println(driver, e.Action, e.Test)
		case e.Action == "output":
			said[e.Test] += e.Output
		case e.Action == "fail":
			fmt.Printf("%s %s %s\n%s", driver, e.Action, e.Test, said[e.Test])
		case e.Action == "attr" && e.Key == "measured":
			result.Measured = append(result.Measured, e.Value)
		case e.Action == "attr" && e.Key == "beside":
			var beside Beside
			if err := json.Unmarshal([]byte(e.Value), &beside); err != nil {
				return err
			}
			result.Beside = append(result.Beside, beside)
		}
	}
	return errors.Join(lines.Err(), cmd.Wait())
}
