// Package memory is the embedded driver: a cache inside the process, with no
// set-up and no I/O. It is the default for a laptop and for tests, a real cache
// in production where one process is enough, and the reference for what every
// other driver does: it runs every command on keys, strings, lists, hashes with TTLs of their
// fields, sets, sorted sets and streams, and has subscriptions. Commands that wait, such as
// BLPOP, do: callers of a key are served in the order in which they came. Scripts run in
// programs that import package drivers/memory/lua.
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
// A store has no user, port, path, TLS or topology; a DSN with one is refused.
// See [Options] for what is counted, and [Driver] for stores that share a name.
//
// # Eviction
//
// A full store gives up the key that SIEVE picks: keys stand in the order they
// came, a hand walks from the oldest to the newest, spares what was used since
// it last came by, and takes the first that was not. What has expired goes
// first. Against a cache of the same number of entries, hits per access as
// BenchmarkHitRatio counts them (100,000 keys, room for 5,000):
//
//	                                    SIEVE    LRU      FIFO
//	Zipf 1.01                           0.72     0.68     0.64
//	Zipf 1.2                            0.90     0.88     0.86
//	Zipf 1.01 with walks over new keys  0.54     0.47     0.46
//
// # Expiry
//
// A value is there until its TTL has passed, to the nanosecond, and gone from
// then on. Time is the process's monotonic clock, so setting the system's clock
// changes nothing; in a bubble of testing/synctest it is the bubble's.
//
// There is no goroutine. A key that has expired goes when it is next asked for,
// when room is needed, or when a write comes past it: each write looks at a few
// keys in turn, and at more as long as it finds expired ones. What has expired
// unread is therefore a fraction of what is alive while there are writes. A
// store that is no longer written to keeps what it has, which its bounds limit.
//
// # Atomicity
//
// Keys are spread over shards by a hash with a seed of its own, each with its
// lock. Whatever Redis does at one moment happens at one moment here: commands
// with several keys, renames and atomic batches hold the locks of all their
// keys at once. Batches of Get, Set, Delete and Expire are atomic for each key.
//
// # Cost
//
// Reading a key allocates nothing and returns the stored bytes without copying
// them, writing one copies the value: 1 allocation, 2 if the key is new. A read
// of one key takes 1.5 times as long as from a map under a mutex (BenchmarkGet,
// BenchmarkMap), most of it for reading the clock: a key without expiry takes a
// third of that. Among many keys, where the machine's memory decides, there is
// no difference.
package memory
