// Package table has a hash table whose elements can be read in steps, with changes in
// between.
package table

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// A Table maps keys to values. Its elements have positions from 0 without gaps. A new
// element goes to the end, and the last element replaces a deleted element. So any element
// can be picked at random in constant time. All elements can be read in steps from the last
// to the first. An element that moves then goes from a part that was read, or to a part
// that was not read yet. The zero value is empty.
//
// A Table has no lock.
type Table[V any] struct {
	positions map[string]int
	elements  []Element[V]
	// most is the largest number of elements since the last allocation of the memory.
	most int
}

// An Element is a key with its value. The key must not be changed.
type Element[V any] struct {
	Key   string
	Value V
}

// Len returns the number of elements.
func (t *Table[V]) Len() int { return len(t.elements) }

// Clone returns a table with the same elements, at the same positions.
func (t *Table[V]) Clone() Table[V] {
	return Table[V]{positions: maps.Clone(t.positions), elements: slices.Clone(t.elements), most: t.most}
}

// At returns the element at a position, until the next change of the table. The value may
// be changed through the pointer.
func (t *Table[V]) At(position int) *Element[V] { return &t.elements[position] }

// Random returns a random element of a table that is not empty, until the next change of
// the table. Each element has the same probability.
func (t *Table[V]) Random() *Element[V] { return &t.elements[rand.IntN(len(t.elements))] }

// Position returns the position of a key, or -1.
func (t *Table[V]) Position(key string) int {
	if position, ok := t.positions[key]; ok {
		return position
	}
	return -1
}

// PositionOf is Position for a key in bytes. The table does not keep the bytes.
func (t *Table[V]) PositionOf(key []byte) int {
	if position, ok := t.positions[string(key)]; ok { // without a copy of the key
		return position
	}
	return -1
}

// Get returns the element of a key, until the next change of the table, or nil. The value
// may be changed through the pointer.
func (t *Table[V]) Get(key string) *Element[V] {
	if position, ok := t.positions[key]; ok {
		return &t.elements[position]
	}
	return nil
}

// Add adds an element behind the others. The table must not have the key.
func (t *Table[V]) Add(key string, value V) {
	if t.positions == nil {
		t.positions = make(map[string]int)
	}
	t.positions[key] = len(t.elements)
	t.elements = append(t.elements, Element[V]{key, value})
	t.most = max(t.most, len(t.elements))
}

// Delete deletes the element at a position and returns the element. The last element takes
// its position.
func (t *Table[V]) Delete(position int) Element[V] {
	last := len(t.elements) - 1
	deleted := t.elements[position]
	if position != last {
		t.elements[position] = t.elements[last]
		t.positions[t.elements[position].Key] = position
	}
	t.elements[last] = Element[V]{}
	t.elements = t.elements[:last]
	delete(t.positions, deleted.Key)
	t.shrink()
	return deleted
}

// fewElements is a number of elements for which new memory is not worth its cost.
const fewElements = 16

// shrink frees memory when three quarters are unused, so that many calls come between two
// changes of the size.
func (t *Table[V]) shrink() {
	if t.most <= fewElements || len(t.elements) > t.most/4 {
		return
	}
	elements := make([]Element[V], len(t.elements), 2*len(t.elements))
	positions := make(map[string]int, len(elements))
	for i := range elements {
		elements[i] = t.elements[i]
		positions[elements[i].Key] = i
	}
	t.elements, t.positions, t.most = elements, positions, max(len(elements), fewElements)
}

// Scan reads up to count elements and returns the cursor of the next step. A scan begins
// with cursor 0, and is over when Scan returns the cursor 0. Between two steps elements may
// be added and deleted. An element that is in the table during the whole scan is read at
// least once. Any number is a valid cursor. yield must not change the table.
func (t *Table[V]) Scan(cursor uint64, count int, yield func(*Element[V])) (next uint64) {
	// A cursor is the number of elements, from position 0, that are still to be read.
	end := len(t.elements)
	if cursor != 0 && cursor < uint64(end) {
		end = int(cursor)
	}
	start := max(0, end-max(1, count))
	for position := end - 1; position >= start; position-- {
		yield(&t.elements[position])
	}
	return uint64(start)
}
