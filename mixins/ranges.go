package mixins

import (
	"math"
	"reflect"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// A Range selects members of a sorted set, and their order: a RankRange, a ScoreRange or a
// LexRange.
type Range interface{ isRange() }

// A RankRange selects the members from rank Start to rank Stop, both included. Ranks beyond
// the ends are no errors. Reverse counts from the highest score, and returns the highest
// score first.
type RankRange struct {
	Start, Stop int
	Reverse     bool
}

// ByRank returns the range from one rank to another, the lowest score first.
func ByRank(start, stop int) RankRange { return RankRange{Start: start, Stop: stop} }

// A ScoreRange selects the members with scores from Min to Max, which may be infinite.
// ByScore makes a ScoreRange.
type ScoreRange struct {
	Min, Max float64
	// ExcludeMin and ExcludeMax leave out the members with exactly that score.
	ExcludeMin, ExcludeMax bool
	// Reverse returns the highest score first.
	Reverse bool
	// Offset is the number of members that are left out at the start.
	Offset int
	// Count is the largest number of members that are returned; 0 returns all.
	Count int
}

// ByScore returns the range of scores from minimum to maximum, both included, the lowest first.
func ByScore(minimum, maximum float64) ScoreRange { return ScoreRange{Min: minimum, Max: maximum} }

// AnyScore returns the range of all scores, the lowest first.
func AnyScore() ScoreRange { return ByScore(math.Inf(-1), math.Inf(1)) }

// A LexRange selects members by the order of their stored bytes. The bytes of a text that
// the codec encodes as JSON begin with a quote. A LexRange is for sets whose members all
// have the same score. The zero value selects all members.
type LexRange struct {
	Min, Max LexBound
	// Reverse returns the last member first.
	Reverse bool
	// Offset is the number of members that are left out at the start.
	Offset int
	// Count is the largest number of members that are returned; 0 returns all.
	Count int
}

// ByLex returns the range of members between two bounds, in the order of their bytes.
func ByLex(minimum, maximum LexBound) LexRange { return LexRange{Min: minimum, Max: maximum} }

// A LexBound is the begin or the end of a LexRange. The zero value is before all members as
// a begin, and behind all members as an end.
type LexBound struct {
	member   any
	excluded bool
	bounded  bool
}

// Including returns the bound at a member, which belongs to the range. The member must have
// the handle's type; otherwise the operation is xcache.ErrSyntax.
func Including(member any) LexBound { return LexBound{member: member, bounded: true} }

// Excluding returns the bound at a member, which does not belong to the range: see
// Including.
func Excluding(member any) LexBound {
	return LexBound{member: member, excluded: true, bounded: true}
}

func (RankRange) isRange()  {}
func (ScoreRange) isRange() {}
func (LexRange) isRange()   {}

// ranged adds a range to ZRANGE or ZRANGESTORE. In reverse the highest bound stands first.
func (z *SortedSets[T]) ranged(o *xcache.Op, by Range) *xcache.Op {
	switch by := by.(type) {
	case RankRange:
		return reversed(o.Int(int64(by.Start)).Int(int64(by.Stop)), by.Reverse)
	case ScoreRange:
		first, last := by.first(), by.last()
		if by.Reverse {
			first, last = last, first
		}
		return limited(reversed(o.Field(first).Field(last).Word("BYSCORE"), by.Reverse), by.Offset, by.Count)
	case LexRange:
		first, last := z.lexTexts(o, by)
		if by.Reverse {
			first, last = last, first
		}
		return limited(reversed(o.Field(first).Field(last).Word("BYLEX"), by.Reverse), by.Offset, by.Count)
	}
	return o.Fail(syntaxError("there is no range: give it ByRank, ByScore or ByLex"))
}

func reversed(o *xcache.Op, reverse bool) *xcache.Op {
	if reverse {
		o.Word("REV")
	}
	return o
}

func limited(o *xcache.Op, offset, count int) *xcache.Op {
	if offset == 0 && count == 0 {
		return o
	}
	if count == 0 {
		count = -1
	}
	return o.Word("LIMIT").Int(int64(offset)).Int(int64(count))
}

func (r ScoreRange) first() string { return scoreBound(r.Min, r.ExcludeMin) }
func (r ScoreRange) last() string  { return scoreBound(r.Max, r.ExcludeMax) }

func (r ScoreRange) bounds(o *xcache.Op) *xcache.Op { return o.Field(r.first()).Field(r.last()) }

func scoreBound(score float64, excluded bool) string {
	text := driver.Float(score).String()
	if excluded {
		return "(" + text
	}
	return text
}

func (z *SortedSets[T]) lexBounds(o *xcache.Op, r LexRange) *xcache.Op {
	first, last := z.lexTexts(o, r)
	return o.Field(first).Field(last)
}

func (z *SortedSets[T]) lexTexts(o *xcache.Op, r LexRange) (first, last string) {
	return z.lexText(o, r.Min, "-"), z.lexText(o, r.Max, "+")
}

// lexText returns a bound in the form of the command. unbounded is the form of a bound
// without a member.
func (z *SortedSets[T]) lexText(o *xcache.Op, b LexBound, unbounded string) string {
	if !b.bounded {
		return unbounded
	}
	member, ok := b.member.(T)
	if !ok {
		o.Fail(syntaxError("a bound is a %T, and the members are %v", b.member, reflect.TypeFor[T]()))
		return ""
	}
	encoded := string(xcache.EncodeValue(o, member))
	if b.excluded {
		return "(" + encoded
	}
	return "[" + encoded
}
