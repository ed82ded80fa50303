package xcache

import (
	"bytes"
	"context"
	"maps"
	"sync"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/driver"
)

// Memo returns a context in which every value is read from the server once: for one HTTP
// request, one message, one job. A later Get, GetOr, GetMany, GetOrSet or GetOrSetMany of the
// key with that context, or with a child of that context, returns the value that the first
// read found, without I/O.
//
//	next.ServeHTTP(w, r.WithContext(xcache.Memo(r.Context())))
//
// A memo holds the stored bytes of each key of each cache, and each read decodes the bytes
// anew. So callers may modify their values, and views of different types see the same value.
// A write with the context makes the memo forget the keys of the write, for any view,
// pipeline or structure, and even if the write fails. Clear, DeletePattern, InvalidateTags
// and similar calls make the memo forget the whole cache.
//
// A memo does not see the writes and deletions of other callers, nor the end of a TTL. A view
// with ReadPrimary reads the server, and so do pipelines, transactions (Watch), structures,
// Has and TTL. Loaders read the server, too, because the result of a loader is for other
// requests as well. A memo holds no miss, and no value that cannot be read. A memo holds a
// loaded value from the first read of the value on. A read that finds a value in the memo
// renews no TTL (Sliding), and is a hit for the Observer.
//
// A memo lives as long as its context, and has no other bound. A memo may be used
// concurrently. In a context that has a memo already, Memo begins an empty memo, and writes
// make both memos forget.
func Memo(ctx context.Context) context.Context {
	return context.WithValue(ctx, memoKey{}, &memo{outer: memoOf(ctx)})
}

type memoKey struct{}

// A memo holds values for one context. A nil memo holds nothing. The zero value is ready to use.
type memo struct {
	outer *memo
	// loader tells that the context is a loader's, which reads no memo.
	loader bool

	mu   sync.Mutex
	held map[memoised][]byte
	// writes counts what was forgotten. What was read before a write is not held.
	writes uint64
}

// memoised is the key of a value: a full key, at a store.
type memoised struct {
	at   *shared
	full string
}

// memoOf returns the memo of a context, or nil.
func memoOf(ctx context.Context) *memo {
	m, _ := ctx.Value(memoKey{}).(*memo)
	return m
}

// withoutMemo returns a context whose reads find no memo, and whose writes make the memo of ctx
// forget.
func withoutMemo(ctx context.Context) context.Context {
	m := memoOf(ctx)
	if m == nil {
		return ctx
	}
	return context.WithValue(ctx, memoKey{}, &memo{outer: m, loader: true})
}

// memo returns the memo that reads of the view use, or nil.
func (c *core) memo(ctx context.Context) *memo {
	m := memoOf(ctx)
	if m == nil || m.loader || c.readPrimary || c.tx != nil {
		return nil
	}
	return m
}

// A reading is a read of the store beside a memo. What is read is held, unless a write came
// meanwhile. nil is a reading without a memo.
type reading struct {
	memo   *memo
	writes uint64
}

// reading begins a read of the store.
func (m *memo) reading() *reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &reading{m, m.writes}
}

// recall returns a copy of what is held of a full key. ok is false if nothing is: the caller then
// reads the store.
func (m *memo) recall(at *shared, full string) (stored []byte, ok bool, from *reading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stored, ok = m.held[memoised{at, full}]; ok {
		return bytes.Clone(stored), true, nil
	}
	return nil, false, &reading{m, m.writes}
}

// copied returns what is to be held of stored bytes, before the reader may modify them. nil
// without a memo.
func (r *reading) copied(stored []byte) []byte {
	if r == nil {
		return nil
	}
	if _, plain, ok := codec.CutGenerations(stored); ok {
		stored = plain
	}
	return append([]byte{}, stored...)
}

// hold keeps what was copied of a value that could be read.
func (r *reading) hold(at *shared, full string, stored []byte) {
	if r == nil {
		return
	}
	m := r.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.writes != r.writes {
		return
	}
	if m.held == nil {
		m.held = make(map[memoised][]byte)
	}
	m.held[memoised{at, full}] = stored
}

// wrote makes the memos of a context forget full keys, after a write or an attempt at one.
func (c *core) wrote(ctx context.Context, fulls ...string) {
	forget(ctx, func(held map[memoised][]byte) {
		for _, full := range fulls {
			delete(held, memoised{c.shared, full})
		}
	})
}

// wroteEntries is wrote for entries.
func (c *core) wroteEntries(ctx context.Context, entries []driver.Entry) {
	forget(ctx, func(held map[memoised][]byte) {
		for i := range entries {
			delete(held, memoised{c.shared, entries[i].Key})
		}
	})
}

// wroteBy is wrote for commands, of which some may only read.
func (c *core) wroteBy(ctx context.Context, cmds ...*driver.Cmd) {
	forget(ctx, func(held map[memoised][]byte) {
		for _, cmd := range cmds {
			if cmd.Command().ReadOnly || renews(cmd) {
				continue
			}
			for i := range cmd.Args {
				if cmd.Args[i].Role == driver.RoleKey {
					delete(held, memoised{c.shared, cmd.Args[i].Text})
				}
			}
		}
	})
}

// wroteAll makes the memos of a context forget all that is at the store.
func (c *core) wroteAll(ctx context.Context) {
	forget(ctx, func(held map[memoised][]byte) {
		maps.DeleteFunc(held, func(name memoised, _ []byte) bool { return name.at == c.shared })
	})
}

// forget lets a write change what the memos of a context hold.
func forget(ctx context.Context, change func(held map[memoised][]byte)) {
	for m := memoOf(ctx); m != nil; m = m.outer {
		m.mu.Lock()
		m.writes++
		change(m.held)
		m.mu.Unlock()
	}
}

// A getter is the Get of a store.
type getter func(ctx context.Context, fulls []string, dst []driver.Value) error

// throughMemo returns get without the keys that the memo has. from is for those that get reads.
func (c *core) throughMemo(m *memo, get getter) (through getter, from *reading) {
	return func(ctx context.Context, fulls []string, dst []driver.Value) error {
		var missing []string
		var places []int
		for i, full := range fulls {
			var ok bool
			if dst[i].Data, ok, _ = m.recall(c.shared, full); ok {
				dst[i].TTL = NoExpiry // is not loaded again
			} else {
				missing, places = append(missing, full), append(places, i)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		read := make([]driver.Value, len(missing))
		if err := get(ctx, missing, read); err != nil {
			return err
		}
		for i, place := range places {
			dst[place] = read[i]
		}
		return nil
	}, m.reading()
}
