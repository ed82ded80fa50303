package memory

import (
	"fmt"

	"github.com/xcache-go/xcache/driver"
)

// Inspect implements driver.Inspector. Of a closed store it shows nothing but its
// bounds.
func (s *Store) Inspect() driver.Inspection {
	stats := s.Stats()
	return driver.Inspection{Driver: "memory", Contents: &driver.Contents{
		Entries: stats.Entries, Bytes: stats.Bytes,
		MaxEntries: max(0, s.bounds.MaxEntries), MaxBytes: max(0, s.bounds.MaxBytes),
		Evictions: stats.Evictions, Expirations: stats.Expirations,
	}}
}

// String names the store as its DSN does.
func (s *Store) String() string {
	if s.name == "" {
		return "memory store"
	}
	return "memory store " + s.name
}

// Format writes what String returns for every verb: what is inside are the values.
func (s *Store) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), s.String())
}
