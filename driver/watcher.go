package driver

import "context"

// A Watcher runs optimistic transactions by means of its own. A store that is Exclusive
// need not be one: there, the core sends WATCH on a session, which is a Transaction from
// then on.
type Watcher interface {
	// Watch begins a transaction that watches keys, of which there is one at least. It
	// waits for nobody. Whoever gets a transaction calls its Close. keys are borrowed until
	// Watch returns.
	Watch(ctx context.Context, keys ...string) (Transaction, error)
}

// A Transaction is an optimistic one: it reads, and in the end it writes, unless somebody
// has changed a watched key meanwhile. Every Session that has sent WATCH is one. The owner
// makes one call at a time, but for Err and Close, which may be called beside any other.
//
// A key has changed when it was written to, whatever it held before and holds now: also when
// the same value was written again, when its TTL was changed, when the key was deleted, and
// made anew, when it has expired, was evicted, or the database was emptied. A key that is
// not there changes when it is made. A write that did not take place, as its condition did
// not hold, or as it failed, or as it found nothing to do, is no change. Nor is what a group
// of a stream keeps of its reading.
type Transaction interface {
	// Do runs commands as Commander.Do does. Plain ones of the transaction's own that write
	// to a watched key change it.
	//
	// Atomic is the end of the transaction: nothing is watched any more. If a watched key
	// has changed, the error matches ErrConflict, and nothing was applied. An error with an
	// unknown outcome says that the commands may have been applied. A call that the store
	// has refused before it ran anything, or whose context had ended, may be made again.
	Do(ctx context.Context, cmds []*Cmd, how How) error

	// Err returns why the transaction has ended, as the connection was lost, say; nil if it
	// has not, as far as is known. Every Do fails then.
	Err() error

	// Close ends the transaction, and changes nothing. It does not wait for the server, and
	// returns nil. It may be called several times, also after the store is closed.
	Close() error
}
