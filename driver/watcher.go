package driver

import "context"

// A Watcher runs optimistic transactions by means of its own. An Exclusive store need not be
// a Watcher: the core sends WATCH on a session, and the session is a Transaction from then on.
type Watcher interface {
	// Watch begins a transaction that watches keys. keys has one key at least, and is
	// borrowed until Watch returns. Watch waits for no other caller. The caller calls Close of the
	// transaction.
	Watch(ctx context.Context, keys ...string) (Transaction, error)
}

// A Transaction is an optimistic transaction: the transaction reads, and in the end writes,
// unless somebody has changed a watched key meanwhile. Every Session that has sent WATCH is a
// Transaction. The owner makes one call at a time. Only Err and Close may be called beside
// another call.
//
// Every write changes a key, also a write of the same value. A new TTL, a deletion, the
// expiry or eviction of the key, and an emptied database change a key, too. A missing key
// changes when the key is made. A write that did not take place is no change: its condition
// did not hold, or the write failed, or the write found nothing to do. The state that a group
// of a stream keeps of its reading is no change either.
type Transaction interface {
	// Do runs commands as Commander.Do does. A Plain write of the transaction itself to a
	// watched key changes the key.
	//
	// Atomic is the end of the transaction: no key is watched any more. If a watched key
	// has changed, the error matches ErrConflict, and nothing was applied. An error with an
	// unknown outcome says that the commands may have been applied. A call may be made again
	// if its context had ended, or if the store refused the call before it ran anything.
	Do(ctx context.Context, cmds []*Cmd, how How) error

	// Err returns why the transaction has ended, such as a lost connection, or nil if no end
	// is known. After the end every Do fails.
	Err() error

	// Close ends the transaction, and changes nothing. Close does not wait for the server, and
	// returns nil. Close may be called several times, also after the store is closed.
	Close() error
}
