package memory

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// Rename implements driver.Mover. Rename is atomic: at no moment do both keys exist, or
// neither.
func (s *Store) Rename(ctx context.Context, from, to string) error {
	_, err := s.rename(ctx, from, to, driver.Always)
	return err
}

// RenameNX implements driver.Mover. RenameNX is atomic, as Rename.
func (s *Store) RenameNX(ctx context.Context, from, to string) (bool, error) {
	return s.rename(ctx, from, to, driver.IfAbsent)
}

func (s *Store) rename(ctx context.Context, from, to string, cond driver.Cond) (bool, error) {
	db, err := s.begin(ctx)
	if err != nil {
		return false, err
	}
	t := db.begin(db.shardsOf(from, to))
	defer t.end()
	return t.rename(from, to, cond)
}

// rename moves a key of any type with its TTL, and reports whether the key was moved.
// IfAbsent does not overwrite an existing key.
func (t *transaction) rename(from, to string, cond driver.Cond) (bool, error) {
	e := t.find(from)
	switch {
	case e == nil:
		return false, driver.ErrNotFound
	case cond == driver.IfAbsent && t.peek(to) != nil:
		return false, nil
	case from == to:
		return true, nil
	}
	if err := t.db.fits(e.cost - int64(len(from)) + int64(len(to))); err != nil {
		return false, err
	}
	data, object, deadline := e.data, e.object, e.deadline
	t.remove(e)
	t.put(to, data, object, deadline)
	return true, nil
}
