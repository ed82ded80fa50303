package memory

import (
	"math"

	"github.com/xcache-go/xcache/driver"
)

// An entry is a key with its value.
type entry struct {
	key string
	// data is the value of a string, and is never written to.
	data []byte
	// object is a value of another type than string.
	object object

	// deadline is the time of expiry on the database's clock, or never.
	deadline int64
	// hash is the hash of key.
	hash uint64
	// cost is the number of bytes that are counted for the entry.
	cost int64

	// newer and older link the entries of a shard in the order of their insertion.
	newer, older *entry
	// next is another entry with the same hash, or, for an unused entry, another unused
	// entry.
	next *entry
	// visited means that the entry was used since the last visit of the eviction.
	visited bool
	// used means that the entry holds a key.
	used bool
}

// An object is the value of a key of another type than string. The file of the type has all
// operations; an object has only a name and a size.
type object interface {
	kind() driver.Kind
	// size returns the number of bytes that are counted for the object. size is called
	// after each change, and must not take time that grows with the object.
	size() int64
	// empty reports whether the object has lost its last element. Then the key is removed.
	empty() bool
	// clone returns a copy. The copy and the object share only data that is never written
	// to.
	clone() object
}

// A lapsing object loses parts as time passes: the expired fields of a hash.
type lapsing interface {
	object
	// lapse removes the expired parts. Without an expired part lapse takes constant time.
	lapse(now int64)
}

const (
	// never is the deadline of an entry without expiry.
	never = math.MaxInt64

	// entryOverhead is the memory of an entry beside the bytes of its key and its value:
	// the struct, its place in the index, and the rounding of allocations.
	entryOverhead = 160
)

func (e *entry) kind() driver.Kind {
	if e.object != nil {
		return e.object.kind()
	}
	return driver.KindString
}

// size returns the number of bytes to count for the entry.
func (e *entry) size() int64 {
	if e.object != nil {
		return entryOverhead + int64(len(e.key)) + e.object.size()
	}
	return stringSize(e.key, e.data)
}

// stringSize returns the number of bytes to count for a string.
func stringSize(key string, data []byte) int64 {
	return entryOverhead + int64(len(key)) + int64(len(data))
}

func (e *entry) expired(now int64) bool { return e.deadline <= now }

// A slab holds the entries of a shard. Each entry keeps its place for life, so that a walk
// over the shard can be divided into steps, with changes in between.
type slab struct {
	chunks [][]entry
	// unused is the first of the entries without a key.
	unused *entry
}

// chunkSize is the number of entries in one allocation: these entries fill 8 KiB on a
// 64-bit system.
const chunkSize = 73

// take returns an unused entry. All its fields but next are zero.
func (s *slab) take() *entry {
	if s.unused == nil {
		chunk := make([]entry, chunkSize)
		for i := range chunk[1:] {
			chunk[i].next = &chunk[i+1]
		}
		s.chunks = append(s.chunks, chunk)
		s.unused = &chunk[0]
	}
	e := s.unused
	s.unused = e.next
	e.next = nil
	return e
}

// give takes back an entry from take.
func (s *slab) give(e *entry) {
	*e = entry{next: s.unused}
	s.unused = e
}

// places returns the number of entries, used or not.
func (s *slab) places() int { return len(s.chunks) * chunkSize }

// at returns the entry at a place.
func (s *slab) at(place int) *entry { return &s.chunks[place/chunkSize][place%chunkSize] }
