package memory_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
)

// Many operations run at once, on few keys, in a store that evicts and expires. The race
// detector watches them, and the counts must be right at the end.
func TestEverythingAtOnce(t *testing.T) {
	store := newStore(t, memory.Options{MaxEntries: 600, MaxBytes: 128 << 10})
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 10))
			for range 2000 {
				disturb(t, store, random)
			}
		})
	}
	wg.Wait()

	var keys []string
	for key, err := range store.Scan(t.Context(), "*") {
		require.NoError(t, err)
		keys = append(keys, key)
	}
	_, err := store.Delete(t.Context(), keys)
	require.NoError(t, err)
	// The remaining keys have expired, and a read removes each.
	for i := range 1000 {
		_, _ = get(t, store, strconv.Itoa(i))
	}
	got := store.Stats()
	require.Equal(t, 0, got.Entries, "an empty store counts")
	require.Zero(t, got.Bytes, "an empty store counts")
}

// disturb runs one random operation. Only failures without a race as the reason count.
func disturb(t *testing.T, store *memory.Store, random *rand.Rand) {
	ctx := t.Context()
	key := func() string { return strconv.Itoa(random.IntN(1000)) }
	ttls := []time.Duration{driver.NoExpiry, driver.KeepTTL, 0, time.Microsecond, time.Millisecond, time.Hour}
	entries := make([]driver.Entry, 1+random.IntN(3))
	keys := make([]string, len(entries))
	for i := range entries {
		keys[i] = key()
		entries[i] = driver.Entry{
			Key: keys[i], Value: make([]byte, random.IntN(500)), TTL: ttls[random.IntN(len(ttls))], Cond: driver.Cond(random.IntN(3)),
		}
	}
	values := make([]driver.Value, len(keys))
	var err error
	switch random.IntN(16) {
	case 0, 1, 2:
		err = store.Set(ctx, entries)
	case 3, 4:
		err = store.Get(ctx, keys, values)
	case 5:
		err = store.GetTTL(ctx, keys, values)
	case 6:
		_, err = store.Delete(ctx, keys)
	case 7:
		err = store.Expire(ctx, entries)
	case 8:
		if _, err = store.IncrInit(ctx, keys[0], 1, 0, time.Hour); bare(err, driver.ErrWrongType) {
			err = nil
		}
	case 9:
		if err = store.Swap(ctx, &entries[0], &values[0]); bare(err, driver.ErrWrongType) {
			err = nil
		}
	case 10:
		if err = store.Rename(ctx, keys[0], key()); bare(err, driver.ErrNotFound) {
			err = nil
		}
	case 11, 12:
		err = store.Do(ctx, []*driver.Cmd{
			driver.NewCmd("RPUSH", driver.Key(keys[0]), driver.Val(entries[0].Value)),
			driver.NewCmd("LPOP", driver.Key(key())),
			driver.NewCmd("LRANGE", driver.Key(key()), driver.Int(0), driver.Int(-1)),
		}, driver.Plain)
	case 13:
		err = store.Do(ctx, []*driver.Cmd{
			driver.NewCmd("RENAME", driver.Key(keys[0]), driver.Key(key())),
			driver.NewCmd("SET", driver.Key(key()), driver.Val(entries[0].Value)),
			driver.NewCmd("DEL", driver.Key(key()), driver.Key(key())),
		}, driver.Atomic)
	case 14:
		for _, err = range store.Scan(ctx, "*9*") {
			if random.IntN(50) == 0 {
				break
			}
		}
	case 15:
		if random.IntN(100) == 0 {
			err = store.Flush(ctx)
		}
	}
	assert.NoError(t, err)
}
