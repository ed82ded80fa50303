package table_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/memory/internal/table"
	"github.com/xcache-go/xcache/internal/race"
)

// put sets the value of a key, as a user of the table does.
func put(t *table.Table[int], key string, value int) {
	if e := t.Get(key); e != nil {
		e.Value = value
		return
	}
	t.Add(key, value)
}

// remove deletes a key, if the table has the key.
func remove(t *table.Table[int], key string) {
	if position := t.Position(key); position >= 0 {
		t.Delete(position)
	}
}

func requireSame(t *testing.T, want map[string]int, got *table.Table[int]) {
	t.Helper()
	require.Equal(t, len(want), got.Len())
	for position := range got.Len() {
		e := got.At(position)
		require.Equal(t, position, got.Position(e.Key))
		require.Equal(t, position, got.PositionOf([]byte(e.Key)))
		value, ok := want[e.Key]
		require.True(t, ok, "key %q", e.Key)
		require.Equal(t, value, e.Value, "key %q", e.Key)
	}
}

func TestRandomChangesDoTheSameAsOnAMap(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		var got table.Table[int]
		want := make(map[string]int)
		for step := range 3000 {
			key := strconv.Itoa(random.IntN(200))
			if grow := random.IntN(10) < 2+6*(step/500%2); grow {
				put(&got, key, step)
				want[key] = step
			} else {
				remove(&got, key)
				delete(want, key)
			}
			if step%50 == 0 {
				requireSame(t, want, &got)
			}
		}
		requireSame(t, want, &got)
	}
}

func TestEmptyTable(t *testing.T) {
	var empty table.Table[int]
	require.Zero(t, empty.Len())
	require.Nil(t, empty.Get("key"))
	require.Equal(t, -1, empty.Position("key"))
	require.Equal(t, -1, empty.PositionOf([]byte("key")))
	for _, cursor := range []uint64{0, 1, 1 << 63} {
		require.Zero(t, empty.Scan(cursor, 10, func(*table.Element[int]) { require.Fail(t, "an element of an empty table") }))
	}
}

// With any changes between its steps, a scan reads each element that is in the table during
// the whole scan.
func TestScanReadsWhatIsThereAllTheTime(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 2))
		var tab table.Table[int]
		lasting := make(map[string]bool)
		for i := range random.IntN(300) {
			tab.Add(fmt.Sprint("old", i), i)
			if random.IntN(3) == 0 {
				lasting[fmt.Sprint("old", i)] = true
			}
		}
		churn := random.IntN(200)
		steps, bound := 0, tab.Len()+1
		read := make(map[string]bool)
		for cursor := uint64(0); ; steps++ {
			require.LessOrEqual(t, steps, bound, "seed %d: the scan does not end", seed)
			cursor = tab.Scan(cursor, random.IntN(5), func(e *table.Element[int]) { read[e.Key] = true })
			if cursor == 0 {
				break
			}
			for i := range random.IntN(churn + 1) {
				switch key := fmt.Sprint("old", random.IntN(300)); {
				case random.IntN(2) == 0:
					put(&tab, fmt.Sprint("new", steps, i), i)
				case !lasting[key]:
					remove(&tab, key)
				}
				if tab.Len() > 0 {
					if key := tab.Random().Key; !lasting[key] {
						remove(&tab, key)
					}
				}
			}
		}
		for key := range lasting {
			require.True(t, read[key], "seed %d: %s was not read", seed, key)
		}
	}
}

func TestScanOfAQuietTableReadsEachElementOnce(t *testing.T) {
	var tab table.Table[int]
	for i := range 100 {
		tab.Add(strconv.Itoa(i), i)
	}
	for _, count := range []int{-1, 0, 1, 7, 10, 100, 1000} {
		read := make(map[string]int)
		for cursor := uint64(0); ; {
			if cursor = tab.Scan(cursor, count, func(e *table.Element[int]) { read[e.Key]++ }); cursor == 0 {
				break
			}
		}
		require.Len(t, read, 100)
		for key, times := range read {
			require.Equal(t, 1, times, "%s with a count of %d", key, count)
		}
	}
}

func TestEveryElementIsPickedAsOften(t *testing.T) {
	var tab table.Table[int]
	for i := range 8 {
		tab.Add(strconv.Itoa(i), i)
	}
	tab.Delete(3)
	picked := make(map[string]int)
	for range 7000 {
		picked[tab.Random().Key]++
	}
	require.Len(t, picked, 7)
	for key, times := range picked {
		require.InDelta(t, 1000, times, 300, "key %s", key) // ten times the standard deviation
	}
}

func TestLookingUpAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	var tab table.Table[int]
	key := []byte("a key that is longer than what fits on a small stack buffer")
	tab.Add(string(key), 1)
	require.Zero(t, testing.AllocsPerRun(100, func() { tab.At(tab.PositionOf(key)).Value++ }))
}

func BenchmarkTable(b *testing.B) {
	keys := make([]string, 1<<16)
	var full table.Table[int]
	for i := range keys {
		keys[i] = fmt.Sprintf("member:%06d", i)
		full.Add(keys[i], i)
	}
	b.Run("Get", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if full.Get(keys[i%len(keys)]) == nil {
				b.Fatal("absent")
			}
		}
	})
	b.Run("Add and Delete", func(b *testing.B) {
		b.ReportAllocs()
		var t table.Table[int]
		for i := 0; b.Loop(); i++ {
			if position := t.Position(keys[i%len(keys)]); position >= 0 {
				t.Delete(position)
			}
			t.Add(keys[i%len(keys)], i)
		}
	})
	b.Run("Random", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = full.Random()
		}
	})
	b.Run("Scan of 10", func(b *testing.B) {
		b.ReportAllocs()
		sum := 0
		for cursor := uint64(0); b.Loop(); {
			cursor = full.Scan(cursor, 10, func(e *table.Element[int]) { sum += e.Value })
		}
	})
}
