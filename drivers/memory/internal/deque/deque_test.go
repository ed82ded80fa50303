package deque

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDequeIsASequenceWithTwoEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	var d Deque[int]
	var want []int
	for step := range 50_000 {
		// In long phases the deque mostly grows or mostly shrinks.
		grow := random.IntN(10) < 3+4*(step/2000%2)
		front := random.IntN(2) == 0
		switch {
		case grow && front:
			d.PushFront(step)
			want = slices.Insert(want, 0, step)
		case grow:
			d.PushBack(step)
			want = append(want, step)
		case len(want) == 0:
		case random.IntN(20) == 0:
			i := random.IntN(len(want) + 1)
			d.Insert(i, step)
			want = slices.Insert(want, i, step)
		case random.IntN(100) == 0:
			i, rest := random.IntN(len(want)+1), random.IntN(3)
			remove := func(v int) bool { return v%3 == rest }
			d.DeleteFunc(i, remove)
			want = append(want[:i:i], slices.DeleteFunc(slices.Clone(want[i:]), remove)...)
		case front:
			require.Equal(t, want[0], d.PopFront(), "PopFront()")
			want = want[1:]
		default:
			require.Equal(t, want[len(want)-1], d.PopBack(), "PopBack()")
			want = want[:len(want)-1]
		}
		require.Equal(t, len(want), d.Len(), "Len()")
		require.LessOrEqual(t, len(d.ring), max(minRing, 4*len(want)), "%d elements take a ring of %d", len(want), len(d.ring))
	}
	for i, v := range want {
		require.Equal(t, v, *d.At(i), "At(%d)", i)
	}
}

func TestInsertAtEveryPlace(t *testing.T) {
	for n := range 9 {
		for i := range n + 1 {
			var d Deque[int]
			var want []int
			for v := range n {
				d.PushFront(v)
				want = slices.Insert(want, 0, v)
			}
			d.Insert(i, 100)
			want = slices.Insert(want, i, 100)
			for j, v := range want {
				require.Equal(t, v, *d.At(j), "At(%d) of %d elements after Insert(%d)", j, n, i)
			}
		}
	}
}

func TestDequeLetsGoOfWhatItPopped(t *testing.T) {
	var d Deque[*int]
	for range minRing {
		d.PushBack(new(int))
	}
	for range minRing / 2 {
		d.PopFront()
		d.PopBack()
	}
	d.PushBack(new(int))
	d.DeleteFunc(0, func(*int) bool { return true })
	for i, p := range d.ring {
		require.Nil(t, p, "place %d still points at a popped element", i)
	}
}

func BenchmarkDeque(b *testing.B) {
	b.Run("PushBack and PopFront", func(b *testing.B) {
		b.ReportAllocs()
		var d Deque[int]
		for i := range 1000 {
			d.PushBack(i)
		}
		for b.Loop() {
			d.PushBack(d.PopFront())
		}
	})
	b.Run("Insert in the middle of 1000", func(b *testing.B) {
		b.ReportAllocs()
		var d Deque[int]
		for i := range 1000 {
			d.PushBack(i)
		}
		for b.Loop() {
			d.Insert(500, 1)
			d.PopFront()
		}
	})
}
