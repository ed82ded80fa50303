package memory

import (
	"strings"
	"sync"
)

// A shard is a part of the keys with a lock of its own. Its methods are for
// the holder of the lock.
type shard struct {
	mu sync.Mutex
	db *database
	// index leads from a hash to the first of its entries.
	index map[uint64]*entry
	slab  slab
	queue sieve

	// entries and bytes are what the shard holds, grownEntries and grownBytes
	// the part of it that the database does not know of yet.
	entries, bytes           int64
	grownEntries, grownBytes int64
	// fresh is what was written last under this lock: it is not given up to
	// make room for itself.
	fresh *entry
	// swept is the place that the search for expired entries has come to.
	swept int

	evictions, expirations uint64

	// awaited has the lines of callers who wait for a key, and touched is which of these
	// keys have changed under this lock: see waiter. Most of the time both are nil.
	awaited map[string][]*waiter
	touched []string
	// watched has those who watch a key: see watcher. Most of the time it is nil.
	watched map[string][]*watcher

	_ [64]byte // keep the next shard's lock on another cache line
}

// lookup returns the entry of a key, which may have expired, or nil.
func (s *shard) lookup(hash uint64, key string) *entry {
	e := s.index[hash]
	for e != nil && e.key != key {
		e = e.next
	}
	return e
}

// find returns the entry of a key, or nil. It removes one that has expired.
func (s *shard) find(hash uint64, key string, now int64) *entry {
	e := s.lookup(hash, key)
	if e != nil && s.gone(e, now) {
		s.expire(e)
		return nil
	}
	return e
}

// gone tells that an entry has come to its end: that its time is up, or that all that it
// held has expired. What has, goes.
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

// insert makes an entry for a key, which is copied, that has none. The caller
// fills it and calls changed.
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

// changed counts an entry anew after a write to it.
func (s *shard) changed(e *entry) {
	s.count(e)
	s.fresh = e
	if s.awaited != nil || s.watched != nil {
		s.touch(e.key)
	}
}

// setDeadline changes when an entry expires.
func (s *shard) setDeadline(e *entry, deadline int64) {
	e.deadline = deadline
	if s.watched != nil {
		s.tell(e.key)
	}
}

// count counts an entry with the size that it has.
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

// keptPlaces is how many unused places an empty shard keeps for the next keys.
const keptPlaces = 8 * chunkSize

// clear removes every entry and frees their memory.
func (s *shard) clear() {
	s.tellAll()
	s.grownEntries -= s.entries
	s.grownBytes -= s.bytes
	s.entries, s.bytes, s.swept = 0, 0, 0
	s.index, s.slab, s.queue, s.fresh = nil, slab{}, sieve{}, nil
	s.touchAll()
}

// expire removes an entry because its time is up.
func (s *shard) expire(e *entry) {
	s.expirations++
	s.remove(e)
}

// settle makes room for what was written under this lock and reports it to the
// database. It is called before the lock is given back; without a write it does
// nothing.
func (s *shard) settle(now int64) {
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

// report tells the database what the shard has gained.
func (s *shard) report() {
	s.db.grow(s.grownEntries, s.grownBytes)
	s.grownEntries, s.grownBytes = 0, 0
}

// evict gives up an entry, and reports whether there was one to give up.
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

// Each write looks for expired entries at a few places, and at more as long as
// it finds some. Places are visited in turn, so between two visits of a place
// there are places/sweepStep writes, and what expires without being read stays
// a fraction of what is alive; when much has expired at once, each write frees
// up to sweepMax of it.
const (
	sweepStep = 4
	sweepMax  = 64
)

// sweep removes expired entries, a step at a time.
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
