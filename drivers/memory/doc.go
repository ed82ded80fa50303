// Package memory is the embedded driver: a cache inside the process, without set-up and
// I/O. The driver suits laptops, tests, and production with one process, and is the
// reference for the behaviour of all other drivers. Memory runs every command of keys,
// strings, lists, hashes with TTLs of fields, sets, sorted sets and streams, and has
// subscriptions. Commands such as BLPOP wait, and callers of a key are served in the order
// of their calls. Scripts run in programs that import package drivers/memory/lua.
//
//	import _ "github.com/xcache-go/xcache/drivers/memory"
//
//	c, err := xcache.OpenDSN("memory://")                   // a store of its own
//	c, err := xcache.OpenDSN("memory://sessions")           // shared by name in the process
//	c, err := xcache.OpenDSN("memory://?max_bytes=64MiB")
//
// Programs that build the store themselves use [NewStore].
//
// # Parameters
//
//	max_entries   how many keys at most, or none     none
//	max_bytes     how many bytes at most, or none    256MiB
//
// A store has no user, port, path, TLS or topology; a DSN with one of these is refused.
// [Options] says which bytes are counted, and [Driver] describes stores that share a name.
//
// # Eviction
//
// A full store evicts the key that SIEVE picks. The keys of a shard stand in a queue in the
// order of their insertion. A hand walks from the oldest to the newest, and spares the keys
// that were used since its last visit. The hand evicts the first key that was not used.
// Expired keys are removed first. The table compares the hits per access of caches with the
// same number of entries, as BenchmarkHitRatio counts them (100,000 keys, room for 5,000):
//
//	                                    SIEVE    LRU      FIFO
//	Zipf 1.01                           0.72     0.68     0.64
//	Zipf 1.2                            0.90     0.88     0.86
//	Zipf 1.01 with walks over new keys  0.54     0.47     0.46
//
// # Expiry
//
// A value exists until its TTL has passed, to the nanosecond. The time is the process's
// monotonic clock, so a change of the system's clock has no effect. In a bubble of
// testing/synctest the time is the bubble's.
//
// The store has no goroutine. An expired key is removed by the next call for the key, by an
// eviction, or by a later write: each write looks at a few keys in turn, and continues
// while expired keys are found. So under writes the expired keys are a fraction of the
// others. A store without further writes keeps its expired keys, within its bounds.
//
// # Atomicity
//
// Keys are spread over shards by a seeded hash. Each shard has a lock. A step that is
// atomic in Redis is atomic here: commands with several keys, renames and Atomic batches
// hold the locks of all their keys at once. Batches of Get, Set, Delete and Expire are
// atomic for each key.
//
// # Cost
//
// Reading a key allocates nothing and returns the stored bytes without a copy. Writing a
// key copies the value: 1 allocation, 2 for a new key. A read of one key takes 1.5 times as
// long as a read from a map under a mutex (BenchmarkGet, BenchmarkMap). Most of the
// difference is the reading of the clock: without expiry the difference is a third. With
// many keys the machine's memory dominates, and there is no difference.
package memory
