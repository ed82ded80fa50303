package expiring_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/memory/internal/expiring"
)

type modelValue struct {
	value    int
	deadline int64
}

// Random changes, with time passing, have the same result on a table and on a map.
func TestRandomChangesDoTheSameAsOnAMap(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		var got expiring.Table[int]
		want := make(map[string]modelValue)
		now := int64(0)
		for step := range 2000 {
			key := strconv.Itoa(random.IntN(60))
			old, exists := want[key]
			switch random.IntN(6) {
			case 0, 1:
				deadline := int64(expiring.Never)
				if exists {
					deadline = old.deadline
				}
				got.Set(key, step)
				want[key] = modelValue{step, deadline}
			case 2:
				value, ok := got.Delete(key)
				require.Equal(t, exists, ok)
				require.Equal(t, old.value, value)
				delete(want, key)
			case 3:
				if exists {
					deadline := now + 1 + random.Int64N(50)
					if random.IntN(5) == 0 {
						deadline = expiring.Never
					}
					got.SetDeadline(key, deadline)
					want[key] = modelValue{old.value, deadline}
				}
			case 4:
				now += random.Int64N(5)
				removed, last := make(map[string]int), int64(0)
				got.Expire(now, func(key string, value int) {
					require.LessOrEqual(t, last, want[key].deadline, "they go in order")
					removed[key], last = value, want[key].deadline
				})
				due := make(map[string]int)
				for key, v := range want {
					if v.deadline <= now {
						due[key] = v.value
						delete(want, key)
					}
				}
				require.Equal(t, due, removed, "step %d", step)
			case 5:
				value, ok := got.Get(key)
				require.Equal(t, exists, ok)
				require.Equal(t, old.value, value)
				if !exists {
					old.deadline = expiring.Never
				}
				require.Equal(t, old.deadline, got.Deadline(key))
			}
			require.Equal(t, len(want), got.Len())
		}
		timed, all := 0, make(map[string]modelValue)
		for key, value := range got.All() {
			all[key] = modelValue{value, got.Deadline(key)}
			if got.Deadline(key) != expiring.Never {
				timed++
			}
		}
		require.Equal(t, want, all)
		require.Equal(t, timed, got.Expiring())
		scanned := make(map[string]int)
		for cursor := uint64(0); ; {
			if cursor = got.Scan(cursor, 7, func(key string, value int) { scanned[key] = value }); cursor == 0 {
				break
			}
		}
		require.Len(t, scanned, len(want))
		for range got.All() {
			break // as a loop may
		}
	}
}

func TestKeyThatIsSetAgainKeepsItsDeadline(t *testing.T) {
	var tab expiring.Table[string]
	tab.Set("k", "old")
	tab.SetDeadline("k", 5)
	tab.Set("k", "new")
	require.EqualValues(t, 5, tab.Deadline("k"))
	tab.SetDeadline("k", expiring.Never)
	tab.SetDeadline("k", expiring.Never)
	require.Zero(t, tab.Expiring())
	tab.Expire(100, func(key string, _ string) { require.Failf(t, "a key expired", "%s", key) })
}

func BenchmarkTable(b *testing.B) {
	var tab expiring.Table[int]
	keys := make([]string, 1<<16)
	for i := range keys {
		keys[i] = fmt.Sprintf("field:%06d", i)
		tab.Set(keys[i], i)
		tab.SetDeadline(keys[i], int64(i))
	}
	b.Run("SetDeadline", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			tab.SetDeadline(keys[i*7919%len(keys)], int64(i))
		}
	})
	b.Run("Expire nothing", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tab.Expire(-1, nil)
		}
	})
}
