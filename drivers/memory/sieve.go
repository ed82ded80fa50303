package memory

// sieve chooses the entry to evict. Entries stand in a queue in the order of their
// insertion, each with a bit that tells whether the entry was used. A hand walks from the
// oldest to the newest and keeps its position. The hand spares used entries once each, and
// the first unused entry is evicted. A use of an entry only sets its bit: no entry moves on
// a read.
//
// The algorithm is SIEVE (Zhang et al., NSDI 2024).
type sieve struct {
	oldest, newest *entry
	hand           *entry
}

// maxSpared bounds the number of entries that one eviction spares in a row. So no caller
// waits for a walk over millions of used entries; after that many, evicting a used entry is
// good enough.
const maxSpared = 4096

// add puts an entry at the young end of the queue.
func (q *sieve) add(e *entry) {
	e.older, e.newer = q.newest, nil
	if q.newest != nil {
		q.newest.newer = e
	} else {
		q.oldest = e
	}
	q.newest = e
}

// remove takes an entry out of the queue.
func (q *sieve) remove(e *entry) {
	if q.hand == e {
		q.hand = e.newer
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		q.oldest = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		q.newest = e.older
	}
	e.older, e.newer = nil, nil
}

// victim returns the entry to evict, or nil if there is none but keep. An expired entry is
// evicted in spite of its bit.
func (q *sieve) victim(keep *entry, now int64) *entry {
	e := q.hand
	for spared := 0; ; e = e.newer {
		if e == nil {
			e = q.oldest
		}
		switch {
		case e == nil || e == keep && q.oldest == q.newest:
			return nil
		case e == keep:
			continue
		case e.visited && !e.expired(now) && spared < maxSpared:
			e.visited = false
			spared++
			continue
		}
		q.hand = e
		return e
	}
}
