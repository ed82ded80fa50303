package arguments

import (
	"math"
	"strconv"
	"strings"
)

// Score returns argument i as the score of a member.
func (l List) Score(i int) (float64, error) {
	if f, ok := l.Cmd.Args[i].Number(); ok && !math.IsNaN(f) {
		return f, nil
	}
	if f, ok := ParseFloat(l.Cmd.Args[i].String()); ok {
		return f, nil
	}
	return 0, l.Fail("argument %d is not a number", i+1)
}

// ParseFloat parses a number with Redis' rules: decimal or hexadecimal, or inf or infinity
// in any case. Spaces and numbers out of range are errors.
func ParseFloat(text string) (float64, bool) {
	unsigned := strings.TrimLeft(text, "+-")
	if len(text)-len(unsigned) > 1 || strings.Contains(text, "_") {
		return 0, false
	}
	hexadecimal := len(unsigned) > 2 && unsigned[0] == '0' && unsigned[1]|0x20 == 'x'
	if hexadecimal && !strings.ContainsAny(unsigned, "pP") {
		text += "p0"
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) {
		return 0, false
	}
	tooSmall := f == 0 && !hexadecimal && strings.ContainsAny(mantissa(unsigned), "123456789")
	return f, !tooSmall
}

func mantissa(decimal string) string {
	if i := strings.IndexAny(decimal, "eE"); i >= 0 {
		return decimal[:i]
	}
	return decimal
}

// AddOptions holds the options of ZADD.
type AddOptions struct {
	// NX, XX, GT and LT tell which members are written.
	NX, XX, GT, LT bool
	// Changed tells that the reply also counts members with a new score.
	Changed bool
	// Incr tells that the score is added to the old score.
	Incr bool
	// First is the index of the first score. Scores and members alternate from there.
	First int
}

// AddOptions reads key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...].
func (l List) AddOptions() (AddOptions, error) {
	o := AddOptions{First: 1}
options:
	for ; o.First < l.Count(); o.First++ {
		switch i := o.First; {
		case l.Is(i, "NX"):
			o.NX = true
		case l.Is(i, "XX"):
			o.XX = true
		case l.Is(i, "GT"):
			o.GT = true
		case l.Is(i, "LT"):
			o.LT = true
		case l.Is(i, "CH"):
			o.Changed = true
		case l.Is(i, "INCR"):
			o.Incr = true
		default:
			break options
		}
	}
	pairs := l.Count() - o.First
	switch {
	case pairs == 0 || pairs%2 != 0:
		return o, l.Fail("it takes scores and members in turn")
	case o.NX && (o.XX || o.GT || o.LT) || o.GT && o.LT:
		return o, l.Fail("NX does not go with XX, GT or LT, nor GT with LT")
	case o.Incr && pairs > 2:
		return o, l.Fail("INCR takes one score and member")
	}
	return o, nil
}

// A ScoreBound is one end of a range of scores.
type ScoreBound struct {
	Score float64
	// Exclusive tells that the range excludes members with the score.
	Exclusive bool
}

// Below reports whether a score is before the range that begins with the bound.
func (b ScoreBound) Below(score float64) bool {
	return score < b.Score || b.Exclusive && score == b.Score
}

// Above reports whether a score is behind the range that ends with the bound.
func (b ScoreBound) Above(score float64) bool {
	return score > b.Score || b.Exclusive && score == b.Score
}

// A LexBound is one end of a range of members.
type LexBound struct {
	Member string
	// Exclusive tells that the range excludes the member.
	Exclusive bool
	// Infinite is -1 for a bound before all members, and 1 for a bound behind them.
	Infinite int
}

// Below reports whether a member is before the range that begins with the bound.
func (b LexBound) Below(member string) bool {
	if b.Infinite != 0 {
		return b.Infinite > 0
	}
	return member < b.Member || b.Exclusive && member == b.Member
}

// Above reports whether a member is behind the range that ends with the bound.
func (b LexBound) Above(member string) bool {
	if b.Infinite != 0 {
		return b.Infinite < 0
	}
	return member > b.Member || b.Exclusive && member == b.Member
}

// RangeBy tells the kind of the ends of a Range.
type RangeBy uint8

// The kinds of the ends of a Range.
const (
	ByRank RangeBy = iota
	ByScore
	ByLex
)

// A Range is a part of a sorted set.
type Range struct {
	By RangeBy
	// Start and Stop are ranks. Negative ranks count from the end.
	Start, Stop int64
	// MinScore and MaxScore are the ends by score, MinLex and MaxLex by member.
	MinScore, MaxScore ScoreBound
	MinLex, MaxLex     LexBound
	// Reverse tells that the range, its ranks and its limit begin with the greatest
	// element.
	Reverse bool
	// Offset is the number of elements to leave out, and Count the limit of the others. A
	// negative Count means all.
	Offset, Count int64
	// WithScores tells that the reply has scores.
	WithScores bool
}

// RankRange reads the ranks at i and i+1.
func (l List) RankRange(i int) (Range, error) { return l.rangeBy(ByRank, i, false) }

// ScoreRange reads the least and the greatest score at i and i+1.
func (l List) ScoreRange(i int) (Range, error) { return l.rangeBy(ByScore, i, false) }

// LexRange reads the least and the greatest member at i and i+1.
func (l List) LexRange(i int) (Range, error) { return l.rangeBy(ByLex, i, false) }

// ZRange reads start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES] from
// argument i on. WITHSCORES is an error for a command that stores the range.
func (l List) ZRange(i int, stored bool) (Range, error) {
	var o Range
	o.Count = -1
	for j := i + 2; j < l.Count(); j++ {
		switch {
		case l.Is(j, "BYSCORE") && o.By == ByRank:
			o.By = ByScore
		case l.Is(j, "BYLEX") && o.By == ByRank:
			o.By = ByLex
		case l.Is(j, "REV") && !o.Reverse:
			o.Reverse = true
		case l.Is(j, "WITHSCORES") && !stored:
			o.WithScores = true
		case l.Is(j, "LIMIT") && j+2 < l.Count():
			var err error
			if o.Offset, err = l.Int(j + 1); err != nil {
				return o, err
			}
			if o.Count, err = l.Int(j + 2); err != nil {
				return o, err
			}
			j += 2
		default:
			return o, l.SyntaxError()
		}
	}
	switch {
	case o.Count != -1 && o.By == ByRank:
		return o, l.Fail("LIMIT goes with BYSCORE or BYLEX only")
	case o.WithScores && o.By == ByLex:
		return o, l.Fail("WITHSCORES does not go with BYLEX")
	}
	ends, err := l.rangeBy(o.By, i, o.Reverse)
	ends.Reverse, ends.Offset, ends.Count, ends.WithScores = o.Reverse, o.Offset, o.Count, o.WithScores
	return ends, err
}

// rangeBy reads the two ends of a range at i and i+1. The greatest score or member comes
// first if reversed.
func (l List) rangeBy(by RangeBy, i int, reversed bool) (r Range, err error) {
	r.By, r.Count = by, -1
	least, greatest := i, i+1
	if reversed {
		least, greatest = greatest, least
	}
	switch by {
	case ByRank:
		if r.Start, err = l.Int(i); err == nil {
			r.Stop, err = l.Int(i + 1)
		}
	case ByScore:
		if r.MinScore, err = l.scoreBound(least); err == nil {
			r.MaxScore, err = l.scoreBound(greatest)
		}
	case ByLex:
		if r.MinLex, err = l.lexBound(least); err == nil {
			r.MaxLex, err = l.lexBound(greatest)
		}
	}
	return r, err
}

func (l List) scoreBound(i int) (b ScoreBound, err error) {
	if f, ok := l.Cmd.Args[i].Number(); ok && !math.IsNaN(f) {
		return ScoreBound{Score: f}, nil
	}
	text := l.Cmd.Args[i].String()
	text, b.Exclusive = strings.CutPrefix(text, "(")
	var ok bool
	if b.Score, ok = ParseFloat(text); !ok {
		return b, l.Fail("argument %d is neither a score nor a ( and a score", i+1)
	}
	return b, nil
}

func (l List) lexBound(i int) (LexBound, error) {
	switch text := l.Cmd.Args[i].String(); {
	case text == "-":
		return LexBound{Infinite: -1}, nil
	case text == "+":
		return LexBound{Infinite: 1}, nil
	case text != "" && (text[0] == '[' || text[0] == '('):
		return LexBound{Member: text[1:], Exclusive: text[0] == '('}, nil
	}
	return LexBound{}, l.Fail("argument %d is neither - nor + nor a member behind [ or (", i+1)
}

// Aggregate tells how the scores of a member in several sorted sets become one score.
type Aggregate uint8

// The ways to combine scores.
const (
	Sum Aggregate = iota
	Min
	Max
)

// Of returns the combination of two scores.
func (a Aggregate) Of(x, y float64) float64 {
	switch {
	case a == Min && y < x, a == Max && y > x:
		return y
	case a == Sum:
		return number(x + y)
	}
	return x
}

// number returns 0 for NaN, which is the sum of infinities of both signs.
func number(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// CombineOptions holds the options of ZUNION, ZINTER, ZDIFF and similar commands.
type CombineOptions struct {
	Keys []string
	// Weights is nil if all weights are 1.
	Weights    []float64
	Aggregate  Aggregate
	WithScores bool
}

// Weigh returns the weighted score of an element of the sorted set at keys[i].
func (o *CombineOptions) Weigh(i int, score float64) float64 { return number(o.product(i, score)) }

// Join returns the combination of a score and another score from the sorted set at keys[i].
// An infinity with the weight 0 makes their sum 0, as in Redis. Weigh counts such an
// infinity as 0.
func (o *CombineOptions) Join(score float64, i int, other float64) float64 {
	return o.Aggregate.Of(score, o.product(i, other))
}

func (o *CombineOptions) product(i int, score float64) float64 {
	if o.Weights == nil {
		return score
	}
	return score * o.Weights[i]
}

// CombineOptions reads numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM |
// MIN | MAX] [WITHSCORES] from argument i on. Not all commands take weights. WITHSCORES is
// an error for a command that stores the result.
func (l List) CombineOptions(i int, weighted, stored bool) (o CombineOptions, err error) {
	var next int
	if o.Keys, next, err = l.CountedKeys(i); err != nil {
		return o, err
	}
	for ; next < l.Count(); next++ {
		switch {
		case weighted && l.Is(next, "WEIGHTS") && next+len(o.Keys) < l.Count():
			o.Weights = make([]float64, len(o.Keys))
			for k := range o.Weights {
				next++
				if o.Weights[k], err = l.Score(next); err != nil {
					return o, err
				}
			}
		case weighted && l.Is(next, "AGGREGATE") && next+1 < l.Count():
			next++
			switch {
			case l.Is(next, "SUM"):
				o.Aggregate = Sum
			case l.Is(next, "MIN"):
				o.Aggregate = Min
			case l.Is(next, "MAX"):
				o.Aggregate = Max
			default:
				return o, l.SyntaxError()
			}
		case !stored && l.Is(next, "WITHSCORES"):
			o.WithScores = true
		default:
			return o, l.SyntaxError()
		}
	}
	return o, nil
}

// InterCard reads numkeys key [key ...] [LIMIT limit]. The limit 0 means no limit.
func (l List) InterCard() (keys []string, limit int64, err error) {
	keys, next, err := l.CountedKeys(0)
	if err != nil {
		return nil, 0, err
	}
	for ; next < l.Count(); next += 2 {
		if !l.Is(next, "LIMIT") || next+1 == l.Count() {
			return nil, 0, l.SyntaxError()
		}
		if limit, err = l.Int(next + 1); err != nil {
			return nil, 0, err
		}
		if limit < 0 {
			return nil, 0, l.Fail("LIMIT must not be negative")
		}
	}
	return keys, limit, nil
}

// A SortedPop holds the arguments of ZMPOP.
type SortedPop struct {
	Keys  []string
	Max   bool
	Count int64
}

// SortedPop reads numkeys key [key ...] MIN | MAX [COUNT count] from index at on.
func (l List) SortedPop(at int) (o SortedPop, err error) {
	var next int
	if o.Keys, next, err = l.CountedKeys(at); err != nil {
		return o, err
	}
	if next == l.Count() || !l.Is(next, "MIN") && !l.Is(next, "MAX") {
		return o, l.SyntaxError()
	}
	o.Max, o.Count = l.Is(next, "MAX"), 1
	switch {
	case next+1 == l.Count():
		return o, nil
	case next+3 != l.Count() || !l.Is(next+1, "COUNT"):
		return o, l.SyntaxError()
	}
	if o.Count, err = l.Int(next + 2); err == nil && o.Count < 1 {
		err = l.Fail("COUNT must be greater than 0")
	}
	return o, err
}

// RandomMembers holds the arguments of ZRANDMEMBER.
type RandomMembers struct {
	Count
	WithScores bool
}

// RandomMembers reads key [count [WITHSCORES]].
func (l List) RandomMembers() (o RandomMembers, err error) {
	if l.Count() == 1 {
		return RandomMembers{Count: Count{N: 1}}, nil
	}
	o.Given = true
	if o.N, err = l.Int(1); err != nil {
		return o, err
	}
	switch {
	case o.N < -maxRandom:
		return o, l.Fail("argument 2, the count, is out of range")
	case l.Count() == 3 && !l.Is(2, "WITHSCORES"):
		return o, l.SyntaxError()
	}
	o.WithScores = l.Count() == 3
	return o, nil
}

// WithScore reads key member [WITHSCORE].
func (l List) WithScore() (bool, error) {
	if l.Count() == 3 && !l.Is(2, "WITHSCORE") {
		return false, l.SyntaxError()
	}
	return l.Count() == 3, nil
}
