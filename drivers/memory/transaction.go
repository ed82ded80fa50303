package memory

import (
	"math/bits"

	"github.com/xcache-go/xcache/driver"
)

// A transaction holds the locks of some shards: all its reads and writes are one step.
type transaction struct {
	db     *database
	locked shardSet
	now    int64
}

// begin locks shards, always in the same order, and reads the clock.
func (db *database) begin(shards shardSet) transaction {
	for rest := shards; rest != 0; rest &= rest - 1 {
		db.shards[bits.TrailingZeros64(uint64(rest))].mu.Lock()
	}
	return transaction{db: db, locked: shards, now: db.now()}
}

// end evicts down to the bounds, unlocks the shards, and serves the callers who wait for
// the written keys.
func (t *transaction) end() {
	if touched := t.unlock(); touched != nil {
		t.db.serveLines(touched)
	}
}

// unlock is end without serving: the caller must serve the returned keys.
func (t *transaction) unlock() (touched []string) {
	last := 0
	for rest := t.locked; rest != 0; rest &= rest - 1 {
		last = bits.TrailingZeros64(uint64(rest))
		s := &t.db.shards[last]
		s.enforceBounds(t.now)
		if s.touched != nil {
			touched = append(touched, s.touched...)
			s.touched = nil
		}
		s.mu.Unlock()
	}
	if t.db.exceeds(0, 0) {
		touched = append(touched, t.db.shrink(last)...)
	}
	return touched
}

// find returns the entry of a key, or nil, and counts as a use of the entry.
func (t *transaction) find(key string) *entry {
	e := t.peek(key)
	if e != nil && !e.visited {
		e.visited = true
	}
	return e
}

// peek is find that does not count as a use of the entry.
func (t *transaction) peek(key string) *entry {
	hash := t.db.hash(key)
	return t.db.shardOf(hash).find(hash, key, t.now)
}

// put stores data or an object at a key, and replaces any value there.
func (t *transaction) put(key string, data []byte, object object, deadline int64) {
	hash := t.db.hash(key)
	s := t.db.shardOf(hash)
	e := s.find(hash, key, t.now)
	if e == nil {
		e = s.insert(hash, key)
	} else {
		e.visited = true
	}
	e.data, e.object, e.deadline = data, object, deadline
	s.changed(e)
}

// changed counts an entry anew after a change of its object. An entry with an empty object
// is removed.
func (t *transaction) changed(e *entry) {
	if e.object.empty() {
		t.remove(e)
		return
	}
	t.db.shardOf(e.hash).changed(e)
}

// changedIf is changed for a command that may have left the object unchanged: then, as on
// Redis, no watcher is told.
func (t *transaction) changedIf(changed bool, e *entry) {
	if changed {
		t.changed(e)
	}
}

// tell tells the watchers of a key that the key has changed.
func (t *transaction) tell(key string) { t.db.shardOf(t.db.hash(key)).tell(key) }

// recount counts an entry anew after a change that watchers are not told of, as on Redis.
func (t *transaction) recount(e *entry) {
	s := t.db.shardOf(e.hash)
	s.count(e)
	s.fresh = e
}

// remove removes an entry.
func (t *transaction) remove(e *entry) { t.db.shardOf(e.hash).remove(e) }

// clear removes every key of the locked shards, and every lease.
func (t *transaction) clear() {
	for rest := t.locked; rest != 0; rest &= rest - 1 {
		s := &t.db.shards[bits.TrailingZeros64(uint64(rest))]
		s.clear()
		s.leases = nil
	}
}

// findObject is find for keys that must hold one type of object or be missing.
func findObject[T object](t *transaction, key string) (e *entry, o T, err error) {
	if e = t.find(key); e == nil {
		return nil, o, nil
	}
	o, ok := e.object.(T)
	if !ok {
		return nil, o, driver.ErrWrongType
	}
	return e, o, nil
}

// A shardSet is a set of the numbers of shards.
type shardSet uint64

// maxShards is the largest number of shards in a shardSet.
const maxShards = 64

// all returns the set of all shards.
func (db *database) all() shardSet { return shardSet(1)<<len(db.shards) - 1 }

// shardsOf returns the shards of keys.
func (db *database) shardsOf(keys ...string) (set shardSet) {
	for _, key := range keys {
		set |= 1 << (db.hash(key) >> db.shift)
	}
	return set
}
