package memory

import (
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// Inspect implements driver.Inspector. A closed store shows only its bounds.
func (s *Store) Inspect() driver.Inspection {
	stats := s.Stats()
	return driver.Inspection{Driver: "memory", Contents: &driver.Contents{
		Entries: stats.Entries, Bytes: stats.Bytes,
		MaxEntries: max(0, s.bounds.MaxEntries), MaxBytes: max(0, s.bounds.MaxBytes),
		Evictions: stats.Evictions, Expirations: stats.Expirations,
	}}
}

// String returns the name of the store, in the form of its DSN.
func (s *Store) String() string {
	if s.name == "" {
		return "memory store"
	}
	return "memory store " + s.name
}

// Format writes the result of String for every verb, because the fields have the values of
// the cache.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
