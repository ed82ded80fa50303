package memory

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"
)

// A database is the keys of one store, or of all stores of one name, spread
// over shards by a seeded hash.
type database struct {
	seed   maphash.Seed
	start  time.Time
	shards []shard
	// shift takes a hash to the number of its shard.
	shift int

	maxEntries, maxBytes int64

	scripts scriptCache
	broker  broker
	lines   lines

	_ [64]byte // readers of the fields above do not wait for writers of those below

	// entries and bytes are what all shards hold, as of the last time that
	// each was unlocked.
	entries, bytes atomic.Int64
}

func newDatabase(bounds Options) *database {
	n := bounds.shards()
	db := &database{
		seed:       maphash.MakeSeed(),
		start:      time.Now(),
		shards:     make([]shard, n),
		shift:      64 - bits.TrailingZeros(uint(n)),
		maxEntries: limit(int64(bounds.MaxEntries)),
		maxBytes:   limit(bounds.MaxBytes),
	}
	for i := range db.shards {
		db.shards[i].db = db
	}
	return db
}

// now is the time on the database's clock, which never goes back.
func (db *database) now() int64 { return int64(time.Since(db.start)) }

func (db *database) hash(key string) uint64 { return maphash.String(db.seed, key) }

// shardOf returns the shard of a hash.
func (db *database) shardOf(hash uint64) *shard { return &db.shards[hash>>db.shift] }

// exceeds tells whether the bounds would not hold after growing by so much.
func (db *database) exceeds(entries, bytes int64) bool {
	return db.entries.Load()+entries > db.maxEntries || db.bytes.Load()+bytes > db.maxBytes
}

// grow counts what a shard has gained. A write that replaces a value by one of
// the same size, or evicts an entry like the one it adds, costs no shared write.
func (db *database) grow(entries, bytes int64) {
	if entries != 0 {
		db.entries.Add(entries)
	}
	if bytes != 0 {
		db.bytes.Add(bytes)
	}
}

// shrink evicts from one shard after the other until the bounds hold. It is for
// what a shard could not make room for alone, and starts behind that shard, so
// that what was just written there comes last.
func (db *database) shrink(behind int) {
	for i := behind + 1; db.exceeds(0, 0); i++ {
		s := &db.shards[i%len(db.shards)]
		s.mu.Lock()
		now := db.now()
		s.evict(now)
		s.settle(now)
		s.mu.Unlock()
	}
}
