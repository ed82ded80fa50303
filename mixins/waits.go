package mixins

import (
	"context"
	"errors"
	"time"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// These methods wait for an element.

// PoppedOne is an element that was taken from one of several lists.
type PoppedOne[T any] struct {
	// Key is the key of the list.
	Key     string
	Element T
}

// PoppedScoredOne is a member that was taken from one of several sorted sets.
type PoppedScoredOne[T any] struct {
	// Key is the key of the sorted set.
	Key    string
	Member Scored[T]
}

// BLPop takes the head of the first list that is not empty. If all lists are empty, BLPop
// waits for an element. The end of the time-out is xcache.ErrNotFound; 0 waits until ctx
// ends. The package comment describes methods that wait. The bytes of an element that the
// codec cannot read are in an *xcache.UnreadReplyError.
func (l *Lists[T]) BLPop(ctx context.Context, timeout time.Duration, keys ...string) (PoppedOne[T], error) {
	return wait(ctx, l.popWaiting("blpop", "BLPOP", timeout, keys), readPoppedOne[T])
}

// BRPop is BLPop for the tail.
func (l *Lists[T]) BRPop(ctx context.Context, timeout time.Duration, keys ...string) (PoppedOne[T], error) {
	return wait(ctx, l.popWaiting("brpop", "BRPOP", timeout, keys), readPoppedOne[T])
}

// BLMove is LMove that waits for an element if source is empty. The end of the time-out is
// xcache.ErrNotFound; 0 waits until ctx ends. BLMove needs Redis 6.2 or Valkey. The bytes
// of an element that the codec cannot read are in an *xcache.UnreadReplyError.
func (l *Lists[T]) BLMove(ctx context.Context, source, destination string, from, to End, timeout time.Duration) (T, error) {
	o := l.op("blmove", "BLMOVE", source).Key(destination).Moves().Word(string(from)).Word(string(to))
	return wait(ctx, addTimeout(o, timeout), readOne[T])
}

// BLMPop is LMPop that waits for an element if all lists are empty. The end of the time-out
// is xcache.ErrNotFound; 0 waits until ctx ends. BLMPop needs Redis 7.0 or Valkey. The
// bytes of elements that the codec cannot read are in an *xcache.UnreadReplyError.
func (l *Lists[T]) BLMPop(ctx context.Context, timeout time.Duration, end End, count int, keys ...string) (Popped[T], error) {
	o := addTimeout(xcache.NewKeylessOp(l.cache, "blmpop", "BLMPOP"), timeout).Int(int64(len(keys)))
	return wait(ctx, addKeys(o, keys).Word(string(end)).Word("COUNT").Int(int64(count)), readPopped[T])
}

// BZPopMin takes the member with the lowest score of the first sorted set that is not
// empty. If all sorted sets are empty, BZPopMin waits for a member. The end of the time-out
// is xcache.ErrNotFound; 0 waits until ctx ends. The package comment describes methods that
// wait. The bytes of a member that the codec cannot read are in an
// *xcache.UnreadReplyError.
func (z *SortedSets[T]) BZPopMin(ctx context.Context, timeout time.Duration, keys ...string) (PoppedScoredOne[T], error) {
	return wait(ctx, z.popWaiting("bzpopmin", "BZPOPMIN", timeout, keys), readPoppedScoredOne[T])
}

// BZPopMax is BZPopMin for the highest score.
func (z *SortedSets[T]) BZPopMax(ctx context.Context, timeout time.Duration, keys ...string) (PoppedScoredOne[T], error) {
	return wait(ctx, z.popWaiting("bzpopmax", "BZPOPMAX", timeout, keys), readPoppedScoredOne[T])
}

// BZMPop is ZMPop that waits for a member if all sorted sets are empty. The end of the
// time-out is xcache.ErrNotFound; 0 waits until ctx ends. BZMPop needs Redis 7.0 or Valkey.
// The bytes of members that the codec cannot read are in an *xcache.UnreadReplyError.
func (z *SortedSets[T]) BZMPop(ctx context.Context, timeout time.Duration, which Extreme, count int, keys ...string) (PoppedScored[T], error) {
	o := addTimeout(xcache.NewKeylessOp(z.cache, "bzmpop", "BZMPOP"), timeout).Int(int64(len(keys)))
	return wait(ctx, addKeys(o, keys).Word(string(which)).Word("COUNT").Int(int64(count)), readPoppedScored[T])
}

// wait runs a command that waits. Such a command has no twin in pipelines.
func wait[R any](ctx context.Context, o *xcache.Op, read func(*xcache.Op) (R, error)) (R, error) {
	return xcache.Run(ctx, o, read)
}

func (l *Lists[T]) popWaiting(name, command string, timeout time.Duration, keys []string) *xcache.Op {
	return addTimeout(addKeys(xcache.NewKeylessOp(l.cache, name, command), keys), timeout)
}

func (z *SortedSets[T]) popWaiting(name, command string, timeout time.Duration, keys []string) *xcache.Op {
	return addTimeout(addKeys(xcache.NewKeylessOp(z.cache, name, command), keys), timeout)
}

func addTimeout(o *xcache.Op, timeout time.Duration) *xcache.Op {
	if timeout < 0 {
		return o.Fail(syntaxError("the time-out %v is negative; 0 waits until the context ends", timeout))
	}
	return o.WaitSeconds(timeout)
}

// readPoppedOne reads a key and an element. A nil is ErrNotFound.
func readPoppedOne[T any](o *xcache.Op) (PoppedOne[T], error) {
	var popped PoppedOne[T]
	full, element, err := readTaken(o)
	if err != nil {
		return popped, err
	}
	popped.Key, _ = o.UserKey(full)
	popped.Element, err = xcache.ReadValueOf[T](o, full, element)
	return popped, err
}

// readPoppedScoredOne reads a key, a member and its score. A nil is ErrNotFound.
func readPoppedScoredOne[T any](o *xcache.Op) (PoppedScoredOne[T], error) {
	var popped PoppedScoredOne[T]
	if o.Reply().IsNil() {
		return popped, xcache.ErrNotFound
	}
	items, err := o.Reply().AsArray()
	if err == nil && len(items) != 3 {
		err = driver.Fail(xcache.ErrUnavailable, driver.Unknown, errors.New("the server answered something else where a key, a member and a score were expected"))
	}
	if err != nil {
		return popped, err
	}
	full, err := items[0].AsBytes()
	if err != nil {
		return popped, err
	}
	popped.Key, _ = o.UserKey(string(full))
	if popped.Member.Score, err = items[2].AsFloat(); err != nil {
		return popped, err
	}
	popped.Member.Member, err = xcache.ReadValueOf[T](o, string(full), &items[1])
	return popped, err
}
