// Package minimaldriver is the least that is a whole cache driver: a map behind
// a mutex, with the four required methods and nothing else. It is the worked
// example of the guide on writing a driver; programs use drivers/memory, which
// is bounded and does everything.
package minimaldriver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

func init() { xcache.Register("minimal", Driver{}) }

// Driver opens stores for minimal://, each of its own.
type Driver struct{}

// Open implements driver.Driver. It has no parameters and no servers.
func (Driver) Open(dsn *driver.DSN) (driver.Store, error) {
	if len(dsn.Hosts) > 0 || dsn.Path != "" {
		return nil, errors.New("xcache: bad DSN: the minimal driver takes no host and no path; write minimal://")
	}
	return &store{items: make(map[string]item)}, dsn.Err()
}

// A store implements driver.Store.
type store struct {
	mu    sync.Mutex
	items map[string]item
}

type item struct {
	value   []byte
	expires time.Time // zero: never
}

func (s *store) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, key := range keys {
		if found, ok := s.live(key); ok {
			dst[i].Data = found.value
		} else {
			dst[i].Err = driver.ErrNotFound
		}
	}
	return nil
}

func (s *store) Set(ctx context.Context, entries []driver.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range entries {
		entries[i].Err = s.set(&entries[i])
	}
	return nil
}

func (s *store) Delete(ctx context.Context, keys []string) (removed int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if _, ok := s.live(key); ok {
			delete(s.items, key)
			removed++
		}
	}
	return removed, nil
}

func (s *store) Close() error { return nil }

func (s *store) set(e *driver.Entry) error {
	old, exists := s.live(e.Key)
	if e.Cond == driver.IfAbsent && exists || e.Cond == driver.IfPresent && !exists {
		return driver.ErrNotStored
	}
	if driver.Expired(e.TTL) {
		delete(s.items, e.Key)
		return nil
	}
	// The entry's value is borrowed, and a value that was handed out never
	// changes: hence the copy.
	stored := item{value: append([]byte{}, e.Value...)}
	switch e.TTL {
	case driver.NoExpiry:
	case driver.KeepTTL:
		stored.expires = old.expires
	default:
		stored.expires = time.Now().Add(e.TTL)
	}
	s.items[e.Key] = stored
	return nil
}

// live returns the item of a key, unless it has expired.
func (s *store) live(key string) (item, bool) {
	found, ok := s.items[key]
	if ok && !found.expires.IsZero() && !time.Now().Before(found.expires) {
		delete(s.items, key)
		return item{}, false
	}
	return found, ok
}
