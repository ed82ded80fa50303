package memory

import (
	"math/rand/v2"
	"slices"
	"testing"
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
			if got := d.popFront(); got != want[0] {
				t.Fatalf("popFront() = %d, want %d", got, want[0])
			}
			want = want[1:]
		default:
			if got := d.popBack(); got != want[len(want)-1] {
				t.Fatalf("popBack() = %d, want %d", got, want[len(want)-1])
			}
			want = want[:len(want)-1]
		}
		if d.len() != len(want) {
			t.Fatalf("len() = %d, want %d", d.len(), len(want))
		}
		if len(d.ring) > max(minRing, 4*len(want)) {
			t.Fatalf("%d elements take a ring of %d", len(want), len(d.ring))
		}
	}
	for i, v := range want {
		if *d.at(i) != v {
			t.Fatalf("at(%d) = %d, want %d", i, *d.at(i), v)
		}
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
		if p != nil {
			t.Errorf("place %d still points at a popped element", i)
		}
	}
}
