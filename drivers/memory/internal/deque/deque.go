// Package deque has a double-ended queue with an index.
package deque

import "slices"

// A Deque is a sequence that grows and shrinks at both ends in constant time. Access to any
// element takes constant time, too. The zero value is empty. A Deque has no lock.
type Deque[T any] struct {
	// ring has the elements from first on, and continues at its start. Its length is a
	// power of two, or 0.
	ring  []T
	first int
	count int
}

const minRing = 4

// Len returns the number of elements.
func (d *Deque[T]) Len() int { return d.count }

// Clone returns a deque with the same elements.
func (d *Deque[T]) Clone() Deque[T] {
	return Deque[T]{ring: slices.Clone(d.ring), first: d.first, count: d.count}
}

// At returns a pointer to element i, from 0, until the next change of the length.
func (d *Deque[T]) At(i int) *T { return &d.ring[(d.first+i)&(len(d.ring)-1)] }

// PushFront puts an element before all others.
func (d *Deque[T]) PushFront(v T) {
	d.grow()
	d.first = (d.first - 1) & (len(d.ring) - 1)
	d.count++
	*d.At(0) = v
}

// PushBack puts an element behind all others.
func (d *Deque[T]) PushBack(v T) {
	d.grow()
	d.count++
	*d.At(d.count - 1) = v
}

// PopFront removes and returns the first element of a deque that is not empty.
func (d *Deque[T]) PopFront() T {
	var zero T
	v := *d.At(0)
	*d.At(0) = zero
	d.first = (d.first + 1) & (len(d.ring) - 1)
	d.count--
	d.shrink()
	return v
}

// PopBack removes and returns the last element of a deque that is not empty.
func (d *Deque[T]) PopBack() T {
	var zero T
	v := *d.At(d.count - 1)
	*d.At(d.count - 1) = zero
	d.count--
	d.shrink()
	return v
}

// Insert puts an element before element i, or behind all if i is the length. The elements
// on the shorter side move.
func (d *Deque[T]) Insert(i int, v T) {
	if i < d.count/2 {
		d.PushFront(v)
		for j := range i {
			*d.At(j) = *d.At(j + 1)
		}
	} else {
		d.PushBack(v)
		for j := d.count - 1; j > i; j-- {
			*d.At(j) = *d.At(j - 1)
		}
	}
	*d.At(i) = v
}

// DeleteFunc removes the elements from i on for which remove returns true. DeleteFunc calls
// remove once for each of them, in order.
func (d *Deque[T]) DeleteFunc(i int, remove func(T) bool) {
	kept := i
	for ; i < d.count; i++ {
		v := *d.At(i)
		if remove(v) {
			continue
		}
		*d.At(kept) = v
		kept++
	}
	var zero T
	for i := kept; i < d.count; i++ {
		*d.At(i) = zero
	}
	d.count = kept
	d.shrink()
}

func (d *Deque[T]) grow() {
	if d.count == len(d.ring) {
		d.resize(max(minRing, 2*len(d.ring)))
	}
}

// shrink frees memory when three quarters are unused, so that many calls come between two
// changes of the size.
func (d *Deque[T]) shrink() {
	n := len(d.ring)
	for n > minRing && d.count <= n/4 {
		n /= 2
	}
	if n < len(d.ring) {
		d.resize(n)
	}
}

func (d *Deque[T]) resize(n int) {
	ring := make([]T, n)
	if end := d.first + d.count; end <= len(d.ring) {
		copy(ring, d.ring[d.first:end])
	} else {
		head := copy(ring, d.ring[d.first:])
		copy(ring[head:], d.ring[:d.count-head])
	}
	d.ring, d.first = ring, 0
}
