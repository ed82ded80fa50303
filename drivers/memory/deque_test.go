package memory

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDequeIsASequenceWithTwoEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	var d deque[int]
	var want []int
	for step := range 50_000 {
		// Long phases in which it mostly grows or mostly shrinks.
		grow := random.IntN(10) < 3+4*(step/2000%2)
		front := random.IntN(2) == 0
		switch {
		case grow && front:
			d.pushFront(step)
			want = slices.Insert(want, 0, step)
		case grow:
			d.pushBack(step)
			want = append(want, step)
		case len(want) == 0:
		case front:
			require.Equal(t, want[0], d.popFront(), "popFront()")
			want = want[1:]
		default:
			require.Equal(t, want[len(want)-1], d.popBack(), "popBack()")
			want = want[:len(want)-1]
		}
		require.Equal(t, len(want), d.len(), "len()")
		require.LessOrEqual(t, len(d.ring), max(minRing, 4*len(want)), "%d elements take a ring of %d", len(want), len(d.ring))
	}
	for i, v := range want {
		require.Equal(t, v, *d.at(i), "at(%d)", i)
	}
}

func TestDequeLetsGoOfWhatItPopped(t *testing.T) {
	var d deque[*int]
	for range minRing {
		d.pushBack(new(int))
	}
	for range minRing / 2 {
		d.popFront()
		d.popBack()
	}
	for i, p := range d.ring {
		require.Nil(t, p, "place %d still points at a popped element", i)
	}
}
