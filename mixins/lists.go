package mixins

import (
	"context"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

//go:generate go run ../internal/twins -type Lists -twin QueuedLists -receiver q -pipeline q.p -handle q.l -out lists_queued.go

// Lists are lists with elements of type T: queues, stacks, the last hundred of something.
// Index 0 is the first element from the left, the head. Negative indexes count from the
// right: -1 is the last element, the tail.
//
// All methods may be called concurrently. NewLists makes a Lists.
type Lists[T any] struct {
	cache *xcache.Cache
	// inexact is the reason why elements cannot be found by their value, or nil.
	inexact error
}

// QueuedLists has the methods of Lists in a pipeline, except the blocking methods: see
// Lists.In.
type QueuedLists[T any] struct {
	p *xcache.Pipeline
	l *Lists[T]
}

// NewLists returns a handle on the lists of a cache. A driver without lists is
// errors.ErrUnsupported.
func NewLists[T any](c *xcache.Cache) (*Lists[T], error) {
	c, err := supported(c, "lists")
	if err != nil {
		return nil, err
	}
	return &Lists[T]{cache: c, inexact: c.With(xcache.AsMembers()).Require()}, nil
}

// In returns the handle whose methods queue their operations in p.
func (l *Lists[T]) In(p *xcache.Pipeline) QueuedLists[T] { return QueuedLists[T]{p, l} }

// WithTx returns a handle that reads in a transaction: see xcache.Cache.WithTx.
func (l *Lists[T]) WithTx(tx *xcache.Tx) *Lists[T] {
	in := *l
	in.cache = l.cache.WithTx(tx)
	return &in
}

// An End is one of the two ends of a list.
type End string

// The ends of a list.
const (
	Left  End = "LEFT"  // the head
	Right End = "RIGHT" // the tail
)

// A Place is the place of a new element of LInsert.
type Place string

// The places beside an element.
const (
	Before Place = "BEFORE" // on its left
	After  Place = "AFTER"  // on its right
)

// LPosOptions select one of several equal elements.
type LPosOptions struct {
	// Rank is the number of the equal element: 1 and 0 are the first from the left, 2 the
	// second, -1 the first from the right.
	Rank int
	// MaxLen is the largest number of elements that are compared; 0 compares all.
	MaxLen int
}

// Popped are elements that were taken from one of several lists.
type Popped[T any] struct {
	// Key is the key of the list.
	Key string
	// Elements are in the order in which they were taken.
	Elements []T
}

// LPush puts elements at the head of a list, one after the other, so that the last element
// is the head afterwards. LPush returns the length of the list, and creates a missing list.
func (l *Lists[T]) LPush(ctx context.Context, key string, elements ...T) (int, error) {
	return xcache.Run(ctx, l.push("lpush", "LPUSH", key, elements), readInt)
}

// RPush puts elements at the tail of a list, and returns the length of the list. RPush
// creates a missing list.
func (l *Lists[T]) RPush(ctx context.Context, key string, elements ...T) (int, error) {
	return xcache.Run(ctx, l.push("rpush", "RPUSH", key, elements), readInt)
}

// LPushX is LPush on a list that exists. Without a list LPushX does nothing and returns 0.
func (l *Lists[T]) LPushX(ctx context.Context, key string, elements ...T) (int, error) {
	return xcache.Run(ctx, l.push("lpushx", "LPUSHX", key, elements), readInt)
}

// RPushX is RPush on a list that exists. Without a list RPushX does nothing and returns 0.
func (l *Lists[T]) RPushX(ctx context.Context, key string, elements ...T) (int, error) {
	return xcache.Run(ctx, l.push("rpushx", "RPUSHX", key, elements), readInt)
}

// LPop takes the head of a list. A missing list is xcache.ErrNotFound. The bytes of an
// element that the codec cannot read are in an *xcache.UnreadReplyError.
func (l *Lists[T]) LPop(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, l.op("lpop", "LPOP", key), readOne[T])
}

// RPop takes the tail of a list. A missing list is xcache.ErrNotFound. The bytes of an
// element that the codec cannot read are in an *xcache.UnreadReplyError.
func (l *Lists[T]) RPop(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, l.op("rpop", "RPOP", key), readOne[T])
}

// LPopCount takes at most count elements from the head of a list, and returns them in the
// order in which they were taken. A missing list has no elements. The bytes of elements
// that the codec cannot read are in an *xcache.UnreadReplyError.
func (l *Lists[T]) LPopCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, l.op("lpop", "LPOP", key).Int(int64(count)), readAll[T])
}

// RPopCount takes at most count elements from the tail of a list, and returns them in the
// order in which they were taken, the tail first. A missing list has no elements. The bytes
// of elements that the codec cannot read are in an *xcache.UnreadReplyError.
func (l *Lists[T]) RPopCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, l.op("rpop", "RPOP", key).Int(int64(count)), readAll[T])
}

// LRange returns the elements from index start to index stop, both included. 0 and -1 are
// all elements. Indexes beyond the ends are no errors.
func (l *Lists[T]) LRange(ctx context.Context, key string, start, stop int) ([]T, error) {
	return xcache.Run(ctx, l.op("lrange", "LRANGE", key).Int(int64(start)).Int(int64(stop)), readAll[T])
}

// LIndex returns the element at an index. A missing element is xcache.ErrNotFound. The time
// of LIndex grows with the distance from the nearer end.
func (l *Lists[T]) LIndex(ctx context.Context, key string, index int) (T, error) {
	return xcache.Run(ctx, l.op("lindex", "LINDEX", key).Int(int64(index)), readOne[T])
}

// LLen returns the number of elements, 0 without a list.
func (l *Lists[T]) LLen(ctx context.Context, key string) (int, error) {
	return xcache.Run(ctx, l.op("llen", "LLEN", key), readInt)
}

// LRem removes elements that are equal to element, and returns the number of removed
// elements. A positive count removes the first count from the left, a negative count the
// first -count from the right, and 0 all. Elements are equal when their encoded bytes are
// equal. So encryption, and a codec that may write a value differently each time, are
// xcache.ErrUnsupportedValue.
func (l *Lists[T]) LRem(ctx context.Context, key string, count int, element T) (int, error) {
	return xcache.Run(ctx, l.find(l.op("lrem", "LREM", key).Int(int64(count)), element), readInt)
}

// LTrim removes all elements except the elements from index start to index stop: see
// LRange.
func (l *Lists[T]) LTrim(ctx context.Context, key string, start, stop int) error {
	return xcache.Err(xcache.Run(ctx, l.op("ltrim", "LTRIM", key).Int(int64(start)).Int(int64(stop)), readOK))
}

// LSet replaces the element at an index by element. A missing list is xcache.ErrNotFound,
// and an index beyond the ends is xcache.ErrSyntax.
func (l *Lists[T]) LSet(ctx context.Context, key string, index int, element T) error {
	return xcache.Err(xcache.Run(ctx, l.set(key, index, element), readOK))
}

// LInsert puts element before or after the first element from the left that is equal to
// pivot, and returns the length of the list. The result is 0 without a list, and -1 without
// the pivot. LRem says which elements are equal.
func (l *Lists[T]) LInsert(ctx context.Context, key string, place Place, pivot, element T) (int, error) {
	return xcache.Run(ctx, l.insert(key, place, pivot, element), readInt)
}

// LPos returns the index of the first element that is equal to element; the options may
// select another equal element. A missing element is xcache.ErrNotFound. LRem says which
// elements are equal.
func (l *Lists[T]) LPos(ctx context.Context, key string, element T, options LPosOptions) (int, error) {
	return xcache.Run(ctx, l.position(key, element, -1, options), readIndex)
}

// LPosCount returns the indexes of at most count elements that are equal to element; a
// count of 0 returns all indexes.
func (l *Lists[T]) LPosCount(ctx context.Context, key string, element T, count int, options LPosOptions) ([]int, error) {
	return xcache.Run(ctx, l.position(key, element, max(count, 0), options), readInts)
}

// LMove takes the element at one end of source, puts it at an end of destination, and
// returns the element, in one step. An empty source is xcache.ErrNotFound. With the same
// list as source and destination, LMove rotates the list. A cache that encrypts is
// errors.ErrUnsupported. The bytes of an element that the codec cannot read are in an
// *xcache.UnreadReplyError.
func (l *Lists[T]) LMove(ctx context.Context, source, destination string, from, to End) (T, error) {
	return xcache.Run(ctx, l.op("lmove", "LMOVE", source).Key(destination).Moves().Word(string(from)).Word(string(to)), readOne[T])
}

// LMPop takes at most count elements from an end of the first list that is not empty. If
// all lists are empty, the error is xcache.ErrNotFound. The bytes of elements that the
// codec cannot read are in an *xcache.UnreadReplyError.
func (l *Lists[T]) LMPop(ctx context.Context, end End, count int, keys ...string) (Popped[T], error) {
	return xcache.Run(ctx, l.popFirst(end, count, keys), readPopped[T])
}

func (l *Lists[T]) op(name, command, key string) *xcache.Op {
	return xcache.NewOp(l.cache, name, command, key)
}

func (l *Lists[T]) push(name, command, key string, elements []T) *xcache.Op {
	return addAll(l.op(name, command, key), elements)
}

// find adds an element that the server compares with the elements of the list.
func (l *Lists[T]) find(o *xcache.Op, element T) *xcache.Op {
	if l.inexact != nil {
		return o.Fail(l.inexact)
	}
	xcache.AddValue(o, element)
	return o
}

func (l *Lists[T]) set(key string, index int, element T) *xcache.Op {
	o := l.op("lset", "LSET", key).Int(int64(index))
	xcache.AddValue(o, element)
	return o
}

func (l *Lists[T]) insert(key string, place Place, pivot, element T) *xcache.Op {
	o := l.find(l.op("linsert", "LINSERT", key).Word(string(place)), pivot)
	xcache.AddValue(o, element)
	return o
}

// position asks for one index if count is negative.
func (l *Lists[T]) position(key string, element T, count int, options LPosOptions) *xcache.Op {
	o := l.find(l.op("lpos", "LPOS", key), element)
	if options.Rank != 0 {
		o.Word("RANK").Int(int64(options.Rank))
	}
	if count >= 0 {
		o.Word("COUNT").Int(int64(count))
	}
	if options.MaxLen != 0 {
		o.Word("MAXLEN").Int(int64(options.MaxLen))
	}
	return o
}

func (l *Lists[T]) popFirst(end End, count int, keys []string) *xcache.Op {
	o := xcache.NewKeylessOp(l.cache, "lmpop", "LMPOP").Int(int64(len(keys)))
	return addKeys(o, keys).Word(string(end)).Word("COUNT").Int(int64(count))
}

// readPopped reads a key and a list of elements. A nil is ErrNotFound.
func readPopped[T any](o *xcache.Op) (Popped[T], error) {
	var popped Popped[T]
	full, taken, err := readTaken(o)
	if err != nil {
		return popped, err
	}
	elements, err := taken.AsArray()
	if err != nil {
		return popped, err
	}
	popped.Key, _ = o.UserKey(full)
	popped.Elements, err = readEach(elements, func(element *driver.Reply) (T, error) { return xcache.ReadValueOf[T](o, full, element) })
	return popped, err
}
