package memory

import (
	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// zrange takes key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES].
func zrange(c *call) (driver.Reply, error) {
	r, err := c.ZRange(1, false)
	if err != nil {
		return driver.Reply{}, err
	}
	e, z, err := c.findSortedSet(c.Key(0))
	if e == nil {
		return driver.ArrayReply(), err
	}
	from, end := z.within(&r)
	width := end - from
	if r.WithScores {
		width *= 2
	}
	items := make([]driver.Reply, 0, width)
	for m := range z.span(from, end, r.Reverse) {
		items = appendMember(items, m, r.WithScores)
	}
	return driver.ArrayReply(items...), nil
}

// zrangeStore takes destination source start stop [options].
func zrangeStore(c *call) (driver.Reply, error) {
	if _, err := c.Keys(0, 2); err != nil {
		return driver.Reply{}, err
	}
	r, err := c.ZRange(2, true)
	if err != nil {
		return driver.Reply{}, err
	}
	e, z, err := c.findSortedSet(c.Key(1))
	if err != nil {
		return driver.Reply{}, err
	}
	var members []scored
	if e != nil {
		from, end := z.within(&r)
		members = make([]scored, 0, end-from)
		for m := range z.span(from, end, false) {
			members = append(members, m)
		}
	}
	return c.storeMembers(c.Key(0), members)
}

// storeMembers stores sorted members at a key, replaces any value there, and returns their
// number.
func (c *call) storeMembers(key string, members []scored) (driver.Reply, error) {
	if len(members) == 0 {
		if e := c.peek(key); e != nil {
			c.remove(e)
		}
		return driver.IntReply(0), nil
	}
	z := new(sortedSet)
	for _, m := range members {
		z.scores.Add(m.member, m.score)
		z.order.Insert(z.order.Len(), m)
		z.bytes += int64(len(m.member))
	}
	if err := c.fitsMore(key, nil, z.size()); err != nil {
		return driver.Reply{}, err
	}
	c.put(key, nil, z, never)
	return driver.IntReply(int64(z.len())), nil
}

// zcount takes key min max.
func zcount(c *call) (driver.Reply, error) {
	r, err := c.ScoreRange(1)
	return c.countMembers(&r, err)
}

// zlexCount takes key min max.
func zlexCount(c *call) (driver.Reply, error) {
	r, err := c.LexRange(1)
	return c.countMembers(&r, err)
}

func (c *call) countMembers(r *arguments.Range, err error) (driver.Reply, error) {
	if err != nil {
		return driver.Reply{}, err
	}
	e, z, err := c.findSortedSet(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	from, end := z.within(r)
	return driver.IntReply(int64(end - from)), nil
}

// zremRangeByRank takes key start stop.
func zremRangeByRank(c *call) (driver.Reply, error) {
	r, err := c.RankRange(1)
	return c.removeMembers(&r, err)
}

// zremRangeByScore takes key min max.
func zremRangeByScore(c *call) (driver.Reply, error) {
	r, err := c.ScoreRange(1)
	return c.removeMembers(&r, err)
}

// zremRangeByLex takes key min max.
func zremRangeByLex(c *call) (driver.Reply, error) {
	r, err := c.LexRange(1)
	return c.removeMembers(&r, err)
}

func (c *call) removeMembers(r *arguments.Range, err error) (driver.Reply, error) {
	if err != nil {
		return driver.Reply{}, err
	}
	e, z, err := c.findSortedSet(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	from, end := z.within(r)
	if end-from == z.len() { // removes the whole key at once
		c.remove(e)
		return driver.IntReply(int64(end - from)), nil
	}
	for range end - from {
		z.removeRank(from)
	}
	c.changedIf(end > from, e)
	return driver.IntReply(int64(end - from)), nil
}
