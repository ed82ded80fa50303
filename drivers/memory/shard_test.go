package memory

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// No test can find keys whose 64-bit hashes collide, so this test calls the shard with a
// hash.
func TestShardTellsKeysOfOneHashApart(t *testing.T) {
	db := newDatabase(Options{MaxEntries: Unbounded, MaxBytes: Unbounded})
	s := &db.shards[0]
	random := rand.New(rand.NewPCG(13, 14))
	want := make(map[string]string)
	for step := range 20_000 {
		key, hash := strconv.Itoa(random.IntN(40)), uint64(random.IntN(2))
		key += "/" + strconv.FormatUint(hash, 10)
		e := s.lookup(hash, key)
		value, exists := want[key]
		switch {
		case (e != nil) != exists || exists && string(e.data) != value:
			require.Failf(t, "another entry", "step %d: %s is there: %v, want %v %q", step, key, e != nil, exists, value)
		case exists:
			s.remove(e)
			delete(want, key)
		default:
			e = s.insert(hash, key)
			e.data = []byte(strconv.Itoa(step))
			s.changed(e)
			want[key] = string(e.data)
		}
		require.Equal(t, len(want), int(s.entries), "step %d", step)
		require.LessOrEqual(t, len(s.index), 2, "step %d: %d entries under %d hashes, want %d under 2", step, s.entries, len(s.index), len(want))
	}
	for i := range s.slab.places() {
		if e := s.slab.at(i); e.used {
			_, ok := want[e.key]
			require.True(t, ok, "%s has a place", e.key)
			delete(want, e.key)
		}
	}
	require.Empty(t, want)
}
