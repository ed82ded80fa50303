package null

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A Store stores nothing, and has the results of an empty store.
//
// All methods may be called concurrently. Only Subscribe, and Do for a blocking command,
// wait. No method starts a goroutine, or keeps its arguments.
type Store struct {
	closed  atomic.Bool
	closing chan struct{}
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
	driver.Limiter
	driver.Subscriber
	driver.Watcher
} = (*Store)(nil)

// NewStore returns a store, for xcache.New.
func NewStore() *Store { return &Store{closing: make(chan struct{})} }

// Get implements driver.Store: every key is a miss.
func (s *Store) Get(ctx context.Context, _ []string, dst []driver.Value) error {
	return s.miss(ctx, dst)
}

// Set implements driver.Store. A write with driver.IfPresent is not stored, and every other
// write succeeds without effect.
func (s *Store) Set(ctx context.Context, entries []driver.Entry) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for i := range entries {
		entries[i].Err = nil
		if entries[i].Cond == driver.IfPresent {
			entries[i].Err = driver.ErrNotStored
		}
	}
	return nil
}

// Delete implements driver.Store: no key exists.
func (s *Store) Delete(ctx context.Context, _ []string) (removed int, err error) {
	return 0, s.begin(ctx)
}

// Close implements driver.Store. Every later call is driver.ErrClosed.
func (s *Store) Close() error {
	if !s.closed.Swap(true) {
		close(s.closing)
	}
	return nil
}

// GetTTL implements driver.Expirer: every key is a miss.
func (s *Store) GetTTL(ctx context.Context, _ []string, dst []driver.Value) error {
	return s.miss(ctx, dst)
}

// TTL implements driver.Expirer: every key is a miss.
func (s *Store) TTL(ctx context.Context, _ []string, dst []driver.Value) error {
	return s.miss(ctx, dst)
}

// Expire implements driver.Expirer: no key exists.
func (s *Store) Expire(ctx context.Context, entries []driver.Entry) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for i := range entries {
		entries[i].Err = driver.ErrNotFound
	}
	return nil
}

// Incr implements driver.Counter: no key exists.
func (s *Store) Incr(ctx context.Context, _ string, _ int64) (int64, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	return 0, driver.ErrNotFound
}

// IncrInit implements driver.Counter: each call is the first.
func (s *Store) IncrInit(ctx context.Context, _ string, delta, init int64, ttl time.Duration) (int64, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	if err := arguments.CheckInitTTL(ttl); err != nil {
		return 0, err
	}
	return arguments.Add(init, delta)
}

// Swap implements driver.Swapper: no key has an old value.
func (s *Store) Swap(ctx context.Context, _ *driver.Entry, old *driver.Value) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	old.Err = driver.ErrNotFound
	return nil
}

// CompareAndSwap implements driver.Swapper: no key has a value.
func (s *Store) CompareAndSwap(ctx context.Context, _ *driver.Entry, _ []byte) (bool, error) {
	return false, s.begin(ctx)
}

// CompareAndDelete implements driver.Swapper: no key has a value.
func (s *Store) CompareAndDelete(ctx context.Context, _ string, _ []byte) (bool, error) {
	return false, s.begin(ctx)
}

// Rename implements driver.Mover: no key exists.
func (s *Store) Rename(ctx context.Context, _, _ string) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return driver.ErrNotFound
}

// RenameNX implements driver.Mover: no key exists.
func (s *Store) RenameNX(ctx context.Context, from, to string) (bool, error) {
	return false, s.Rename(ctx, from, to)
}

// Scan implements driver.Scanner: no key exists.
func (s *Store) Scan(ctx context.Context, _ string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.begin(ctx); err != nil {
			yield("", err)
		}
	}
}

// Flush implements driver.Flusher.
func (s *Store) Flush(ctx context.Context) error { return s.begin(ctx) }

// Ping implements driver.Pinger. Ping succeeds until the store is closed.
func (s *Store) Ping(ctx context.Context) error { return s.begin(ctx) }

// Limits implements driver.Limiter. Keys and values have no size limits. Contexts need no
// deadline, because no call waits. Results do not belong to the store.
func (s *Store) Limits() driver.Limits {
	return driver.Limits{TTLResolution: time.Nanosecond, CallTimeout: time.Millisecond, OwnData: true}
}

func (s *Store) miss(ctx context.Context, dst []driver.Value) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for i := range dst {
		dst[i].Err = driver.ErrNotFound
	}
	return nil
}

// begin returns the error of a call with an ended context or after Close.
func (s *Store) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return driver.Fail(err, driver.NotApplied, nil)
	}
	if s.closed.Load() {
		return driver.ErrClosed
	}
	return nil
}
