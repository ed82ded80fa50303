package memory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

func newStore(t testing.TB, options memory.Options) *memory.Store {
	t.Helper()
	store, err := memory.NewStore(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// set stores one value and ends the test if it cannot.
func set(t testing.TB, store driver.Store, key, value string, ttl time.Duration) {
	t.Helper()
	if err := setErr(t, store, driver.Entry{Key: key, Value: []byte(value), TTL: ttl}); err != nil {
		t.Fatalf("Set(%q): %v", key, err)
	}
}

// setErr stores one entry and returns its outcome.
func setErr(t testing.TB, store driver.Store, entry driver.Entry) error {
	t.Helper()
	entries := []driver.Entry{entry}
	if err := store.Set(t.Context(), entries); err != nil {
		t.Fatalf("Set(%q): %v", entry.Key, err)
	}
	return entries[0].Err
}

// get returns one value, or how reading it failed.
func get(t testing.TB, store driver.Store, key string) (string, error) {
	t.Helper()
	values := make([]driver.Value, 1)
	if err := store.Get(t.Context(), []string{key}, values); err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	return string(values[0].Data), values[0].Err
}

// bare tells that an error is a sentinel itself, not wrapped in anything.
func bare(err, sentinel error) bool {
	return err == sentinel //nolint:errorlint // that is the point
}

// wantValue checks what a key holds.
func wantValue(t testing.TB, store driver.Store, key, want string) {
	t.Helper()
	if got, err := get(t, store, key); err != nil || got != want {
		t.Errorf("Get(%q) = %q, %v; want %q", key, got, err, want)
	}
}

// wantMiss checks that a key does not exist.
func wantMiss(t testing.TB, store driver.Store, key string) {
	t.Helper()
	if got, err := get(t, store, key); !bare(err, driver.ErrNotFound) {
		t.Errorf("Get(%q) = %q, %v; want a bare ErrNotFound", key, got, err)
	}
}

// do runs one command.
func do(t testing.TB, store driver.Commander, name string, args ...driver.Arg) (driver.Reply, error) {
	t.Helper()
	cmd := driver.NewCmd(name, args...)
	if err := store.Do(t.Context(), []*driver.Cmd{cmd}, driver.Plain); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return cmd.Reply, cmd.Err
}

// push makes a list of one element.
func push(t testing.TB, store driver.Commander, key string) {
	t.Helper()
	if _, err := do(t, store, "RPUSH", driver.Key(key), driver.Val([]byte("element"))); err != nil {
		t.Fatal(err)
	}
}

// ttlOf returns the TTL of a key, or how reading it failed.
func ttlOf(t testing.TB, store driver.Expirer, key string) (time.Duration, error) {
	t.Helper()
	values := make([]driver.Value, 1)
	if err := store.TTL(t.Context(), []string{key}, values); err != nil {
		t.Fatalf("TTL(%q): %v", key, err)
	}
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
	if err := store.Get(t.Context(), keys, values); err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, driver.ErrNotFound, driver.ErrWrongType, nil} {
		if !bare(values[i].Err, want) {
			t.Errorf("%s: error %v, want %v", keys[i], values[i].Err, want)
		}
	}
	if string(values[0].Data) != "1" || string(values[3].Data) != "1" {
		t.Errorf("the key that was asked for twice gave %q and %q", values[0].Data, values[3].Data)
	}
	if err := store.Get(t.Context(), nil, nil); err != nil {
		t.Errorf("Get of no keys: %v", err)
	}
}

func TestStoredBytesAreACopy(t *testing.T) {
	store := newStore(t, memory.Options{})
	key, value := []byte("key"), []byte("value")
	entries := []driver.Entry{{Key: string(key), Value: value, TTL: driver.NoExpiry}}
	if err := store.Set(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	copy(value, "XXXXX")
	wantValue(t, store, "key", "value")
}

func TestValueLastsAfterItIsOverwritten(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "key", "first", driver.NoExpiry)
	values := make([]driver.Value, 1)
	if err := store.Get(t.Context(), []string{"key"}, values); err != nil {
		t.Fatal(err)
	}
	set(t, store, "key", "other", driver.NoExpiry)
	if _, err := store.Delete(t.Context(), []string{"key"}); err != nil {
		t.Fatal(err)
	}
	if got := string(values[0].Data); got != "first" {
		t.Errorf("the value that was read has become %q", got)
	}
}

// A caller who appends to a value must not write into the store's memory.
func TestValueHasNoRoomBehindIt(t *testing.T) {
	store := newStore(t, memory.Options{})
	set(t, store, "set", "12345", driver.NoExpiry)
	set(t, store, "count", "12345", driver.NoExpiry)
	if _, err := store.Incr(t.Context(), "count", 1); err != nil {
		t.Fatal(err)
	}
	keys := []string{"set", "count"}
	values := make([]driver.Value, len(keys))
	if err := store.Get(t.Context(), keys, values); err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if cap(v.Data) != len(v.Data) {
			t.Errorf("%s: %d bytes with room for %d", keys[i], len(v.Data), cap(v.Data))
		}
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
			if !bare(err, tt.want) {
				t.Errorf("outcome %v, want %v", err, tt.want)
			}
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
	if err := store.Set(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, driver.ErrNotStored, nil} {
		if !bare(entries[i].Err, want) {
			t.Errorf("entry %d: %v, want %v", i, entries[i].Err, want)
		}
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
		if removed, err := store.Delete(t.Context(), tt.keys); err != nil || removed != tt.want {
			t.Errorf("Delete(%q) = %d, %v; want %d", tt.keys, removed, err, tt.want)
		}
	}
}

func TestFlushEmptiesTheStore(t *testing.T) {
	store := newStore(t, memory.Options{})
	for i := range 10_000 {
		set(t, store, fmt.Sprint(i), "value", driver.NoExpiry)
	}
	push(t, store, "list")
	if err := store.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := store.Stats(); got.Entries != 0 || got.Bytes != 0 {
		t.Errorf("after Flush the store holds %+v", got)
	}
	wantMiss(t, store, "1")
	set(t, store, "1", "again", driver.NoExpiry)
	wantValue(t, store, "1", "again")
}

func TestSwapReturnsWhatWasThere(t *testing.T) {
	store := newStore(t, memory.Options{})
	var old driver.Value
	entry := &driver.Entry{Key: "key", Value: []byte("1"), TTL: driver.NoExpiry}
	if err := store.Swap(t.Context(), entry, &old); err != nil || !bare(old.Err, driver.ErrNotFound) {
		t.Errorf("Swap on a missing key: %v, old value %v", err, old.Err)
	}
	wantValue(t, store, "key", "1")

	old = driver.Value{}
	entry.Value, entry.TTL = []byte("2"), time.Hour
	if err := store.Swap(t.Context(), entry, &old); err != nil || old.Err != nil || string(old.Data) != "1" {
		t.Errorf("Swap: %v, old value %q, %v; want 1", err, old.Data, old.Err)
	}
	wantValue(t, store, "key", "2")

	old = driver.Value{}
	entry.TTL = 0
	if err := store.Swap(t.Context(), entry, &old); err != nil || string(old.Data) != "2" {
		t.Errorf("Swap with an expired TTL: %v, old value %q; want 2", err, old.Data)
	}
	wantMiss(t, store, "key")

	push(t, store, "list")
	entry.Key = "list"
	if err := store.Swap(t.Context(), entry, &old); !bare(err, driver.ErrWrongType) {
		t.Errorf("Swap on a list: %v", err)
	}
	if n, err := do(t, store, "LLEN", driver.Key("list")); err != nil || n.Int != 1 {
		t.Errorf("the list was changed: LLEN %v, %v", n.Int, err)
	}
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
		if got, err := store.CompareAndSwap(t.Context(), entry, []byte(tt.old)); got != tt.want || !bare(err, tt.err) {
			t.Errorf("CompareAndSwap(%q, %q) = %v, %v; want %v, %v", tt.key, tt.old, got, err, tt.want, tt.err)
		}
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
		if got, err := store.CompareAndDelete(t.Context(), tt.key, []byte(tt.old)); got != tt.want || !bare(err, tt.err) {
			t.Errorf("CompareAndDelete(%q, %q) = %v, %v; want %v, %v", tt.key, tt.old, got, err, tt.want, tt.err)
		}
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
		if !bare(err, tt.err) || err == nil && fmt.Sprint(sum) != tt.want {
			t.Errorf("Incr of %q by %d = %d, %v; want %s, %v", tt.value, tt.delta, sum, err, tt.want, tt.err)
		}
		wantValue(t, store, "key", tt.want)
	}
}

func TestIncrOfAMissingKeyCreatesNothing(t *testing.T) {
	store := newStore(t, memory.Options{})
	if _, err := store.Incr(t.Context(), "key", 1); !bare(err, driver.ErrNotFound) {
		t.Errorf("Incr: %v", err)
	}
	wantMiss(t, store, "key")
	push(t, store, "list")
	if _, err := store.Incr(t.Context(), "list", 1); !bare(err, driver.ErrWrongType) {
		t.Errorf("Incr of a list: %v", err)
	}
}

func TestIncrInitStartsAtInit(t *testing.T) {
	store := newStore(t, memory.Options{})
	for _, want := range []int64{15, 20} {
		if sum, err := store.IncrInit(t.Context(), "key", 5, 10, driver.NoExpiry); err != nil || sum != want {
			t.Errorf("IncrInit = %d, %v; want %d", sum, err, want)
		}
	}
	if _, err := store.IncrInit(t.Context(), "big", 1, 9223372036854775807, driver.NoExpiry); !bare(err, driver.ErrOverflow) {
		t.Errorf("IncrInit beyond 64 bits: %v", err)
	}
	wantMiss(t, store, "big")
	if sum, err := store.IncrInit(t.Context(), "gone", 5, 10, 0); err != nil || sum != 15 {
		t.Errorf("IncrInit with an expired TTL = %d, %v; want 15", sum, err)
	}
	wantMiss(t, store, "gone")
	if _, err := store.IncrInit(t.Context(), "keep", 5, 10, driver.KeepTTL); err == nil {
		t.Error("IncrInit took KeepTTL")
	}
	wantMiss(t, store, "keep")
}

func TestRenameMovesAnyTypeOfKey(t *testing.T) {
	// Enough pairs to have some in one shard and some in two, in either order.
	store := newStore(t, memory.Options{})
	for i := range 100 {
		from, to := fmt.Sprint("from", i), fmt.Sprint("to", i)
		set(t, store, from, "value", time.Hour)
		push(t, store, to)
		if err := store.Rename(t.Context(), from, to); err != nil {
			t.Fatal(err)
		}
		wantMiss(t, store, from)
		wantValue(t, store, to, "value")
		if ttl, err := ttlOf(t, store, to); err != nil || ttl > time.Hour || ttl < time.Minute {
			t.Errorf("the TTL became %v, %v", ttl, err)
		}
		if err := store.Rename(t.Context(), to, to); err != nil {
			t.Errorf("Rename of a key to itself: %v", err)
		}
		if err := store.Rename(t.Context(), from, to); !bare(err, driver.ErrNotFound) {
			t.Errorf("Rename of a missing key: %v", err)
		}
	}
	push(t, store, "list")
	if err := store.Rename(t.Context(), "list", "moved"); err != nil {
		t.Fatal(err)
	}
	if n, err := do(t, store, "LLEN", driver.Key("moved")); err != nil || n.Int != 1 {
		t.Errorf("LLEN of the moved list = %v, %v", n.Int, err)
	}
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
		if got, err := store.RenameNX(t.Context(), tt.from, tt.to); got != tt.want || !bare(err, tt.err) {
			t.Errorf("RenameNX(%q, %q) = %v, %v; want %v, %v", tt.from, tt.to, got, err, tt.want, tt.err)
		}
	}
	wantValue(t, store, "to", "2")
	wantValue(t, store, "new", "1")
}

// calls is one call of every method that takes a context.
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
			if !errors.Is(err, ctx.Err()) || errors.Is(err, driver.ErrUnknownOutcome) {
				t.Errorf("%s: got %v, want %v and nothing applied", name, err, ctx.Err())
			}
			wantValue(t, store, "key", "1")
			wantMiss(t, store, "new")
		}
	}
}

func TestClosedStoreIsErrClosed(t *testing.T) {
	for name, call := range calls {
		store := newStore(t, memory.Options{})
		set(t, store, "key", "1", driver.NoExpiry)
		if err := call(t.Context(), store); err != nil {
			t.Errorf("%s before Close: %v", name, err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if err := call(t.Context(), store); !errors.Is(err, driver.ErrClosed) {
			t.Errorf("%s after Close: got %v, want ErrClosed", name, err)
		}
	}
}

// A batch whose context ends half-way says that it may have been applied.
func TestContextThatEndsDuringABatchEndsIt(t *testing.T) {
	store := newStore(t, memory.Options{})
	entries := make([]driver.Entry, 2000)
	for i := range entries {
		entries[i] = driver.Entry{Key: fmt.Sprint(i), TTL: driver.NoExpiry}
	}
	ctx := &endingContext{Context: t.Context(), looks: 3}
	err := store.Set(ctx, entries)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, driver.ErrUnknownOutcome) {
		t.Errorf("Set: %v, want a cancelled call with an unknown outcome", err)
	}
	if n := store.Stats().Entries; n == 0 || n == len(entries) {
		t.Errorf("%d of %d entries are stored, want some", n, len(entries))
	}
}

// An endingContext ends after some looks at it.
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
	if caps.Commander == nil || caps.Expirer == nil || caps.Counter == nil || caps.Swapper == nil || caps.Mover == nil ||
		caps.Scanner == nil || caps.Flusher == nil || caps.Pinger == nil {
		t.Errorf("a feature is missing: %+v", caps)
	}
	if caps.Subscriber != nil || caps.Tracker != nil {
		t.Errorf("a feature is there that nothing stands behind: %+v", caps)
	}
	if caps.Limits.CallTimeout <= 0 {
		t.Error("Limits do not say that a call ends by itself")
	}
}

func TestValueThatCanNeverFitIsRefused(t *testing.T) {
	store := newStore(t, memory.Options{MaxBytes: memory.MinMaxBytes})
	limit := store.Limits().ValueSize
	if limit <= 0 || limit >= memory.MinMaxBytes {
		t.Fatalf("Limits().ValueSize = %d, want less than MaxBytes, %d", limit, memory.MinMaxBytes)
	}
	tooLarge := bytes.Repeat([]byte("x"), limit)
	set(t, store, "k", "stays", driver.NoExpiry)
	entry := driver.Entry{Key: "k", Value: tooLarge, TTL: driver.NoExpiry}
	if err := setErr(t, store, entry); !errors.Is(err, driver.ErrTooLarge) {
		t.Errorf("Set: %v", err)
	}
	if err := store.Swap(t.Context(), &entry, new(driver.Value)); !errors.Is(err, driver.ErrTooLarge) {
		t.Errorf("Swap: %v", err)
	}
	if _, err := store.CompareAndSwap(t.Context(), &entry, []byte("stays")); !errors.Is(err, driver.ErrTooLarge) {
		t.Errorf("CompareAndSwap: %v", err)
	}
	for name, args := range map[string][]driver.Arg{
		"SET":                    {driver.Val(tooLarge)},
		driver.CmdSwap:           {driver.Val(tooLarge), driver.TTLArg(driver.NoExpiry)},
		driver.CmdCompareAndSwap: {driver.Val([]byte("stays")), driver.Val(tooLarge), driver.TTLArg(driver.NoExpiry)},
	} {
		if _, err := do(t, store, name, slices.Insert(args, 0, driver.Key("k"))...); !errors.Is(err, driver.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantValue(t, store, "k", "stays")

	long := string(tooLarge)
	if _, err := store.IncrInit(t.Context(), long, 1, 1, driver.NoExpiry); !errors.Is(err, driver.ErrTooLarge) {
		t.Errorf("IncrInit with a key that is too long: %v", err)
	}
	if err := store.Rename(t.Context(), "k", long); !errors.Is(err, driver.ErrTooLarge) {
		t.Errorf("Rename to a key that is too long: %v", err)
	}
	wantValue(t, store, "k", "stays")

	if err := setErr(t, store, driver.Entry{Key: "k", Value: tooLarge[1:], TTL: driver.NoExpiry}); err != nil {
		t.Errorf("a value that just fits: %v", err)
	}
	wantValue(t, store, "k", long[1:])

	unbounded := newStore(t, memory.Options{MaxBytes: memory.Unbounded})
	if limit := unbounded.Limits().ValueSize; limit != 0 {
		t.Errorf("an unbounded store limits values to %d bytes", limit)
	}
	set(t, unbounded, "k", long, driver.NoExpiry)
}

func TestNewStoreRefusesBadOptions(t *testing.T) {
	for _, options := range []memory.Options{
		{MaxEntries: -2},
		{MaxBytes: -2},
		{MaxBytes: memory.MinMaxBytes - 1},
	} {
		if _, err := memory.NewStore(options); err == nil || !strings.HasPrefix(err.Error(), "xcache: memory: Max") {
			t.Errorf("NewStore(%+v): %v, want an error that names the option", options, err)
		}
	}
}
