package driver

import (
	"context"
	"math"
	"time"
)

// A Driver opens stores. xcache.Register takes a Driver.
//
// Open may be called concurrently.
type Driver interface {
	// Open returns a Store for dsn. Open does no I/O, so that a service starts
	// while its cache is down. The first operation connects, and so does the
	// first operation after a failure.
	//
	// Open reads every parameter of the driver through the methods of dsn
	// (Text, Int, Duration, …), and returns dsn.Err() when a parameter was bad.
	// The caller of Open reports the parameters that nobody read. Errors never
	// hold a user's credentials.
	Open(dsn *DSN) (Store, error)
}

// A Named driver tells the name that its DSNs have for it (DSN.Driver), so that
// the driver can be registered under other names, too.
type Named interface {
	Name() string
}

// A Store is a connection to one cache server, cluster or embedded cache. Every
// store has these four methods. Every other ability of a store is an optional
// interface, and CapsOf collects the optional interfaces.
//
// All methods may be called concurrently. Every method with a context follows
// these rules:
//
//   - A call whose context has ended starts no I/O.
//   - A context that ends during the call ends the call promptly (20 ms),
//     even when the server never answers. The error matches the context's
//     error with errors.Is.
//   - Inputs (keys, entries, their bytes) are borrowed until the call returns,
//     and no longer. A driver copies the inputs first if its client may still
//     read the inputs after a cancelled call.
//   - The error that a call returns says that nothing is known about any key
//     of the call. The outcome of one key is in its Value or Entry.
//   - Errors are *Error values or sentinels of this package: see Fail.
type Store interface {
	// Get fills dst[i] for keys[i]. len(dst) == len(keys), and dst[i] is the
	// zero Value on entry. A miss is ErrNotFound in dst[i].Err. No keys: no
	// I/O. The same key may appear twice. A single key that holds another type
	// than a string is ErrWrongType. Among several keys such a key is
	// ErrWrongType or ErrNotFound, because Redis' MGET does not tell the two apart.
	// One round trip per server involved.
	Get(ctx context.Context, keys []string, dst []Value) error

	// Set stores the entries in order and leaves the outcome of each in its
	// Err: nil, ErrNotStored when Cond did not hold, or the error of that entry.
	// Set overwrites a key of any type. No entries: no I/O. One round trip per
	// server involved. Each entry is atomic; the batch is not.
	Set(ctx context.Context, entries []Entry) error

	// Delete removes keys of any type and returns the number of removed keys.
	// No keys: no I/O. One round trip per server involved.
	Delete(ctx context.Context, keys []string) (removed int, err error)

	// Close returns when every goroutine has ended and every connection is
	// closed. The core calls Close once, after the last other call has returned.
	Close() error
}

// The TTLs with a meaning of their own are the two ends of the range of
// durations, so that no arithmetic on real TTLs reaches these TTLs.
const (
	// NoExpiry is the TTL of a key that never expires, for writes and in the
	// results of reads.
	NoExpiry time.Duration = math.MaxInt64

	// KeepTTL leaves the key's expiry unchanged. A key that did not exist
	// gets no expiry, as with Redis' SET … KEEPTTL.
	KeepTTL time.Duration = math.MinInt64
)

// A Value is the result of one key of a batch read.
type Value struct {
	// Data is the stored value. Data is immutable: neither the caller nor the
	// driver ever changes the bytes. Data lasts as long as the caller keeps it.
	Data []byte
	// TTL is the time that the key had left, or NoExpiry. Only the methods of
	// Expirer fill TTL.
	TTL time.Duration
	// Err is nil on a hit, ErrNotFound on a miss, and otherwise the error of
	// this key alone.
	Err error
}

// An Entry is one key of a batch write.
type Entry struct {
	// Key is the full key: the key on the server.
	Key string
	// Value is borrowed until the call returns. nil and empty are the same.
	Value []byte
	// TTL is one of
	//
	//	d > 0     the key expires after d; a d below the driver's resolution
	//	          is rounded up, never down to 0
	//	NoExpiry  the key never expires
	//	KeepTTL   the key keeps its present expiry
	//	d <= 0    the value has expired already: if Cond holds, an existing
	//	          key is deleted, nothing is stored, and the write counts as
	//	          done
	//
	// The value and its expiry are set in one atomic step.
	TTL time.Duration
	// Cond is the condition of the write.
	Cond Cond
	// Err is the outcome of this entry. The call fills Err.
	Err error
}

// Cond is the condition of a write.
type Cond uint8

const (
	// Always writes.
	Always Cond = iota
	// IfAbsent writes if the key does not exist: Redis' SET … NX.
	IfAbsent
	// IfPresent writes if the key exists: Redis' SET … XX.
	IfPresent
)

// Kind is the type of a key's value, in the words of Redis' TYPE.
type Kind string

// The kinds of values.
const (
	KindString    Kind = "string"
	KindList      Kind = "list"
	KindSet       Kind = "set"
	KindHash      Kind = "hash"
	KindSortedSet Kind = "zset"
	KindStream    Kind = "stream"
)

// Expired reports whether a write with this TTL stores nothing, because its
// value has expired already.
func Expired(ttl time.Duration) bool { return ttl <= 0 && ttl != KeepTTL }

// Milliseconds returns ttl in milliseconds, rounded up, so that a positive TTL
// never becomes 0. The ttl is neither NoExpiry nor KeepTTL, and not Expired.
func Milliseconds(ttl time.Duration) int64 {
	ms := int64(ttl / time.Millisecond)
	if ttl%time.Millisecond > 0 {
		ms++
	}
	return ms
}
