// Package ordered has a sequence of items: the first is at place 0. Finding an item or a
// place, inserting and deleting take time that grows with the logarithm of the number of
// items.
package ordered

import (
	"iter"
	"slices"
)

// A Sequence has items in an order that its user chooses: an item stays between its
// neighbours. Search searches a sorted sequence. The zero value is empty. A Sequence must
// not be used concurrently.
//
// A Sequence is a B-tree whose nodes know the number of items below each of their children.
// A few large nodes are quicker to walk through than many small nodes, and are less work
// for the garbage collector.
type Sequence[T any] struct{ root subtree[T] }

// A subtree is a node with the number of items in the node and below.
type subtree[T any] struct {
	*node[T]
	size int
}

// A node that is a leaf has no children. Any other node has one child more than items: an
// item stands between the children on its two sides.
type node[T any] struct {
	items    []T
	children []subtree[T]
}

const (
	// maxItems and minItems bound the number of items of a node. The root and the last leaf
	// may have fewer.
	maxItems = 2*minItems + 1
	minItems = 15
)

// Len returns the number of items.
func (s *Sequence[T]) Len() int { return s.root.size }

// Clone returns a sequence of copies of the items. copied copies an item.
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

// At returns the item at place i. There must be such an item.
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

// Search returns the first place for whose item reached returns true, or Len if there is
// none. Behind such an item reached must return true for all items.
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

// From yields the items from place i to the last. The sequence must not change meanwhile.
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

// Back yields the items from place i to the first. The sequence must not change meanwhile.
func (s *Sequence[T]) Back(i int) iter.Seq[T] {
	return func(yield func(T) bool) {
		if i >= 0 && s.root.size > 0 {
			s.root.back(i+1, yield)
		}
	}
}

// back yields the items before place end, the last first.
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

// Insert inserts an item at place i, from 0 to Len, before the item that is there.
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

// childAt returns the child with place i, and the place in that child. The size of the
// child stands for the item behind the child, and for the end.
func (n *node[T]) childAt(i int) (child, rest int) {
	for i > n.children[child].size {
		i -= n.children[child].size + 1
		child++
	}
	return child, i
}

// split divides a full child. Items that arrive in order are inserted at the end. In that
// case (atEnd) the left leaf stays full.
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

// Delete removes the item at place i, and returns the item. There must be such an item.
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

// delete removes the item at place i from a subtree that may lose an item: the root, a node
// with more than minItems, or a leaf with more than one item.
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
		// The item has moved up into this node.
		t.size++
		return t.delete(i)
	}
	// A neighbour replaces the item, if a child has an item to spare.
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

// refill enlarges a child with no more than minItems. The child gets an item of a sibling,
// by way of the item between them, or is merged with the sibling.
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

// merge combines a child, the item behind the child, and the next child into one child.
func (n *node[T]) merge(child int) {
	left, right := &n.children[child], &n.children[child+1]
	left.items = append(append(left.items, n.items[child]), right.items...)
	left.children = append(left.children, right.children...)
	left.size += right.size + 1
	n.items = slices.Delete(n.items, child, child+1)
	n.children = slices.Delete(n.children, child+1, child+2)
}
