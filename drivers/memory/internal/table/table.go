// Package table has a hash table whose elements can be read a few at a time, with
// changes in between.
package table

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// A Table leads from keys to values. Its elements have positions without gaps, from 0: a
// new one goes behind the others, and where one is deleted, the last one takes its place.
// So any element can be picked at random in constant time, and all can be read in steps
// from the last to the first: what moves, moves to where the reader has not been yet, or
// comes from where it has been. The zero value is empty.
//
// A Table has no lock.
type Table[V any] struct {
	positions map[string]int
	elements  []Element[V]
	// most is how many elements there were at once since the memory was last made.
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

// At returns the element at a position, until the next change of the table. Its value may
// be changed.
func (t *Table[V]) At(position int) *Element[V] { return &t.elements[position] }

// Random returns one of the elements of a table that is not empty, each with the same
// probability, until the next change of the table.
func (t *Table[V]) Random() *Element[V] { return &t.elements[rand.IntN(len(t.elements))] }

// Position returns the position of a key, or -1.
func (t *Table[V]) Position(key string) int {
	if position, ok := t.positions[key]; ok {
		return position
	}
	return -1
}

// PositionOf is Position of a key in bytes, which are not kept.
func (t *Table[V]) PositionOf(key []byte) int {
	if position, ok := t.positions[string(key)]; ok { // which copies nothing
		return position
	}
	return -1
}

// Get returns the element of a key, until the next change of the table, or nil. Its value
// may be changed.
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

// Delete deletes the element at a position and returns it. The last element takes its
// place.
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

// fewElements are worth no new memory.
const fewElements = 16

// shrink gives back memory when three quarters are unused, so that it takes many calls
// until that happens again.
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

// Scan reads up to count elements and returns the cursor to go on with. A scan begins with
// cursor 0, and is over when the cursor that comes back is 0. Whatever is added and deleted
// between its steps, an element that is there all the time is read; some may be read more
// than once. Any number is a cursor. yield must not change the table.
func (t *Table[V]) Scan(cursor uint64, count int, yield func(*Element[V])) (next uint64) {
	// A cursor is how many elements, from position 0, are still to be read.
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
