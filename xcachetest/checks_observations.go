package xcachetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// observations has checks of properties that the contract leaves open.
func observations() []check {
	return []check{
		{
			name: "observed/capabilities",
			rule: "which capabilities the store has",
			tell: func(s *subject) (string, error) {
				names := slices.DeleteFunc(capabilityNames(), func(name string) bool { return !has(s.caps, name) })
				return orNothing(names), nil
			},
		},
		{
			name:  "observed/commands",
			rule:  "how many commands of the table the store runs, and which it does not",
			needs: needs(commander),
			tell: func(s *subject) (string, error) {
				rows := driver.Commands()
				var lacking []string
				for _, row := range rows {
					if !s.runs(row.Name) && !(row.Blocking && s.caps.Exclusive != nil) {
						lacking = append(lacking, row.Name)
					}
				}
				return fmt.Sprintf("%d of %d; without: %s", len(rows)-len(lacking), len(rows), orNothing(lacking)), nil
			},
		},
		{
			name: "observed/limits",
			rule: "how long keys and values may be, and how exact TTLs are, as the store says",
			tell: func(s *subject) (string, error) {
				l := s.caps.Limits
				return fmt.Sprintf("keys of %s, values of %s, TTLs to %v", bytesOrAny(l.KeyLength), bytesOrAny(l.ValueSize), s.resolution()), nil
			},
		},
		{
			name:  "observed/expiry",
			rule:  "how long after its time a key is still seen, the longest of five",
			needs: needs(keeps),
			tell: func(s *subject) (string, error) {
				if s.h.InProcess {
					return "", inapplicable("within a bubble of testing/synctest time passes in steps")
				}
				longest := time.Duration(0)
				for i := range s.rounds(5) {
					key := s.key(fmt.Sprint("k", i))
					began := time.Now()
					if err := s.set(key, "v", s.soon()); err != nil {
						return "", err
					}
					stored, seen := time.Now(), began
					for s.wantValue(key, "v") == nil && !s.late() {
						seen = time.Now()
						s.sleep(time.Millisecond)
					}
					longest = max(longest, seen.Sub(stored)-s.soon())
				}
				return longest.String(), nil
			},
		},
		{
			name: "observed/get",
			rule: "how long the Get of an absent key takes, the median of a hundred",
			tell: func(s *subject) (string, error) {
				if s.h.InProcess {
					return "", inapplicable("within a bubble of testing/synctest time passes in steps")
				}
				key, took := s.key("k"), []time.Duration(nil)
				for range s.rounds(100) {
					began := time.Now()
					if err := s.wantMiss(key); err != nil {
						return "", err
					}
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				return took[len(took)/2].String(), nil
			},
		},
		{
			name:  "observed/round-trips",
			rule:  "how many round trips the Get of a hundred keys makes",
			needs: needs(behindAddr),
			tell: func(s *subject) (string, error) {
				f, err := s.proxied(s.key("k"))
				if err != nil {
					return "", err
				}
				f.proxy.ResetStats()
				err = f.store.Get(noDeadline, s.keysNamed("many", 100), make([]driver.Value, 100))
				trips := f.proxy.Stats().RoundTrips
				return fmt.Sprint(trips), cmpErr(err, f.close())
			},
		},
		{
			name:  "observed/connections",
			rule:  "how many connections the calls of a hundred callers make",
			needs: needs(behindAddr),
			tell: func(s *subject) (string, error) {
				f, err := s.proxied(s.key("k"))
				if err != nil {
					return "", err
				}
				key := s.key("k")
				err = together(100, func(int) error { return f.wantMiss(key) })
				connections := f.proxy.Stats().Connections
				return fmt.Sprint(connections), cmpErr(err, f.close())
			},
		},
	}
}

// orNothing joins names, and returns "none" for no names.
func orNothing(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func bytesOrAny(limit int) string {
	if limit == 0 {
		return "any length"
	}
	return fmt.Sprintf("up to %d bytes", limit)
}
