package xcachetest

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Version is the version of the suite in reports. The first number is raised when a check
// is removed, or when its rule changes; the second when checks are added.
const Version = "1.0"

// A Report has the results of the suite for a store: each check passed, failed or did not
// run, with a reason. Conform returns a Report, and Run writes a Report to Harness.Report.
//
// A Report has no password: texts that look like the user and password of a URL are
// removed.
type Report struct {
	// Suite is the Version of the suite.
	Suite string `json:"suite"`
	// Driver is the name of the driver, with the version if the program knows the version.
	Driver string `json:"driver"`
	// Server has the names and versions of the servers: "redis 7.0.15". For a store in the
	// process, and for a driver without this information, Server is "".
	Server string `json:"server"`
	// Go is the version of Go, with system and architecture.
	Go string `json:"go"`
	// Began is the start of the first check, and Duration the time of all checks.
	Began    time.Time     `json:"began"`
	Duration time.Duration `json:"duration_ns"`

	// Passed, Failed and Skipped count the rules and options. Observed counts the
	// observations. An observation that failed or was skipped counts as failed or skipped.
	Passed   int `json:"passed"`
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"`
	Observed int `json:"observed"`

	// Error is the reason why the suite could not run as the harness says, or why the
	// report could not be written. Normally Error is "".
	Error string `json:"error"`
	// Checks has the results, in the order of the checks.
	Checks []Result `json:"checks"`
}

// A Result is the result of one check.
type Result struct {
	// Name, Rule and Level are as in Check.
	Name  string `json:"name"`
	Rule  string `json:"rule"`
	Level Level  `json:"level"`
	// Outcome is the outcome of the check.
	Outcome Outcome `json:"outcome"`
	// Message has all violations of the rule, the reason for skipping the check, or the
	// observation. For a check that passed, Message is "". A Message may have several
	// lines.
	Message string `json:"message"`
	// Duration is the wall-clock time of the check.
	Duration time.Duration `json:"duration_ns"`
}

// A Level is the meaning of a check for a driver.
type Level string

// The levels of checks.
const (
	// LevelRule: every driver must follow the rule.
	LevelRule Level = "rule"
	// LevelOption: the rule holds for drivers with the capability or the command of the
	// check. Other drivers skip the check.
	LevelOption Level = "option"
	// LevelObservation: the observation is reported, and cannot fail. A store that panics
	// or hangs during an observation still fails.
	LevelObservation Level = "observation"
)

// An Outcome is the outcome of a check.
type Outcome string

// The outcomes of checks.
const (
	// Passed: no violation was found.
	Passed Outcome = "passed"
	// Failed: the rule is broken, or the check panicked or hung.
	Failed Outcome = "failed"
	// Skipped: the check did not run, or not to its end.
	Skipped Outcome = "skipped"
	// Observed: the check is an observation, and has a result.
	Observed Outcome = "observed"
)

// OK reports whether the suite ran and no check failed.
func (r Report) OK() bool { return r.Failed == 0 && r.Error == "" }

// String returns the report for people. A line names the store and has the counts. Then
// come the broken rules with their violations, the observations, and the checks that did
// not run, by reason. WriteJSON and WriteJUnit are for machines.
func (r Report) String() string {
	var b strings.Builder
	b.WriteString(r.headline())
	if r.Error != "" {
		fmt.Fprintf(&b, "\n  error: %s", r.Error)
	}
	for _, result := range r.Checks {
		if result.Outcome == Failed {
			fmt.Fprintf(&b, "\n  failed %s (%s): %s\n    %s", result.Name, result.Level, result.Rule, strings.ReplaceAll(result.Message, "\n", "\n    "))
		}
	}
	return b.String() + r.remainder()
}

// headline returns the line with the store and the counts.
func (r Report) headline() string {
	subject := r.Driver
	if r.Server != "" {
		subject += " on " + r.Server
	}
	return fmt.Sprintf("%s: %d checks passed, %d failed, %d did not run (suite %s)", subject, r.Passed, r.Failed, r.Skipped, r.Suite)
}

// namesShown is the number of checks that are named for one reason.
const namesShown = 10

// remainder returns the observations, and the checks that did not run, by reason.
func (r Report) remainder() string {
	var b strings.Builder
	var reasons []string // in the order of the checks
	skipped := make(map[string][]string)
	for _, result := range r.Checks {
		switch result.Outcome {
		case Observed:
			fmt.Fprintf(&b, "\n  %s: %s", result.Name, result.Message)
		case Skipped:
			if skipped[result.Message] == nil {
				reasons = append(reasons, result.Message)
			}
			skipped[result.Message] = append(skipped[result.Message], result.Name)
		}
	}
	for _, reason := range reasons {
		names := skipped[reason]
		fmt.Fprintf(&b, "\n  %s: %s", reason, strings.Join(names[:min(namesShown, len(names))], ", "))
		if len(names) > namesShown {
			fmt.Fprintf(&b, ", … %d in all", len(names))
		}
	}
	return b.String()
}

// report returns the present results.
func (s *suite) report() Report {
	r := Report{Suite: Version, Driver: redact(s.driver), Server: redact(s.server), Go: platform, Began: s.began, Duration: time.Since(s.began)}
	outcomes := make(map[string]*result, len(s.results))
	for i := range s.results {
		outcomes[s.results[i].name] = &s.results[i]
	}
	for i := range s.checks {
		c := &s.checks[i]
		result := Result{Name: c.name, Rule: c.rule, Level: c.level()}
		switch found := outcomes[c.name]; {
		case found == nil:
			result.Outcome, result.Message = Skipped, "the check was not selected"
		case found.skipped != "":
			result.Outcome, result.Message, result.Duration = Skipped, found.skipped, found.took
		case found.err != nil:
			result.Outcome, result.Message, result.Duration = Failed, found.err.Error(), found.took
		case c.tell != nil:
			result.Outcome, result.Message, result.Duration = Observed, found.told, found.took
		default:
			result.Outcome, result.Duration = Passed, found.took
		}
		result.Message = redact(result.Message)
		r.Checks = append(r.Checks, result)
	}
	counts := map[Outcome]*int{Passed: &r.Passed, Failed: &r.Failed, Skipped: &r.Skipped, Observed: &r.Observed}
	for _, result := range r.Checks {
		*counts[result.Outcome]++
	}
	return r
}

// userinfo matches the text between the scheme and the host of a URL.
var userinfo = regexp.MustCompile(`(\w://)[^\s/@]*(?:@[^\s/@]*)*@`)

// redact removes users and passwords from a text.
func redact(text string) string { return userinfo.ReplaceAllString(text, "${1}…@") }
