package memory

import (
	"context"
	"time"

	"github.com/xcache-go/xcache/driver"
)

// GetTTL implements driver.Expirer.
func (s *Store) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.ttls(ctx, keys, dst, true)
}

// TTL implements driver.Expirer. TTL does not count as a use of the keys.
func (s *Store) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.ttls(ctx, keys, dst, false)
}

func (s *Store) ttls(ctx context.Context, keys []string, dst []driver.Value, withData bool) error {
	db, err := s.begin(ctx)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if due(i) && ctx.Err() != nil {
			return ended(ctx, driver.NotApplied)
		}
		t := db.begin(db.shardsOf(key))
		e := t.peek(key)
		switch {
		case e == nil:
			dst[i].Err = driver.ErrNotFound
		case !withData:
			dst[i].TTL = t.remaining(e)
		case e.object != nil:
			dst[i].Err = driver.ErrWrongType
		default:
			e.visited = true
			dst[i].Data, dst[i].TTL = e.data, t.remaining(e)
		}
		t.end()
	}
	return nil
}

// Expire implements driver.Expirer.
func (s *Store) Expire(ctx context.Context, entries []driver.Entry) error {
	db, err := s.begin(ctx)
	if err != nil {
		return err
	}
	for i := range entries {
		if due(i) && ctx.Err() != nil {
			return ended(ctx, driver.Unknown)
		}
		e := &entries[i]
		t := db.begin(db.shardsOf(e.Key))
		if e.Err = driver.ErrNotFound; t.setTTL(e.Key, e.TTL) {
			e.Err = nil
		}
		t.end()
	}
	return nil
}

// setTTL gives a key a TTL, and reports whether the key exists.
func (t *transaction) setTTL(key string, ttl time.Duration) bool {
	e := t.peek(key)
	switch {
	case e == nil:
		return false
	case driver.Expired(ttl):
		t.remove(e)
	case ttl == driver.NoExpiry && e.deadline == never: // no change
	case ttl != driver.KeepTTL:
		t.db.shardOf(e.hash).setDeadline(e, t.deadline(ttl))
	}
	return true
}

// deadline returns the end of a TTL that has not expired and is not KeepTTL.
func (t *transaction) deadline(ttl time.Duration) int64 {
	if ttl == driver.NoExpiry || int64(ttl) >= never-t.now {
		return never
	}
	return t.now + int64(ttl)
}

// remaining returns the remaining TTL of an entry.
func (t *transaction) remaining(e *entry) time.Duration {
	if e.deadline == never {
		return driver.NoExpiry
	}
	return time.Duration(e.deadline - t.now)
}
