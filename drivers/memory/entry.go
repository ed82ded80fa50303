package memory

import (
	"math"

	"github.com/xcache-go/xcache/driver"
)

// An entry is a key and what it holds.
type entry struct {
	key string
	// data is the value of a string. It is never written to once it is here.
	data []byte
	// object is what the key holds if that is not a string.
	object object

	// deadline is when the entry expires, on the database's clock, or never.
	deadline int64
	// hash is the hash of key.
	hash uint64
	// cost is what the entry counts in the bound in bytes.
	cost int64

	// newer and older link the entries of a shard in the order they came.
	newer, older *entry
	// next is another entry with the same hash, or, if the entry is unused,
	// another unused one.
	next *entry
	// visited tells that the entry was used since eviction last looked at it.
	visited bool
	// used tells that the entry holds a key.
	used bool
}

// An object is what a key holds other than a string. Its file knows all about
// it; here it only has a name and a size.
type object interface {
	kind() driver.Kind
	// size is what the object counts in the bound in bytes. It is asked for
	// after each change and must not take time that grows with the object.
	size() int64
	// empty tells that the object has lost its last element, and the key with
	// it.
	empty() bool
	// clone returns a copy, which shares nothing that is ever written to.
	clone() object
}

// A lapsing object is one that loses parts as time passes: fields of a hash.
type lapsing interface {
	object
	// lapse removes what has expired. Without any it takes constant time.
	lapse(now int64)
}

const (
	// never is the deadline of an entry that does not expire.
	never = math.MaxInt64

	// entryOverhead is what an entry takes beside the bytes of its key and its
	// value: the struct, its place in the index, and what allocations are
	// rounded up by.
	entryOverhead = 160
)

func (e *entry) kind() driver.Kind {
	if e.object != nil {
		return e.object.kind()
	}
	return driver.KindString
}

// size is what the entry should count in the bound in bytes.
func (e *entry) size() int64 {
	if e.object != nil {
		return entryOverhead + int64(len(e.key)) + e.object.size()
	}
	return stringSize(e.key, e.data)
}

// stringSize is what a string takes of the bound in bytes.
func stringSize(key string, data []byte) int64 {
	return entryOverhead + int64(len(key)) + int64(len(data))
}

func (e *entry) expired(now int64) bool { return e.deadline <= now }

// A slab holds the entries of a shard in places that they keep for life, so
// that the whole shard can be walked in steps, with changes in between.
type slab struct {
	chunks [][]entry
	// unused is the first of the entries that hold no key.
	unused *entry
}

// chunkSize is how many entries come in one allocation: as many as fit into
// 8 KiB on a 64-bit system, with nothing left over.
const chunkSize = 73

// take returns an unused entry, zero but for its next.
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

// give takes back an entry that take returned.
func (s *slab) give(e *entry) {
	*e = entry{next: s.unused}
	s.unused = e
}

// places is how many entries there are, used or not.
func (s *slab) places() int { return len(s.chunks) * chunkSize }

// at returns the entry at a place.
func (s *slab) at(place int) *entry { return &s.chunks[place/chunkSize][place%chunkSize] }
