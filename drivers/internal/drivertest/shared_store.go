package drivertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/xcache-go/xcache/driver"
)

// shared returns the Open of a harness whose checks of single commands, and of methods on
// structures, all get one store. Opening a store costs more than such a check, which says
// nothing of how a store begins or ends. The other checks get a store each.
func shared(t testing.TB, open func(testing.TB) driver.Store) func(testing.TB) driver.Store {
	t.Helper()
	one := open(t)
	t.Cleanup(func() {
		if err := one.Close(); err != nil {
			t.Errorf("closing the shared store: %v", err)
		}
	})
	return func(t testing.TB) driver.Store {
		t.Helper()
		if slices.Contains(sharingFamilies, familyOf(t)) {
			return sharedStore{one}
		}
		return open(t)
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

// A sharedStore stays open when a check closes it.
type sharedStore struct{ driver.Store }

func (s sharedStore) Caps() driver.Caps { return driver.CapsOf(s.Store) }

func (s sharedStore) Close() error { return nil }
