// Package expiring has a hash table whose elements may have a deadline.
package expiring

import (
	"container/heap"
	"iter"
	"math"

	"github.com/xcache-go/xcache/drivers/memory/internal/table"
)

// Never is the deadline of an element that does not expire.
const Never = math.MaxInt64

// A Table maps keys to values, as table.Table does. Each key may have a deadline, on any
// clock. An element stays after its deadline until Expire removes the element. Only
// elements with a deadline use memory for a deadline. The zero value is empty. A Table
// has no lock.
type Table[V any] struct {
	elements table.Table[element[V]]
	queue    queue
}

type element[V any] struct {
	value V
	turn  *turn // nil for Never
}

// A turn is the place of a key in the queue of deadlines.
type turn struct {
	key      string
	deadline int64
	place    int
}

// Len returns the number of elements.
func (t *Table[V]) Len() int { return t.elements.Len() }

// Clone returns a table with the same elements and deadlines, at the same positions.
func (t *Table[V]) Clone() Table[V] {
	clone := Table[V]{elements: t.elements.Clone(), queue: make(queue, len(t.queue))}
	for i := range clone.elements.Len() {
		if e := &clone.elements.At(i).Value; e.turn != nil {
			turn := *e.turn
			e.turn = &turn
			clone.queue[turn.place] = &turn
		}
	}
	return clone
}

// Expiring returns the number of elements that have a deadline.
func (t *Table[V]) Expiring() int { return len(t.queue) }

// Get returns the value of a key.
func (t *Table[V]) Get(key string) (value V, ok bool) {
	if e := t.elements.Get(key); e != nil {
		return e.Value.value, true
	}
	return value, false
}

// At returns the element at a position, from 0 to the length. Positions are as in
// table.Table.
func (t *Table[V]) At(position int) (key string, value V) {
	e := t.elements.At(position)
	return e.Key, e.Value.value
}

// Set gives a key a value. An existing key keeps its deadline, and a new key has no
// deadline.
func (t *Table[V]) Set(key string, value V) {
	if e := t.elements.Get(key); e != nil {
		e.Value.value = value
		return
	}
	t.elements.Add(key, element[V]{value: value})
}

// Delete removes a key and returns its value.
func (t *Table[V]) Delete(key string) (value V, ok bool) {
	position := t.elements.Position(key)
	if position < 0 {
		return value, false
	}
	t.leave(&t.elements.At(position).Value)
	return t.elements.Delete(position).Value.value, true
}

// Deadline returns the deadline of a key, or Never for a key that is missing or has none.
func (t *Table[V]) Deadline(key string) int64 {
	if e := t.elements.Get(key); e != nil && e.Value.turn != nil {
		return e.Value.turn.deadline
	}
	return Never
}

// SetDeadline changes the deadline of an existing key. Never removes the deadline.
func (t *Table[V]) SetDeadline(key string, deadline int64) {
	e := t.elements.Get(key)
	switch {
	case deadline == Never:
		t.leave(&e.Value)
	case e.Value.turn == nil:
		e.Value.turn = &turn{key: e.Key, deadline: deadline}
		heap.Push(&t.queue, e.Value.turn)
	default:
		e.Value.turn.deadline = deadline
		heap.Fix(&t.queue, e.Value.turn.place)
	}
}

// leave removes an element from the queue, if the element has a deadline.
func (t *Table[V]) leave(e *element[V]) {
	if e.turn != nil {
		heap.Remove(&t.queue, e.turn.place)
		e.turn = nil
	}
}

// Expire removes the elements whose deadline has come, in the order of their deadlines, and
// calls removed for each. Without such elements Expire takes constant time.
func (t *Table[V]) Expire(now int64, removed func(key string, value V)) {
	for len(t.queue) > 0 && t.queue[0].deadline <= now {
		key := t.queue[0].key
		value, _ := t.Delete(key)
		removed(key, value)
	}
}

// All yields every element, which the loop must not change.
func (t *Table[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for position := range t.elements.Len() {
			if !yield(t.At(position)) {
				return
			}
		}
	}
}

// Scan reads a part of the elements, as table.Table's Scan does.
func (t *Table[V]) Scan(cursor uint64, count int, yield func(key string, value V)) (next uint64) {
	return t.elements.Scan(cursor, count, func(e *table.Element[element[V]]) { yield(e.Key, e.Value.value) })
}

// A queue is a heap with the earliest deadline first.
type queue []*turn

func (q *queue) Len() int           { return len(*q) }
func (q *queue) Less(i, j int) bool { return (*q)[i].deadline < (*q)[j].deadline }

func (q *queue) Swap(i, j int) {
	turns := *q
	turns[i], turns[j] = turns[j], turns[i]
	turns[i].place, turns[j].place = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	t := x.(*turn)
	t.place = len(*q)
	*q = append(*q, t)
}

// Pop implements heap.Interface. Pop frees memory when three quarters are unused.
func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	if cap(*q) > 16 && last <= cap(*q)/4 {
		*q = append(make(queue, 0, 2*last), *q...)
	}
	return t
}
