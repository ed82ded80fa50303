package memory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
)

// A watcher is an optimistic transaction. A change of a watched key tells its watchers,
// under the lock of the key's shard. So a watcher notices every change, also when the key
// gets its old value again. For a key without watchers the cost is a look at a nil map.
type watcher struct {
	store *Store
	db    *database
	// changed means that a watched key has changed. The end of the transaction reads
	// changed under the locks of all watched keys.
	changed atomic.Bool

	mu     sync.Mutex // guards the fields below
	keys   []string   // nil when no key is watched any more
	shards shardSet   // of keys
}

// Watch implements driver.Watcher.
func (s *Store) Watch(ctx context.Context, keys ...string) (driver.Transaction, error) {
	db, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	w := &watcher{store: s, db: db, shards: db.shardsOf(keys...)}
	for _, key := range keys {
		if !slices.Contains(w.keys, key) {
			w.keys = append(w.keys, strings.Clone(key))
		}
	}
	t := db.begin(w.shards)
	defer t.end()
	for _, key := range w.keys {
		s := db.shardOf(db.hash(key))
		t.peek(key) // an expired key is removed now, and is no change later
		if s.watched == nil {
			s.watched = make(map[string][]*watcher)
		}
		s.watched[key] = append(s.watched[key], w)
	}
	return w, nil
}

// Do implements driver.Transaction.
func (w *watcher) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	if how != driver.Atomic {
		return w.store.Do(ctx, cmds, how)
	}
	db, err := w.store.begin(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.store.doAtomic(ctx, db, cmds, w)
}

// commit stops watching, and returns an error if a watched key has changed. The caller
// holds w.mu, and the locks of the shards of all watched keys.
func (w *watcher) commit(t *transaction) error {
	for _, key := range w.keys {
		t.peek(key) // an expired key is a change
	}
	w.leave(t)
	if w.changed.Swap(false) {
		return driver.Fail(driver.ErrConflict, driver.NotApplied, nil)
	}
	return nil
}

// leave stops watching. The caller holds w.mu, and the locks of the shards of the keys.
func (w *watcher) leave(t *transaction) {
	for _, key := range w.keys {
		s := t.db.shardOf(t.db.hash(key))
		if s.watched[key] = slices.DeleteFunc(s.watched[key], func(other *watcher) bool { return other == w }); len(s.watched[key]) > 0 {
			continue
		}
		delete(s.watched, key)
		if len(s.watched) == 0 {
			s.watched = nil
		}
	}
	w.keys, w.shards = nil, 0
}

// Err implements driver.Transaction.
func (w *watcher) Err() error {
	if w.store.db.Load() == nil {
		return driver.ErrClosed
	}
	return nil
}

// Close implements driver.Transaction.
func (w *watcher) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.db.begin(w.shards)
	defer t.end()
	w.leave(&t)
	return nil
}

// tell tells the watchers of a key that the key has changed.
func (s *shard) tell(key string) {
	for _, w := range s.watched[key] {
		w.changed.Store(true)
	}
}

// tellAll is tell for all existing keys.
func (s *shard) tellAll() {
	for key := range s.watched {
		if s.lookup(s.db.hash(key), key) != nil {
			s.tell(key)
		}
	}
}
