package soak

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// figures are the figures of one deployment.
type figures struct {
	held, loose    atomic.Int64
	messages, gaps atomic.Int64

	mu     sync.Mutex
	report Deployment
	texts  map[string]string // the first error of each class
}

func newFigures(name string) *figures {
	return &figures{
		report: Deployment{Name: name, OpTimeout: opTimeout, Operations: map[string]int{}, Errors: map[string]int{}, Faults: map[string]int{}},
		texts:  map[string]string{},
	}
}

// called counts a call. Calls that wait by design are not timed.
func (f *figures) called(operation string, took time.Duration, timed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Operations[operation]++
	if timed && took > f.report.Longest {
		f.report.Longest, f.report.LongestOperation = took, operation
	}
}

var ports = regexp.MustCompile(`:[0-9]{4,5}\b`)

func (f *figures) failed(class string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Errors[class]++
	if f.texts[class] == "" {
		f.texts[class] = ports.ReplaceAllString(err.Error(), ":…")
	}
}

func (f *figures) happened(fault string, recovery time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Faults[fault]++
	if recovery > f.report.Recovery {
		f.report.Recovery, f.report.RecoveryFrom = recovery, fault
	}
}

func (f *figures) add(to *int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*to++
}

// result returns the figures of the report.
func (f *figures) result() Deployment {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.report
	r.Held, r.Loose = int(f.held.Load()), int(f.loose.Load())
	r.Messages, r.Gaps = int(f.messages.Load()), int(f.gaps.Load())
	r.Operations, r.Errors, r.Faults = maps.Clone(r.Operations), maps.Clone(r.Errors), maps.Clone(r.Faults)
	return r
}

// text returns the figures for the log of the test.
func (f *figures) text() string {
	r := f.result()
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s: %d operations, %d faults, %d errors, %d of them unclassified; %d answers held to all that was acknowledged, %d loosely; %d wrong; "+
		"%d changes of roles by the servers themselves; longest call %v (%s) with op_timeout=%v; longest recovery %v (%s); %d messages, %d gaps; %d connections left",
		r.Name, r.Servers, Sum(r.Operations), Sum(r.Faults), Sum(r.Errors), r.Unclassified, r.Held, r.Loose, r.Wrong, r.Own,
		r.Longest, r.LongestOperation, r.OpTimeout, r.Recovery.Round(time.Millisecond), r.RecoveryFrom, r.Messages, r.Gaps, r.Connections)
	for _, name := range slices.Sorted(maps.Keys(r.Faults)) {
		fmt.Fprintf(&b, "\n%8d × fault %s", r.Faults[name], name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Operations)) {
		fmt.Fprintf(&b, "\n%8d × %s", r.Operations[name], name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, class := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(&b, "\n%8d × error %s, such as %s", r.Errors[class], class, f.texts[class])
	}
	return b.String()
}
