// Package reliability writes docs/reliability.md: the faults, the promises, the tests
// that show the promises on each driver, and the measurements of a run of the tests.
//
// The table of faults is code (faults.go). "make reliability" runs the tests of the table
// and keeps their measurements in docs/reliability/tests.json; "make soak" keeps the
// figures of its run beside that file.
package reliability

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/xcache-go/xcache/internal/soak"
)

// PageName, TestsName and SoakName are the names of the page and of its sources, in the
// folder of the guides.
const (
	PageName  = "reliability.md"
	TestsName = "reliability/tests.json"
	SoakName  = "reliability/soak.json"
)

// Drivers are the drivers whose tests show the promises.
var Drivers = []string{"redis", "valkey"}

// Tests are the results of the tests of the table.
type Tests struct {
	// Servers names product and version for each driver.
	Servers map[string]string
	// Results are by driver, and by the name of the test.
	Results map[string]map[string]*Result
}

// A Result is the result of one test.
type Result struct {
	Passed bool
	// Measured are figures in words. Beside are the figures of contestants in the same run.
	Measured []string `json:",omitempty"`
	Beside   []Beside `json:",omitempty"`
}

// Beside is the measurement of a store, or of the client library alone, under the same
// fault.
type Beside struct {
	Client        string
	Calls, Failed int
	// Longest is the time of the longest call. Recovered is the time from the beginning of
	// the fault to the first success of a call that began after the beginning of the fault.
	Longest, Recovered time.Duration
	// TwiceCounted is how many increments the counter had beyond the calls. Fewer is how
	// many acknowledged increments the counter lacked.
	TwiceCounted, Fewer int
}

// ReadTests returns the results in the folder of the guides.
func ReadTests(docs string) (Tests, error) {
	var tests Tests
	return tests, readJSON(filepath.Join(docs, TestsName), &tests)
}

// ReadSoak returns the figures of the soak.
func ReadSoak(docs string) (soak.Report, error) {
	var report soak.Report
	return report, readJSON(filepath.Join(docs, SoakName), &report)
}

func readJSON(file string, to any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// below returns the results of a test of the table and of its subtests.
func (t Tests) below(driver, test string) map[string]*Result {
	name := strings.ReplaceAll(test, " ", "_") // as package testing writes it
	found := map[string]*Result{}
	for other, result := range t.Results[driver] {
		if other == name || strings.HasPrefix(other, name+"/") {
			found[other] = result
		}
	}
	return found
}

// checks returns how many tests have no subtests.
func checks(results map[string]*Result) (n int) {
	for name := range results {
		inside := false
		for other := range results {
			inside = inside || strings.HasPrefix(other, name+"/")
		}
		if !inside {
			n++
		}
	}
	return n
}
