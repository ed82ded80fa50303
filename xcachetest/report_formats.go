package xcachetest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// WriteJSON writes the report as one JSON object. Later versions of the suite keep the
// names of fields, and may add fields. Durations are in nanoseconds. The package
// encoding/json can read the report back.
func (r Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // the report is no part of an HTML page
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("xcachetest: writing a report: %w", err)
	}
	return nil
}

// WriteJUnit writes the report as JUnit XML, which most systems for continuous integration
// can show. A check is a test case, and the group of the check is its class. Levels are
// properties of the cases, and observations are their output.
func (r Report) WriteJUnit(w io.Writer) error {
	suite := junitSuite{
		Name: "xcachetest " + r.Driver, Tests: len(r.Checks), Failures: r.Failed, Skipped: r.Skipped,
		Time: seconds(r.Duration), Timestamp: r.Began.UTC().Format(time.RFC3339),
		Properties: []junitProperty{{"suite", r.Suite}, {"driver", r.Driver}, {"server", r.Server}, {"go", r.Go}},
		SystemErr:  r.Error,
	}
	if r.Error != "" {
		suite.Errors = 1
	}
	for _, result := range r.Checks {
		suite.Cases = append(suite.Cases, junitCaseOf(result))
	}
	all := junitSuites{Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Skipped: suite.Skipped, Time: suite.Time, Suites: []junitSuite{suite}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("xcachetest: writing a report: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := cmpErr(encoder.Encode(all), encoder.Close()); err != nil {
		return fmt.Errorf("xcachetest: writing a report: %w", err)
	}
	return nil
}

// writeFiles writes both formats, if path is not empty.
func (r Report) writeFiles(path string) error {
	if path == "" {
		return nil
	}
	return errors.Join(writeFile(path+".json", r.WriteJSON), writeFile(path+".xml", r.WriteJUnit))
}

func writeFile(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("xcachetest: Harness.Report: %w", err)
	}
	return errors.Join(write(file), file.Close())
}

// These types are the elements of JUnit XML.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
		SystemErr  string          `xml:"system-err,omitempty"`
	}
	junitCase struct {
		Class      string          `xml:"classname,attr"`
		Name       string          `xml:"name,attr"`
		Time       string          `xml:"time,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Failure    *junitMessage   `xml:"failure"`
		Skipped    *junitMessage   `xml:"skipped"`
		SystemOut  string          `xml:"system-out,omitempty"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

func junitCaseOf(result Result) junitCase {
	group, _, _ := strings.Cut(result.Name, "/")
	c := junitCase{Class: group, Name: result.Name, Time: seconds(result.Duration), Properties: []junitProperty{{"level", string(result.Level)}}}
	switch result.Outcome {
	case Failed:
		c.Failure = &junitMessage{Message: result.Rule, Type: string(result.Level), Text: result.Message}
	case Skipped:
		c.Skipped = &junitMessage{Message: result.Message}
	case Observed:
		c.SystemOut = result.Message
	}
	return c
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
