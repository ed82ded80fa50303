package memory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/xcache-go/xcache/driver"
)

// A watcher is an optimistic transaction. Whoever changes a key that it watches tells it
// so, under the lock of the key's shard; so it sees every change, whatever the key held
// before and holds afterwards, and a key that nobody watches costs a look at a nil map.
type watcher struct {
	store *Store
	db    *database
	// changed tells that a watched key has changed. The end of the transaction reads it
	// under the locks of all of them.
	changed atomic.Bool

	mu     sync.Mutex // guards what follows
	keys   []string   // nil when nothing is watched any more
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
		t.peek(key) // what has expired already goes now, and is no change
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

// commit stops watching, and returns an error if a watched key has changed. The shards of
// all of them are locked, and w.mu is.
func (w *watcher) commit(t *transaction) error {
	for _, key := range w.keys {
		t.peek(key) // which is a change if the key has expired
	}
	w.leave(t)
	if w.changed.Swap(false) {
		return driver.Fail(driver.ErrConflict, driver.NotApplied, nil)
	}
	return nil
}

// leave stops watching. The shards of the keys are locked, and w.mu is.
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

// tell tells those who watch a key that it has changed.
func (s *shard) tell(key string) {
	for _, w := range s.watched[key] {
		w.changed.Store(true)
	}
}

// tellAll is tell for all keys that are there.
func (s *shard) tellAll() {
	for key := range s.watched {
		if s.lookup(s.db.hash(key), key) != nil {
			s.tell(key)
		}
	}
}
