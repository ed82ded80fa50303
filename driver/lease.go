package driver

import (
	"strings"

	"github.com/xcache-go/xcache/internal/keyslot"
)

// leaseMark stands in the name of a lease behind the key, and four letters behind it.
const (
	leaseMark    = ":xcache.lease:"
	leaseLetters = 4
)

// LeaseName returns the name of the lease of a full key: see CmdLease. A store that keeps
// leases as keys keeps them under these names, which are in the slot of the key, whatever
// braces that holds, and begin with the key.
func LeaseName(key string) string { return keyslot.Beside(key, leaseMark) }

// AppendLeaseName appends the name that LeaseName returns.
func AppendLeaseName(dst []byte, key string) []byte {
	return keyslot.AppendBeside(dst, key, leaseMark)
}

// LeasedKey returns the full key whose lease has a name; ok is false for any other name.
func LeasedKey(name string) (key string, ok bool) {
	at := len(name) - leaseLetters - len(leaseMark)
	if at < 0 || !strings.HasPrefix(name[at:], leaseMark) || LeaseName(name[:at]) != name {
		return "", false
	}
	return name[:at], true
}

// LeasePattern returns a glob that the names of leases match whose keys match a glob. It may
// match names of other leases as well.
func LeasePattern(pattern string) string {
	if open := unfinished(pattern); open >= 0 { // what follows would mean something else behind it
		pattern = pattern[:open] + "*"
	}
	return pattern + leaseMark + "????"
}

// unfinished returns where a glob has a class without an end, or a backslash at its end, or -1.
func unfinished(glob string) int {
	class := -1
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '\\':
			if i++; i == len(glob) && class < 0 {
				return i - 1
			}
		case '[':
			if class < 0 {
				class = i
			}
		case ']':
			class = -1
		}
	}
	return class
}

// IsLeasePattern reports whether a glob is one of LeasePattern.
func IsLeasePattern(pattern string) bool { return strings.HasSuffix(pattern, leaseMark+"????") }
