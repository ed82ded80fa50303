package null

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// Watch implements driver.Watcher. The transaction finds an empty database from beginning
// to end, and so no key of it changes.
func (s *Store) Watch(ctx context.Context, _ ...string) (driver.Transaction, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return transaction{s}, nil
}

// A transaction is an optimistic one.
type transaction struct{ *Store }

// Err implements driver.Transaction.
func (t transaction) Err() error {
	if t.closed.Load() {
		return driver.ErrClosed
	}
	return nil
}

// Close implements driver.Transaction.
func (transaction) Close() error { return nil }
