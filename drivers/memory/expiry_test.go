package memory_test

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

func TestValueIsThereUntilItsTTLHasPassed(t *testing.T) {
	for _, ttl := range []time.Duration{
		1, time.Microsecond, time.Millisecond, 1500 * time.Microsecond, time.Second, time.Hour,
		30*24*time.Hour + time.Second, 100 * 365 * 24 * time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			store := newStore(t, memory.Options{})
			time.Sleep(time.Minute) // so that the store is not new
			set(t, store, "key", "value", ttl)
			push(t, store, "list")
			expire(t, store, "list", ttl, nil)
			time.Sleep(ttl - 1)
			wantValue(t, store, "key", "value")
			n, err := do(t, store, "LLEN", driver.Key("list"))
			require.NoError(t, err, "TTL %v: the list has gone early", ttl)
			require.EqualValues(t, 1, n.Int, "TTL %v: the list has gone early", ttl)
			time.Sleep(time.Nanosecond)
			wantMiss(t, store, "key")
			n, err = do(t, store, "EXISTS", driver.Key("list"))
			require.NoError(t, err, "TTL %v: the list is still there", ttl)
			require.Zero(t, n.Int, "TTL %v: the list is still there", ttl)
		})
	}
}

func TestVeryLongTTLDoesNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{})
		time.Sleep(time.Hour)
		for _, ttl := range []time.Duration{math.MaxInt64 - 1, math.MaxInt64 - time.Hour, driver.NoExpiry} {
			set(t, store, "key", "value", ttl)
			wantValue(t, store, "key", "value")
			left, err := ttlOf(t, store, "key")
			require.NoError(t, err, "TTL %d became", ttl)
			require.GreaterOrEqual(t, left, ttl-time.Second, "TTL %d became %d, %v", ttl, left, err)
		}
	})
}

// expire gives a key a TTL and checks the outcome.
func expire(t testing.TB, store driver.Expirer, key string, ttl time.Duration, want error) {
	t.Helper()
	entries := []driver.Entry{{Key: key, TTL: ttl}}
	require.NoError(t, store.Expire(t.Context(), entries))
	require.True(t, bare(entries[0].Err, want), "Expire(%q, %v): %v, want %v", key, ttl, entries[0].Err, want)
}

func TestTTLIsTheTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{})
		set(t, store, "key", "value", time.Minute)
		set(t, store, "persistent", "value", driver.NoExpiry)
		push(t, store, "list")
		time.Sleep(time.Second)

		keys := []string{"key", "persistent", "missing", "list"}
		values := make([]driver.Value, len(keys))
		require.NoError(t, store.TTL(t.Context(), keys, values))
		want := []driver.Value{{TTL: 59 * time.Second}, {TTL: driver.NoExpiry}, {Err: driver.ErrNotFound}, {TTL: driver.NoExpiry}}
		for i, v := range values {
			require.Equal(t, want[i].TTL, v.TTL, "TTL of %s: %+v, want %+v", keys[i], v, want[i])
			require.True(t, bare(v.Err, want[i].Err), "TTL of %s: %+v, want %+v", keys[i], v, want[i])
			require.Nil(t, v.Data, "TTL of %s: %+v, want %+v", keys[i], v, want[i])
		}

		clear(values)
		require.NoError(t, store.GetTTL(t.Context(), keys, values))
		want[0].Data, want[1].Data = []byte("value"), []byte("value")
		want[3] = driver.Value{Err: driver.ErrWrongType}
		for i, v := range values {
			require.Equal(t, want[i].TTL, v.TTL, "GetTTL of %s: %+v, want %+v", keys[i], v, want[i])
			require.True(t, bare(v.Err, want[i].Err), "GetTTL of %s: %+v, want %+v", keys[i], v, want[i])
			require.Equal(t, string(want[i].Data), string(v.Data), "GetTTL of %s: %+v, want %+v", keys[i], v, want[i])
		}
	})
}

func TestExpireChangesTheTTLOfAnyTypeOfKey(t *testing.T) {
	for _, tt := range []struct {
		name     string
		ttl      time.Duration
		wantTTL  time.Duration
		wantGone bool
	}{
		{"shorter", time.Second, time.Second, false},
		{"longer", time.Hour, time.Hour, false},
		{"none", driver.NoExpiry, driver.NoExpiry, false},
		{"keep", driver.KeepTTL, time.Minute, false},
		{"expired", 0, 0, true},
		{"long expired", -time.Hour, 0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := newStore(t, memory.Options{})
			expire(t, store, "key", tt.ttl, driver.ErrNotFound)
			for _, list := range []bool{false, true} {
				if list {
					push(t, store, "key")
					expire(t, store, "key", time.Minute, nil)
				} else {
					set(t, store, "key", "value", time.Minute)
				}
				expire(t, store, "key", tt.ttl, nil)
				left, err := ttlOf(t, store, "key")
				require.False(t, tt.wantGone && !bare(err, driver.ErrNotFound), "%s: TTL %v, %v; want no key", tt.name, left, err)
				require.False(t, !tt.wantGone && (err != nil || left != tt.wantTTL), "%s: TTL %v, %v; want %v", tt.name, left, err, tt.wantTTL)
				_, err = store.Delete(t.Context(), []string{"key"})
				require.NoError(t, err)
			}
		})
	}
	store := newStore(t, memory.Options{})
	set(t, store, "key", "value", driver.NoExpiry)
	expire(t, store, "key", driver.NoExpiry, nil)
	expire(t, store, "key", driver.KeepTTL, nil)
}

func TestWritesSetOrKeepTheTTL(t *testing.T) {
	key := driver.Key("key")
	for name, tt := range map[string]struct {
		write func(t testing.TB, s *memory.Store) error
		want  time.Duration
	}{
		"Set with a TTL": {func(t testing.TB, s *memory.Store) error {
			return setErr(t, s, driver.Entry{Key: "key", TTL: time.Second})
		}, time.Second},
		"Set without expiry": {func(t testing.TB, s *memory.Store) error {
			return setErr(t, s, driver.Entry{Key: "key", TTL: driver.NoExpiry})
		}, driver.NoExpiry},
		"Set that keeps": {func(t testing.TB, s *memory.Store) error {
			return setErr(t, s, driver.Entry{Key: "key", TTL: driver.KeepTTL})
		}, time.Minute},
		"Incr": {func(t testing.TB, s *memory.Store) error {
			_, err := s.Incr(t.Context(), "key", 1)
			return err
		}, time.Minute},
		"IncrInit": {func(t testing.TB, s *memory.Store) error {
			_, err := s.IncrInit(t.Context(), "key", 1, 0, time.Second)
			return err
		}, time.Minute},
		"Swap": {func(t testing.TB, s *memory.Store) error {
			return s.Swap(t.Context(), &driver.Entry{Key: "key", TTL: time.Second}, new(driver.Value))
		}, time.Second},
		"Swap that keeps": {func(t testing.TB, s *memory.Store) error {
			return s.Swap(t.Context(), &driver.Entry{Key: "key", TTL: driver.KeepTTL}, new(driver.Value))
		}, time.Minute},
		"CompareAndSwap": {func(t testing.TB, s *memory.Store) error {
			_, err := s.CompareAndSwap(t.Context(), &driver.Entry{Key: "key", TTL: time.Second}, []byte("1"))
			return err
		}, time.Second},
		"CompareAndSwap that does not": {func(t testing.TB, s *memory.Store) error {
			_, err := s.CompareAndSwap(t.Context(), &driver.Entry{Key: "key", TTL: time.Second}, []byte("2"))
			return err
		}, time.Minute},
		"Rename there and back": {func(t testing.TB, s *memory.Store) error {
			if err := s.Rename(t.Context(), "key", "other"); err != nil {
				return err
			}
			return s.Rename(t.Context(), "other", "key")
		}, time.Minute},
		"INCRBY": {func(t testing.TB, s *memory.Store) error {
			_, err := do(t, s, "INCRBY", key, driver.Int(1))
			return err
		}, time.Minute},
		"SET": {func(t testing.TB, s *memory.Store) error {
			_, err := do(t, s, "SET", key, driver.Val(nil))
			return err
		}, driver.NoExpiry},
		"SET … KEEPTTL": {func(t testing.TB, s *memory.Store) error {
			_, err := do(t, s, "SET", key, driver.Val(nil), driver.Literal("KEEPTTL"))
			return err
		}, time.Minute},
		"SET … EX": {func(t testing.TB, s *memory.Store) error {
			_, err := do(t, s, "SET", key, driver.Val(nil), driver.Literal("EX"), driver.Int(7))
			return err
		}, 7 * time.Second},
		"SET … PXAT": {func(t testing.TB, s *memory.Store) error {
			at := time.Now().Add(9 * time.Second).UnixMilli()
			_, err := do(t, s, "SET", key, driver.Val(nil), driver.Literal("PXAT"), driver.Int(at))
			return err
		}, 9 * time.Second},
		"SET … EXAT": {func(t testing.TB, s *memory.Store) error {
			at := time.Now().Add(9 * time.Second).Unix()
			_, err := do(t, s, "SET", key, driver.Val(nil), driver.Literal("EXAT"), driver.Int(at))
			return err
		}, 9 * time.Second},
		"PERSIST": {func(t testing.TB, s *memory.Store) error {
			_, err := do(t, s, "PERSIST", key)
			return err
		}, driver.NoExpiry},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := newStore(t, memory.Options{})
			set(t, store, "key", "1", time.Minute)
			require.NoError(t, tt.write(t, store), name)
			got, err := ttlOf(t, store, "key")
			require.NoError(t, err, "%s: the TTL became", name)
			require.Equal(t, tt.want, got, "%s: the TTL became", name)
		})
	}
}

func TestStructureOperationsKeepTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{})
		push(t, store, "list")
		push(t, store, "list")
		expire(t, store, "list", time.Minute, nil)
		push(t, store, "list")
		_, err := do(t, store, "LPOP", driver.Key("list"))
		require.NoError(t, err)
		left, err := ttlOf(t, store, "list")
		require.NoError(t, err, "the TTL became")
		require.Equal(t, time.Minute, left, "the TTL became")
	})
}

func TestExpiredKeyCountsAsMissing(t *testing.T) {
	key := driver.Key("key")
	for name, check := range map[string]func(*testing.T, *memory.Store) (got, want any){
		"Delete": func(t *testing.T, s *memory.Store) (got, want any) {
			removed, _ := s.Delete(t.Context(), []string{"key"})
			return removed, 0
		},
		"Add": func(t *testing.T, s *memory.Store) (got, want any) {
			return setErr(t, s, driver.Entry{Key: "key", TTL: time.Hour, Cond: driver.IfAbsent}), error(nil)
		},
		"Replace": func(t *testing.T, s *memory.Store) (got, want any) {
			return setErr(t, s, driver.Entry{Key: "key", TTL: time.Hour, Cond: driver.IfPresent}), driver.ErrNotStored
		},
		"KeepTTL": func(t *testing.T, s *memory.Store) (got, want any) {
			_ = setErr(t, s, driver.Entry{Key: "key", TTL: driver.KeepTTL})
			ttl, _ := ttlOf(t, s, "key")
			return ttl, driver.NoExpiry
		},
		"Incr": func(t *testing.T, s *memory.Store) (got, want any) {
			_, err := s.Incr(t.Context(), "key", 1)
			return err, driver.ErrNotFound
		},
		"IncrInit": func(t *testing.T, s *memory.Store) (got, want any) {
			sum, _ := s.IncrInit(t.Context(), "key", 1, 100, time.Hour)
			return sum, int64(101)
		},
		"Rename": func(t *testing.T, s *memory.Store) (got, want any) {
			return s.Rename(t.Context(), "key", "other"), driver.ErrNotFound
		},
		"RenameNX onto it": func(t *testing.T, s *memory.Store) (got, want any) {
			set(t, s, "other", "value", driver.NoExpiry)
			moved, _ := s.RenameNX(t.Context(), "other", "key")
			return moved, true
		},
		"CompareAndDelete": func(t *testing.T, s *memory.Store) (got, want any) {
			deleted, _ := s.CompareAndDelete(t.Context(), "key", []byte("1"))
			return deleted, false
		},
		"Expire": func(t *testing.T, s *memory.Store) (got, want any) {
			expire(t, s, "key", time.Hour, driver.ErrNotFound)
			return nil, nil
		},
		"Scan": func(t *testing.T, s *memory.Store) (got, want any) {
			return len(scan(t, s, "*")), 0
		},
		"LPUSH": func(t *testing.T, s *memory.Store) (got, want any) {
			n, _ := do(t, s, "LPUSH", key, driver.Val(nil))
			return n.Int, int64(1)
		},
		"EXISTS": func(t *testing.T, s *memory.Store) (got, want any) {
			n, _ := do(t, s, "EXISTS", key)
			return n.Int, int64(0)
		},
		"TYPE": func(t *testing.T, s *memory.Store) (got, want any) {
			kind, _ := do(t, s, "TYPE", key)
			return string(kind.Data), "none"
		},
		"PTTL": func(t *testing.T, s *memory.Store) (got, want any) {
			ttl, _ := do(t, s, "PTTL", key)
			return ttl.Int, int64(-2)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := newStore(t, memory.Options{})
			set(t, store, "key", "1", time.Second)
			time.Sleep(time.Second)
			got, want := check(t, store)
			require.Equal(t, want, got, name)
		})
	}
}

// Expired keys that are never read must not accumulate. With a stream of new keys with a
// short TTL, the number of keys stays near the number of live keys.
func TestExpiredEntriesDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{MaxBytes: memory.Unbounded})
		const alive = 2000
		for i := range 20 * alive {
			set(t, store, fmt.Sprint(i), "value", alive*time.Millisecond)
			time.Sleep(time.Millisecond)
			n := store.Stats().Entries
			require.False(t, i%alive == 0 && n > alive*3/2, "after %d writes there are %d entries, of which %d are alive", i, n, alive)
		}
	})
}

// A few writes are enough to free many entries that expire at once.
func TestCrowdThatExpiredIsFreedByFewWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{MaxBytes: memory.Unbounded})
		const crowd = 50_000
		for i := range crowd {
			set(t, store, fmt.Sprint(i), "value", time.Second)
		}
		time.Sleep(time.Second)
		for i := range crowd / 10 {
			set(t, store, fmt.Sprint("new", i), "value", driver.NoExpiry)
		}
		got := store.Stats()
		require.Equal(t, crowd/10, got.Entries)
		require.EqualValues(t, crowd, got.Expirations)
	})
}

func TestExpiredEntriesGoBeforeLiveOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t, memory.Options{MaxEntries: 100})
		for i := range 50 {
			set(t, store, fmt.Sprint("live", i), "value", driver.NoExpiry)
		}
		for i := range 50 {
			set(t, store, fmt.Sprint("brief", i), "value", time.Second)
			wantValue(t, store, fmt.Sprint("brief", i), "value")
		}
		time.Sleep(time.Second)
		for i := range 50 {
			set(t, store, fmt.Sprint("new", i), "value", driver.NoExpiry)
		}
		require.LessOrEqual(t, store.Stats().Evictions, uint64(5), "live entries were evicted while 50 had expired")
	})
}
