package ordered_test

import (
	"cmp"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/xcache-go/xcache/drivers/memory/internal/ordered"
)

// same fails the test unless the sequence and the slice have equal items.
func same(t testing.TB, s *ordered.Sequence[int], want []int) {
	t.Helper()
	require.Equal(t, len(want), s.Len())
	require.Equal(t, want, append([]int{}, slices.Collect(s.From(0))...))
	backward := append([]int{}, slices.Collect(s.Back(s.Len()-1))...)
	slices.Reverse(backward)
	require.Equal(t, want, backward)
	for i, item := range want {
		require.Equal(t, item, s.At(i), "At(%d)", i)
	}
}

func TestEmptySequence(t *testing.T) {
	var s ordered.Sequence[int]
	same(t, &s, []int{})
	require.Zero(t, s.Search(func(int) bool { return false }))
	s.Insert(0, 1)
	require.Equal(t, 1, s.Delete(0))
	same(t, &s, []int{})
}

// A sequence behaves like a slice under any insertions and deletions.
func TestSequenceIsASlice(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	places := map[string]func(n int) int{
		"anywhere": func(n int) int { return random.IntN(n) },
		"front":    func(int) int { return 0 },
		"end":      func(n int) int { return n - 1 },
		"middle":   func(n int) int { return n / 2 },
		"ends":     func(n int) int { return random.IntN(2) * (n - 1) },
	}
	for inserted, insertAt := range places {
		for deleted, deleteAt := range places {
			t.Run(inserted+", "+deleted, func(t *testing.T) {
				var s ordered.Sequence[int]
				want := []int{}
				for step := range 6_000 {
					// In long phases the sequence mostly grows or mostly shrinks.
					if grow := random.IntN(10) < 2+6*(step/1500%2^1); grow {
						i := insertAt(len(want) + 1)
						s.Insert(i, step)
						want = slices.Insert(want, i, step)
					} else if len(want) > 0 {
						i := deleteAt(len(want))
						require.Equal(t, want[i], s.Delete(i))
						want = slices.Delete(want, i, i+1)
					}
					if step%500 == 0 {
						same(t, &s, want)
					}
				}
				for len(want) > 0 {
					i := deleteAt(len(want))
					require.Equal(t, want[i], s.Delete(i))
					want = slices.Delete(want, i, i+1)
				}
				same(t, &s, want)
			})
		}
	}
}

func FuzzSequence(f *testing.F) {
	f.Add([]byte("put these in and take them out again"))
	f.Fuzz(func(t *testing.T, steps []byte) {
		var s ordered.Sequence[int]
		want := []int{}
		for i, step := range steps {
			place := int(step>>1) * 37 % (len(want) + 1)
			for repeat := range 8 {
				if step&1 == 0 || place == len(want) {
					s.Insert(place, i*8+repeat)
					want = slices.Insert(want, place, i*8+repeat)
				} else {
					require.Equal(t, want[place], s.Delete(place))
					want = slices.Delete(want, place, place+1)
				}
			}
		}
		same(t, &s, want)
	})
}

func TestIterationFromAnywhere(t *testing.T) {
	for _, n := range []int{1, 10, 31, 32, 33, 500, 2000} {
		s, want := count(n), make([]int, n)
		for i := range want {
			want[i] = i
		}
		for i := range n {
			require.Equal(t, want[i:], slices.Collect(s.From(i)), "From(%d) of %d", i, n)
			backward := slices.Collect(s.Back(i))
			slices.Reverse(backward)
			require.Equal(t, want[:i+1], backward, "Back(%d) of %d", i, n)
			for item := range s.From(i) {
				require.Equal(t, i, item)
				break
			}
			for item := range s.Back(i) {
				require.Equal(t, i, item)
				break
			}
		}
		require.Empty(t, slices.Collect(s.From(n)))
		require.Empty(t, slices.Collect(s.Back(-1)))
	}
}

// count returns a sequence of the numbers from 0 on.
func count(n int) *ordered.Sequence[int] {
	s := new(ordered.Sequence[int])
	for i := range n {
		s.Insert(i, i)
	}
	return s
}

func TestSearchFindsTheFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var s ordered.Sequence[int]
	var sorted []int
	for range 3000 {
		item := random.IntN(1000)
		i := s.Search(func(other int) bool { return other >= item })
		want, _ := slices.BinarySearch(sorted, item)
		require.Equal(t, want, i)
		s.Insert(i, item)
		sorted = slices.Insert(sorted, i, item)
	}
	same(t, &s, sorted)
}

// A search looks at few items, even in a large sequence.
func TestSearchIsLogarithmic(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 100, 10_000, 1_000_000} {
		shuffled := new(ordered.Sequence[int])
		for _, item := range random.Perm(n / 10) {
			shuffled.Insert(shuffled.Search(func(other int) bool { return other >= item }), item)
		}
		for _, s := range []*ordered.Sequence[int]{count(n), shuffled} {
			for range min(s.Len(), 100) {
				looks, place := 0, random.IntN(s.Len())
				require.Equal(t, place, s.Search(func(item int) bool { looks++; return item >= place }))
				require.LessOrEqual(t, looks, 3*bits.Len(uint(n))/2+5, "looks at items, of %d", n)
			}
		}
	}
}

// Leaves that are filled in order remain full.
func TestSequenceThatGrowsAtItsEndIsDense(t *testing.T) {
	const n = 100_000
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			count(n)
		}
	})
	require.Less(t, result.AllocedBytesPerOp(), int64(n*8*7/4), "bytes for %d items of 8", n)
}

func BenchmarkSequence(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		s := count(n)
		random := rand.New(rand.NewPCG(7, 8))
		b.Run(fmt.Sprint("At/", n), func(b *testing.B) {
			for b.Loop() {
				s.At(random.IntN(n))
			}
		})
		b.Run(fmt.Sprint("Search/", n), func(b *testing.B) {
			for b.Loop() {
				place := random.IntN(n)
				s.Search(func(item int) bool { return cmp.Compare(item, place) >= 0 })
			}
		})
		b.Run(fmt.Sprint("DeleteInsert/", n), func(b *testing.B) {
			for b.Loop() {
				place := random.IntN(n)
				s.Insert(place, s.Delete(place))
			}
		})
		b.Run(fmt.Sprint("From10/", n), func(b *testing.B) {
			for b.Loop() {
				left := 10
				for range s.From(random.IntN(n - 10)) {
					if left--; left == 0 {
						break
					}
				}
			}
		})
	}
}
