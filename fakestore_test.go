package xcache_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// A fakeStore is a memory store that counts its calls, keeps their arguments, and fails,
// waits or panics when a test says so. Its fields are set before the cache is used, or
// under mu.
type fakeStore struct {
	// caps, if set, changes the declared capabilities of the store.
	caps func(*driver.Caps)
	// before, if set, is called with the name of the method and the full keys. The call
	// returns its error.
	before func(ctx context.Context, method string, keys []string) error
	// after, if set, is called when a read has succeeded.
	after func(method string)
	// failing has the full keys that fail, without the others, in Get, Set and TTL.
	failing map[string]error
	// commandErr, if set, is the error of every command of Do.
	commandErr error
	// Disconnect closes disconnected. caps may declare Disconnect.
	disconnected chan struct{}
	// oddScan makes Scan yield each key twice and ignore its context, which is legal.
	oddScan bool

	tb    testing.TB
	store *memory.Store

	mu      sync.Mutex
	calls   map[string]int
	entries []driver.Entry // of Set, Swap, CompareAndSwap, Expire and IncrInit
	keys    []string       // of all calls; the pattern of Scan
	closed  int
	late    int // number of calls after Close
}

var (
	_ driver.Store   = (*fakeStore)(nil)
	_ driver.Capable = (*fakeStore)(nil)
)

// newFake returns a fake store, and a cache on the store. The end of the test closes the
// cache.
func newFake(tb testing.TB, opts ...xcache.Option) (*fakeStore, *xcache.Cache) {
	tb.Helper()
	s := newFakeStore(tb)
	return s, newCache(tb, s, opts...)
}

func newFakeStore(tb testing.TB) *fakeStore {
	tb.Helper()
	store, err := memory.NewStore(memory.Options{})
	require.NoError(tb, err)
	return &fakeStore{tb: tb, store: store, calls: make(map[string]int), disconnected: make(chan struct{})}
}

func newCache(tb testing.TB, s driver.Store, opts ...xcache.Option) *xcache.Cache {
	tb.Helper()
	c, err := xcache.New(s, opts...)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		require.NoError(tb, c.Close(), "Close")
	})
	return c
}

// total returns the number of calls.
func (s *fakeStore) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, calls := range s.calls {
		n += calls
	}
	return n
}

// count returns the number of calls of a method.
func (s *fakeStore) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// reset forgets the calls so far.
func (s *fakeStore) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	s.entries, s.keys = nil, nil
}

// written returns the entries of the calls so far, with copies of their values.
func (s *fakeStore) written() []driver.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries)
}

// stored returns the full keys in the store, sorted.
func (s *fakeStore) stored(tb testing.TB) []string {
	tb.Helper()
	var keys []string
	for key, err := range s.store.Scan(tb.Context(), "*") {
		require.NoError(tb, err)
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (s *fakeStore) call(ctx context.Context, method string, keys ...string) error {
	s.mu.Lock()
	s.calls[method]++
	if s.closed > 0 {
		s.late++
	}
	s.keys = append(s.keys, keys...)
	before := s.before
	s.mu.Unlock()
	if before != nil {
		return before(ctx, method, keys)
	}
	return nil
}

func (s *fakeStore) keep(entries ...driver.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		e.Value = slices.Clone(e.Value)
		s.entries = append(s.entries, e)
	}
}

func (s *fakeStore) failure(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing[key]
}

func (s *fakeStore) Caps() driver.Caps {
	caps := driver.Caps{
		Commander: s, Expirer: s, Counter: s, Swapper: s, Mover: s, Scanner: s, Flusher: s, Pinger: s,
		Limits: s.store.Limits(),
	}
	if s.caps != nil {
		s.caps(&caps)
	}
	return caps
}

func (s *fakeStore) Get(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, "Get", s.store.Get, keys, dst)
}

func (s *fakeStore) GetTTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, "GetTTL", s.store.GetTTL, keys, dst)
}

func (s *fakeStore) TTL(ctx context.Context, keys []string, dst []driver.Value) error {
	return s.read(ctx, "TTL", s.store.TTL, keys, dst)
}

func (s *fakeStore) read(ctx context.Context, method string, read func(context.Context, []string, []driver.Value) error, keys []string, dst []driver.Value) error {
	for i := range dst {
		v := dst[i]
		assert.NoError(s.tb, v.Err, "%s got a destination that is not zero", method)
		assert.Nil(s.tb, v.Data, "%s got a destination that is not zero", method)
		assert.Zero(s.tb, v.TTL, "%s got a destination that is not zero", method)
	}
	if err := s.call(ctx, method, keys...); err != nil {
		return err
	}
	if err := read(ctx, keys, dst); err != nil {
		return err
	}
	for i, key := range keys {
		if err := s.failure(key); err != nil {
			dst[i] = driver.Value{Err: err}
		}
	}
	if s.after != nil {
		s.after(method)
	}
	return nil
}

func (s *fakeStore) Set(ctx context.Context, entries []driver.Entry) error {
	return s.write(ctx, "Set", s.store.Set, entries)
}

func (s *fakeStore) Expire(ctx context.Context, entries []driver.Entry) error {
	return s.write(ctx, "Expire", s.store.Expire, entries)
}

func (s *fakeStore) write(ctx context.Context, method string, write func(context.Context, []driver.Entry) error, entries []driver.Entry) error {
	keys := make([]string, len(entries))
	for i := range entries {
		keys[i] = entries[i].Key
		assert.NoError(s.tb, entries[i].Err, "%s got an entry with the error of another", method)
	}
	s.keep(entries...)
	if err := s.call(ctx, method, keys...); err != nil {
		return err
	}
	for i := range entries {
		if err := s.failure(keys[i]); err != nil {
			entries[i].Err = err
		} else if err := write(ctx, entries[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeStore) Delete(ctx context.Context, keys []string) (int, error) {
	if err := s.call(ctx, "Delete", keys...); err != nil {
		return 0, err
	}
	return s.store.Delete(ctx, keys)
}

func (s *fakeStore) Close() error {
	s.mu.Lock()
	s.closed++
	s.mu.Unlock()
	return s.store.Close()
}

func (s *fakeStore) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	if err := s.call(ctx, "Incr", key); err != nil {
		return 0, err
	}
	return s.store.Incr(ctx, key, delta)
}

func (s *fakeStore) IncrInit(ctx context.Context, key string, delta, start int64, ttl time.Duration) (int64, error) {
	s.keep(driver.Entry{Key: key, TTL: ttl})
	if err := s.call(ctx, "IncrInit", key); err != nil {
		return 0, err
	}
	return s.store.IncrInit(ctx, key, delta, start, ttl)
}

func (s *fakeStore) Swap(ctx context.Context, e *driver.Entry, old *driver.Value) error {
	s.keep(*e)
	if err := s.call(ctx, "Swap", e.Key); err != nil {
		return err
	}
	return s.store.Swap(ctx, e, old)
}

func (s *fakeStore) CompareAndSwap(ctx context.Context, e *driver.Entry, old []byte) (bool, error) {
	s.keep(*e)
	if err := s.call(ctx, "CompareAndSwap", e.Key); err != nil {
		return false, err
	}
	return s.store.CompareAndSwap(ctx, e, old)
}

func (s *fakeStore) CompareAndDelete(ctx context.Context, key string, old []byte) (bool, error) {
	if err := s.call(ctx, "CompareAndDelete", key); err != nil {
		return false, err
	}
	return s.store.CompareAndDelete(ctx, key, old)
}

func (s *fakeStore) Rename(ctx context.Context, from, to string) error {
	if err := s.call(ctx, "Rename", from, to); err != nil {
		return err
	}
	return s.store.Rename(ctx, from, to)
}

func (s *fakeStore) RenameNX(ctx context.Context, from, to string) (bool, error) {
	if err := s.call(ctx, "RenameNX", from, to); err != nil {
		return false, err
	}
	return s.store.RenameNX(ctx, from, to)
}

func (s *fakeStore) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := s.call(ctx, "Scan", pattern); err != nil {
			yield("", err)
			return
		}
		if !s.oddScan {
			s.store.Scan(ctx, pattern)(yield)
			return
		}
		for key, err := range s.store.Scan(context.WithoutCancel(ctx), pattern) {
			for range 2 {
				if !yield(key, err) {
					return
				}
			}
		}
	}
}

func (s *fakeStore) Flush(ctx context.Context) error {
	if err := s.call(ctx, "Flush"); err != nil {
		return err
	}
	return s.store.Flush(ctx)
}

func (s *fakeStore) Ping(ctx context.Context) error {
	if err := s.call(ctx, "Ping"); err != nil {
		return err
	}
	return s.store.Ping(ctx)
}

func (s *fakeStore) Commands() driver.CommandSet { return s.store.Commands() }

func (s *fakeStore) Do(ctx context.Context, cmds []*driver.Cmd, how driver.How) error {
	var keys []string
	for _, cmd := range cmds {
		keys = append(keys, cmd.Key())
	}
	method := "Do"
	switch name := cmds[0].Name; {
	case name == driver.CmdLease:
		method = "Lease"
	case name == driver.CmdLeaseFill && len(cmds[0].Args) >= 4:
		method = "Fill"
		ttl, err := driver.ParseTTLArg(cmds[0].Args[3])
		require.NoError(s.tb, err)
		s.keep(driver.Entry{Key: cmds[0].Key(), Value: cmds[0].Args[2].Data, TTL: ttl, Cond: driver.IfAbsent})
	}
	if err := s.call(ctx, method, keys...); err != nil {
		return err
	}
	if s.commandErr != nil {
		for _, cmd := range cmds {
			cmd.Err = s.commandErr
		}
		return nil
	}
	return s.store.Do(ctx, cmds, how)
}

// Disconnect ends the calls that wait for it.
func (s *fakeStore) Disconnect() {
	_ = s.call(context.Background(), "Disconnect") // cannot fail
	close(s.disconnected)
}

// sortedKeys returns the keys of a map, sorted.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
