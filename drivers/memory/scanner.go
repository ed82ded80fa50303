package memory

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache/driver"
)

// scanPage is the number of places of a shard that are read under one lock.
const scanPage = 512

// Scan implements driver.Scanner. Scan goes through the shards a page at a time, and
// holds no lock during a yield. Keys stay in their place, so a key that exists during
// the whole scan is yielded exactly once. A scan is no use of the keys for the
// eviction. A pattern of leases (driver.LeasePattern) also yields the names of leases.
func (s *Store) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		var page []string
		for number, place := 0, 0; ; {
			db, err := s.begin(ctx)
			if err != nil {
				yield("", err)
				return
			}
			if number == len(db.shards) {
				return
			}
			page, place = db.shards[number].page(page[:0], place)
			if place == 0 {
				if driver.IsLeasePattern(pattern) {
					page = db.shards[number].leaseNames(page)
				}
				number++
			}
			for _, key := range page {
				if !driver.MatchGlob(pattern, key) {
					continue
				}
				if ctx.Err() != nil {
					yield("", ended(ctx, driver.NotApplied))
					return
				}
				if !yield(key, nil) {
					return
				}
			}
		}
	}
}

// page appends the keys at the places from place on to keys. next is the begin of the next
// page, or 0 at the end.
func (s *shard) page(keys []string, place int) (_ []string, next int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.report()
	now := s.db.now()
	end := min(place+scanPage, s.slab.places())
	for ; place < end; place++ {
		if e := s.slab.at(place); e.used && !s.gone(e, now) {
			keys = append(keys, e.key)
		}
	}
	if end == s.slab.places() {
		return keys, 0
	}
	return keys, end
}
