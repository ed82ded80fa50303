package memory

import (
	"cmp"
	"iter"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
)

// A source is an operand of ZUNION and its variants: a sorted set, or a set, whose members
// have the score 1.
type source interface {
	len() int
	score(member string) (float64, bool)
	all() iter.Seq2[string, float64]
}

// nothing is the source of a missing key.
type nothing struct{}

func (nothing) len() int                        { return 0 }
func (nothing) score(string) (float64, bool)    { return 0, false }
func (nothing) all() iter.Seq2[string, float64] { return func(func(string, float64) bool) {} }

// findSources is find for keys that hold sorted sets or sets, or are missing.
func (t *transaction) findSources(keys []string) ([]source, error) {
	sources := make([]source, len(keys))
	for i, key := range keys {
		sources[i] = nothing{}
		if e := t.find(key); e != nil {
			var ok bool
			if sources[i], ok = e.object.(source); !ok {
				return nil, driver.ErrWrongType
			}
		}
	}
	return sources, nil
}

// A combine combines several sources into one list of members, in no order.
type combine func(o *arguments.CombineOptions, sources []source) []scored

func zunion(c *call) (driver.Reply, error) { return c.combined(union, true) }
func zinter(c *call) (driver.Reply, error) { return c.combined(intersection, true) }
func zdiff(c *call) (driver.Reply, error)  { return c.combined(difference, false) }

func zunionStore(c *call) (driver.Reply, error) { return c.storeCombined(union, true) }
func zinterStore(c *call) (driver.Reply, error) { return c.storeCombined(intersection, true) }
func zdiffStore(c *call) (driver.Reply, error)  { return c.storeCombined(difference, false) }

// combined takes numkeys key [key ...] [options].
func (c *call) combined(combine combine, weighted bool) (driver.Reply, error) {
	o, err := c.CombineOptions(0, weighted, false)
	if err != nil {
		return driver.Reply{}, err
	}
	members, err := c.combine(combine, &o)
	items := make([]driver.Reply, 0, 2*len(members))
	for _, m := range members {
		items = appendMember(items, m, o.WithScores)
	}
	return driver.ArrayReply(items...), err
}

// storeCombined takes destination numkeys key [key ...] [options].
func (c *call) storeCombined(combine combine, weighted bool) (driver.Reply, error) {
	if _, err := c.Keys(0, 1); err != nil {
		return driver.Reply{}, err
	}
	o, err := c.CombineOptions(1, weighted, true)
	if err != nil {
		return driver.Reply{}, err
	}
	members, err := c.combine(combine, &o)
	if err != nil {
		return driver.Reply{}, err
	}
	return c.storeMembers(c.Key(0), members)
}

// combine returns the sorted members of the combined sources.
func (c *call) combine(combine combine, o *arguments.CombineOptions) ([]scored, error) {
	sources, err := c.findSources(o.Keys)
	if err != nil {
		return nil, err
	}
	members := combine(o, sources)
	slices.SortFunc(members, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.member, b.member))
	})
	return members, nil
}

// bySize returns the indexes of sources, the smallest source first. This order has the
// fewest look-ups, and adds scores in the order of Redis.
func bySize(sources []source) []int {
	places := make([]int, len(sources))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(sources[a].len(), sources[b].len()) })
	return places
}

// union returns the members of any source.
func union(o *arguments.CombineOptions, sources []source) (members []scored) {
	found := make(map[string]int) // the index in members
	for _, i := range bySize(sources) {
		for member, score := range sources[i].all() {
			score = o.Weigh(i, score)
			if at, ok := found[member]; ok {
				members[at].score = o.Aggregate.Of(members[at].score, score)
				continue
			}
			found[member] = len(members)
			members = append(members, scored{score, member})
		}
	}
	return members
}

// intersection returns the members of all sources.
func intersection(o *arguments.CombineOptions, sources []source) (members []scored) {
	places := bySize(sources)
next:
	for member, score := range sources[places[0]].all() {
		score = o.Weigh(places[0], score)
		for _, i := range places[1:] {
			other, ok := sources[i].score(member)
			if !ok {
				continue next
			}
			score = o.Join(score, i, other)
		}
		members = append(members, scored{score, member})
	}
	return members
}

// difference returns the members of the first source that are in no other source.
func difference(_ *arguments.CombineOptions, sources []source) (members []scored) {
next:
	for member, score := range sources[0].all() {
		for _, other := range sources[1:] {
			if _, ok := other.score(member); ok {
				continue next
			}
		}
		members = append(members, scored{score, member})
	}
	return members
}

// zinterCard takes numkeys key [key ...] [LIMIT limit].
func zinterCard(c *call) (driver.Reply, error) {
	keys, limit, err := c.InterCard()
	if err != nil {
		return driver.Reply{}, err
	}
	sources, err := c.findSources(keys)
	if err != nil {
		return driver.Reply{}, err
	}
	places := bySize(sources)
	var count int64
next:
	for member := range sources[places[0]].all() {
		for _, i := range places[1:] {
			if _, ok := sources[i].score(member); !ok {
				continue next
			}
		}
		if count++; count == limit {
			break
		}
	}
	return driver.IntReply(count), nil
}
