package memory_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

func newStore(t testing.TB, options memory.Options) *memory.Store {
	t.Helper()
	store, err := memory.NewStore(options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

// set stores one value and ends the test after an error.
func set(t testing.TB, store driver.Store, key, value string, ttl time.Duration) {
	t.Helper()
	require.NoError(t, setErr(t, store, driver.Entry{Key: key, Value: []byte(value), TTL: ttl}), "Set(%q)", key)
}

// setErr stores one entry and returns its outcome.
func setErr(t testing.TB, store driver.Store, entry driver.Entry) error {
	t.Helper()
	entries := []driver.Entry{entry}
	require.NoError(t, store.Set(t.Context(), entries), "Set(%q)", entry.Key)
	return entries[0].Err
}

// get returns one value, or the error of reading.
func get(t testing.TB, store driver.Store, key string) (string, error) {
	t.Helper()
	values := make([]driver.Value, 1)
	require.NoError(t, store.Get(t.Context(), []string{key}, values), "Get(%q)", key)
	return string(values[0].Data), values[0].Err
}

// bare reports whether an error is a sentinel itself, and not wrapped.
func bare(err, sentinel error) bool {
	return err == sentinel //nolint:errorlint // the comparison must be exact
}

// wantValue checks the value of a key.
func wantValue(t testing.TB, store driver.Store, key, want string) {
	t.Helper()
	got, err := get(t, store, key)
	require.NoError(t, err, "Get(%q)", key)
	require.Equal(t, want, got, "Get(%q)", key)
}

// wantMiss checks that a key does not exist.
func wantMiss(t testing.TB, store driver.Store, key string) {
	t.Helper()
	got, err := get(t, store, key)
	require.True(t, bare(err, driver.ErrNotFound), "Get(%q) = %q, %v; want a bare ErrNotFound", key, got, err)
}

// do runs one command.
func do(t testing.TB, store driver.Commander, name string, args ...driver.Arg) (driver.Reply, error) {
	t.Helper()
	cmd := driver.NewCmd(name, args...)
	require.NoError(t, store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain), name)
	return cmd.Reply, cmd.Err
}

// push makes a list of one element.
func push(t testing.TB, store driver.Commander, key string) {
	t.Helper()
	_, err := do(t, store, "RPUSH", driver.Key(key), driver.Val([]byte("element")))
	require.NoError(t, err)
}

// ttlOf returns the TTL of a key, or the error of reading.
func ttlOf(t testing.TB, store driver.Expirer, key string) (time.Duration, error) {
	t.Helper()
	values := make([]driver.Value, 1)
	require.NoError(t, store.TTL(t.Context(), []string{key}, values), "TTL(%q)", key)
	return values[0].TTL, values[0].Err
}

func TestGetReturnsWhatSetStored(t *testing.T) {
	store := newStore(t, memory.Options{})
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, value := range []string{"", "v", string(every), strings.Repeat("x", 1<<20)} {
		set(t, store, "key", value, driver.NoExpiry)
		wantValue(t, store, "key", value)
	}
	set(t, store, string(every), "any bytes make a key", driver.NoExpiry)
	wantValue(t, store, string(every), "any bytes make a key")
}

func TestGetOfABatchFillsEachValue(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "a", "1", driver.NoExpiry)
	push(t, store, "list")
	keys := []string{"a", "missing", "list", "a"}
	values := make([]driver.Value, len(keys))
	require.NoError(t, store.Get(t.Context(), keys, values))
	for i, want := range []error{nil, driver.ErrNotFound, driver.ErrWrongType, nil} {
		require.True(t, bare(values[i].Err, want), "%s: error %v, want %v", keys[i], values[i].Err, want)
	}
	require.Equal(t, "1", string(values[0].Data), "the key that was asked for twice")
	require.Equal(t, "1", string(values[3].Data), "the key that was asked for twice")
	require.NoError(t, store.Get(t.Context(), nil, nil), "Get of no keys")
}

func TestStoredBytesAreACopy(t *testing.T) {
	store := newStore(t, memory.Options{})
	key, value := []byte("key"), []byte("value")
	entries := []driver.Entry{{Key: string(key), Value: value, TTL: driver.NoExpiry}}
	require.NoError(t, store.Set(t.Context(), entries))
	copy(value, "XXXXX")
	wantValue(t, store, "key", "value")
}

func TestValueLastsAfterItIsOverwritten(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "key", "first", driver.NoExpiry)
	values := make([]driver.Value, 1)
	require.NoError(t, store.Get(t.Context(), []string{"key"}, values))
	set(t, store, "key", "other", driver.NoExpiry)
	_, err := store.Delete(t.Context(), []string{"key"})
	require.NoError(t, err)
	require.Equal(t, "first", string(values[0].Data), "the value that was read has become")
}

// A caller who appends to a value must not write into the store's memory.
func TestValueHasNoRoomBehindIt(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "set", "12345", driver.NoExpiry)
	set(t, store, "count", "12345", driver.NoExpiry)
	_, err := store.Incr(t.Context(), "count", 1)
	require.NoError(t, err)
	keys := []string{"set", "count"}
	values := make([]driver.Value, len(keys))
	require.NoError(t, store.Get(t.Context(), keys, values))
	for i, v := range values {
		require.Equal(t, len(v.Data), cap(v.Data), keys[i])
	}
}

func TestSetKeepsItsConditions(t *testing.T) {
	for _, tt := range []struct {
		name   string
		exists bool
		cond   driver.Cond
		ttl    time.Duration
		want   error
		after  string // "" is gone
	}{
		{"always, absent", false, driver.Always, time.Hour, nil, "new"},
		{"always, present", true, driver.Always, time.Hour, nil, "new"},
		{"always, present, keep TTL", true, driver.Always, driver.KeepTTL, nil, "new"},
		{"always, absent, expired", false, driver.Always, 0, nil, ""},
		{"always, present, expired", true, driver.Always, -time.Second, nil, ""},
		{"if absent, absent", false, driver.IfAbsent, time.Hour, nil, "new"},
		{"if absent, present", true, driver.IfAbsent, time.Hour, driver.ErrNotStored, "old"},
		{"if absent, absent, expired", false, driver.IfAbsent, 0, nil, ""},
		{"if absent, present, expired", true, driver.IfAbsent, -1, driver.ErrNotStored, "old"},
		{"if present, absent", false, driver.IfPresent, time.Hour, driver.ErrNotStored, ""},
		{"if present, present", true, driver.IfPresent, time.Hour, nil, "new"},
		{"if present, absent, expired", false, driver.IfPresent, 0, driver.ErrNotStored, ""},
		{"if present, present, expired", true, driver.IfPresent, 0, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := newStore(t, memory.Options{})
			if tt.exists {
				set(t, store, "key", "old", driver.NoExpiry)
			}
			err := setErr(t, store, driver.Entry{Key: "key", Value: []byte("new"), TTL: tt.ttl, Cond: tt.cond})
			require.True(t, bare(err, tt.want), "outcome %v, want %v", err, tt.want)
			if tt.after == "" {
				wantMiss(t, store, "key")
			} else {
				wantValue(t, store, "key", tt.after)
			}
		})
	}
}

func TestSetOverwritesAnyTypeOfKey(t *testing.T) {
	store := newStore(t, memory.Options{})
	push(t, store, "key")
	set(t, store, "key", "text", driver.NoExpiry)
	wantValue(t, store, "key", "text")
}

func TestSetStoresABatchInOrder(t *testing.T) {
	store := newStore(t, memory.Options{})
	entries := []driver.Entry{
		{Key: "key", Value: []byte("first"), TTL: driver.NoExpiry},
		{Key: "key", Value: []byte("not this"), TTL: driver.NoExpiry, Cond: driver.IfAbsent},
		{Key: "key", Value: []byte("last"), TTL: driver.NoExpiry, Cond: driver.IfPresent},
	}
	require.NoError(t, store.Set(t.Context(), entries))
	for i, want := range []error{nil, driver.ErrNotStored, nil} {
		require.True(t, bare(entries[i].Err, want), "entry %d: %v, want %v", i, entries[i].Err, want)
	}
	wantValue(t, store, "key", "last")
}

func TestDeleteCountsWhatItRemoved(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "a", "1", driver.NoExpiry)
	push(t, store, "list")
	for _, tt := range []struct {
		keys []string
		want int
	}{
		{nil, 0},
		{[]string{"a", "missing", "a", "list"}, 2},
		{[]string{"a", "list"}, 0},
	} {
		removed, err := store.Delete(t.Context(), tt.keys)
		require.NoError(t, err, "Delete(%q)", tt.keys)
		require.Equal(t, tt.want, removed, "Delete(%q)", tt.keys)
	}
}

func TestFlushEmptiesTheStore(t *testing.T) {
	store := newStore(t, memory.Options{})
	for i := range 10_000 {
		set(t, store, fmt.Sprint(i), "value", driver.NoExpiry)
	}
	push(t, store, "list")
	require.NoError(t, store.Flush(t.Context()))
	got := store.Stats()
	require.Equal(t, 0, got.Entries, "after Flush the store")
	require.Zero(t, got.Bytes, "after Flush the store")
	wantMiss(t, store, "1")
	set(t, store, "1", "again", driver.NoExpiry)
	wantValue(t, store, "1", "again")
}

func TestSwapReturnsWhatWasThere(t *testing.T) {
	store := newStore(t, memory.Options{})
	var old driver.Value
	entry := &driver.Entry{Key: "key", Value: []byte("1"), TTL: driver.NoExpiry}
	err := store.Swap(t.Context(), entry, &old)
	require.NoError(t, err, "Swap on a missing key: %v, old value %v", err, old.Err)
	require.True(t, bare(old.Err, driver.ErrNotFound), "Swap on a missing key: %v, old value %v", err, old.Err)
	wantValue(t, store, "key", "1")

	old = driver.Value{}
	entry.Value, entry.TTL = []byte("2"), time.Hour
	require.NoError(t, store.Swap(t.Context(), entry, &old), "Swap")
	require.NoError(t, old.Err, "Swap")
	require.Equal(t, "1", string(old.Data), "Swap")
	wantValue(t, store, "key", "2")

	old = driver.Value{}
	entry.TTL = 0
	require.NoError(t, store.Swap(t.Context(), entry, &old), "Swap with an expired TTL")
	require.Equal(t, "2", string(old.Data), "Swap with an expired TTL")
	wantMiss(t, store, "key")

	push(t, store, "list")
	entry.Key = "list"
	require.True(t, bare(store.Swap(t.Context(), entry, &old), driver.ErrWrongType), "Swap on a list")
	n, err := do(t, store, "LLEN", driver.Key("list"))
	require.NoError(t, err, "the list was changed: LLEN")
	require.EqualValues(t, 1, n.Int, "the list was changed: LLEN")
}

func TestCompareAndSwapComparesBytes(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "key", "old", driver.NoExpiry)
	set(t, store, "empty", "", driver.NoExpiry)
	push(t, store, "list")
	for _, tt := range []struct {
		key, old string
		ttl      time.Duration
		want     bool
		err      error
	}{
		{"key", "ol", time.Hour, false, nil},
		{"missing", "", time.Hour, false, nil},
		{"empty", "", time.Hour, true, nil},
		{"list", "element", time.Hour, false, driver.ErrWrongType},
		{"key", "old", driver.KeepTTL, true, nil},
		{"key", "old", driver.KeepTTL, false, nil},
		{"key", "new", -1, true, nil},
		{"key", "new", -1, false, nil},
	} {
		entry := &driver.Entry{Key: tt.key, Value: []byte("new"), TTL: tt.ttl}
		got, err := store.CompareAndSwap(t.Context(), entry, []byte(tt.old))
		require.Equal(t, tt.want, got, "CompareAndSwap(%q, %q) = %v, %v; want %v, %v", tt.key, tt.old, got, err, tt.want, tt.err)
		require.True(t, bare(err, tt.err), "CompareAndSwap(%q, %q) = %v, %v; want %v, %v", tt.key, tt.old, got, err, tt.want, tt.err)
	}
	wantMiss(t, store, "key")
	wantValue(t, store, "empty", "new")
}

func TestCompareAndDeleteComparesBytes(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "key", "old", driver.NoExpiry)
	push(t, store, "list")
	for _, tt := range []struct {
		key, old string
		want     bool
		err      error
	}{
		{"key", "other", false, nil},
		{"missing", "", false, nil},
		{"list", "element", false, driver.ErrWrongType},
		{"key", "old", true, nil},
		{"key", "old", false, nil},
	} {
		got, err := store.CompareAndDelete(t.Context(), tt.key, []byte(tt.old))
		require.Equal(t, tt.want, got, "CompareAndDelete(%q, %q) = %v, %v; want %v, %v", tt.key, tt.old, got, err, tt.want, tt.err)
		require.True(t, bare(err, tt.err), "CompareAndDelete(%q, %q) = %v, %v; want %v, %v", tt.key, tt.old, got, err, tt.want, tt.err)
	}
}

func TestIncrCountsOnDecimalText(t *testing.T) {
	const maxInt, minInt = "9223372036854775807", "-9223372036854775808"
	for _, tt := range []struct {
		value string
		delta int64
		want  string
		err   error
	}{
		{"5", 3, "8", nil},
		{"5", -8, "-3", nil},
		{"0", 0, "0", nil},
		{"-1", 1, "0", nil},
		{maxInt, 1, maxInt, driver.ErrOverflow},
		{maxInt, 0, maxInt, nil},
		{minInt, -1, minInt, driver.ErrOverflow},
		{"1", -9223372036854775808, "-9223372036854775807", nil},
		{"-1", -9223372036854775808, "-1", driver.ErrOverflow},
		{"9223372036854775808", 1, "9223372036854775808", driver.ErrWrongType},
		{"", 1, "", driver.ErrWrongType},
		{"text", 1, "text", driver.ErrWrongType},
		{"1.0", 1, "1.0", driver.ErrWrongType},
		{"+1", 1, "+1", driver.ErrWrongType},
		{"01", 1, "01", driver.ErrWrongType},
		{"-0", 1, "-0", driver.ErrWrongType},
		{"-", 1, "-", driver.ErrWrongType},
		{" 1", 1, " 1", driver.ErrWrongType},
		{"1 ", 1, "1 ", driver.ErrWrongType},
		{"1_0", 1, "1_0", driver.ErrWrongType},
	} {
		store := newStore(t, memory.Options{})
		set(t, store, "key", tt.value, driver.NoExpiry)
		sum, err := store.Incr(t.Context(), "key", tt.delta)
		require.True(t, bare(err, tt.err), "Incr of %q by %d = %d, %v; want %s, %v", tt.value, tt.delta, sum, err, tt.want, tt.err)
		require.False(t, err == nil && fmt.Sprint(sum) != tt.want, "Incr of %q by %d = %d, %v; want %s, %v", tt.value, tt.delta, sum, err, tt.want, tt.err)
		wantValue(t, store, "key", tt.want)
	}
}

func TestIncrOfAMissingKeyCreatesNothing(t *testing.T) {
	store := newStore(t, memory.Options{})
	_, err := store.Incr(t.Context(), "key", 1)
	require.True(t, bare(err, driver.ErrNotFound), "Incr: %v", err)
	wantMiss(t, store, "key")
	push(t, store, "list")
	_, err = store.Incr(t.Context(), "list", 1)
	require.True(t, bare(err, driver.ErrWrongType), "Incr of a list: %v", err)
}

func TestIncrInitStartsAtInit(t *testing.T) {
	store := newStore(t, memory.Options{})
	for _, want := range []int64{15, 20} {
		sum, err := store.IncrInit(t.Context(), "key", 5, 10, driver.NoExpiry)
		require.NoError(t, err, "IncrInit")
		require.Equal(t, want, sum, "IncrInit")
	}
	_, err := store.IncrInit(t.Context(), "big", 1, 9223372036854775807, driver.NoExpiry)
	require.True(t, bare(err, driver.ErrOverflow), "IncrInit beyond 64 bits: %v", err)
	wantMiss(t, store, "big")
	sum, err := store.IncrInit(t.Context(), "gone", 5, 10, 0)
	require.NoError(t, err, "IncrInit with an expired TTL")
	require.EqualValues(t, 15, sum, "IncrInit with an expired TTL")
	wantMiss(t, store, "gone")
	_, err = store.IncrInit(t.Context(), "keep", 5, 10, driver.KeepTTL)
	require.Error(t, err, "IncrInit took KeepTTL")
	wantMiss(t, store, "keep")
}

func TestRenameMovesAnyTypeOfKey(t *testing.T) {
	// The pairs are enough to have some in one shard and some in two, in either order.
	store := newStore(t, memory.Options{})
	for i := range 100 {
		from, to := fmt.Sprint("from", i), fmt.Sprint("to", i)
		set(t, store, from, "value", time.Hour)
		push(t, store, to)
		require.NoError(t, store.Rename(t.Context(), from, to))
		wantMiss(t, store, from)
		wantValue(t, store, to, "value")
		ttl, err := ttlOf(t, store, to)
		require.NoError(t, err, "the TTL became")
		require.LessOrEqual(t, ttl, time.Hour, "the TTL became %v, %v", ttl, err)
		require.GreaterOrEqual(t, ttl, time.Minute, "the TTL became %v, %v", ttl, err)
		require.NoError(t, store.Rename(t.Context(), to, to), "Rename of a key to itself")
		require.True(t, bare(store.Rename(t.Context(), from, to), driver.ErrNotFound), "Rename of a missing key")
	}
	push(t, store, "list")
	require.NoError(t, store.Rename(t.Context(), "list", "moved"))
	n, err := do(t, store, "LLEN", driver.Key("moved"))
	require.NoError(t, err, "LLEN of the moved list")
	require.EqualValues(t, 1, n.Int, "LLEN of the moved list")
}

func TestRenameNXLeavesAKeyThatIsThere(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "from", "1", driver.NoExpiry)
	set(t, store, "to", "2", driver.NoExpiry)
	for _, tt := range []struct {
		from, to string
		want     bool
		err      error
	}{
		{"from", "to", false, nil},
		{"from", "from", false, nil},
		{"missing", "to", false, driver.ErrNotFound},
		{"missing", "missing", false, driver.ErrNotFound},
		{"from", "new", true, nil},
	} {
		got, err := store.RenameNX(t.Context(), tt.from, tt.to)
		require.Equal(t, tt.want, got, "RenameNX(%q, %q) = %v, %v; want %v, %v", tt.from, tt.to, got, err, tt.want, tt.err)
		require.True(t, bare(err, tt.err), "RenameNX(%q, %q) = %v, %v; want %v, %v", tt.from, tt.to, got, err, tt.want, tt.err)
	}
	wantValue(t, store, "to", "2")
	wantValue(t, store, "new", "1")
}

// calls has a call of every method with a context.
var calls = map[string]func(context.Context, *memory.Store) error{
	"Get": func(ctx context.Context, s *memory.Store) error {
		return s.Get(ctx, []string{"key"}, make([]driver.Value, 1))
	},
	"Set": func(ctx context.Context, s *memory.Store) error {
		return s.Set(ctx, []driver.Entry{{Key: "new", TTL: driver.NoExpiry}})
	},
	"Delete": func(ctx context.Context, s *memory.Store) error {
		_, err := s.Delete(ctx, []string{"key"})
		return err
	},
	"GetTTL": func(ctx context.Context, s *memory.Store) error {
		return s.GetTTL(ctx, []string{"key"}, make([]driver.Value, 1))
	},
	"TTL": func(ctx context.Context, s *memory.Store) error {
		return s.TTL(ctx, []string{"key"}, make([]driver.Value, 1))
	},
	"Expire": func(ctx context.Context, s *memory.Store) error {
		return s.Expire(ctx, []driver.Entry{{Key: "key"}})
	},
	"Incr": func(ctx context.Context, s *memory.Store) error {
		_, err := s.Incr(ctx, "key", 1)
		return err
	},
	"IncrInit": func(ctx context.Context, s *memory.Store) error {
		_, err := s.IncrInit(ctx, "new", 1, 1, driver.NoExpiry)
		return err
	},
	"Swap": func(ctx context.Context, s *memory.Store) error {
		return s.Swap(ctx, &driver.Entry{Key: "key"}, new(driver.Value))
	},
	"CompareAndSwap": func(ctx context.Context, s *memory.Store) error {
		_, err := s.CompareAndSwap(ctx, &driver.Entry{Key: "key"}, []byte("1"))
		return err
	},
	"CompareAndDelete": func(ctx context.Context, s *memory.Store) error {
		_, err := s.CompareAndDelete(ctx, "key", []byte("1"))
		return err
	},
	"Rename": func(ctx context.Context, s *memory.Store) error { return s.Rename(ctx, "key", "new") },
	"RenameNX": func(ctx context.Context, s *memory.Store) error {
		_, err := s.RenameNX(ctx, "key", "new")
		return err
	},
	"Scan": func(ctx context.Context, s *memory.Store) error {
		for _, err := range s.Scan(ctx, "*") {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Flush": func(ctx context.Context, s *memory.Store) error { return s.Flush(ctx) },
	"Ping":  func(ctx context.Context, s *memory.Store) error { return s.Ping(ctx) },
	"Do": func(ctx context.Context, s *memory.Store) error {
		return s.Do(ctx, []*driver.Cmd{driver.NewCmd("DEL", driver.Key("key"))}, driver.Plain)
	},
	"Do atomic": func(ctx context.Context, s *memory.Store) error {
		return s.Do(ctx, []*driver.Cmd{driver.NewCmd("DEL", driver.Key("key"))}, driver.Atomic)
	},
}

func TestEndedContextDoesNothing(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, call := range calls {
		for _, ctx := range []context.Context{cancelled, late} {
			store := newStore(t, memory.Options{})
			set(t, store, "key", "1", driver.NoExpiry)
			err := call(ctx, store)
			require.ErrorIs(t, err, ctx.Err(), name)
			require.NotErrorIs(t, err, driver.ErrUnknownOutcome, name)
			wantValue(t, store, "key", "1")
			wantMiss(t, store, "new")
		}
	}
}

func TestClosedStoreIsErrClosed(t *testing.T) {
	for name, call := range calls {
		store := newStore(t, memory.Options{})
		set(t, store, "key", "1", driver.NoExpiry)
		require.NoError(t, call(t.Context(), store), "%s before Close", name)
		require.NoError(t, store.Close())
		require.ErrorIs(t, call(t.Context(), store), driver.ErrClosed, "%s after Close", name)
	}
}

// A batch whose context ends half-way returns an error that says that the batch may have
// been applied.
func TestContextThatEndsDuringABatchEndsIt(t *testing.T) {
	store := newStore(t, memory.Options{})
	entries := make([]driver.Entry, 2000)
	for i := range entries {
		entries[i] = driver.Entry{Key: fmt.Sprint(i), TTL: driver.NoExpiry}
	}
	ctx := &endingContext{Context: t.Context(), looks: 3}
	err := store.Set(ctx, entries)
	require.ErrorIs(t, err, context.Canceled, "Set")
	require.ErrorIs(t, err, driver.ErrUnknownOutcome, "Set")
	n := store.Stats().Entries
	require.NotZero(t, n, "%d of %d entries are stored, want some", n, len(entries))
	require.NotEqual(t, len(entries), n, "%d of %d entries are stored, want some", n, len(entries))
}

// An endingContext ends after a number of calls of Err.
type endingContext struct {
	context.Context
	looks int
}

func (c *endingContext) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

func TestStoreHasEveryFeatureItDeclares(t *testing.T) {
	caps := driver.CapsOf(newStore(t, memory.Options{}))
	require.NotNil(t, caps.Commander, "a feature is missing: %+v", caps)
	require.NotNil(t, caps.Expirer, "a feature is missing: %+v", caps)
	require.NotNil(t, caps.Counter, "a feature is missing: %+v", caps)
	require.NotNil(t, caps.Swapper, "a feature is missing: %+v", caps)
	require.NotNil(t, caps.Mover, "a feature is missing: %+v", caps)
	require.NotNil(t, caps.Scanner, "a feature is missing: %+v", caps)
	require.NotNil(t, caps.Flusher, "a feature is missing: %+v", caps)
	require.NotNil(t, caps.Pinger, "a feature is missing: %+v", caps)
	require.NotNil(t, caps.Subscriber, "a feature is missing: %+v", caps)
	require.Nil(t, caps.Tracker, "a feature is there that nothing stands behind: %+v", caps)
	require.Greater(t, caps.Limits.CallTimeout, time.Duration(0), "Limits do not say that a call ends by itself")
}

func TestValueThatCanNeverFitIsRefused(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: memory.MinMaxBytes})
	limit := store.Limits().ValueSize
	require.Greater(t, limit, 0, "Limits().ValueSize = %d, want less than MaxBytes, %d", limit, memory.MinMaxBytes)
	require.Less(t, limit, memory.MinMaxBytes, "Limits().ValueSize = %d, want less than MaxBytes, %d", limit, memory.MinMaxBytes)
	tooLarge := bytes.Repeat([]byte("x"), limit)
	set(t, store, "k", "stays", driver.NoExpiry)
	entry := driver.Entry{Key: "k", Value: tooLarge, TTL: driver.NoExpiry}
	require.ErrorIs(t, setErr(t, store, entry), driver.ErrTooLarge, "Set")
	require.ErrorIs(t, store.Swap(t.Context(), &entry, new(driver.Value)), driver.ErrTooLarge, "Swap")
	_, err := store.CompareAndSwap(t.Context(), &entry, []byte("stays"))
	require.ErrorIs(t, err, driver.ErrTooLarge, "CompareAndSwap")
	for name, args := range map[string][]driver.Arg{
		"SET":                    {driver.Val(tooLarge)},
		driver.CmdSwap:           {driver.Val(tooLarge), driver.TTLArg(driver.NoExpiry)},
		driver.CmdCompareAndSwap: {driver.Val([]byte("stays")), driver.Val(tooLarge), driver.TTLArg(driver.NoExpiry)},
	} {
		_, err := do(t, store, name, slices.Insert(args, 0, driver.Key("k"))...)
		require.ErrorIs(t, err, driver.ErrTooLarge, name)
	}
	wantValue(t, store, "k", "stays")

	long := string(tooLarge)
	_, err = store.IncrInit(t.Context(), long, 1, 1, driver.NoExpiry)
	require.ErrorIs(t, err, driver.ErrTooLarge, "IncrInit with a key that is too long")
	require.ErrorIs(t, store.Rename(t.Context(), "k", long), driver.ErrTooLarge, "Rename to a key that is too long")
	wantValue(t, store, "k", "stays")

	require.NoError(t, setErr(t, store, driver.Entry{Key: "k", Value: tooLarge[1:], TTL: driver.NoExpiry}), "a value that just fits")
	wantValue(t, store, "k", long[1:])

	unbounded := newStore(t, memory.Options{MaxBytes: memory.Unbounded})
	require.Equal(t, 0, unbounded.Limits().ValueSize, "an unbounded store limits values to")
	set(t, unbounded, "k", long, driver.NoExpiry)
}

func TestNewStoreRefusesBadOptions(t *testing.T) {
	for _, options := range []memory.Options{
		{MaxEntries: -2},
		{MaxBytes: -2},
		{MaxBytes: memory.MinMaxBytes - 1},
	} {
		_, err := memory.NewStore(options)
		require.Error(t, err, "NewStore(%+v): %v, want an error that names the option", options, err)
		require.True(t, strings.HasPrefix(err.Error(), "xcache: memory: Max"), "NewStore(%+v): %v, want an error that names the option", options, err)
	}
}
