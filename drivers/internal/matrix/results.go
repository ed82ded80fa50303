package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/xcache-go/xcache/internal/servertest/release"
)

// tests matches the contract tests in the packages of the drivers.
const tests = "Conformance|^TestDialect$|^TestRefusals$"

// drivers has the names of the driver packages below drivers/.
var drivers = []string{"redis", "valkey"}

// A topology is a column of the table.
type topology struct {
	name string
	// word is part of the names of the topology's tests, and of no other tests.
	word string
}

var topologies = []topology{
	{"standalone", ""},
	{"primary and replicas", "Replica"},
	{"cluster", "Cluster"},
	{"sentinel", "Sentinel"},
}

// topologyOf returns the name of a test's topology.
func topologyOf(test string) string {
	name, _, _ := strings.Cut(test, "/")
	for _, t := range slices.Backward(topologies) {
		if strings.Contains(name, t.word) {
			return t.name
		}
	}
	return topologies[0].name
}

// results has the outcomes of all tests that ran.
type results struct {
	outcomes []outcome
	versions map[string]string // the full version of each release
}

// An outcome is the result of a test without subtests, or of a test that failed itself.
type outcome struct {
	release, driver, topology string

	check  string // group/name, or the name of the test
	action string // pass, fail, skip
	reason string // the last line that a skipped or failed test printed
}

// test adds the outcomes of the tests of both drivers on a release.
func (r *results) test(ctx context.Context, root string, on release.Release) error {
	version, err := versionOf(on)
	if err != nil {
		return err
	}
	if r.versions == nil {
		r.versions = make(map[string]string)
	}
	r.versions[on.Name] = version
	args := []string{"test", "-json", "-count=1", "-timeout=10m", "-run", tests}
	for _, driver := range drivers {
		args = append(args, "./drivers/"+driver)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	// With CI=true, a test without a server fails instead of skipping.
	cmd.Env = append(os.Environ(), release.RedisEnv+"="+on.Name, release.ValkeyEnv+"="+on.Name, "CI=true")
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	outcomes, readErr := read(output, os.Stderr)
	_, _ = io.Copy(io.Discard, output) // the command must be able to write the rest
	// Failed tests are outcomes, and make the command fail.
	var failed *exec.ExitError
	if err := cmd.Wait(); err != nil && (!errors.As(err, &failed) || len(outcomes) == 0 || ctx.Err() != nil) {
		return errors.Join(err, readErr)
	}
	for _, o := range outcomes {
		o.release = on.Name
		r.outcomes = append(r.outcomes, o)
	}
	return readErr
}

var versionInLine = regexp.MustCompile(`\bv=(\S+)`)

// versionOf returns the full version of a release.
func versionOf(on release.Release) (string, error) {
	cmd, err := on.Command("--version")
	if err != nil {
		return "", err
	}
	line, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s does not start: %w", cmd.Path, err)
	}
	version := versionInLine.FindSubmatch(line)
	if version == nil {
		return "", fmt.Errorf("%s tells no version: %s", cmd.Path, line)
	}
	return string(version[1]), nil
}

// An event is a line of the output of "go test -json".
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // seconds
}

// A test is a test of a run, or the package of tests.
type test struct {
	pkg, name   string
	action      string // the last action, or "" for a test that did not end
	said        string // the last logged line
	inside      bool   // the test has subtests
	failsInside bool
}

func (t *test) failed() bool { return t.action != "pass" && t.action != "skip" }

// read returns the outcomes in the output of "go test -json", and writes the progress.
func read(from io.Reader, progress io.Writer) ([]outcome, error) {
	tests, err := readTests(from, progress)
	byName := make(map[string]*test)
	for _, t := range tests {
		byName[t.pkg+" "+t.name] = t
	}
	for _, t := range tests {
		for name := t.name; name != ""; {
			name = name[:max(0, strings.LastIndexByte(name, '/'))]
			if above := byName[t.pkg+" "+name]; above != nil {
				above.inside = true
				above.failsInside = above.failsInside || t.failed()
			}
		}
	}
	var outcomes []outcome
	for _, t := range tests {
		if t.inside && (!t.failed() || t.failsInside) || t.name == "" && !t.failed() {
			continue
		}
		o := outcome{driver: path.Base(t.pkg), topology: topologyOf(t.name), check: t.name, action: t.action, reason: t.said}
		if parts := strings.Split(t.name, "/"); len(parts) > 1 {
			o.check = strings.Join(parts[max(1, len(parts)-2):], "/")
		}
		if t.action == "" {
			o.action, o.reason = "fail", "it did not end"
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, err
}

// position matches the prefix of package testing before a logged line.
var position = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

// readTests returns the tests in the order of their start.
func readTests(from io.Reader, progress io.Writer) ([]*test, error) {
	var tests []*test
	known := make(map[string]*test)
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Package == "" {
			continue
		}
		t := known[e.Package+" "+e.Test]
		if t == nil {
			t = &test{pkg: e.Package, name: e.Test}
			known[e.Package+" "+e.Test] = t
			tests = append(tests, t)
		}
		switch e.Action {
		case "output":
			if at := position.FindString(e.Output); at != "" {
				t.said = strings.TrimSpace(e.Output[len(at):])
			}
		case "pass", "fail", "skip":
			t.action = e.Action
			if e.Test != "" && !strings.Contains(e.Test, "/") {
				fmt.Fprintf(progress, "%s driver, %s: %s in %.0f s\n", path.Base(e.Package), e.Test, e.Action, e.Elapsed)
			}
		}
	}
	return tests, lines.Err()
}

// A tally counts outcomes.
type tally struct{ passed, failed, skipped int }

func (c *tally) add(o *outcome) {
	switch o.action {
	case "pass":
		c.passed++
	case "skip":
		c.skipped++
	default:
		c.failed++
	}
}

// String returns the text of a cell of the table.
func (c *tally) String() string {
	if *c == (tally{}) {
		return "not tested"
	}
	text := fmt.Sprintf("%d passed", c.passed)
	if c.failed > 0 {
		text = fmt.Sprintf("**%d failed**, %s", c.failed, text)
	}
	return text
}

// of returns the tally of each driver and topology on a release, for the terminal.
func (r *results) of(release string) string {
	var b strings.Builder
	for _, driver := range drivers {
		for _, topology := range topologies {
			t := r.tally(release, driver, topology.name)
			fmt.Fprintf(&b, "  %s, %s: %s, %d did not run\n", driver, topology.name, t, t.skipped)
		}
	}
	for _, failure := range r.failed(release) {
		fmt.Fprintf(&b, "  %s\n", failure)
	}
	return b.String()
}

func (r *results) tally(release, driver, topology string) *tally {
	t := &tally{}
	for i := range r.outcomes {
		if o := &r.outcomes[i]; o.release == release && o.driver == driver && o.topology == topology {
			t.add(o)
		}
	}
	return t
}

// failed describes the failed tests on a release, or on all releases if release is "".
func (r *results) failed(release string) []string {
	var failed []string
	for _, o := range r.outcomes {
		if o.action == "fail" && (release == "" || o.release == release) {
			failed = append(failed, fmt.Sprintf("%s driver on %s, %s: %s: %s", o.driver, o.release, o.topology, o.check, o.reason))
		}
	}
	return failed
}
