package memory

// sieve decides which entry to give up. Entries stand in a queue in the order
// they came, each with a bit that tells whether it was used; a hand walks from
// the oldest to the newest and stays where it stopped. It spares the used ones,
// once each, and gives up the first unused one. An entry that is used costs
// no more than setting its bit: nothing moves on a read.
//
// The algorithm is SIEVE (Zhang et al., NSDI 2024).
type sieve struct {
	oldest, newest *entry
	hand           *entry
}

// maxSpared bounds how many entries one eviction spares in a row: behind that
// many used ones the next may as well go, and no caller waits for a walk over
// millions.
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

// victim returns the entry to give up, other than keep, or nil if there is no
// other. One that has expired goes even if it was used.
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
