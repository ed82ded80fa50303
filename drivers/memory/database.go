package memory

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"
)

// A database has the keys of one store, or of all stores with one name. A seeded hash
// spreads the keys over shards.
type database struct {
	seed   maphash.Seed
	start  time.Time
	shards []shard
	// shift is the number of bits by which a hash is shifted to the number of its shard.
	shift int

	maxEntries, maxBytes int64

	scripts scriptCache
	broker  broker
	lines   lines

	_ [64]byte // readers of the fields above do not wait for writers of the fields below

	// entries and bytes are the sums over all shards, as of the last unlock of each shard.
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

// now returns the time on the database's clock, which never goes back.
func (db *database) now() int64 { return int64(time.Since(db.start)) }

func (db *database) hash(key string) uint64 { return maphash.String(db.seed, key) }

// shardOf returns the shard of a hash.
func (db *database) shardOf(hash uint64) *shard { return &db.shards[hash>>db.shift] }

// exceeds reports whether the bounds would be exceeded after growth by entries and bytes.
func (db *database) exceeds(entries, bytes int64) bool {
	return db.entries.Load()+entries > db.maxEntries || db.bytes.Load()+bytes > db.maxBytes
}

// grow adds the growth of a shard. A write without growth, such as a replacement by a value
// of the same size, costs no shared write.
func (db *database) grow(entries, bytes int64) {
	if entries != 0 {
		db.entries.Add(entries)
	}
	if bytes != 0 {
		db.bytes.Add(bytes)
	}
}

// shrink evicts from one shard after the other until the bounds hold. shrink is for the
// growth for which a shard could not make room alone. The first shard is the shard
// behind that shard, so the entry that was just written comes last. The caller must serve the
// returned keys.
func (db *database) shrink(behind int) (touched []string) {
	for i := behind + 1; db.exceeds(0, 0); i++ {
		s := &db.shards[i%len(db.shards)]
		s.mu.Lock()
		now := db.now()
		s.evict(now)
		s.enforceBounds(now)
		touched = append(touched, s.touched...)
		s.touched = nil
		s.mu.Unlock()
	}
	return touched
}
