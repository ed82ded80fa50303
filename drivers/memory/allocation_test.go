package memory_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/memory"
	"github.com/xcache-go/xcache/internal/race"
)

func TestAllocationBudgets(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	store := newStore(t, memory.Options{MaxEntries: 10_000})
	for i := range 10_000 { // room for all later writes
		set(t, store, strconv.Itoa(i), "value", time.Hour)
	}
	set(t, store, "key", "value", time.Hour)
	set(t, store, "count", "1", time.Hour)

	ctx := t.Context()
	keys, missing, count := []string{"key"}, []string{"missing"}, 0
	values := make([]driver.Value, 1)
	entries := []driver.Entry{{Key: "key", Value: make([]byte, 100), TTL: time.Hour}}
	fresh := []driver.Entry{{Value: make([]byte, 100), TTL: time.Hour}}
	names := make([]string, 2000)
	for i := range names {
		names[i] = "new:" + strconv.Itoa(i)
	}
	for _, tt := range []struct {
		name   string
		budget float64
		call   func() error
	}{
		{"Get, hit", 0, func() error { return store.Get(ctx, keys, values) }},
		{"Get, miss", 0, func() error { return store.Get(ctx, missing, values) }},
		{"GetTTL", 0, func() error { return store.GetTTL(ctx, keys, values) }},
		{"Set over a value", 1, func() error { return store.Set(ctx, entries) }},
		{"Set of a new key", 2, func() error {
			count++
			fresh[0].Key = names[count]
			return store.Set(ctx, fresh)
		}},
		{"Incr", 1, func() error {
			_, err := store.Incr(ctx, "count", 1)
			return err
		}},
		{"Delete", 0, func() error {
			_, err := store.Delete(ctx, missing)
			return err
		}},
		{"Expire", 0, func() error { return store.Expire(ctx, entries) }},
	} {
		got := testing.AllocsPerRun(1000, func() {
			if err := tt.call(); err != nil {
				require.NoError(t, err) // require may allocate
			}
		})
		require.LessOrEqual(t, got, tt.budget, "%s: allocations", tt.name)
	}
}
