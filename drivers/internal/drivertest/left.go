package drivertest

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/internal/sockets"
)

// routing has the packages that drivers share. These packages may start goroutines.
var routing = []string{"drivers/internal/replicated.", "drivers/internal/sentinel.", "drivers/internal/clustered.", "drivers/internal/exclusive."}

// AwaitNoGoroutines fails the test if there are goroutines of the driver or of its
// client. A goroutine that is about to end gets the time for that.
func (s *Subject) AwaitNoGoroutines(t testing.TB) {
	t.Helper()
	var left []string
	Eventually(t, func() bool {
		left = s.Goroutines()
		return len(left) == 0
	}, func() string { return "goroutines left behind:\n" + strings.Join(left, "\n\n") })
}

// Goroutines returns the stacks of the goroutines that belong to the driver or
// to its client. Goroutines of tests are left out.
func (s *Subject) Goroutines() []string {
	buffer := make([]byte, 1<<20)
	n := runtime.Stack(buffer, true)
	for ; n == len(buffer); n = runtime.Stack(buffer, true) {
		buffer = make([]byte, 2*len(buffer))
	}
	packages := slices.Concat(s.Packages, routing)
	var found []string
	for stack := range strings.SplitSeq(string(buffer[:n]), "\n\n") {
		if strings.Contains(stack, "testing.tRunner(") {
			continue
		}
		if slices.ContainsFunc(packages, func(p string) bool { return strings.Contains(stack, p) }) {
			found = append(found, stack)
		}
	}
	return found
}

// awaitNoConnections fails the test if the process has made a connection and
// has not closed the connection. Connections on the sockets in before do not
// count.
func awaitNoConnections(t testing.TB, before map[string]bool) {
	t.Helper()
	var left []string
	Eventually(t, func() bool {
		left = sockets.ConnectionsSince(before)
		return len(left) == 0
	}, func() string { return "connections left open:\n" + strings.Join(left, "\n") })
}
