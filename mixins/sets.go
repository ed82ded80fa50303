package mixins

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache"
)

//go:generate go run ../internal/twins -type Sets -twin QueuedSets -receiver q -pipeline q.p -handle q.s -out sets_queued.go

// Sets are sets with members of type T: visitors of a day, the tags of an article. A
// member is in a set once, and in no order.
//
// A server finds members by their bytes, so members are encoded to the same bytes each
// time, and are never compressed. All methods may be called concurrently. NewSets makes
// one.
type Sets[T any] struct {
	cache *xcache.Cache
}

// QueuedSets are the methods of Sets in a pipeline: see Sets.In.
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

// WithTx returns the handle as one that reads in a transaction: see xcache.Cache.WithTx.
func (s *Sets[T]) WithTx(tx *xcache.Tx) *Sets[T] {
	in := *s
	in.cache = s.cache.WithTx(tx)
	return &in
}

// SAdd adds members, and returns how many of them were new. Without a set it makes one.
func (s *Sets[T]) SAdd(ctx context.Context, key string, members ...T) (int, error) {
	return xcache.Run(ctx, s.with("sadd", "SADD", key, members), readInt)
}

// SRem removes members, and returns how many of them there were.
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

// SMIsMember reports of each of the members whether it is in a set, in their order.
func (s *Sets[T]) SMIsMember(ctx context.Context, key string, members ...T) ([]bool, error) {
	return xcache.Run(ctx, s.with("smismember", "SMISMEMBER", key, members), readFlags)
}

// SMembers returns all members, in no order. A set that may be large is better read by
// SScan.
func (s *Sets[T]) SMembers(ctx context.Context, key string) ([]T, error) {
	return xcache.Run(ctx, s.op("smembers", "SMEMBERS", key), readAll[T])
}

// SPop takes a member, whichever. xcache.ErrNotFound without a set.
func (s *Sets[T]) SPop(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, s.op("spop", "SPOP", key), readOne[T])
}

// SPopCount takes at most count members, whichever.
func (s *Sets[T]) SPopCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, s.op("spop", "SPOP", key).Int(int64(count)), readAll[T])
}

// SRandMember returns a member by chance. xcache.ErrNotFound without a set.
func (s *Sets[T]) SRandMember(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, s.op("srandmember", "SRANDMEMBER", key), readOne[T])
}

// SRandMemberCount returns at most count different members by chance; if count is negative,
// -count members, some of which may be the same.
func (s *Sets[T]) SRandMemberCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, s.op("srandmember", "SRANDMEMBER", key).Int(int64(count)), readAll[T])
}

// SMove moves a member from source to destination, in one step, and reports whether source
// had it.
func (s *Sets[T]) SMove(ctx context.Context, source, destination string, member T) (bool, error) {
	return xcache.Run(ctx, s.move(source, destination, member), readFlag)
}

// SDiff returns the members of the first set that none of the others has.
func (s *Sets[T]) SDiff(ctx context.Context, keys ...string) ([]T, error) {
	return xcache.Run(ctx, s.combine("sdiff", "SDIFF", keys), readAll[T])
}

// SInter returns the members that all of the sets have.
func (s *Sets[T]) SInter(ctx context.Context, keys ...string) ([]T, error) {
	return xcache.Run(ctx, s.combine("sinter", "SINTER", keys), readAll[T])
}

// SUnion returns the members that any of the sets has.
func (s *Sets[T]) SUnion(ctx context.Context, keys ...string) ([]T, error) {
	return xcache.Run(ctx, s.combine("sunion", "SUNION", keys), readAll[T])
}

// SInterCard returns how many members all of the sets have. It stops counting at limit,
// unless that is 0.
func (s *Sets[T]) SInterCard(ctx context.Context, limit int, keys ...string) (int, error) {
	return xcache.Run(ctx, s.count(limit, keys), readInt)
}

// SDiffStore stores what SDiff returns at destination, over whatever was there, without a
// TTL, and returns how many members that are; for none destination is gone.
func (s *Sets[T]) SDiffStore(ctx context.Context, destination string, keys ...string) (int, error) {
	return xcache.Run(ctx, addKeys(s.op("sdiffstore", "SDIFFSTORE", destination), keys), readInt)
}

// SInterStore stores what SInter returns: see SDiffStore.
func (s *Sets[T]) SInterStore(ctx context.Context, destination string, keys ...string) (int, error) {
	return xcache.Run(ctx, addKeys(s.op("sinterstore", "SINTERSTORE", destination), keys), readInt)
}

// SUnionStore stores what SUnion returns: see SDiffStore.
func (s *Sets[T]) SUnionStore(ctx context.Context, destination string, keys ...string) (int, error) {
	return xcache.Run(ctx, addKeys(s.op("sunionstore", "SUNIONSTORE", destination), keys), readInt)
}

// SScan returns the members of a set in pieces, so that a large one holds up nobody. A
// member that is in the set all the time comes once at least; it may come again, and one
// that is added or removed meanwhile may come or not. An error ends the loop.
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
