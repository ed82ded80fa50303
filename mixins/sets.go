package mixins

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache"
)

//go:generate go run ../internal/twins -type Sets -twin QueuedSets -receiver q -pipeline q.p -handle q.s -out sets_queued.go

// Sets are sets with members of type T: visitors of a day, the tags of an article. A set
// has each member once, and no order.
//
// A server compares the bytes of members. So members are encoded to the same bytes each
// time, and are never compressed. All methods may be called concurrently. NewSets makes a
// Sets.
type Sets[T any] struct {
	cache *xcache.Cache
}

// QueuedSets has the methods of Sets in a pipeline, except SScan: see Sets.In.
type QueuedSets[T any] struct {
	p *xcache.Pipeline
	s *Sets[T]
}

// NewSets returns a handle on the sets of a cache. A driver without sets is
// errors.ErrUnsupported. A codec that may write a value differently each time, such as gob,
// and encryption are xcache.ErrUnsupportedValue: see xcache.AsMembers.
func NewSets[T any](c *xcache.Cache) (*Sets[T], error) {
	c, err := supported(c, "sets", xcache.AsMembers())
	if err != nil {
		return nil, err
	}
	return &Sets[T]{c}, nil
}

// In returns the handle whose methods queue their operations in p.
func (s *Sets[T]) In(p *xcache.Pipeline) QueuedSets[T] { return QueuedSets[T]{p, s} }

// WithTx returns a handle that reads in a transaction: see xcache.Cache.WithTx.
func (s *Sets[T]) WithTx(tx *xcache.Tx) *Sets[T] {
	in := *s
	in.cache = s.cache.WithTx(tx)
	return &in
}

// SAdd adds members, and returns the number of new members. SAdd creates a missing set.
func (s *Sets[T]) SAdd(ctx context.Context, key string, members ...T) (int, error) {
	return xcache.Run(ctx, s.with("sadd", "SADD", key, members), readInt)
}

// SRem removes members, and returns the number of removed members.
func (s *Sets[T]) SRem(ctx context.Context, key string, members ...T) (int, error) {
	return xcache.Run(ctx, s.with("srem", "SREM", key, members), readInt)
}

// SCard returns the number of members, 0 without a set.
func (s *Sets[T]) SCard(ctx context.Context, key string) (int, error) {
	return xcache.Run(ctx, s.op("scard", "SCARD", key), readInt)
}

// SIsMember reports whether member is in a set.
func (s *Sets[T]) SIsMember(ctx context.Context, key string, member T) (bool, error) {
	return xcache.Run(ctx, s.with("sismember", "SISMEMBER", key, []T{member}), readFlag)
}

// SMIsMember reports for each member whether the member is in a set, in the order of
// members.
func (s *Sets[T]) SMIsMember(ctx context.Context, key string, members ...T) ([]bool, error) {
	return xcache.Run(ctx, s.with("smismember", "SMISMEMBER", key, members), readFlags)
}

// SMembers returns all members, in no order. SScan is better for a large set.
func (s *Sets[T]) SMembers(ctx context.Context, key string) ([]T, error) {
	return xcache.Run(ctx, s.op("smembers", "SMEMBERS", key), readAll[T])
}

// SPop takes an arbitrary member. A missing set is xcache.ErrNotFound. The bytes of a
// member that the codec cannot read are in an *xcache.UnreadReplyError.
func (s *Sets[T]) SPop(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, s.op("spop", "SPOP", key), readOne[T])
}

// SPopCount takes at most count arbitrary members. The bytes of members that the codec
// cannot read are in an *xcache.UnreadReplyError.
func (s *Sets[T]) SPopCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, s.op("spop", "SPOP", key).Int(int64(count)), readAll[T])
}

// SRandMember returns a random member. A missing set is xcache.ErrNotFound.
func (s *Sets[T]) SRandMember(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, s.op("srandmember", "SRANDMEMBER", key), readOne[T])
}

// SRandMemberCount returns at most count different random members. A negative count returns
// -count members, which may repeat.
func (s *Sets[T]) SRandMemberCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, s.op("srandmember", "SRANDMEMBER", key).Int(int64(count)), readAll[T])
}

// SMove moves a member from source to destination, in one step, and reports whether source
// had the member.
func (s *Sets[T]) SMove(ctx context.Context, source, destination string, member T) (bool, error) {
	return xcache.Run(ctx, s.move(source, destination, member), readFlag)
}

// SDiff returns the members of the first set that are in no other set.
func (s *Sets[T]) SDiff(ctx context.Context, keys ...string) ([]T, error) {
	return xcache.Run(ctx, s.combine("sdiff", "SDIFF", keys), readAll[T])
}

// SInter returns the members that are in all sets.
func (s *Sets[T]) SInter(ctx context.Context, keys ...string) ([]T, error) {
	return xcache.Run(ctx, s.combine("sinter", "SINTER", keys), readAll[T])
}

// SUnion returns the members that are in any of the sets.
func (s *Sets[T]) SUnion(ctx context.Context, keys ...string) ([]T, error) {
	return xcache.Run(ctx, s.combine("sunion", "SUNION", keys), readAll[T])
}

// SInterCard returns the number of members that are in all sets. A limit other than 0 stops
// the count.
func (s *Sets[T]) SInterCard(ctx context.Context, limit int, keys ...string) (int, error) {
	return xcache.Run(ctx, s.count(limit, keys), readInt)
}

// SDiffStore stores the result of SDiff at destination, without a TTL, and returns the
// number of members. SDiffStore replaces any value at destination. For an empty result
// destination is removed.
func (s *Sets[T]) SDiffStore(ctx context.Context, destination string, keys ...string) (int, error) {
	return xcache.Run(ctx, addKeys(s.op("sdiffstore", "SDIFFSTORE", destination), keys), readInt)
}

// SInterStore stores the result of SInter: see SDiffStore.
func (s *Sets[T]) SInterStore(ctx context.Context, destination string, keys ...string) (int, error) {
	return xcache.Run(ctx, addKeys(s.op("sinterstore", "SINTERSTORE", destination), keys), readInt)
}

// SUnionStore stores the result of SUnion: see SDiffStore.
func (s *Sets[T]) SUnionStore(ctx context.Context, destination string, keys ...string) (int, error) {
	return xcache.Run(ctx, addKeys(s.op("sunionstore", "SUNIONSTORE", destination), keys), readInt)
}

// SScan returns the members of a set in pieces, so that a large set delays no other call. A
// member that is in the set all the time is yielded at least once, and may be yielded
// again. A member that is added or removed meanwhile may be yielded or not. An error ends
// the loop, as for HScan.
func (s *Sets[T]) SScan(ctx context.Context, key string, options ScanOptions) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		scan(ctx, s.cache, "sscan", "SSCAN", key, options, readAllOf[T], yield)
	}
}

func (s *Sets[T]) op(name, command, key string) *xcache.Op {
	return xcache.NewOp(s.cache, name, command, key)
}

func (s *Sets[T]) with(name, command, key string, members []T) *xcache.Op {
	return addAll(s.op(name, command, key), members)
}

func (s *Sets[T]) move(source, destination string, member T) *xcache.Op {
	o := s.op("smove", "SMOVE", source).Key(destination)
	xcache.AddValue(o, member)
	return o
}

func (s *Sets[T]) combine(name, command string, keys []string) *xcache.Op {
	return addKeys(xcache.NewKeylessOp(s.cache, name, command), keys)
}

func (s *Sets[T]) count(limit int, keys []string) *xcache.Op {
	o := addKeys(xcache.NewKeylessOp(s.cache, "sintercard", "SINTERCARD").Int(int64(len(keys))), keys)
	if limit != 0 {
		o.Word("LIMIT").Int(int64(limit))
	}
	return o
}
