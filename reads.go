package xcache

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/xcache-go/xcache/codec"
)

// CodecReads tells how the values were read that a cache has returned, so that a
// move to another format can be followed to its end: when Old stays as it is, no
// value in an old format is left that anybody asks for.
type CodecReads struct {
	// Current counts values in the format that the cache writes.
	Current uint64
	// Old counts values in other formats, by what read them.
	Old map[codec.Read]uint64
}

// CodecReads returns the counts since the cache was opened, over all its views.
func (c *Cache) CodecReads() CodecReads {
	return c.shared.reads.all()
}

// readCounts counts values by what read them.
type readCounts struct {
	current atomic.Uint64
	mu      sync.Mutex
	old     map[codec.Read]uint64
}

func (r *readCounts) count(by *codec.Read) {
	if !by.Fallback {
		r.current.Add(1)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.old == nil {
		r.old = make(map[codec.Read]uint64)
	}
	r.old[*by]++
}

func (r *readCounts) all() CodecReads {
	r.mu.Lock()
	defer r.mu.Unlock()
	return CodecReads{Current: r.current.Load(), Old: maps.Clone(r.old)}
}
