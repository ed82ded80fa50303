package memory_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// A model is a very simple store: a map, and a clock that only the test moves.
type model struct {
	keys map[string]modelValue
	now  time.Time
}

type modelValue struct {
	data    string
	expires time.Time // zero for never
}

func (m *model) get(key string) (modelValue, bool) {
	v, ok := m.keys[key]
	if ok && !v.expires.IsZero() && !v.expires.After(m.now) {
		delete(m.keys, key)
		return modelValue{}, false
	}
	return v, ok
}

func (m *model) set(key, data string, ttl time.Duration) {
	old, _ := m.get(key)
	switch {
	case ttl == driver.NoExpiry:
		m.keys[key] = modelValue{data: data}
	case ttl == driver.KeepTTL:
		m.keys[key] = modelValue{data, old.expires}
	case ttl <= 0:
		delete(m.keys, key)
	default:
		m.keys[key] = modelValue{data, m.now.Add(ttl)}
	}
}

func (m *model) ttl(v modelValue) time.Duration {
	if v.expires.IsZero() {
		return driver.NoExpiry
	}
	return v.expires.Sub(m.now)
}

// Random operations, with time passing in between, have the same result on a store and on
// the model.
func TestRandomOperationsDoTheSameAsOnAModel(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { compareWithModel(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func compareWithModel(t *testing.T, random *rand.Rand) {
	store := newStore(t, memory.Options{})
	m := &model{keys: make(map[string]modelValue), now: time.Now()}
	ctx := t.Context()
	randomKey := func() string { return fmt.Sprint("key", random.IntN(12)) }
	randomTTL := func() time.Duration {
		ttls := []time.Duration{driver.NoExpiry, driver.KeepTTL, 0, -time.Second, 1, time.Second, 3 * time.Second, time.Minute}
		return ttls[random.IntN(len(ttls))]
	}
	randomValue := func() string { return strconv.Itoa(random.IntN(5)) }

	for step := range 2000 {
		key, ttl, value := randomKey(), randomTTL(), randomValue()
		held, exists := m.get(key)
		fail := func(format string, args ...any) {
			t.Helper()
			require.Failf(t, "differs from the model", "step %d, key %q: %s", step, key, fmt.Sprintf(format, args...))
		}
		switch operation := random.IntN(12); operation {
		case 0: // time
			pass := []time.Duration{1, time.Second - 1, time.Second, 10 * time.Second}[random.IntN(4)]
			time.Sleep(pass)
			m.now = m.now.Add(pass)
		case 1, 2: // Set
			cond := driver.Cond(random.IntN(3))
			want := error(nil)
			if cond == driver.IfAbsent && exists || cond == driver.IfPresent && !exists {
				want = driver.ErrNotStored
			} else {
				m.set(key, value, ttl)
			}
			if err := setErr(t, store, driver.Entry{Key: key, Value: []byte(value), TTL: ttl, Cond: cond}); !bare(err, want) {
				fail("Set(ttl %v, cond %v) = %v, want %v", ttl, cond, err, want)
			}
		case 3: // GetTTL, with the checks of Get and TTL
			values := make([]driver.Value, 1)
			if err := store.GetTTL(ctx, []string{key}, values); err != nil {
				fail("GetTTL: %v", err)
			}
			if v := values[0]; exists && (v.Err != nil || string(v.Data) != held.data || v.TTL != m.ttl(held)) ||
				!exists && !bare(v.Err, driver.ErrNotFound) {
				fail("GetTTL = %+v, want %+v", v, held)
			}
		case 4: // Delete
			want := 0
			if exists {
				want = 1
			}
			delete(m.keys, key)
			if n, err := store.Delete(ctx, []string{key, key}); err != nil || n != want {
				fail("Delete = %d, %v; want %d", n, err, want)
			}
		case 5: // Expire
			want := driver.ErrNotFound
			if exists {
				want = nil
				if ttl != driver.KeepTTL {
					m.set(key, held.data, ttl)
				}
			}
			entries := []driver.Entry{{Key: key, TTL: ttl}}
			if err := store.Expire(ctx, entries); err != nil || !bare(entries[0].Err, want) {
				fail("Expire(%v) = %v, want %v", ttl, entries[0].Err, want)
			}
		case 6: // Incr
			sum, err := store.Incr(ctx, key, 3)
			if !exists {
				if !bare(err, driver.ErrNotFound) {
					fail("Incr: %v", err)
				}
				break
			}
			n, _ := strconv.Atoi(held.data)
			m.set(key, strconv.Itoa(n+3), driver.KeepTTL)
			if err != nil || sum != int64(n+3) {
				fail("Incr = %d, %v; want %d", sum, err, n+3)
			}
		case 7: // IncrInit
			if ttl == driver.KeepTTL {
				break
			}
			n := 10
			if exists {
				n, _ = strconv.Atoi(held.data)
				ttl = driver.KeepTTL
			}
			m.set(key, strconv.Itoa(n-4), ttl)
			if ttl == driver.KeepTTL {
				ttl = time.Hour
			}
			if sum, err := store.IncrInit(ctx, key, -4, 10, ttl); err != nil || sum != int64(n-4) {
				fail("IncrInit = %d, %v; want %d", sum, err, n-4)
			}
		case 8: // Swap
			var old driver.Value
			m.set(key, value, ttl)
			if err := store.Swap(ctx, &driver.Entry{Key: key, Value: []byte(value), TTL: ttl}, &old); err != nil ||
				(old.Err == nil) != exists || string(old.Data) != held.data {
				fail("Swap = %+v, %v; want %+v", old, err, held)
			}
		case 9: // CompareAndSwap
			other := randomValue()
			same := exists && held.data == other
			if same {
				m.set(key, value, ttl)
			}
			entry := &driver.Entry{Key: key, Value: []byte(value), TTL: ttl}
			if got, err := store.CompareAndSwap(ctx, entry, []byte(other)); err != nil || got != same {
				fail("CompareAndSwap = %v, %v; want %v", got, err, same)
			}
		case 10: // CompareAndDelete
			same := exists && held.data == value
			if same {
				delete(m.keys, key)
			}
			if got, err := store.CompareAndDelete(ctx, key, []byte(value)); err != nil || got != same {
				fail("CompareAndDelete = %v, %v; want %v", got, err, same)
			}
		case 11: // Rename and RenameNX
			to := randomKey()
			_, taken := m.get(to)
			nx := random.IntN(2) == 0
			want := exists && !(nx && taken)
			var moved bool
			var err error
			if nx {
				moved, err = store.RenameNX(ctx, key, to)
			} else {
				err = store.Rename(ctx, key, to)
				moved = err == nil
			}
			if moved != want || (bare(err, driver.ErrNotFound)) == exists {
				fail("Rename to %q (NX %v) = %v, %v; want %v", to, nx, moved, err, want)
			}
			if want {
				delete(m.keys, key)
				m.keys[to] = held
			}
		}
	}

	// At the end both have the same keys, and the counts are right.
	var want []string
	wantBytes := int64(0)
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		if v, ok := m.get(key); ok {
			want = append(want, key)
			wantValue(t, store, key, v.data)
			wantBytes += int64(len(key) + len(v.data))
		}
	}
	require.Equal(t, want, scan(t, store, "*"), "the keys")
	for i := range 12 {
		_, _ = get(t, store, fmt.Sprint("key", i)) // removes the key if it has expired
	}
	got := store.Stats()
	overhead := int64(0)
	if len(want) > 0 {
		overhead = (got.Bytes - wantBytes) / int64(len(want))
	}
	require.Equal(t, len(want), got.Entries, "%+v for %d keys of %d bytes", got, len(want), wantBytes)
	require.Equal(t, wantBytes+overhead*int64(len(want)), got.Bytes, "%+v for %d keys of %d bytes", got, len(want), wantBytes)
	require.LessOrEqual(t, overhead, int64(200), "%+v for %d keys of %d bytes", got, len(want), wantBytes)
}

// Lists of any length behave like slices.
func TestRandomListCommandsDoTheSameAsOnASlice(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	store := newStore(t, memory.Options{})
	key := driver.Key("list")
	var want [][]byte
	for step := range 20_000 {
		// In long phases the list mostly grows or mostly shrinks.
		grow := random.IntN(10) < 3+4*(step/1000%2)
		value := []byte(strconv.Itoa(step))
		switch {
		case grow && random.IntN(2) == 0:
			want = slices.Insert(want, 0, value)
			n, err := do(t, store, "LPUSH", key, driver.Val(value))
			require.NoError(t, err, "LPUSH")
			require.EqualValues(t, len(want), n.Int, "LPUSH")
		case grow:
			want = append(want, value)
			n, err := do(t, store, "RPUSH", key, driver.Val(value))
			require.NoError(t, err, "RPUSH")
			require.EqualValues(t, len(want), n.Int, "RPUSH")
		case len(want) > 0:
			v, err := do(t, store, "LPOP", key)
			require.NoError(t, err, "LPOP")
			require.Equal(t, string(want[0]), string(v.Data), "LPOP")
			want = want[1:]
		}
		if step%500 == 0 {
			all, err := do(t, store, "LRANGE", key, driver.Int(0), driver.Int(-1))
			require.NoError(t, err, "LRANGE = %d elements, %v; want %d", len(all.Items), err, len(want))
			require.True(t, slices.EqualFunc(all.Items, want, func(r driver.Reply, v []byte) bool { return bytes.Equal(r.Data, v) }), "LRANGE = %d elements, %v; want %d", len(all.Items), err, len(want))
		}
	}
}
