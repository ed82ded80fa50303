package mixins

import (
	"context"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

//go:generate go run ../internal/twins -type Lists -twin QueuedLists -receiver q -pipeline q.p -handle q.l -out lists_queued.go

// Lists are lists with elements of type T: queues, stacks, the last hundred of something.
// Index 0 is the first element from the left, the head; negative ones count from the right,
// -1 being the last, the tail.
//
// All methods may be called concurrently. NewLists makes one.
type Lists[T any] struct {
	cache *xcache.Cache
	// inexact is why elements cannot be found by their value; nil if they can.
	inexact error
}

// QueuedLists are the methods of Lists in a pipeline: see Lists.In. Blocking ones are none
// of them.
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

// WithTx returns the handle as one that reads in a transaction: see xcache.Cache.WithTx.
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

// A Place is where LInsert puts an element.
type Place string

// The places beside an element.
const (
	Before Place = "BEFORE" // on its left
	After  Place = "AFTER"  // on its right
)

// LPosOptions say which of the elements that are equal LPos finds.
type LPosOptions struct {
	// Rank is which one: 1, and 0, is the first from the left, 2 the second, -1 the first
	// from the right.
	Rank int
	// MaxLen is how many elements are compared at most; 0 for all.
	MaxLen int
}

// Popped are elements that were taken from one of several lists.
type Popped[T any] struct {
	// Key is that of the list.
	Key string
	// Elements are in the order in which they were taken.
	Elements []T
}

// LPush puts elements at the head of a list, one after the other, so that the last of
// them is the head afterwards, and returns the length of the list. Without a list it
// makes one.
func (l *Lists[T]) LPush(ctx context.Context, key string, elements ...T) (int, error) {
	return xcache.Run(ctx, l.push("lpush", "LPUSH", key, elements), readInt)
}

// RPush puts elements at the tail of a list, and returns the length of the list.
// Without a list it makes one.
func (l *Lists[T]) RPush(ctx context.Context, key string, elements ...T) (int, error) {
	return xcache.Run(ctx, l.push("rpush", "RPUSH", key, elements), readInt)
}

// LPushX is LPush on a list that exists; without one it does nothing and returns 0.
func (l *Lists[T]) LPushX(ctx context.Context, key string, elements ...T) (int, error) {
	return xcache.Run(ctx, l.push("lpushx", "LPUSHX", key, elements), readInt)
}

// RPushX is RPush on a list that exists; without one it does nothing and returns 0.
func (l *Lists[T]) RPushX(ctx context.Context, key string, elements ...T) (int, error) {
	return xcache.Run(ctx, l.push("rpushx", "RPUSHX", key, elements), readInt)
}

// LPop takes the head of a list. xcache.ErrNotFound if there is none.
func (l *Lists[T]) LPop(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, l.op("lpop", "LPOP", key), readOne[T])
}

// RPop takes the tail of a list. xcache.ErrNotFound if there is none.
func (l *Lists[T]) RPop(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, l.op("rpop", "RPOP", key), readOne[T])
}

// LPopCount takes at most count elements from the head of a list, and returns them in the
// order in which they were taken; none without a list.
func (l *Lists[T]) LPopCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, l.op("lpop", "LPOP", key).Int(int64(count)), readAll[T])
}

// RPopCount takes at most count elements from the tail of a list, and returns them in the
// order in which they were taken, the tail first; none without a list.
func (l *Lists[T]) RPopCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, l.op("rpop", "RPOP", key).Int(int64(count)), readAll[T])
}

// LRange returns the elements from index start to index stop, both included; 0 and -1 for
// all. Indexes beyond the ends are no errors.
func (l *Lists[T]) LRange(ctx context.Context, key string, start, stop int) ([]T, error) {
	return xcache.Run(ctx, l.op("lrange", "LRANGE", key).Int(int64(start)).Int(int64(stop)), readAll[T])
}

// LIndex returns the element at an index. xcache.ErrNotFound if there is none. It takes
// time in proportion to the distance from the nearer end.
func (l *Lists[T]) LIndex(ctx context.Context, key string, index int) (T, error) {
	return xcache.Run(ctx, l.op("lindex", "LINDEX", key).Int(int64(index)), readOne[T])
}

// LLen returns the number of elements, 0 without a list.
func (l *Lists[T]) LLen(ctx context.Context, key string) (int, error) {
	return xcache.Run(ctx, l.op("llen", "LLEN", key), readInt)
}

// LRem removes elements that are equal to element, and returns how many it removed:
// the first count from the left if count is positive, the first -count from the right if it
// is negative, all if it is 0. Equal means equal to the byte when encoded: a codec that may
// write a value differently each time, and encryption, are xcache.ErrUnsupportedValue.
func (l *Lists[T]) LRem(ctx context.Context, key string, count int, element T) (int, error) {
	return xcache.Run(ctx, l.find(l.op("lrem", "LREM", key).Int(int64(count)), element), readInt)
}

// LTrim removes all elements but those from index start to index stop: see LRange.
func (l *Lists[T]) LTrim(ctx context.Context, key string, start, stop int) error {
	return xcache.Err(xcache.Run(ctx, l.op("ltrim", "LTRIM", key).Int(int64(start)).Int(int64(stop)), readOK))
}

// LSet puts element in the place of the one at an index. xcache.ErrNotFound if there is no
// list, xcache.ErrSyntax if the index is beyond its ends.
func (l *Lists[T]) LSet(ctx context.Context, key string, index int, element T) error {
	return xcache.Err(xcache.Run(ctx, l.set(key, index, element), readOK))
}

// LInsert puts element before or after the first element from the left that is equal to
// pivot, and returns the length of the list: 0 without a list, -1 without the pivot. Equal
// is as for LRem.
func (l *Lists[T]) LInsert(ctx context.Context, key string, place Place, pivot, element T) (int, error) {
	return xcache.Run(ctx, l.insert(key, place, pivot, element), readInt)
}

// LPos returns the index of the first element that is equal to element, or of the one that
// the options say. xcache.ErrNotFound if there is none. Equal is as for LRem.
func (l *Lists[T]) LPos(ctx context.Context, key string, element T, options LPosOptions) (int, error) {
	return xcache.Run(ctx, l.position(key, element, -1, options), readIndex)
}

// LPosCount returns the indexes of at most count elements that are equal to element; of all
// of them if count is 0.
func (l *Lists[T]) LPosCount(ctx context.Context, key string, element T, count int, options LPosOptions) ([]int, error) {
	return xcache.Run(ctx, l.position(key, element, max(count, 0), options), readInts)
}

// LMove takes the element at one end of source and puts it at an end of destination, in
// one step, and returns it. xcache.ErrNotFound if source is empty. source may be
// destination: the list is rotated. A cache that encrypts is errors.ErrUnsupported.
func (l *Lists[T]) LMove(ctx context.Context, source, destination string, from, to End) (T, error) {
	return xcache.Run(ctx, l.op("lmove", "LMOVE", source).Key(destination).Moves().Word(string(from)).Word(string(to)), readOne[T])
}

// LMPop takes at most count elements from an end of the first of the lists that is not
// empty. xcache.ErrNotFound if all are empty.
func (l *Lists[T]) LMPop(ctx context.Context, end End, count int, keys ...string) (Popped[T], error) {
	return xcache.Run(ctx, l.popFirst(end, count, keys), readPopped[T])
}

func (l *Lists[T]) op(name, command, key string) *xcache.Op {
	return xcache.NewOp(l.cache, name, command, key)
}

func (l *Lists[T]) push(name, command, key string, elements []T) *xcache.Op {
	return addAll(l.op(name, command, key), elements)
}

// find adds an element to be compared with those of the list.
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

// readPopped reads a key and a list of elements; ErrNotFound for nil.
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
