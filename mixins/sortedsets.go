package mixins

import (
	"context"
	"iter"

	"github.com/xcache-go/xcache"
)

//go:generate go run ../internal/twins -type SortedSets -twin QueuedSortedSets -receiver q -pipeline q.p -handle q.z -out sortedsets_queued.go

// SortedSets are sets whose members of type T have a score, and are in the order of their
// scores: leaderboards, schedules, expiry dates. Members with the same score are in the
// order of their bytes. Rank 0 is the member with the lowest score; negative ranks count
// from the highest. A score is any number except NaN.
//
// A server compares the bytes of members. So members are encoded to the same bytes each
// time, and are never compressed. All methods may be called concurrently. NewSortedSets
// makes a SortedSets.
type SortedSets[T any] struct {
	cache *xcache.Cache
}

// QueuedSortedSets has the methods of SortedSets in a pipeline, except ZScan and the blocking
// methods: see SortedSets.In.
type QueuedSortedSets[T any] struct {
	p *xcache.Pipeline
	z *SortedSets[T]
}

// NewSortedSets returns a handle on the sorted sets of a cache. A driver without sorted
// sets is errors.ErrUnsupported. A codec that may write a value differently each time, such
// as gob, and encryption are xcache.ErrUnsupportedValue: see xcache.AsMembers.
func NewSortedSets[T any](c *xcache.Cache) (*SortedSets[T], error) {
	c, err := supported(c, "sortedsets", xcache.AsMembers())
	if err != nil {
		return nil, err
	}
	return &SortedSets[T]{c}, nil
}

// In returns the handle whose methods queue their operations in p.
func (z *SortedSets[T]) In(p *xcache.Pipeline) QueuedSortedSets[T] {
	return QueuedSortedSets[T]{p, z}
}

// A Scored is a member of a sorted set with its score.
type Scored[T any] struct {
	Member T
	Score  float64
}

// A Ranked is the rank of a member in a sorted set, with the score.
type Ranked struct {
	// Rank is 0 for the first member.
	Rank  int
	Score float64
}

// PoppedScored are members that were taken from one of several sorted sets.
type PoppedScored[T any] struct {
	// Key is the key of the sorted set.
	Key string
	// Members are in the order in which they were taken.
	Members []Scored[T]
}

// ZAddOptions select the members that ZAddWith and ZAddIncr change, and the members that
// ZAddWith counts. Contradicting options are xcache.ErrSyntax.
type ZAddOptions struct {
	NX bool // only new members
	XX bool // only existing members
	GT bool // existing members only if their score becomes greater
	LT bool // existing members only if their score becomes less
	CH bool // members with a changed score count, too
}

// An Extreme is the lowest or the highest score.
type Extreme string

// The extremes, for ZMPop and BZMPop.
const (
	Lowest  Extreme = "MIN"
	Highest Extreme = "MAX"
)

// ZAdd adds members, or changes the scores of existing members, and returns the number of
// new members. ZAdd creates a missing sorted set.
func (z *SortedSets[T]) ZAdd(ctx context.Context, key string, members ...Scored[T]) (int, error) {
	return xcache.Run(ctx, z.add("zadd", key, ZAddOptions{}, false, members), readInt)
}

// ZAddWith is ZAdd with options.
func (z *SortedSets[T]) ZAddWith(ctx context.Context, key string, options ZAddOptions, members ...Scored[T]) (int, error) {
	return xcache.Run(ctx, z.add("zadd", key, options, false, members), readInt)
}

// ZAddIncr is ZIncrBy with options. CH has no effect. If the options exclude the member,
// the error is xcache.ErrNotStored.
func (z *SortedSets[T]) ZAddIncr(ctx context.Context, key string, options ZAddOptions, delta float64, member T) (float64, error) {
	return xcache.Run(ctx, z.add("zadd", key, options, true, []Scored[T]{{member, delta}}), readScoreStored)
}

// ZIncrBy adds delta to the score of a member, and returns the new score. A missing member
// has the score 0.
func (z *SortedSets[T]) ZIncrBy(ctx context.Context, key string, delta float64, member T) (float64, error) {
	return xcache.Run(ctx, z.with(z.op("zincrby", "ZINCRBY", key).Float(delta), member), readFloat)
}

// ZCard returns the number of members, 0 without a sorted set.
func (z *SortedSets[T]) ZCard(ctx context.Context, key string) (int, error) {
	return xcache.Run(ctx, z.op("zcard", "ZCARD", key), readInt)
}

// ZCount returns the number of members with a score within a range. Order and limit of the
// range have no effect.
func (z *SortedSets[T]) ZCount(ctx context.Context, key string, scores ScoreRange) (int, error) {
	return xcache.Run(ctx, scores.bounds(z.op("zcount", "ZCOUNT", key)), readInt)
}

// ZLexCount is ZCount by the bytes of the members. ZLexCount is for sets whose members all
// have the same score.
func (z *SortedSets[T]) ZLexCount(ctx context.Context, key string, members LexRange) (int, error) {
	return xcache.Run(ctx, z.lexBounds(z.op("zlexcount", "ZLEXCOUNT", key), members), readInt)
}

// ZScore returns the score of a member. A missing member is xcache.ErrNotFound.
func (z *SortedSets[T]) ZScore(ctx context.Context, key string, member T) (float64, error) {
	return xcache.Run(ctx, z.with(z.op("zscore", "ZSCORE", key), member), readFloat)
}

// ZMScore returns the existing members with their scores, in the order of members.
func (z *SortedSets[T]) ZMScore(ctx context.Context, key string, members ...T) ([]Scored[T], error) {
	return xcache.Run(ctx, addAll(z.op("zmscore", "ZMSCORE", key), members), readScoresFound[T])
}

// ZRank returns the number of members before a member, from the lowest score. A missing
// member is xcache.ErrNotFound.
func (z *SortedSets[T]) ZRank(ctx context.Context, key string, member T) (int, error) {
	return xcache.Run(ctx, z.with(z.op("zrank", "ZRANK", key), member), readIndex)
}

// ZRevRank returns the number of members before a member, from the highest score. A missing
// member is xcache.ErrNotFound.
func (z *SortedSets[T]) ZRevRank(ctx context.Context, key string, member T) (int, error) {
	return xcache.Run(ctx, z.with(z.op("zrevrank", "ZREVRANK", key), member), readIndex)
}

// ZRankWithScore is ZRank with the score of the member.
func (z *SortedSets[T]) ZRankWithScore(ctx context.Context, key string, member T) (Ranked, error) {
	return xcache.Run(ctx, z.with(z.op("zrank", "ZRANK", key), member).Word("WITHSCORE"), readRanked)
}

// ZRevRankWithScore is ZRevRank with the score of the member.
func (z *SortedSets[T]) ZRevRankWithScore(ctx context.Context, key string, member T) (Ranked, error) {
	return xcache.Run(ctx, z.with(z.op("zrevrank", "ZREVRANK", key), member).Word("WITHSCORE"), readRanked)
}

// ZRange returns the members of a range: a RankRange, a ScoreRange or a LexRange.
func (z *SortedSets[T]) ZRange(ctx context.Context, key string, by Range) ([]T, error) {
	return xcache.Run(ctx, z.ranged(z.op("zrange", "ZRANGE", key), by), readAll[T])
}

// ZRangeWithScores is ZRange with the scores of the members. A LexRange is
// xcache.ErrSyntax.
func (z *SortedSets[T]) ZRangeWithScores(ctx context.Context, key string, by Range) ([]Scored[T], error) {
	return xcache.Run(ctx, z.ranged(z.op("zrange", "ZRANGE", key), by).Word("WITHSCORES"), readScored[T])
}

// ZRangeStore stores the members of a range with their scores at destination, without a
// TTL, and returns their number. ZRangeStore replaces any value at destination. For an
// empty range destination is removed.
func (z *SortedSets[T]) ZRangeStore(ctx context.Context, destination, source string, by Range) (int, error) {
	return xcache.Run(ctx, z.ranged(z.op("zrangestore", "ZRANGESTORE", destination).Key(source), by), readInt)
}

// ZRem removes members, and returns the number of removed members.
func (z *SortedSets[T]) ZRem(ctx context.Context, key string, members ...T) (int, error) {
	return xcache.Run(ctx, addAll(z.op("zrem", "ZREM", key), members), readInt)
}

// ZRemRangeByRank removes the members from rank start to rank stop, both included, and
// returns their number.
func (z *SortedSets[T]) ZRemRangeByRank(ctx context.Context, key string, start, stop int) (int, error) {
	return xcache.Run(ctx, z.op("zremrangebyrank", "ZREMRANGEBYRANK", key).Int(int64(start)).Int(int64(stop)), readInt)
}

// ZRemRangeByScore removes the members with a score within a range, and returns their
// number. Order and limit of the range have no effect.
func (z *SortedSets[T]) ZRemRangeByScore(ctx context.Context, key string, scores ScoreRange) (int, error) {
	return xcache.Run(ctx, scores.bounds(z.op("zremrangebyscore", "ZREMRANGEBYSCORE", key)), readInt)
}

// ZRemRangeByLex is ZRemRangeByScore by the bytes of the members. ZRemRangeByLex is for
// sets whose members all have the same score.
func (z *SortedSets[T]) ZRemRangeByLex(ctx context.Context, key string, members LexRange) (int, error) {
	return xcache.Run(ctx, z.lexBounds(z.op("zremrangebylex", "ZREMRANGEBYLEX", key), members), readInt)
}

// ZPopMin takes the member with the lowest score. A missing sorted set is
// xcache.ErrNotFound. The bytes of a member that the codec cannot read are in an
// *xcache.UnreadReplyError.
func (z *SortedSets[T]) ZPopMin(ctx context.Context, key string) (Scored[T], error) {
	return xcache.Run(ctx, z.op("zpopmin", "ZPOPMIN", key), readScoredOne[T])
}

// ZPopMax takes the member with the highest score, with the rules of ZPopMin.
func (z *SortedSets[T]) ZPopMax(ctx context.Context, key string) (Scored[T], error) {
	return xcache.Run(ctx, z.op("zpopmax", "ZPOPMAX", key), readScoredOne[T])
}

// ZPopMinCount takes at most count members with the lowest scores, the lowest first. The
// bytes of members that the codec cannot read are in an *xcache.UnreadReplyError.
func (z *SortedSets[T]) ZPopMinCount(ctx context.Context, key string, count int) ([]Scored[T], error) {
	return xcache.Run(ctx, z.op("zpopmin", "ZPOPMIN", key).Int(int64(count)), readScored[T])
}

// ZPopMaxCount takes at most count members with the highest scores, the highest first, with
// the rules of ZPopMinCount.
func (z *SortedSets[T]) ZPopMaxCount(ctx context.Context, key string, count int) ([]Scored[T], error) {
	return xcache.Run(ctx, z.op("zpopmax", "ZPOPMAX", key).Int(int64(count)), readScored[T])
}

// ZMPop takes at most count members from the first sorted set that is not empty. If all are
// empty, the error is xcache.ErrNotFound. The bytes of members that the codec cannot read
// are in an *xcache.UnreadReplyError.
func (z *SortedSets[T]) ZMPop(ctx context.Context, which Extreme, count int, keys ...string) (PoppedScored[T], error) {
	return xcache.Run(ctx, z.popFirst(which, count, keys), readPoppedScored[T])
}

// ZRandMember returns a random member. A missing sorted set is xcache.ErrNotFound.
func (z *SortedSets[T]) ZRandMember(ctx context.Context, key string) (T, error) {
	return xcache.Run(ctx, z.op("zrandmember", "ZRANDMEMBER", key), readOne[T])
}

// ZRandMemberCount returns at most count different random members. A negative count returns
// -count members, which may repeat.
func (z *SortedSets[T]) ZRandMemberCount(ctx context.Context, key string, count int) ([]T, error) {
	return xcache.Run(ctx, z.op("zrandmember", "ZRANDMEMBER", key).Int(int64(count)), readAll[T])
}

// ZRandMemberWithScores is ZRandMemberCount with the scores of the members.
func (z *SortedSets[T]) ZRandMemberWithScores(ctx context.Context, key string, count int) ([]Scored[T], error) {
	return xcache.Run(ctx, z.op("zrandmember", "ZRANDMEMBER", key).Int(int64(count)).Word("WITHSCORES"), readScored[T])
}

// ZScan returns the members of a sorted set with their scores, in pieces and in no order,
// so that a large sorted set delays no other call. A member that is in the sorted set all
// the time is yielded at least once, and may be yielded again. A member that is added or
// removed meanwhile may be yielded or not. An error ends the loop, as for HScan.
func (z *SortedSets[T]) ZScan(ctx context.Context, key string, options ScanOptions) iter.Seq2[Scored[T], error] {
	return func(yield func(Scored[T], error) bool) {
		scan(ctx, z.cache, "zscan", "ZSCAN", key, options, readScoredOf[T], yield)
	}
}

func (z *SortedSets[T]) op(name, command, key string) *xcache.Op {
	return xcache.NewOp(z.cache, name, command, key)
}

func (z *SortedSets[T]) with(o *xcache.Op, member T) *xcache.Op {
	xcache.AddValue(o, member)
	return o
}

func (z *SortedSets[T]) add(name, key string, options ZAddOptions, incr bool, members []Scored[T]) *xcache.Op {
	o := z.op(name, "ZADD", key)
	if len(members) == 0 {
		return o.Fail(syntaxError("there is nothing to add: give it one member at least"))
	}
	words := [...]struct {
		word string
		is   bool
	}{{"NX", options.NX}, {"XX", options.XX}, {"GT", options.GT}, {"LT", options.LT}, {"CH", options.CH && !incr}, {"INCR", incr}}
	for _, w := range words {
		if w.is {
			o.Word(w.word)
		}
	}
	for _, m := range members {
		o.Float(m.Score)
		xcache.AddValue(o, m.Member)
	}
	return o
}

func (z *SortedSets[T]) popFirst(which Extreme, count int, keys []string) *xcache.Op {
	o := xcache.NewKeylessOp(z.cache, "zmpop", "ZMPOP").Int(int64(len(keys)))
	return addKeys(o, keys).Word(string(which)).Word("COUNT").Int(int64(count))
}

// WithTx returns a handle that reads in a transaction: see xcache.Cache.WithTx.
func (z *SortedSets[T]) WithTx(tx *xcache.Tx) *SortedSets[T] {
	in := *z
	in.cache = z.cache.WithTx(tx)
	return &in
}
