package memory

// A deque is a sequence that grows and shrinks at both ends in constant time. The
// zero value is empty.
type deque[T any] struct {
	// ring holds the elements from first on, round its end. Its length is a
	// power of two, or 0.
	ring  []T
	first int
	count int
}

const minRing = 4

func (d *deque[T]) len() int { return d.count }

// at returns a pointer to element i, from 0.
func (d *deque[T]) at(i int) *T { return &d.ring[(d.first+i)&(len(d.ring)-1)] }

func (d *deque[T]) pushFront(v T) {
	d.grow()
	d.first = (d.first - 1) & (len(d.ring) - 1)
	d.count++
	*d.at(0) = v
}

func (d *deque[T]) pushBack(v T) {
	d.grow()
	d.count++
	*d.at(d.count - 1) = v
}

// popFront removes the first element of a deque that is not empty.
func (d *deque[T]) popFront() T {
	var zero T
	v := *d.at(0)
	*d.at(0) = zero
	d.first = (d.first + 1) & (len(d.ring) - 1)
	d.count--
	d.shrink()
	return v
}

// popBack removes the last element of a deque that is not empty.
func (d *deque[T]) popBack() T {
	var zero T
	v := *d.at(d.count - 1)
	*d.at(d.count - 1) = zero
	d.count--
	d.shrink()
	return v
}

func (d *deque[T]) grow() {
	if d.count == len(d.ring) {
		d.resize(max(minRing, 2*len(d.ring)))
	}
}

// shrink gives back memory when three quarters are unused, so that it takes
// many calls until the ring is resized again.
func (d *deque[T]) shrink() {
	if len(d.ring) > minRing && d.count <= len(d.ring)/4 {
		d.resize(len(d.ring) / 2)
	}
}

func (d *deque[T]) resize(n int) {
	ring := make([]T, n)
	if end := d.first + d.count; end <= len(d.ring) {
		copy(ring, d.ring[d.first:end])
	} else {
		head := copy(ring, d.ring[d.first:])
		copy(ring[head:], d.ring[:d.count-head])
	}
	d.ring, d.first = ring, 0
}
