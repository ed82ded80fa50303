package memory

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// Incr implements driver.Counter.
func (s *Store) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	db, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	t := db.begin(db.shardsOf(key))
	defer t.end()
	sum, exists, err := t.incr(key, delta)
	if !exists && err == nil {
		err = driver.ErrNotFound
	}
	return sum, err
}

// IncrInit implements driver.Counter.
func (s *Store) IncrInit(ctx context.Context, key string, delta, init int64, ttl time.Duration) (int64, error) {
	db, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	if err := arguments.CheckInitTTL(ttl); err != nil {
		return 0, err
	}
	t := db.begin(db.shardsOf(key))
	defer t.end()
	return t.incrInit(key, delta, init, ttl)
}
