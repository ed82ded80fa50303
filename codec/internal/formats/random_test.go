package formats_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/xcache-go/xcache/codec/internal/formats"
)

var classes = formats.Classes()

// randomValue returns a value of a random type, of a random size.
func randomValue(r *rand.Rand, large bool) any {
	size := func(r *rand.Rand) int {
		if !large {
			return r.IntN(24)
		}
		return r.IntN(8 << 10 >> r.IntN(8))
	}
	if large && r.IntN(8) == 0 || r.IntN(30) == 0 {
		return classes[r.IntN(len(classes))].Value
	}
	switch r.IntN(24) {
	case 0:
		return r.IntN(2) == 0
	case 1:
		return int64(r.Uint64()) >> r.IntN(64)
	case 2:
		return r.Uint64() >> r.IntN(64)
	case 3:
		return float64(r.IntN(1000) - 200) // a whole one is decimal text in JSON
	case 4:
		return r.NormFloat64()
	case 5:
		return float32(r.IntN(100)) / 4
	case 6:
		return randomText(r, size(r))
	case 7:
		return fmt.Sprint(r.IntN(1000))
	case 8:
		return randomBytes(r, size(r))
	case 9:
		return randomText(r, r.IntN(4))
	case 10:
		return randomBytes(r, r.IntN(9))
	case 11:
		return new(int(int64(r.Uint64()) >> r.IntN(64)))
	case 12:
		return new(r.IntN(128))
	case 13:
		return list(size(r), func() int { return int(int64(r.Uint64()) >> r.IntN(64)) })
	case 14:
		return list(size(r), func() string { return randomText(r, r.IntN(6)) })
	case 15:
		return list(size(r), func() []byte { return append([]byte{1}, randomBytes(r, r.IntN(6))...) })
	case 16:
		m := map[string]int{"k": 1}
		for range size(r) / 8 {
			m[randomText(r, r.IntN(6))] = r.IntN(300)
		}
		return m
	case 17:
		return map[int]string{r.IntN(300): randomText(r, r.IntN(6))}
	case 18:
		return [3]int{r.IntN(4), r.IntN(300), -r.IntN(70000)}
	case 19:
		return time.Unix(r.Int64N(1<<33), r.Int64N(1e6)*1000).UTC()
	case 20:
		return list(size(r), func() any { return randomText(r, r.IntN(4)) })
	case 21:
		return map[string]any{randomText(r, 3): randomText(r, r.IntN(9)), "list": []any{true, nil, 0.5}}
	case 22:
		return list(size(r), r.NormFloat64)
	default:
		a := formats.Account{Name: randomText(r, size(r)), Ratio: r.Float64(), Admin: r.IntN(2) == 0, Depth: formats.Level(r.IntN(100)),
			Tags: []string{randomText(r, 3)}, Limits: map[string]int{"": r.IntN(9)}, Created: time.Unix(r.Int64N(1<<33), 0).UTC(), Photo: []byte{byte(r.IntN(256))}}
		a.ID = r.Int64()
		a.Address = netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(256))})
		return a
	}
}

func list[T any](size int, item func() T) []T {
	items := make([]T, 1+size/8)
	for i := range items {
		items[i] = item()
	}
	return items
}

// randomText has ASCII, other letters and what JSON escapes; it may repeat itself.
func randomText(r *rand.Rand, n int) string {
	const letters = "ab012 9\"\\{}[]:,-tfnul\n\x00\x7fé日\U0001F980\ufffd.e"
	var b strings.Builder
	runes := []rune(letters)
	if r.IntN(3) == 0 {
		runes = runes[:2]
	}
	for range n {
		b.WriteRune(runes[r.IntN(len(runes))])
	}
	return b.String()
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	mask := byte(0xFF)
	if r.IntN(3) == 0 {
		mask = 3
	}
	for i := range b {
		b[i] = byte(r.Uint32()) & mask
	}
	return b
}
