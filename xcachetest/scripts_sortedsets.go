package xcachetest

import (
	"errors"
	"math"
	"slices"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/mixins"
)

// scored returns members with scores: scored("a", 1.0, "b", 2.0).
func scored(pairs ...any) []mixins.Scored[string] {
	members := make([]mixins.Scored[string], 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		member, _ := pairs[i].(string)
		score, _ := pairs[i+1].(float64)
		members = append(members, mixins.Scored[string]{Member: member, Score: score})
	}
	return members
}

// zadd adds members with scores.
func zadd(key string, pairs ...any) call {
	args := []any{key}
	for _, m := range scored(pairs...) {
		args = append(args, m)
	}
	return do("zsets", "ZAdd", args...)
}

// zaddWith adds members with scores and options.
func zaddWith(key string, options mixins.ZAddOptions, pairs ...any) call {
	args := []any{key, options}
	for _, m := range scored(pairs...) {
		args = append(args, m)
	}
	return do("zsets", "ZAddWith", args...)
}

func zset(method string, args ...any) call { return do("zsets", method, args...) }

// inOrder wants all members with their scores, the lowest first.
func inOrder(key string, pairs ...any) call {
	return zset("ZRangeWithScores", key, mixins.ByRank(0, -1)).gives(scored(pairs...))
}

// abcd adds the members with which most scripts begin.
func abcd() call { return zadd(keyA, "a", 1.0, "b", 2.0, "c", 3.0, "d", 4.0).gives(4) }

func sortedSetScripts() []script {
	exists := func(key string, there bool) call { return do("cache", "Has", key).gives(there) }
	return []script{
		{"sortedsets/add", "ZAdd adds members or changes their scores, and returns how many are new", needs("ZADD", "ZRANGE", "SET"), []call{
			zadd(keyA, "a", 1.0, "b", -2.5, "c", math.Inf(1), "d", math.Inf(-1)).gives(4), zadd(keyA, "a", 3.0, "e", 0.1).gives(1), inOrder(keyA, "d", math.Inf(-1), "b", -2.5, "e", 0.1, "a", 3.0, "c", math.Inf(1)),
			zadd(keyB, "a", 1.0, "a", 2.0).gives(1), inOrder(keyB, "a", 2.0), zadd(keyA).fails(xcache.ErrSyntax), zadd("", "a", 1.0).fails(xcache.ErrInvalidKey), isText(), zadd(text, "a", 1.0).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/nan", "a score that is no number is refused and changes nothing", needs("ZADD", "ZRANGE", "ZINCRBY"), []call{
			zadd(keyA, "a", math.Inf(1)).gives(1), zadd(keyA, "b", 1.0, "a", math.NaN()).fails(xcache.ErrSyntax), zset("ZIncrBy", keyA, math.Inf(-1), "a").fails(xcache.ErrOverflow), inOrder(keyA, "a", math.Inf(1)),
		}},
		{"sortedsets/ties", "members with the same score are in the order of their bytes", needs("ZADD", "ZRANGE"), []call{
			zadd(keyA, "b", 1.0, "a", 1.0, "ab", 1.0, "B", 1.0, "", 1.0).gives(5), zset("ZRange", keyA, mixins.ByRank(0, -1)).gives(these("", "B", "a", "ab", "b")),
		}},
		{"sortedsets/add-options", "NX, XX, GT, LT and CH say which members are changed and counted", needs("ZADD", "ZRANGE", "EXISTS"), []call{
			zaddWith(keyB, mixins.ZAddOptions{XX: true}, "a", 1.0).gives(0), exists(keyB, false), zadd(keyA, "a", 1.0, "b", 2.0).gives(2),
			zaddWith(keyA, mixins.ZAddOptions{NX: true}, "a", 9.0, "c", 3.0).gives(1), zaddWith(keyA, mixins.ZAddOptions{XX: true}, "a", 5.0, "z", 9.0).gives(0), inOrder(keyA, "b", 2.0, "c", 3.0, "a", 5.0),
			zaddWith(keyA, mixins.ZAddOptions{GT: true, CH: true}, "a", 4.0, "b", 6.0, "d", 0.5).gives(2), zaddWith(keyA, mixins.ZAddOptions{LT: true, CH: true}, "a", 1.5, "b", 9.0).gives(1),
			zaddWith(keyA, mixins.ZAddOptions{XX: true, GT: true}, "e", 1.0).gives(0), zaddWith(keyA, mixins.ZAddOptions{CH: true}, "a", 1.5, "f", 7.0).gives(1), inOrder(keyA, "d", 0.5, "a", 1.5, "c", 3.0, "b", 6.0, "f", 7.0),
			zaddWith(keyA, mixins.ZAddOptions{NX: true, XX: true}, "a", 1.0).fails(xcache.ErrSyntax), zaddWith(keyA, mixins.ZAddOptions{GT: true, LT: true}, "a", 1.0).fails(xcache.ErrSyntax), zaddWith(keyA, mixins.ZAddOptions{NX: true, GT: true}, "a", 1.0).fails(xcache.ErrSyntax),
		}},
		{"sortedsets/add-incr", "ZAddIncr adds to a score under conditions; ErrNotStored if they do not hold", needs("ZADD", "ZRANGE"), []call{
			zset("ZAddIncr", keyA, mixins.ZAddOptions{}, 1.5, "a").gives(1.5), zset("ZAddIncr", keyA, mixins.ZAddOptions{XX: true}, 1.0, "a").gives(2.5), zset("ZAddIncr", keyA, mixins.ZAddOptions{NX: true}, 1.0, "a").fails(xcache.ErrNotStored),
			zset("ZAddIncr", keyA, mixins.ZAddOptions{XX: true}, 1.0, "b").fails(xcache.ErrNotStored), zset("ZAddIncr", keyA, mixins.ZAddOptions{GT: true}, -1.0, "a").fails(xcache.ErrNotStored), zset("ZAddIncr", keyA, mixins.ZAddOptions{LT: true}, -1.0, "a").gives(1.5), inOrder(keyA, "a", 1.5),
		}},
		{"sortedsets/incrby", "ZIncrBy adds to a score, a missing one counts as 0, and returns the score", needs("ZINCRBY", "ZSCORE", "SET"), []call{
			zset("ZIncrBy", keyA, 1.5, "m").gives(1.5), zset("ZIncrBy", keyA, -2.0, "m").gives(-0.5), zset("ZScore", keyA, "m").gives(-0.5), isText(), zset("ZIncrBy", text, 1.0, "m").fails(xcache.ErrWrongType),
		}},
		{"sortedsets/card", "ZCard returns the number of members, 0 without a sorted set", needs("ZADD", "ZCARD", "SET"), []call{
			zset("ZCard", keyA).gives(0), abcd(), zset("ZCard", keyA).gives(4), isText(), zset("ZCard", text).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/score", "ZScore returns a score, ZMScore those that there are; ErrNotFound without a member", needs("ZADD", "ZSCORE", "ZMSCORE", "SET"), []call{
			zset("ZScore", keyA, "a").fails(xcache.ErrNotFound), zset("ZMScore", keyA, "a").gives(scored()), abcd(), zset("ZScore", keyA, "c").gives(3.0), zset("ZScore", keyA, "z").fails(xcache.ErrNotFound),
			zset("ZMScore", keyA, "d", "z", "a").gives(scored("d", 4.0, "a", 1.0)), zset("ZMScore", keyA).fails(xcache.ErrSyntax), isText(), zset("ZScore", text, "a").fails(xcache.ErrWrongType), zset("ZMScore", text, "a").fails(xcache.ErrWrongType),
		}},
		{"sortedsets/count", "ZCount counts the members within a range of scores", needs("ZADD", "ZCOUNT", "SET"), []call{
			zset("ZCount", keyA, mixins.AnyScore()).gives(0), abcd(), zset("ZCount", keyA, mixins.AnyScore()).gives(4), zset("ZCount", keyA, mixins.ByScore(2, 3)).gives(2),
			zset("ZCount", keyA, mixins.ScoreRange{Min: 2, Max: 3, ExcludeMin: true}).gives(1), zset("ZCount", keyA, mixins.ScoreRange{Min: 2, Max: 3, ExcludeMin: true, ExcludeMax: true}).gives(0), zset("ZCount", keyA, mixins.ByScore(3, 2)).gives(0),
			zset("ZCount", keyA, mixins.ByScore(math.NaN(), 2)).fails(xcache.ErrSyntax), isText(), zset("ZCount", text, mixins.AnyScore()).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/rank-with-score", "ZRankWithScore and ZRevRankWithScore return the place and the score of a member; ErrNotFound without it", needs("ZADD", "ZRANK", "ZREVRANK", "SET"), []call{
			zset("ZRankWithScore", keyA, "a").fails(xcache.ErrNotFound), zadd(keyA, "a", 1.5, "b", 2.0).gives(2),
			zset("ZRankWithScore", keyA, "b").gives(mixins.Ranked{Rank: 1, Score: 2}), zset("ZRevRankWithScore", keyA, "a").gives(mixins.Ranked{Rank: 1, Score: 1.5}),
			zset("ZRevRankWithScore", keyA, "z").fails(xcache.ErrNotFound), isText(), zset("ZRankWithScore", text, "a").fails(xcache.ErrWrongType), zset("ZRevRankWithScore", text, "a").fails(xcache.ErrWrongType),
		}},
		{"sortedsets/rank", "ZRank and ZRevRank return the place of a member, from either end; ErrNotFound without it", needs("ZADD", "ZRANK", "ZREVRANK", "SET"), []call{
			zset("ZRank", keyA, "a").fails(xcache.ErrNotFound), abcd(), zset("ZRank", keyA, "a").gives(0), zset("ZRank", keyA, "d").gives(3), zset("ZRevRank", keyA, "d").gives(0), zset("ZRevRank", keyA, "b").gives(2),
			zset("ZRank", keyA, "z").fails(xcache.ErrNotFound), zset("ZRevRank", keyA, "z").fails(xcache.ErrNotFound), isText(), zset("ZRank", text, "a").fails(xcache.ErrWrongType), zset("ZRevRank", text, "a").fails(xcache.ErrWrongType),
		}},
		{"sortedsets/range-by-rank", "ZRange by rank returns the members between two places, from either end", needs("ZADD", "ZRANGE", "SET"), []call{
			zset("ZRange", keyA, mixins.ByRank(0, -1)).gives(these()), abcd(), zset("ZRange", keyA, mixins.ByRank(1, 2)).gives(these("b", "c")), zset("ZRange", keyA, mixins.ByRank(-2, 99)).gives(these("c", "d")), zset("ZRange", keyA, mixins.ByRank(3, 1)).gives(these()),
			zset("ZRange", keyA, mixins.RankRange{Start: 0, Stop: 1, Reverse: true}).gives(these("d", "c")), zset("ZRangeWithScores", keyA, mixins.RankRange{Start: -1, Stop: -1, Reverse: true}).gives(scored("a", 1.0)),
			zset("ZRange", keyA, mixins.ByRank(9, 12)).gives(these()), isText(), zset("ZRange", text, mixins.ByRank(0, -1)).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/range-by-score", "ZRange by score returns the members within the bounds, in either order, in parts", needs("ZADD", "ZRANGE"), []call{
			zset("ZRange", keyA, mixins.AnyScore()).gives(these()), abcd(), zset("ZRange", keyA, mixins.ByScore(2, 3)).gives(these("b", "c")), zset("ZRange", keyA, mixins.ScoreRange{Min: 1, Max: 4, ExcludeMin: true, ExcludeMax: true}).gives(these("b", "c")),
			zset("ZRange", keyA, mixins.ScoreRange{Min: 2, Max: math.Inf(1), Reverse: true}).gives(these("d", "c", "b")), zset("ZRange", keyA, mixins.ScoreRange{Min: 1, Max: 4, Offset: 1, Count: 2}).gives(these("b", "c")),
			zset("ZRange", keyA, mixins.ScoreRange{Min: 1, Max: 4, Offset: 3}).gives(these("d")), zset("ZRange", keyA, mixins.ScoreRange{Min: 1, Max: 4, Offset: 9, Count: 1}).gives(these()), zset("ZRangeWithScores", keyA, mixins.ScoreRange{Min: 1, Max: 4, Count: 1, Reverse: true}).gives(scored("d", 4.0)),
			zset("ZRange", keyA, mixins.ByScore(5, 1)).gives(these()),
		}},
		{"sortedsets/range-by-lex", "ZRange by the bytes of members returns those within the bounds, in either order, in parts", needs("ZADD", "ZRANGE", "ZLEXCOUNT", "SET"), []call{
			zset("ZRange", keyA, mixins.LexRange{}).gives(these()), zset("ZLexCount", keyA, mixins.LexRange{}).gives(0), zadd(keyA, "a", 0.0, "b", 0.0, "c", 0.0, "d", 0.0).gives(4), zset("ZRange", keyA, mixins.LexRange{}).gives(these("a", "b", "c", "d")),
			zset("ZRange", keyA, mixins.ByLex(mixins.Including("b"), mixins.Excluding("d"))).gives(these("b", "c")), zset("ZRange", keyA, mixins.ByLex(mixins.Excluding("b"), mixins.LexBound{})).gives(these("c", "d")),
			zset("ZRange", keyA, mixins.LexRange{Max: mixins.Including("c"), Reverse: true}).gives(these("c", "b", "a")), zset("ZRange", keyA, mixins.LexRange{Offset: 1, Count: 2}).gives(these("b", "c")),
			zset("ZLexCount", keyA, mixins.ByLex(mixins.Including("b"), mixins.Including("d"))).gives(3), zset("ZLexCount", keyA, mixins.LexRange{}).gives(4), zset("ZRange", keyA, mixins.ByLex(mixins.Including(7), mixins.LexBound{})).fails(xcache.ErrSyntax),
			zset("ZRangeWithScores", keyA, mixins.LexRange{}).fails(xcache.ErrSyntax), isText(), zset("ZLexCount", text, mixins.LexRange{}).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/range-store", "ZRangeStore stores a range over whatever was there, without a TTL; none leaves no key", needs("ZADD", "ZRANGESTORE", "ZRANGE", "SET", "EXISTS", "PTTL"), []call{
			abcd(), isText(), zset("ZRangeStore", text, keyA, mixins.ByRank(1, 2)).gives(2), inOrder(text, "b", 2.0, "c", 3.0), do("cache", "TTL", text).gives(driver.NoExpiry), zset("ZRangeStore", keyB, keyA, mixins.ScoreRange{Min: 1, Max: 9, Reverse: true, Count: 2}).gives(2), inOrder(keyB, "c", 3.0, "d", 4.0),
			zset("ZRangeStore", keyB, keyC, mixins.ByRank(0, -1)).gives(0), exists(keyB, false), do("texts", "Set", keyC, "v"), zset("ZRangeStore", keyB, keyC, mixins.ByRank(0, -1)).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/rem", "ZRem removes members, and returns how many there were; a sorted set that is emptied vanishes", needs("ZADD", "ZREM", "ZRANGE", "EXISTS", "SET"), []call{
			zset("ZRem", keyA, "a").gives(0), abcd(), zset("ZRem", keyA, "a", "z", "a").gives(1), inOrder(keyA, "b", 2.0, "c", 3.0, "d", 4.0), zset("ZRem", keyA, "b", "c", "d").gives(3), exists(keyA, false),
			zset("ZRem", keyA).fails(xcache.ErrSyntax), isText(), zset("ZRem", text, "a").fails(xcache.ErrWrongType),
		}},
		{"sortedsets/rem-ranges", "ZRemRangeByRank, ZRemRangeByScore and ZRemRangeByLex remove a range, and return how many there were", needs("ZADD", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZREMRANGEBYLEX", "ZRANGE", "EXISTS", "SET"), []call{
			zset("ZRemRangeByRank", keyA, 0, -1).gives(0), abcd(), zset("ZRemRangeByRank", keyA, -1, 9).gives(1), zset("ZRemRangeByScore", keyA, mixins.ScoreRange{Min: 1, Max: 2, ExcludeMin: true}).gives(1), inOrder(keyA, "a", 1.0, "c", 3.0), zset("ZRemRangeByScore", keyA, mixins.AnyScore()).gives(2), exists(keyA, false),
			zadd(keyB, "a", 0.0, "b", 0.0, "c", 0.0).gives(3), zset("ZRemRangeByLex", keyB, mixins.ByLex(mixins.Including("b"), mixins.LexBound{})).gives(2), inOrder(keyB, "a", 0.0),
			isText(), zset("ZRemRangeByRank", text, 0, 1).fails(xcache.ErrWrongType), zset("ZRemRangeByScore", text, mixins.AnyScore()).fails(xcache.ErrWrongType), zset("ZRemRangeByLex", text, mixins.LexRange{}).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/pop", "ZPopMin and ZPopMax take the member at their end; ErrNotFound without one; a sorted set that is emptied vanishes", needs("ZADD", "ZPOPMIN", "ZPOPMAX", "EXISTS", "SET"), []call{
			zset("ZPopMin", keyA).fails(xcache.ErrNotFound), zset("ZPopMax", keyA).fails(xcache.ErrNotFound), zadd(keyA, "a", 1.0, "b", 2.0).gives(2), zset("ZPopMin", keyA).gives(scored("a", 1.0)[0]), zset("ZPopMax", keyA).gives(scored("b", 2.0)[0]), exists(keyA, false),
			isText(), zset("ZPopMin", text).fails(xcache.ErrWrongType), zset("ZPopMax", text).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/pop-count", "with a count ZPopMinCount and ZPopMaxCount take as many as there are, their end first", needs("ZADD", "ZPOPMIN", "ZPOPMAX", "EXISTS"), []call{
			zset("ZPopMinCount", keyA, 2).gives(scored()), abcd(), zset("ZPopMinCount", keyA, 0).gives(scored()), zset("ZPopMaxCount", keyA, 2).gives(scored("d", 4.0, "c", 3.0)), zset("ZPopMinCount", keyA, 9).gives(scored("a", 1.0, "b", 2.0)), exists(keyA, false),
			zset("ZPopMinCount", keyA, -1).fails(xcache.ErrSyntax),
		}},
		{"sortedsets/mpop", "ZMPop takes members from the first sorted set that is not empty, and says which; ErrNotFound if all are", needs("ZADD", "ZMPOP", "ZRANGE", "EXISTS", "SET"), []call{
			zset("ZMPop", mixins.Lowest, 1, keyB, keyA).fails(xcache.ErrNotFound), abcd(), zset("ZMPop", mixins.Lowest, 1, keyB, keyA).gives(mixins.PoppedScored[string]{Key: keyA, Members: scored("a", 1.0)}),
			zset("ZMPop", mixins.Highest, 9, keyB, keyA).gives(mixins.PoppedScored[string]{Key: keyA, Members: scored("d", 4.0, "c", 3.0, "b", 2.0)}), exists(keyA, false),
			zset("ZMPop", mixins.Lowest, 1).fails(xcache.ErrSyntax), zset("ZMPop", mixins.Lowest, 0, keyA).fails(xcache.ErrSyntax), isText(), zset("ZMPop", mixins.Lowest, 1, text).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/randmember", "ZRandMember returns members and leaves them: different ones for a count, any for a negative one", needs("ZADD", "ZRANDMEMBER", "ZCARD", "SET"), []call{
			zset("ZRandMember", keyA).fails(xcache.ErrNotFound), zset("ZRandMemberCount", keyA, 2).gives(these()), abcd(), zset("ZRandMember", keyA).givesOneOf("a", "b", "c", "d"), zset("ZRandMemberCount", keyA, 2).givesSome(2, true, "a", "b", "c", "d"),
			zset("ZRandMemberCount", keyA, 9).givesAll("a", "b", "c", "d"), zset("ZRandMemberCount", keyA, -9).givesSome(9, false, "a", "b", "c", "d"), randomScored(zset("ZRandMemberWithScores", keyA, 9), 4, scored("a", 1.0, "b", 2.0, "c", 3.0, "d", 4.0)),
			zset("ZCard", keyA).gives(4), isText(), zset("ZRandMember", text).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/union-and-inter", "ZUnion and ZInter combine members, whose scores are weighted and then added, or the least or the greatest is taken", needs("ZADD", "ZUNION", "ZINTER", "SET"), []call{
			zadd(keyA, "a", 1.0, "b", 2.0).gives(2), zadd(keyB, "b", 10.0, "c", 20.0).gives(2), zset("ZUnion", mixins.CombineOptions{}, keyA, keyB, keyC).gives(these("a", "b", "c")), zset("ZUnionWithScores", mixins.CombineOptions{}, keyA, keyB).gives(scored("a", 1.0, "b", 12.0, "c", 20.0)),
			zset("ZUnionWithScores", mixins.CombineOptions{Weights: []float64{2, -1}, Aggregate: mixins.Min}, keyA, keyB).gives(scored("c", -20.0, "b", -10.0, "a", 2.0)), zset("ZInter", mixins.CombineOptions{}, keyA, keyB).gives(these("b")),
			zset("ZInterWithScores", mixins.CombineOptions{Aggregate: mixins.Max}, keyA, keyB).gives(scored("b", 10.0)), zset("ZInter", mixins.CombineOptions{}, keyA, keyC).gives(these()), zset("ZUnion", mixins.CombineOptions{Weights: []float64{1}}, keyA, keyB).fails(xcache.ErrSyntax),
			zset("ZUnion", mixins.CombineOptions{}).fails(xcache.ErrSyntax), isText(), zset("ZUnion", mixins.CombineOptions{}, keyA, text).fails(xcache.ErrWrongType), zset("ZInter", mixins.CombineOptions{}, keyA, text).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/diff", "ZDiff returns the members of the first sorted set that no other has, with its scores", needs("ZADD", "ZDIFF", "SET"), []call{
			abcd(), zadd(keyB, "b", 9.0, "z", 1.0).gives(2), zset("ZDiff", keyA, keyB).gives(these("a", "c", "d")), zset("ZDiffWithScores", keyA, keyB, keyC).gives(scored("a", 1.0, "c", 3.0, "d", 4.0)), zset("ZDiff", keyC, keyA).gives(these()),
			isText(), zset("ZDiff", keyA, text).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/combine-store", "ZUnionStore, ZInterStore and ZDiffStore store their result over whatever was there, without a TTL; none leaves no key", needs("ZADD", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZRANGE", "SET", "EXISTS", "PTTL"), []call{
			zadd(keyA, "a", 1.0, "b", 2.0).gives(2), zadd(keyB, "b", 10.0).gives(1), isText(), zset("ZUnionStore", text, mixins.CombineOptions{Weights: []float64{1, 2}}, keyA, keyB).gives(2), inOrder(text, "a", 1.0, "b", 22.0), do("cache", "TTL", text).gives(driver.NoExpiry),
			zset("ZInterStore", keyC, mixins.CombineOptions{}, keyA, keyB).gives(1), inOrder(keyC, "b", 12.0), zset("ZDiffStore", keyC, keyA, keyB).gives(1), inOrder(keyC, "a", 1.0), zset("ZDiffStore", keyC, keyA, keyA).gives(0), exists(keyC, false),
		}},
		{"sortedsets/intercard", "ZInterCard counts what ZInter returns, up to a limit", needs("ZADD", "ZINTERCARD", "SET"), []call{
			abcd(), zadd(keyB, "a", 9.0, "b", 9.0, "z", 9.0).gives(3), zset("ZInterCard", 0, keyA, keyB).gives(2), zset("ZInterCard", 1, keyA, keyB).gives(1), zset("ZInterCard", 0, keyA, keyC).gives(0), zset("ZInterCard", -1, keyA).fails(xcache.ErrSyntax),
			isText(), zset("ZInterCard", 0, keyA, text).fails(xcache.ErrWrongType),
		}},
		{"sortedsets/ttl-stays", "what changes a sorted set leaves its TTL", needs("ZADD", "ZREM", "ZINCRBY", "ZPOPMIN", "PEXPIRE", "PTTL"), []call{
			abcd(), do("cache", "Expire", keyA, long).gives(true), zadd(keyA, "e", 5.0).gives(1), zset("ZRem", keyA, "e").gives(1), zset("ZIncrBy", keyA, 1.0, "d").gives(5.0), zset("ZPopMin", keyA).gives(scored("a", 1.0)[0]), hasTTL(keyA),
		}},
		{"sortedsets/kind", "the kind of a sorted set is zset", needs("ZADD", "TYPE"), []call{abcd(), do("cache", "Type", keyA).gives(driver.KindSortedSet)}},
	}
}

// randomScored wants a number of members, all of them among these.
func randomScored(c call, number int, of []mixins.Scored[string]) call {
	c.compare = func(got any) error {
		members, _ := got.([]mixins.Scored[string])
		var errs []error
		for _, m := range members {
			errs = append(errs, that(slices.Contains(of, m), "member %q with score %v", m.Member, m.Score))
		}
		return errors.Join(append(errs, expect(len(members), number, "members"))...)
	}
	return c
}
