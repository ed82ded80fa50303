package memory

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// Swap implements driver.Swapper.
func (s *Store) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	db, err := s.begin(ctx)
	if err != nil {
		return err
	}
	if err := db.fits(stringSize(e.Key, e.Value)); err != nil {
		return err
	}
	data := clone(e.Value)
	t := db.begin(db.shardsOf(e.Key))
	defer t.end()
	previous, err := t.findString(e.Key)
	if err != nil {
		return err
	}
	if previous != nil {
		old.Data = previous.data
	} else {
		old.Err = driver.ErrNotFound
	}
	return t.set(e.Key, data, e.TTL, driver.Always)
}

// CompareAndSwap implements driver.Swapper.
func (s *Store) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	db, err := s.begin(ctx)
	if err != nil {
		return false, err
	}
	if err := db.fits(stringSize(e.Key, e.Value)); err != nil {
		return false, err
	}
	data := clone(e.Value)
	t := db.begin(db.shardsOf(e.Key))
	defer t.end()
	same, err := t.holds(e.Key, old)
	if !same || err != nil {
		return false, err
	}
	return true, t.set(e.Key, data, e.TTL, driver.Always)
}

// CompareAndDelete implements driver.Swapper.
func (s *Store) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	db, err := s.begin(ctx)
	if err != nil {
		return false, err
	}
	t := db.begin(db.shardsOf(key))
	defer t.end()
	same, err := t.holds(key, old)
	if same {
		t.remove(t.peek(key))
	}
	return same, err
}
