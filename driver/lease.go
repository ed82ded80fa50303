package driver

import (
	"strings"

	"github.com/xcache-go/xcache/internal/keyslot"
)

// The name of a lease is the key, leaseMark and four letters.
const (
	leaseMark    = ":xcache.lease:"
	leaseLetters = 4
)

// LeaseName returns the name of the lease of a full key: see CmdLease. A store that keeps
// leases as keys keeps the leases under these names. The name begins with the key, and is in the
// slot of the key, whatever braces the key has.
func LeaseName(key string) string { return keyslot.Beside(key, leaseMark) }

// AppendLeaseName appends the name that LeaseName returns.
func AppendLeaseName(dst []byte, key string) []byte {
	return keyslot.AppendBeside(dst, key, leaseMark)
}

// LeasedKey returns the full key whose lease has the name. ok is false for a name that is not
// the name of a lease.
func LeasedKey(name string) (key string, ok bool) {
	at := len(name) - leaseLetters - len(leaseMark)
	if at < 0 || !strings.HasPrefix(name[at:], leaseMark) || LeaseName(name[:at]) != name {
		return "", false
	}
	return name[:at], true
}

// LeasePattern returns a glob for the leases of keys. The glob matches the name of the lease of
// every key that matches pattern. The glob may match the names of other leases, too.
func LeasePattern(pattern string) string {
	if open := unfinished(pattern); open >= 0 { // an unfinished part would change the meaning of the mark behind it
		pattern = pattern[:open] + "*"
	}
	return pattern + leaseMark + "????"
}

// unfinished returns the position of a class without an end, or of a backslash at the end of a
// glob. unfinished returns -1 for any other glob.
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

// IsLeasePattern reports whether a glob looks like a result of LeasePattern.
func IsLeasePattern(pattern string) bool { return strings.HasSuffix(pattern, leaseMark+"????") }
