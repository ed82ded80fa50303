package memory

import (
	"strings"
	"sync"
)

// A shard has a part of the keys, and a lock. The holder of the lock may call its methods.
type shard struct {
	mu sync.Mutex
	db *database
	// index has the first entry of each hash.
	index map[uint64]*entry
	slab  slab
	queue sieve

	// entries and bytes are the sums of the shard. grownEntries and grownBytes are the
	// parts of them that the database does not know yet.
	entries, bytes           int64
	grownEntries, grownBytes int64
	// fresh is the last entry that was written under this lock. An eviction spares fresh.
	fresh *entry
	// swept is the next place for the search for expired entries.
	swept int

	evictions, expirations uint64

	// awaited has the lines of callers who wait for a key, and touched has the keys among
	// these that were changed under this lock: see waiter. Most of the time both are nil.
	awaited map[string][]*waiter
	touched []string
	// watched has the watchers of keys: see watcher. Most of the time watched is nil.
	watched map[string][]*watcher
	// leases has the leases of keys.
	leases map[string]lease

	_ [64]byte // keeps the next shard's lock on another cache line
}

// lookup returns the entry of a key, which may have expired, or nil.
func (s *shard) lookup(hash uint64, key string) *entry {
	e := s.index[hash]
	for e != nil && e.key != key {
		e = e.next
	}
	return e
}

// find returns the entry of a key, or nil. An expired entry is removed.
func (s *shard) find(hash uint64, key string, now int64) *entry {
	e := s.lookup(hash, key)
	if e != nil && s.gone(e, now) {
		s.expire(e)
		return nil
	}
	return e
}

// gone reports whether an entry has expired, or all its parts have. Expired parts are
// removed.
func (s *shard) gone(e *entry, now int64) bool {
	if e.expired(now) {
		return true
	}
	o, ok := e.object.(lapsing)
	if !ok {
		return false
	}
	o.lapse(now)
	before := e.cost
	s.count(e)
	if e.cost != before && s.watched != nil {
		s.tell(e.key)
	}
	return o.empty()
}

// insert makes an entry for a missing key, which is copied. The caller fills the entry and
// calls changed.
func (s *shard) insert(hash uint64, key string) *entry {
	if s.index == nil {
		s.index = make(map[uint64]*entry)
	}
	e := s.slab.take()
	e.key, e.hash, e.deadline, e.used = strings.Clone(key), hash, never, true
	e.next = s.index[hash]
	s.index[hash] = e
	s.queue.add(e)
	s.entries++
	s.grownEntries++
	return e
}

// changed counts an entry anew after a write to the entry.
func (s *shard) changed(e *entry) {
	s.count(e)
	s.fresh = e
	if s.awaited != nil || s.watched != nil {
		s.touch(e.key)
	}
}

// setDeadline changes the deadline of an entry.
func (s *shard) setDeadline(e *entry, deadline int64) {
	e.deadline = deadline
	if s.watched != nil {
		s.tell(e.key)
	}
}

// count counts an entry by its present size.
func (s *shard) count(e *entry) {
	size := e.size()
	s.bytes += size - e.cost
	s.grownBytes += size - e.cost
	e.cost = size
}

// remove removes an entry.
func (s *shard) remove(e *entry) {
	if first := s.index[e.hash]; first != e {
		for first.next != e {
			first = first.next
		}
		first.next = e.next
	} else if e.next != nil {
		s.index[e.hash] = e.next
	} else {
		delete(s.index, e.hash)
	}
	s.queue.remove(e)
	if s.fresh == e {
		s.fresh = nil
	}
	if s.awaited != nil || s.watched != nil {
		s.touch(e.key)
	}
	s.entries--
	s.grownEntries--
	s.bytes -= e.cost
	s.grownBytes -= e.cost
	s.slab.give(e)
	if s.entries == 0 && s.slab.places() > keptPlaces {
		s.clear()
	}
}

// keptPlaces is the number of unused places that an empty shard keeps for later keys.
const keptPlaces = 8 * chunkSize

// clear removes every entry and frees the memory.
func (s *shard) clear() {
	s.tellAll()
	s.grownEntries -= s.entries
	s.grownBytes -= s.bytes
	s.entries, s.bytes, s.swept = 0, 0, 0
	s.index, s.slab, s.queue, s.fresh = nil, slab{}, sieve{}, nil
	s.touchAll()
}

// expire removes an expired entry.
func (s *shard) expire(e *entry) {
	s.expirations++
	s.remove(e)
}

// enforceBounds makes room for the writes under this lock, and reports their growth to the
// database. The holder of the lock calls enforceBounds before unlocking. Without a write
// enforceBounds does nothing.
func (s *shard) enforceBounds(now int64) {
	if s.fresh == nil && s.grownEntries == 0 && s.grownBytes == 0 {
		return
	}
	s.sweep(now)
	room := true
	for room && s.db.exceeds(s.grownEntries, s.grownBytes) {
		room = s.evict(now)
	}
	s.report()
	s.fresh = nil
}

// report tells the database the growth of the shard.
func (s *shard) report() {
	s.db.grow(s.grownEntries, s.grownBytes)
	s.grownEntries, s.grownBytes = 0, 0
}

// evict evicts an entry, and reports false if no entry can be evicted.
func (s *shard) evict(now int64) bool {
	e := s.queue.victim(s.fresh, now)
	if e == nil {
		return false
	}
	if e.expired(now) {
		s.expire(e)
	} else {
		s.evictions++
		s.remove(e)
	}
	return true
}

// Each write looks for expired entries at a few places, and continues while there are any.
// Places are visited in turn, so between two visits of a place there are places/sweepStep
// writes. So the expired entries remain a fraction of the others. After a large number of
// expiries each write frees up to sweepMax entries.
const (
	sweepStep = 4
	sweepMax  = 64
)

// sweep removes expired entries, in steps.
func (s *shard) sweep(now int64) {
	places := min(sweepStep, s.slab.places())
	for seen := 0; seen < places; seen++ {
		if s.swept >= s.slab.places() {
			s.swept = 0
		}
		e := s.slab.at(s.swept)
		s.swept++
		if e.used && s.gone(e, now) {
			s.expire(e)
			places = min(places+sweepStep, sweepMax, s.slab.places())
		}
	}
}
