package memory

import (
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"unsafe"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
	"github.com/xcache-go/xcache/drivers/memory/internal/ordered"
	"github.com/xcache-go/xcache/drivers/memory/internal/table"
)

var sortedSetCommands = map[string]command{
	"ZADD":             {run: zadd, min: 3, max: arguments.Unlimited},
	"ZCARD":            {run: zcard, min: 1, max: 1},
	"ZCOUNT":           {run: zcount, min: 3, max: 3},
	"ZDIFF":            {run: zdiff, min: 2, max: arguments.Unlimited},
	"ZDIFFSTORE":       {run: zdiffStore, min: 3, max: arguments.Unlimited},
	"ZINCRBY":          {run: zincrBy, min: 3, max: 3},
	"ZINTER":           {run: zinter, min: 2, max: arguments.Unlimited},
	"ZINTERCARD":       {run: zinterCard, min: 2, max: arguments.Unlimited},
	"ZINTERSTORE":      {run: zinterStore, min: 3, max: arguments.Unlimited},
	"ZLEXCOUNT":        {run: zlexCount, min: 3, max: 3},
	"ZMPOP":            {run: zmpop, min: 3, max: arguments.Unlimited},
	"BZPOPMIN":         waiting(popMembersWaiting(false), 2, arguments.Unlimited),
	"BZPOPMAX":         waiting(popMembersWaiting(true), 2, arguments.Unlimited),
	"BZMPOP":           waiting(bzmpop, 4, arguments.Unlimited),
	"ZMSCORE":          {run: zmscore, min: 2, max: arguments.Unlimited},
	"ZPOPMAX":          {run: zpopMax, min: 1, max: 2},
	"ZPOPMIN":          {run: zpopMin, min: 1, max: 2},
	"ZRANDMEMBER":      {run: zrandMember, min: 1, max: 3},
	"ZRANGE":           {run: zrange, min: 3, max: arguments.Unlimited},
	"ZRANGESTORE":      {run: zrangeStore, min: 4, max: arguments.Unlimited},
	"ZRANK":            {run: zrank, min: 2, max: 3},
	"ZREM":             {run: zrem, min: 2, max: arguments.Unlimited},
	"ZREMRANGEBYLEX":   {run: zremRangeByLex, min: 3, max: 3},
	"ZREMRANGEBYRANK":  {run: zremRangeByRank, min: 3, max: 3},
	"ZREMRANGEBYSCORE": {run: zremRangeByScore, min: 3, max: 3},
	"ZREVRANK":         {run: zrevRank, min: 2, max: 3},
	"ZSCAN":            {run: scans(false, scanScores), min: 2, max: arguments.Unlimited},
	"ZSCORE":           {run: zscore, min: 2, max: 2},
	"ZUNION":           {run: zunion, min: 2, max: arguments.Unlimited},
	"ZUNIONSTORE":      {run: zunionStore, min: 3, max: arguments.Unlimited},
}

// A sortedSet has members in the order of their scores. Members with the same score are in
// the order of their bytes.
type sortedSet struct {
	scores table.Table[float64] // by member
	order  ordered.Sequence[scored]
	bytes  int64 // of the members
}

// scored is a member with its score.
type scored struct {
	score  float64
	member string
}

// memberOverhead is the memory of a member beside its bytes: its places in the table and in
// the order, and the rounding of its allocation.
const memberOverhead = 128

func (z *sortedSet) kind() driver.Kind { return driver.KindSortedSet }
func (z *sortedSet) size() int64       { return z.bytes + int64(z.len())*memberOverhead }
func (z *sortedSet) empty() bool       { return z.len() == 0 }
func (z *sortedSet) len() int          { return z.scores.Len() }

// score returns the score of a member.
func (z *sortedSet) score(member string) (float64, bool) {
	if e := z.scores.Get(member); e != nil {
		return e.Value, true
	}
	return 0, false
}

// all goes through the members, in no order.
func (z *sortedSet) all() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for i := range z.scores.Len() {
			if e := z.scores.At(i); !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// rank returns the rank of a member with a score. The member may be missing.
func (z *sortedSet) rank(score float64, member string) int {
	return z.order.Search(func(m scored) bool {
		return m.score > score || m.score == score && m.member >= member
	})
}

// add adds a missing member.
func (z *sortedSet) add(member string, score float64) {
	z.scores.Add(member, score)
	z.order.Insert(z.rank(score, member), scored{score, member})
	z.bytes += int64(len(member))
}

// setScore changes the score of the member at a position of the table.
func (z *sortedSet) setScore(position int, score float64) {
	e := z.scores.At(position)
	m := z.order.Delete(z.rank(e.Value, e.Key))
	e.Value, m.score = score, score
	z.order.Insert(z.rank(score, m.member), m)
}

// remove removes the member at a position of the table.
func (z *sortedSet) remove(position int) {
	e := z.scores.Delete(position)
	z.order.Delete(z.rank(e.Value, e.Key))
	z.bytes -= int64(len(e.Key))
}

// removeRank removes the member with a rank, and returns the member.
func (z *sortedSet) removeRank(rank int) scored {
	m := z.order.Delete(rank)
	z.scores.Delete(z.scores.Position(m.member))
	z.bytes -= int64(len(m.member))
	return m
}

// within returns the ranks of a range, as a half-open range.
func (z *sortedSet) within(r *arguments.Range) (from, end int) {
	switch n := z.len(); r.By {
	case arguments.ByRank:
		from, end = span(r.Start, r.Stop, n)
		if r.Reverse {
			from, end = n-end, n-from
		}
		return from, end
	case arguments.ByScore:
		from = z.order.Search(func(m scored) bool { return !r.MinScore.Below(m.score) })
		end = z.order.Search(func(m scored) bool { return r.MaxScore.Above(m.score) })
	case arguments.ByLex:
		from = z.order.Search(func(m scored) bool { return !r.MinLex.Below(m.member) })
		end = z.order.Search(func(m scored) bool { return r.MaxLex.Above(m.member) })
	}
	end = max(from, end)
	skip := int64(end - from)
	if r.Offset >= 0 {
		skip = min(skip, r.Offset)
	}
	if r.Reverse {
		end -= int(skip)
	} else {
		from += int(skip)
	}
	if left := int64(end - from); r.Count >= 0 && r.Count < left {
		if r.Reverse {
			from = end - int(r.Count)
		} else {
			end = from + int(r.Count)
		}
	}
	return from, end
}

// span yields the members between two ranks, backwards if reversed.
func (z *sortedSet) span(from, end int, reversed bool) iter.Seq[scored] {
	items := z.order.From(from)
	if reversed {
		items = z.order.Back(end - 1)
	}
	return func(yield func(scored) bool) {
		left := end - from
		for m := range items {
			if left--; left < 0 || !yield(m) {
				return
			}
		}
	}
}

// findSortedSet is find for keys that must hold a sorted set or be missing.
func (t *transaction) findSortedSet(key string) (*entry, *sortedSet, error) {
	return findObject[*sortedSet](t, key)
}

// member returns a copy of argument i to store.
func (c *call) member(i int) string {
	if a := &c.Cmd.Args[i]; a.Role == driver.RoleValue {
		return string(a.Data)
	}
	return strings.Clone(c.Cmd.Args[i].String())
}

// memberReply returns a member as a reply, which shares its bytes.
func memberReply(member string) driver.Reply {
	return driver.DataReply(unsafe.Slice(unsafe.StringData(member), len(member)))
}

// appendMember appends a member, and its score if withScore is true.
func appendMember(items []driver.Reply, m scored, withScore bool) []driver.Reply {
	if items = append(items, memberReply(m.member)); withScore {
		items = append(items, driver.FloatReply(m.score))
	}
	return items
}

func zadd(c *call) (driver.Reply, error) {
	o, err := c.AddOptions()
	if err != nil {
		return driver.Reply{}, err
	}
	return c.add(&o)
}

// zincrBy takes key increment member.
func zincrBy(c *call) (driver.Reply, error) {
	return c.add(&arguments.AddOptions{Incr: true, First: 1})
}

// add runs ZADD and ZINCRBY with their scores and members.
func (c *call) add(o *arguments.AddOptions) (driver.Reply, error) {
	scores := make([]float64, 0, 8)
	for i := o.First; i < c.Count(); i += 2 {
		score, err := c.Score(i)
		if err != nil {
			return driver.Reply{}, err
		}
		scores = append(scores, score)
	}
	key := c.Key(0)
	e, z, err := c.findSortedSet(key)
	if err != nil {
		return driver.Reply{}, err
	}
	if e == nil {
		z = new(sortedSet)
	}
	if err := c.fitsMore(key, e, c.added(z, o)); err != nil {
		return driver.Reply{}, err
	}
	var reply driver.Reply
	if !o.Incr {
		reply = driver.IntReply(0)
	}
	changed := false
	for k, score := range scores {
		i := o.First + 2*k + 1
		position := z.scores.PositionOf(c.Bytes(i))
		if position < 0 {
			if o.XX {
				continue
			}
			z.add(c.member(i), score)
			changed = true
			if reply.Int++; o.Incr {
				reply = driver.FloatReply(score)
			}
			continue
		}
		if o.NX {
			continue
		}
		old := z.scores.At(position).Value
		if o.Incr {
			if score += old; math.IsNaN(score) { // the infinities had different signs
				return driver.Reply{}, driver.ErrOverflow
			}
		}
		if o.GT && score <= old || o.LT && score >= old {
			continue
		}
		if score != old {
			z.setScore(position, score)
			changed = true
			if o.Changed {
				reply.Int++
			}
		}
		if o.Incr {
			reply = driver.FloatReply(score)
		}
	}
	if changed {
		c.store(key, e, z)
	}
	return reply, nil
}

// added returns the growth of a sorted set.
func (c *call) added(z *sortedSet, o *arguments.AddOptions) (size int64) {
	if o.XX {
		return 0
	}
	for i := o.First + 1; i < c.Count(); i += 2 {
		if z.len() == 0 || z.scores.PositionOf(c.Bytes(i)) < 0 {
			size += memberOverhead + int64(c.Size(i))
		}
	}
	return size
}

func zcard(c *call) (driver.Reply, error) {
	e, z, err := c.findSortedSet(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	return driver.IntReply(int64(z.len())), nil
}

// zscore takes key member.
func zscore(c *call) (driver.Reply, error) {
	e, z, err := c.findSortedSet(c.Key(0))
	if e == nil {
		return driver.Reply{}, err
	}
	return z.scoreReply(c.Bytes(1)), nil
}

func (z *sortedSet) scoreReply(member []byte) driver.Reply {
	position := z.scores.PositionOf(member)
	if position < 0 {
		return driver.Reply{}
	}
	return driver.FloatReply(z.scores.At(position).Value)
}

// zmscore takes key member [member ...].
func zmscore(c *call) (driver.Reply, error) {
	e, z, err := c.findSortedSet(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	items := make([]driver.Reply, c.Count()-1)
	if e != nil {
		for i := range items {
			items[i] = z.scoreReply(c.Bytes(i + 1))
		}
	}
	return driver.ArrayReply(items...), nil
}

// zrem takes key member [member ...].
func zrem(c *call) (driver.Reply, error) {
	e, z, err := c.findSortedSet(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	var removed int64
	for i := 1; i < c.Count(); i++ {
		if position := z.scores.PositionOf(c.Bytes(i)); position >= 0 {
			z.remove(position)
			removed++
		}
	}
	c.changedIf(removed > 0, e)
	return driver.IntReply(removed), nil
}

func zrank(c *call) (driver.Reply, error) {
	return c.rank(func(_ *sortedSet, rank int) int { return rank })
}

func zrevRank(c *call) (driver.Reply, error) {
	return c.rank(func(z *sortedSet, rank int) int { return z.len() - 1 - rank })
}

// rank takes key member [WITHSCORE].
func (c *call) rank(from func(*sortedSet, int) int) (driver.Reply, error) {
	withScore, err := c.WithScore()
	if err != nil {
		return driver.Reply{}, err
	}
	e, z, err := c.findSortedSet(c.Key(0))
	if e == nil {
		return driver.Reply{}, err
	}
	position := z.scores.PositionOf(c.Bytes(1))
	if position < 0 {
		return driver.Reply{}, nil
	}
	member := z.scores.At(position)
	rank := driver.IntReply(int64(from(z, z.rank(member.Value, member.Key))))
	if withScore {
		return driver.ArrayReply(rank, driver.FloatReply(member.Value)), nil
	}
	return rank, nil
}

func zpopMin(c *call) (driver.Reply, error) { return c.popMembers(false) }
func zpopMax(c *call) (driver.Reply, error) { return c.popMembers(true) }

// popMembers takes key [count].
func (c *call) popMembers(greatest bool) (driver.Reply, error) {
	count, err := c.PopCount()
	if err != nil {
		return driver.Reply{}, err
	}
	e, z, err := c.findSortedSet(c.Key(0))
	if e == nil {
		return driver.ArrayReply(), err
	}
	items := z.pop(count.N, greatest)
	c.changedIf(len(items) > 0, e)
	return driver.ArrayReply(items...), nil
}

// pop removes up to count members from one end, and returns them.
func (z *sortedSet) pop(count int64, greatest bool) []driver.Reply {
	count = min(count, int64(z.len()))
	items := make([]driver.Reply, 0, 2*count)
	for range count {
		rank := 0
		if greatest {
			rank = z.len() - 1
		}
		items = appendMember(items, z.removeRank(rank), true)
	}
	return items
}

// zmpop returns the first existing key, and the members that were taken from it.
func zmpop(c *call) (driver.Reply, error) {
	o, err := c.SortedPop(0)
	if err != nil {
		return driver.Reply{}, err
	}
	return c.popFirstMembers(o, o.Keys)
}

// popFirstMembers pops from the first key with a sorted set.
func (c *call) popFirstMembers(o arguments.SortedPop, keys []string) (driver.Reply, error) {
	key, items, err := c.takeFirstMembers(keys, o.Count, o.Max)
	if items == nil {
		return driver.Reply{}, err
	}
	return driver.ArrayReply(textReply(key), driver.ArrayReply(items...)), nil
}

// takeFirstMembers takes up to count members, with their scores, from the first key with a
// sorted set, and returns that key. Without such a key there are no members.
func (c *call) takeFirstMembers(keys []string, count int64, greatest bool) (key string, items []driver.Reply, err error) {
	for _, key := range keys {
		e, z, err := c.findSortedSet(key)
		if err != nil {
			return "", nil, err
		}
		if e != nil {
			items = z.pop(count, greatest)
			c.changed(e)
			return key, items, nil
		}
	}
	return "", nil, nil
}

// popMembersWaiting takes key…, timeout.
func popMembersWaiting(greatest bool) func(arguments.List) (wait, error) {
	return func(l arguments.List) (wait, error) {
		keys, timeout, err := l.WaitingKeys()
		return wait{keys: keys, kind: driver.KindSortedSet, timeout: timeout, try: func(c *call, keys []string) (driver.Reply, error) {
			key, items, err := c.takeFirstMembers(keys, 1, greatest)
			if items == nil {
				return driver.Reply{}, err
			}
			return driver.ArrayReply(append([]driver.Reply{textReply(key)}, items...)...), nil
		}}, err
	}
}

// bzmpop takes timeout, numkeys, key…, MIN | MAX [COUNT count].
func bzmpop(l arguments.List) (wait, error) {
	timeout, err := l.Timeout(0)
	if err != nil {
		return wait{}, err
	}
	o, err := l.SortedPop(1)
	return wait{keys: o.Keys, kind: driver.KindSortedSet, timeout: timeout, try: func(c *call, keys []string) (driver.Reply, error) {
		return c.popFirstMembers(o, keys)
	}}, err
}

func zrandMember(c *call) (driver.Reply, error) {
	o, err := c.RandomMembers()
	if err != nil {
		return driver.Reply{}, err
	}
	e, z, err := c.findSortedSet(c.Key(0))
	switch {
	case err != nil:
		return driver.Reply{}, err
	case !o.Given && e == nil:
		return driver.Reply{}, nil
	case !o.Given:
		return memberReply(z.scores.Random().Key), nil
	case e == nil:
		return driver.ArrayReply(), nil
	}
	var items []driver.Reply
	add := func(e *table.Element[float64]) { items = appendMember(items, scored{e.Value, e.Key}, o.WithScores) }
	if o.N < 0 { // members may repeat
		for range -o.N {
			add(z.scores.Random())
		}
		return driver.ArrayReply(items...), nil
	}
	for position := range sample(z.len(), o.N) {
		add(z.scores.At(position))
	}
	return driver.ArrayReply(items...), nil
}

// sample yields count different numbers below n, or all of them.
func sample(n int, count int64) iter.Seq[int] {
	return func(yield func(int) bool) {
		if count >= int64(n) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
			return
		}
		// Floyd's algorithm: each of the last count numbers gives a chance to the numbers
		// before it.
		taken := make(map[int]struct{}, count)
		for i := n - int(count); i < n; i++ {
			pick := rand.IntN(i + 1)
			if _, again := taken[pick]; again {
				pick = i
			}
			taken[pick] = struct{}{}
			if !yield(pick) {
				return
			}
		}
	}
}

func scanScores(z *sortedSet, cursor uint64, count int, found func(string, ...driver.Reply)) uint64 {
	return z.scores.Scan(cursor, count, func(m *table.Element[float64]) { found(m.Key, driver.FloatReply(m.Value)) })
}
