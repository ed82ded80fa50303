// Package reliability writes docs/reliability.md: which faults there are, what is promised, which
// tests show that on which driver, and what a run of them measured.
//
// The table of faults is code (faults.go). "make reliability" runs its tests and keeps what they
// measured in docs/reliability/tests.json; "make soak" keeps the figures of its run beside that.
package reliability

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/xcache-go/xcache/internal/soak"
)

// PageName, TestsName and SoakName are the names of the page and of what it is made of, in the
// folder of the guides.
const (
	PageName  = "reliability.md"
	TestsName = "reliability/tests.json"
	SoakName  = "reliability/soak.json"
)

// Drivers are those whose tests show what is promised.
var Drivers = []string{"redis", "valkey"}

// Tests is what became of the tests of the table.
type Tests struct {
	// Servers names product and version for each driver.
	Servers map[string]string
	// Results are by driver, and by the name of the test.
	Results map[string]map[string]*Result
}

// A Result is what became of one test.
type Result struct {
	Passed bool
	// Measured are figures in words, and Beside those of contestants in the same run.
	Measured []string `json:",omitempty"`
	Beside   []Beside `json:",omitempty"`
}

// Beside is what was measured of a store, or of the client library alone under the same fault.
type Beside struct {
	Client        string
	Calls, Failed int
	// Longest is the longest call, and Recovered the time from the beginning of the fault to the
	// first success of a call that began after it.
	Longest, Recovered time.Duration
	// TwiceCounted is how many increments there were above those that were called for, and Fewer
	// how many below those that were acknowledged.
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

// below returns the results of a test of the table and of those inside of it.
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

// checks returns how many tests have no others inside.
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
