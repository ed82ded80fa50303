package memory

import "math/rand/v2"

// distinct returns k different numbers from 0 to n, in any order. Each choice and each
// order has the same probability.
func distinct(n, k int) []int {
	if k > n/3 {
		return rand.Perm(n)[:k]
	}
	// Floyd's algorithm takes time that does not grow with n.
	numbers, taken := make([]int, 0, k), make(map[int]struct{}, k)
	for top := n - k; top < n; top++ {
		number := rand.IntN(top + 1)
		if _, ok := taken[number]; ok {
			number = top
		}
		taken[number] = struct{}{}
		numbers = append(numbers, number)
	}
	rand.Shuffle(k, func(i, j int) { numbers[i], numbers[j] = numbers[j], numbers[i] })
	return numbers
}

// picks returns the positions of the elements for a count of HRANDFIELD or SRANDMEMBER,
// among n elements. A negative count allows repeated positions.
func picks(n int, count int64) []int {
	if count >= 0 {
		return distinct(n, int(min(count, int64(n))))
	}
	positions := make([]int, -count)
	for i := range positions {
		positions[i] = rand.IntN(n)
	}
	return positions
}
