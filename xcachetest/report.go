package xcachetest

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Version is the version of the suite, which reports name. The first number is raised
// when a check is removed, or its rule changes; the second when checks are added.
const Version = "1.0"

// A Report is what became of a store under the suite: of each check whether it passed,
// failed or did not run, and why. Conform returns one, and Run writes one where
// Harness.Report says.
//
// A Report holds no password: what looks like the user and password of a URL is taken out
// of every text.
type Report struct {
	// Suite is the Version of the suite.
	Suite string `json:"suite"`
	// Driver names the driver, and its version if the program knows that.
	Driver string `json:"driver"`
	// Server names the servers and their versions: "redis 7.0.15"; it is "" for a store
	// in the process, and for a driver that does not tell.
	Server string `json:"server"`
	// Go is the version of Go, with system and architecture.
	Go string `json:"go"`
	// Began is when the first check began, and Duration how long all of them took.
	Began    time.Time     `json:"began"`
	Duration time.Duration `json:"duration_ns"`

	// Passed, Failed and Skipped count the rules and options among the checks, and
	// Observed the observations that were told. A check that failed or was skipped is
	// counted as that, whatever its level.
	Passed   int `json:"passed"`
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"`
	Observed int `json:"observed"`

	// Error is why the suite could not be run as the harness says, or why the report
	// could not be written; as a rule "".
	Error string `json:"error"`
	// Checks are the results, in the order in which the checks run.
	Checks []Result `json:"checks"`
}

// A Result is what became of one check.
type Result struct {
	// Name, Rule and Level are those of the Check.
	Name  string `json:"name"`
	Rule  string `json:"rule"`
	Level Level  `json:"level"`
	// Outcome says what became of the check.
	Outcome Outcome `json:"outcome"`
	// Message is everything that broke the rule, why the check was skipped, or what was
	// observed. It is "" for a check that passed. It may have several lines.
	Message string `json:"message"`
	// Duration is how long the check took on the clock of the wall.
	Duration time.Duration `json:"duration_ns"`
}

// A Level says what a check means to a driver.
type Level string

// The levels of checks.
const (
	// LevelRule: a driver that breaks it is wrong.
	LevelRule Level = "rule"
	// LevelOption: the rule holds for drivers that claim the capability, or run the
	// command, that the check is about. Others skip it.
	LevelOption Level = "option"
	// LevelObservation: what was seen is told, and fails nothing, whatever it is. A
	// store that panics or hangs meanwhile fails all the same.
	LevelObservation Level = "observation"
)

// An Outcome is what became of a check.
type Outcome string

// The outcomes of checks.
const (
	// Passed: nothing broke the rule.
	Passed Outcome = "passed"
	// Failed: the rule is broken, or the check panicked or hung.
	Failed Outcome = "failed"
	// Skipped: the check did not run, or not to its end.
	Skipped Outcome = "skipped"
	// Observed: the check is an observation, and told what it saw.
	Observed Outcome = "observed"
)

// OK reports whether the suite ran and no check failed.
func (r Report) OK() bool { return r.Failed == 0 && r.Error == "" }

// String returns the report for people: a line with what was tested and the counts, the
// rules that are broken with what broke them, what was observed, and what did not run, by
// reason. WriteJSON and WriteJUnit are for machines.
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

// headline says what was tested, and counts.
func (r Report) headline() string {
	subject := r.Driver
	if r.Server != "" {
		subject += " on " + r.Server
	}
	return fmt.Sprintf("%s: %d checks passed, %d failed, %d did not run (suite %s)", subject, r.Passed, r.Failed, r.Skipped, r.Suite)
}

// namesShown is how many checks are named for one reason.
const namesShown = 10

// remainder says what was observed, and what did not run, by reason.
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

// report returns what became of the checks so far.
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

// userinfo is what stands between the scheme and the host of a URL.
var userinfo = regexp.MustCompile(`(\w://)[^\s/@]*(?:@[^\s/@]*)*@`)

// redact takes users and passwords out of a text.
func redact(text string) string { return userinfo.ReplaceAllString(text, "${1}…@") }
