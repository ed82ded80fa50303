// Package sockets finds connections that a process has left open, for tests.
package sockets

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Own returns the inodes of the process' sockets. On a system without /proc, Own
// returns none, and no test there finds connections that are left.
func Own() map[string]bool {
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

// ConnectionsSince returns the connections of the process on sockets that are
// not in before, by their addresses. A connection to a listener of the process
// is left out, because somebody else has made the connection.
func ConnectionsSince(before map[string]bool) []string {
	own := Own()
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
