package memory

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// A Store is an embedded cache, or one use of a shared cache. Besides the four methods of
// driver.Store a Store has every optional interface but Tracker and Exclusive, and runs
// every command of the table.
//
// All methods may be called concurrently. No method starts a goroutine. Only Subscribe, and
// Do with a command that waits, such as BLPOP, wait for anything but other calls. Callers
// who wait for the same key are served in the order of their calls.
type Store struct {
	db      atomic.Pointer[database] // nil once closed
	bounds  Options
	name    string // by which stores share the database, or ""
	release func()
	// scripting means that a language for scripts was registered when the store was opened.
	scripting bool
	closed    chan struct{}
}

var _ interface {
	driver.Store
	driver.Expirer
	driver.Counter
	driver.Swapper
	driver.Mover
	driver.Scanner
	driver.Flusher
	driver.Pinger
	driver.Commander
	driver.Inspector
	driver.Limiter
	driver.Subscriber
	driver.Watcher
} = (*Store)(nil)

// NewStore returns a private store, for xcache.New. The error names the bad option.
func NewStore(options Options) (*Store, error) {
	bounds, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return newStore(newDatabase(bounds), bounds, nil), nil
}

func newStore(db *database, bounds Options, release func()) *Store {
	s := &Store{bounds: bounds, release: release, closed: make(chan struct{}), scripting: interpreter.Load() != nil}
	s.db.Store(db)
	return s
}

// Get implements driver.Store. Get returns the stored bytes, not a copy: stored bytes
// are never written to again.
func (s *Store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	db, err := s.begin(ctx)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if due(i) && ctx.Err() != nil {
			return ended(ctx, driver.NotApplied)
		}
		dst[i].Data, dst[i].Err = db.get(key)
	}
	return nil
}

// Set implements driver.Store. A value that can never fit MaxBytes is ErrTooLarge, and the
// key keeps its value.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	db, err := s.begin(ctx)
	if err != nil {
		return err
	}
	for i := range entries {
		if due(i) && ctx.Err() != nil {
			return ended(ctx, driver.Unknown)
		}
		entries[i].Err = db.set(&entries[i])
	}
	return nil
}

// Delete implements driver.Store. Delete takes away the leases of the keys, too.
func (s *Store) Delete(ctx context.Context, keys []string) (removed int, err error) {
	db, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	for i, key := range keys {
		if due(i) && ctx.Err() != nil {
			return 0, ended(ctx, driver.Unknown)
		}
		hash := db.hash(key)
		t, shard := db.begin(1<<(hash>>db.shift)), db.shardOf(hash)
		if e := shard.find(hash, key, t.now); e != nil {
			shard.remove(e)
			removed++
		}
		shard.revoke(key)
		t.end()
	}
	return removed, nil
}

// Close implements driver.Store. Close frees the data of the store unless others use its
// name. Calls that wait fail with ErrClosed. Calls after the first do nothing.
func (s *Store) Close() error {
	if s.db.Swap(nil) == nil {
		return nil
	}
	close(s.closed)
	if s.release != nil {
		s.release()
	}
	return nil
}

// Flush implements driver.Flusher. Flush empties the store in one step, for all users of
// its name.
func (s *Store) Flush(ctx context.Context) error {
	db, err := s.begin(ctx)
	if err != nil {
		return err
	}
	t := db.begin(db.all())
	t.clear()
	t.end()
	return nil
}

// Ping implements driver.Pinger. Ping succeeds until the store is closed.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.begin(ctx)
	return err
}

// Limits implements driver.Limiter. Expiry is exact, and a value is limited
// only by the bound in bytes.
func (s *Store) Limits() driver.Limits {
	limits := driver.Limits{TTLResolution: time.Nanosecond, CallTimeout: time.Millisecond, DeleteRevokes: true}
	if s.bounds.MaxBytes != Unbounded {
		limits.ValueSize = int(min(s.bounds.MaxBytes-entryOverhead, math.MaxInt))
	}
	return limits
}

// Stats are the sizes of a store, and the counts of removed keys.
type Stats struct {
	// Entries is the number of keys, including expired keys that were not removed yet.
	Entries int
	// Bytes is the number of bytes that are counted for the bound.
	Bytes int64
	// Evictions is the number of keys that were evicted.
	Evictions uint64
	// Expirations is the number of keys that have expired and were removed.
	Expirations uint64
}

// Stats returns the present figures, and the zero value for a closed store. The counts
// begin with the store, and include all users of its name.
func (s *Store) Stats() Stats {
	db := s.db.Load()
	if db == nil {
		return Stats{}
	}
	stats := Stats{Entries: int(db.entries.Load()), Bytes: db.bytes.Load()}
	for i := range db.shards {
		shard := &db.shards[i]
		shard.mu.Lock()
		stats.Evictions += shard.evictions
		stats.Expirations += shard.expirations
		shard.mu.Unlock()
	}
	return stats
}

// begin returns the database for a call, or the error of a closed store or an ended
// context.
func (s *Store) begin(ctx context.Context) (*database, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx, driver.NotApplied)
	}
	db := s.db.Load()
	if db == nil {
		return nil, driver.ErrClosed
	}
	return db, nil
}

// due reports whether a batch looks at its context before element i. A look costs as much
// as a small part of an element, so not every element needs a look.
func due(i int) bool { return i&255 == 255 }

// ended returns the error of a call whose context has ended.
func ended(ctx context.Context, outcome driver.Outcome) error {
	return driver.Fail(ctx.Err(), outcome, nil)
}

// get is the hot path: one lock, one look-up, and the clock only for entries with a
// deadline.
func (db *database) get(key string) ([]byte, error) {
	hash := db.hash(key)
	s := db.shardOf(hash)
	s.mu.Lock()
	e := s.lookup(hash, key)
	if e == nil {
		s.mu.Unlock()
		return nil, driver.ErrNotFound
	}
	if e.deadline != never || e.object != nil {
		if now := db.now(); s.gone(e, now) {
			s.expire(e)
			t := transaction{db: db, locked: db.shardsOf(key), now: now}
			t.end() // callers may wait for the key to be gone
			return nil, driver.ErrNotFound
		}
	}
	if e.object != nil {
		s.report()
		s.mu.Unlock()
		return nil, driver.ErrWrongType
	}
	if !e.visited {
		e.visited = true
	}
	data := e.data
	s.mu.Unlock()
	return data, nil
}

func (db *database) set(e *driver.Entry) error {
	if err := db.fits(stringSize(e.Key, e.Value)); err != nil {
		return err
	}
	data := clone(e.Value)
	t := db.begin(db.shardsOf(e.Key))
	defer t.end()
	return t.set(e.Key, data, e.TTL, e.Cond)
}

// fits returns an error if the store can never hold size bytes for a key.
func (db *database) fits(size int64) error {
	if size <= db.maxBytes {
		return nil
	}
	return driver.Fail(driver.ErrTooLarge, driver.NotApplied,
		fmt.Errorf("the key would take %d bytes with its overhead, max_bytes is %d", size, db.maxBytes))
}

// clone returns a copy of data that is not nil and has no spare capacity, so that an append
// of a caller never writes into stored data.
func clone(data []byte) []byte {
	c := make([]byte, len(data))
	copy(c, data)
	return c
}
