package mixins

import (
	"context"

	"github.com/xcache-go/xcache"
)

// CombineOptions determine the scores of the members that ZUnion and ZInter combine.
type CombineOptions struct {
	// Weights are factors for the scores of each sorted set, in the order of keys; nil is 1
	// for all.
	Weights []float64
	// Aggregate combines the scores of a member; "" is Sum.
	Aggregate Aggregate
}

// An Aggregate combines the scores of a member in several sorted sets.
type Aggregate string

// The aggregates.
const (
	Sum Aggregate = "SUM"
	Min Aggregate = "MIN"
	Max Aggregate = "MAX"
)

// ZUnion returns the members that are in any of the sorted sets, in the order of their
// scores.
func (z *SortedSets[T]) ZUnion(ctx context.Context, options CombineOptions, keys ...string) ([]T, error) {
	return xcache.Run(ctx, z.combine("zunion", "ZUNION", options, keys), readAll[T])
}

// ZUnionWithScores is ZUnion with the scores of the members.
func (z *SortedSets[T]) ZUnionWithScores(ctx context.Context, options CombineOptions, keys ...string) ([]Scored[T], error) {
	return xcache.Run(ctx, z.combine("zunion", "ZUNION", options, keys).Word("WITHSCORES"), readScored[T])
}

// ZUnionStore stores the result of ZUnionWithScores at destination, without a TTL, and
// returns the number of members. ZUnionStore replaces any value at destination. For an
// empty result destination is removed.
func (z *SortedSets[T]) ZUnionStore(ctx context.Context, destination string, options CombineOptions, keys ...string) (int, error) {
	return xcache.Run(ctx, z.store("zunionstore", "ZUNIONSTORE", destination, options, keys), readInt)
}

// ZInter returns the members that are in all sorted sets, in the order of their scores.
func (z *SortedSets[T]) ZInter(ctx context.Context, options CombineOptions, keys ...string) ([]T, error) {
	return xcache.Run(ctx, z.combine("zinter", "ZINTER", options, keys), readAll[T])
}

// ZInterWithScores is ZInter with the scores of the members.
func (z *SortedSets[T]) ZInterWithScores(ctx context.Context, options CombineOptions, keys ...string) ([]Scored[T], error) {
	return xcache.Run(ctx, z.combine("zinter", "ZINTER", options, keys).Word("WITHSCORES"), readScored[T])
}

// ZInterStore stores the result of ZInterWithScores: see ZUnionStore.
func (z *SortedSets[T]) ZInterStore(ctx context.Context, destination string, options CombineOptions, keys ...string) (int, error) {
	return xcache.Run(ctx, z.store("zinterstore", "ZINTERSTORE", destination, options, keys), readInt)
}

// ZInterCard returns the number of members that are in all sorted sets. A limit other than
// 0 stops the count.
func (z *SortedSets[T]) ZInterCard(ctx context.Context, limit int, keys ...string) (int, error) {
	return xcache.Run(ctx, z.countInter(limit, keys), readInt)
}

// ZDiff returns the members of the first sorted set that are in no other sorted set, in the
// order of their scores.
func (z *SortedSets[T]) ZDiff(ctx context.Context, keys ...string) ([]T, error) {
	return xcache.Run(ctx, z.combine("zdiff", "ZDIFF", CombineOptions{}, keys), readAll[T])
}

// ZDiffWithScores is ZDiff with the scores of the members.
func (z *SortedSets[T]) ZDiffWithScores(ctx context.Context, keys ...string) ([]Scored[T], error) {
	return xcache.Run(ctx, z.combine("zdiff", "ZDIFF", CombineOptions{}, keys).Word("WITHSCORES"), readScored[T])
}

// ZDiffStore stores the result of ZDiffWithScores: see ZUnionStore.
func (z *SortedSets[T]) ZDiffStore(ctx context.Context, destination string, keys ...string) (int, error) {
	return xcache.Run(ctx, z.store("zdiffstore", "ZDIFFSTORE", destination, CombineOptions{}, keys), readInt)
}

func (z *SortedSets[T]) combine(name, command string, options CombineOptions, keys []string) *xcache.Op {
	return addCombined(xcache.NewKeylessOp(z.cache, name, command), options, keys)
}

func (z *SortedSets[T]) store(name, command, destination string, options CombineOptions, keys []string) *xcache.Op {
	return addCombined(z.op(name, command, destination), options, keys)
}

func (z *SortedSets[T]) countInter(limit int, keys []string) *xcache.Op {
	o := addCombined(xcache.NewKeylessOp(z.cache, "zintercard", "ZINTERCARD"), CombineOptions{}, keys)
	if limit != 0 {
		o.Word("LIMIT").Int(int64(limit))
	}
	return o
}

// addCombined adds the number of keys, the keys and the options.
func addCombined(o *xcache.Op, options CombineOptions, keys []string) *xcache.Op {
	addKeys(o.Int(int64(len(keys))), keys)
	if options.Weights != nil {
		if len(options.Weights) != len(keys) {
			return o.Fail(syntaxError("%d weights for %d sorted sets: give it one for each", len(options.Weights), len(keys)))
		}
		o.Word("WEIGHTS")
		for _, weight := range options.Weights {
			o.Float(weight)
		}
	}
	if options.Aggregate != "" {
		o.Word("AGGREGATE").Word(string(options.Aggregate))
	}
	return o
}
