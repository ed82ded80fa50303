package drivertest

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
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
		left = connectionsSince(before)
		return len(left) == 0
	}, func() string { return "connections left open:\n" + strings.Join(left, "\n") })
}

// sockets returns the inodes of the process' sockets. On a system without
// /proc, sockets returns none, and no test there finds connections that are
// left.
func sockets() map[string]bool {
	files, _ := os.ReadDir("/proc/self/fd")
	found := make(map[string]bool)
	for _, file := range files {
		target, _ := os.Readlink("/proc/self/fd/" + file.Name())
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			found[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return found
}

// connectionsSince returns the connections of the process on sockets that are
// not in before, by their addresses. A connection to a listener of the process
// is left out, because somebody else has made the connection.
func connectionsSince(before map[string]bool) []string {
	own := sockets()
	since := false
	for inode := range own {
		since = since || !before[inode]
	}
	if !since { // the usual case in the end, and the tables of the system are long
		return nil
	}
	var found []connection
	listening := make(map[uint16]bool)
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile("/proc/self/net/" + table)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 10 || !own[fields[9]] {
				continue
			}
			local, remote := address(fields[1]), address(fields[2])
			switch {
			case fields[3] == "0A":
				listening[local.Port()] = true
			case !before[fields[9]]:
				found = append(found, connection{local, remote})
			}
		}
	}
	var left []string
	for _, c := range found {
		if !listening[c.local.Port()] {
			left = append(left, fmt.Sprintf("%v to %v", c.local, c.remote))
		}
	}
	text, _ := os.ReadFile("/proc/self/net/unix")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 7 && own[fields[6]] && !before[fields[6]] {
			left = append(left, "a unix socket") // a socket that listens has a path
		}
	}
	return left
}

type connection struct{ local, remote netip.AddrPort }

// address reads an address of the system's tables, such as 0100007F:1A2B: words
// of 32 bits in the machine's order, and a port.
func address(text string) netip.AddrPort {
	host, port, _ := strings.Cut(text, ":")
	raw, _ := hex.DecodeString(host)
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	addr, _ := netip.AddrFromSlice(raw)
	number, _ := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(addr.Unmap(), uint16(number))
}
