package drivertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// shared returns the Open of a harness. Checks of single commands, and of methods on
// structures, share a store. Opening a store costs more than such a check, and such a check
// does not test how a store begins or ends. Any other check gets a store of its own. The
// shared store is closed before that, because the polls of the shared store would start
// goroutines while a check counts goroutines.
func shared(t testing.TB, open func(testing.TB) driver.Store) func(testing.TB) driver.Store {
	t.Helper()
	var one driver.Store
	closeOne := func() {
		if one == nil {
			return
		}
		if err := one.Close(); err != nil {
			t.Errorf("closing the shared store: %v", err)
		}
		one = nil
	}
	t.Cleanup(closeOne)
	return func(check testing.TB) driver.Store {
		check.Helper()
		if !slices.Contains(sharingFamilies, familyOf(check)) {
			closeOne()
			return open(check)
		}
		if one == nil {
			one = open(t)
		}
		return sharedStore{one}
	}
}

// sharingFamilies are the families of checks that share a store.
var sharingFamilies = []string{"command", "lists", "sets", "hashes", "sortedsets", "streams", "streamgroups"}

// familyOf returns the family of the check that a test is for: "lists" of "lists/push" and
// of "lists-queued/push".
func familyOf(t testing.TB) string {
	t.Helper()
	names := strings.Split(t.Name(), "/")
	return strings.TrimSuffix(names[max(len(names)-2, 0)], "-queued")
}

// A sharedStore stays open when a check calls Close.
type sharedStore struct{ driver.Store }

func (s sharedStore) Caps() driver.Caps { return driver.CapsOf(s.Store) }

func (s sharedStore) Close() error { return nil }
