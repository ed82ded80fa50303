package null

import (
	"context"

	"github.com/xcache-go/xcache/driver"
)

// Watch implements driver.Watcher. No key of the transaction changes, because the database
// is always empty.
func (s *Store) Watch(ctx context.Context, _ ...string) (driver.Transaction, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return transaction{s}, nil
}

// A transaction is an optimistic transaction.
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
