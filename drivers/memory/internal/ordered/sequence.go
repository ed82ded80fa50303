// Package ordered keeps items in an order in which each has a place: the first is at 0.
// Finding an item or a place, putting one in and taking one out cost the logarithm of
// how many there are.
package ordered

import (
	"iter"
	"slices"
)

// A Sequence is items in an order that its user chooses: where an item is put in, there
// it stays, between its neighbours. One that is kept sorted is searched with Search. The
// zero value is empty. It is not safe for concurrent use.
//
// It is a B-tree whose nodes know how many items are below each of their children. Few
// large nodes are quicker to go through than many small ones, and less for the garbage
// collector to follow.
type Sequence[T any] struct{ root subtree[T] }

// A subtree is a node and how many items are in it and below.
type subtree[T any] struct {
	*node[T]
	size int
}

// A node has one child more than it has items, or, as a leaf, none: an item stands
// between the children on its two sides.
type node[T any] struct {
	items    []T
	children []subtree[T]
}

const (
	// maxItems and minItems are how many items a node has. The root may have fewer,
	// and so may the last leaf.
	maxItems = 2*minItems + 1
	minItems = 15
)

// Len returns the number of items.
func (s *Sequence[T]) Len() int { return s.root.size }

// Clone returns a sequence of the same items, each of which copied has made.
func (s *Sequence[T]) Clone(copied func(T) T) Sequence[T] {
	return Sequence[T]{s.root.clone(copied)}
}

func (t *subtree[T]) clone(copied func(T) T) subtree[T] {
	if t.node == nil {
		return subtree[T]{}
	}
	n := &node[T]{items: make([]T, len(t.items), cap(t.items))}
	for i, item := range t.items {
		n.items[i] = copied(item)
	}
	if t.children != nil {
		n.children = make([]subtree[T], len(t.children), cap(t.children))
		for i := range t.children {
			n.children[i] = t.children[i].clone(copied)
		}
	}
	return subtree[T]{n, t.size}
}

// At returns the item at place i, which must be one.
func (s *Sequence[T]) At(i int) T {
	t := &s.root
	for t.children != nil {
		child, rest := t.childAt(i)
		if rest == t.children[child].size {
			return t.items[child]
		}
		t, i = &t.children[child], rest
	}
	return t.items[i]
}

// Search returns the first place whose item is reached, or Len if there is none. Behind
// an item that is reached all must be.
func (s *Sequence[T]) Search(reached func(T) bool) int {
	place := 0
	for t := &s.root; t.node != nil; {
		i, end := 0, len(t.items)
		for i < end {
			if middle := (i + end) / 2; reached(t.items[middle]) {
				end = middle
			} else {
				i = middle + 1
			}
		}
		place += i
		if t.children == nil {
			break
		}
		for _, child := range t.children[:i] {
			place += child.size
		}
		t = &t.children[i]
	}
	return place
}

// From goes through the items from place i to the last one. The sequence must not change
// meanwhile.
func (s *Sequence[T]) From(i int) iter.Seq[T] {
	return func(yield func(T) bool) {
		if i < s.root.size {
			s.root.forward(i, yield)
		}
	}
}

// forward yields the items from place i on.
func (t *subtree[T]) forward(i int, yield func(T) bool) bool {
	if t.children == nil {
		for _, item := range t.items[i:] {
			if !yield(item) {
				return false
			}
		}
		return true
	}
	child, rest := t.childAt(i)
	for ; child < len(t.children); child, rest = child+1, 0 {
		if !t.children[child].forward(rest, yield) || child < len(t.items) && !yield(t.items[child]) {
			return false
		}
	}
	return true
}

// Back goes through the items from place i to the first one. The sequence must not
// change meanwhile.
func (s *Sequence[T]) Back(i int) iter.Seq[T] {
	return func(yield func(T) bool) {
		if i >= 0 && s.root.size > 0 {
			s.root.back(i+1, yield)
		}
	}
}

// back yields the items before place end, the last one first.
func (t *subtree[T]) back(end int, yield func(T) bool) bool {
	if t.children == nil {
		for i := end - 1; i >= 0; i-- {
			if !yield(t.items[i]) {
				return false
			}
		}
		return true
	}
	child, rest := t.childAt(end)
	for {
		if !t.children[child].back(rest, yield) {
			return false
		}
		if child--; child < 0 {
			return true
		}
		if !yield(t.items[child]) {
			return false
		}
		rest = t.children[child].size
	}
}

// Insert puts an item in at place i, from 0 to Len: before the one that is there.
func (s *Sequence[T]) Insert(i int, item T) {
	if s.root.node == nil {
		s.root.node = new(node[T])
	}
	if len(s.root.items) == maxItems {
		s.root = subtree[T]{&node[T]{children: []subtree[T]{s.root}}, s.root.size}
		s.root.split(0, i == s.root.size)
	}
	last := i == s.root.size
	t := &s.root
	for t.children != nil {
		child, rest := t.childAt(i)
		if len(t.children[child].items) == maxItems {
			t.split(child, last)
			child, rest = t.childAt(i)
		}
		t.size++
		t, i = &t.children[child], rest
	}
	t.size++
	t.items = slices.Insert(t.items, i, item)
}

// childAt returns the child in which place i is, and the place in it. The size of the
// child stands for the item behind it, and for the end.
func (n *node[T]) childAt(i int) (child, rest int) {
	for i > n.children[child].size {
		i -= n.children[child].size + 1
		child++
	}
	return child, i
}

// split makes two of a full child. Where items come in their order, they are put in
// behind the last one of all: then the left leaf stays as full as it is.
func (n *node[T]) split(i int, atEnd bool) {
	left := &n.children[i]
	middle := minItems
	if atEnd && left.children == nil {
		middle = maxItems - 2
	}
	item := left.items[middle]
	right := subtree[T]{new(node[T]), left.size - middle - 1}
	right.items = make([]T, maxItems-middle-1, maxItems)
	copy(right.items, left.items[middle+1:])
	clear(left.items[middle:])
	left.items = left.items[:middle]
	if left.children != nil {
		right.children = make([]subtree[T], maxItems-middle, maxItems+1)
		copy(right.children, left.children[middle+1:])
		clear(left.children[middle+1:])
		left.children = left.children[:middle+1]
		for _, child := range left.children {
			right.size -= child.size
		}
	}
	left.size -= right.size + 1
	n.items = slices.Insert(n.items, i, item)
	n.children = slices.Insert(n.children, i+1, right)
}

// Delete takes the item at place i, which must be one, out and returns it.
func (s *Sequence[T]) Delete(i int) T {
	item := s.root.delete(i)
	switch {
	case s.root.size == 0:
		s.root = subtree[T]{}
	case len(s.root.items) == 0:
		s.root = s.root.children[0]
	}
	return item
}

// delete takes the item at place i out of a subtree that may lose one: it is the root,
// or has more than minItems, or is a leaf with more than one.
func (t *subtree[T]) delete(i int) T {
	t.size--
	if t.children == nil {
		item := t.items[i]
		t.items = slices.Delete(t.items, i, i+1)
		return item
	}
	child, rest := t.childAt(i)
	left := &t.children[child]
	switch {
	case rest < left.size && len(left.items) > minItems:
		return left.delete(rest)
	case rest < left.size:
		t.refill(child)
		child, rest = t.childAt(i)
		if rest < t.children[child].size {
			return t.children[child].delete(rest)
		}
		// The item came up into this node.
		t.size++
		return t.delete(i)
	}
	// A neighbour takes the place of the item, if there is one to spare.
	item, right := t.items[child], &t.children[child+1]
	switch {
	case len(left.items) > minItems:
		t.items[child] = left.delete(left.size - 1)
	case len(right.items) > minItems:
		t.items[child] = right.delete(0)
	default:
		t.merge(child)
		return t.children[child].delete(rest)
	}
	return item
}

// refill gives a child that has no more than minItems an item of a sibling, by way of
// the item between them, or makes one child of the two.
func (n *node[T]) refill(child int) {
	switch {
	case child > 0 && len(n.children[child-1].items) > minItems:
		from, to := &n.children[child-1], &n.children[child]
		last := len(from.items) - 1
		to.items = slices.Insert(to.items, 0, n.items[child-1])
		n.items[child-1] = from.items[last]
		from.items = slices.Delete(from.items, last, last+1)
		moved := 1
		if from.children != nil {
			to.children = slices.Insert(to.children, 0, from.children[last+1])
			moved += from.children[last+1].size
			from.children = slices.Delete(from.children, last+1, last+2)
		}
		from.size -= moved
		to.size += moved
	case child < len(n.items) && len(n.children[child+1].items) > minItems:
		from, to := &n.children[child+1], &n.children[child]
		to.items = append(to.items, n.items[child])
		n.items[child] = from.items[0]
		from.items = slices.Delete(from.items, 0, 1)
		moved := 1
		if from.children != nil {
			to.children = append(to.children, from.children[0])
			moved += from.children[0].size
			from.children = slices.Delete(from.children, 0, 1)
		}
		from.size -= moved
		to.size += moved
	case child > 0:
		n.merge(child - 1)
	default:
		n.merge(child)
	}
}

// merge makes one of a child, the item behind it and the next child.
func (n *node[T]) merge(child int) {
	left, right := &n.children[child], &n.children[child+1]
	left.items = append(append(left.items, n.items[child]), right.items...)
	left.children = append(left.children, right.children...)
	left.size += right.size + 1
	n.items = slices.Delete(n.items, child, child+1)
	n.children = slices.Delete(n.children, child+1, child+2)
}
