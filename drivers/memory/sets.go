package memory

import (
	"cmp"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
	"github.com/xcache-go/xcache/drivers/memory/internal/table"
)

var setCommands = map[string]command{
	"SADD":        {run: sadd, min: 2, max: arguments.Unlimited},
	"SREM":        {run: srem, min: 2, max: arguments.Unlimited},
	"SMOVE":       {run: smove, min: 3, max: 3},
	"SPOP":        {run: spop, min: 1, max: 2},
	"SRANDMEMBER": {run: srandMember, min: 1, max: 2},
	"SCARD":       {run: scard, min: 1, max: 1},
	"SMEMBERS":    {run: smembers, min: 1, max: 1},
	"SISMEMBER":   {run: sisMember, min: 2, max: 2},
	"SMISMEMBER":  {run: smisMember, min: 2, max: arguments.Unlimited},
	"SSCAN":       {run: scans(false, scanMembers), min: 2, max: arguments.Unlimited},
	"SUNION":      {run: combines(sunion), min: 1, max: arguments.Unlimited},
	"SINTER":      {run: combines(sinter), min: 1, max: arguments.Unlimited},
	"SDIFF":       {run: combines(sdiff), min: 1, max: arguments.Unlimited},
	"SUNIONSTORE": {run: storesCombined(sunion), min: 2, max: arguments.Unlimited},
	"SINTERSTORE": {run: storesCombined(sinter), min: 2, max: arguments.Unlimited},
	"SDIFFSTORE":  {run: storesCombined(sdiff), min: 2, max: arguments.Unlimited},
	"SINTERCARD":  {run: sinterCard, min: 2, max: arguments.Unlimited},
}

// A memberSet is the value of the key of a set.
type memberSet struct {
	members table.Table[struct{}]
	bytes   int64
}

// setMemberOverhead is the memory of a member beside its bytes: its places in the table,
// and the rounding of allocations.
const setMemberOverhead = 80

func (s *memberSet) kind() driver.Kind { return driver.KindSet }
func (s *memberSet) size() int64       { return s.bytes + int64(s.members.Len())*setMemberOverhead }
func (s *memberSet) empty() bool       { return s.members.Len() == 0 }

// len returns the number of members. A nil set has no members.
func (s *memberSet) len() int {
	if s == nil {
		return 0
	}
	return s.members.Len()
}

func (s *memberSet) has(member string) bool { return s != nil && s.members.Position(member) >= 0 }

// add adds a member, and reports whether the member is new.
func (s *memberSet) add(member string) bool {
	if s.has(member) {
		return false
	}
	s.members.Add(member, struct{}{})
	s.bytes += int64(len(member))
	return true
}

// removeAt removes the member at a position of the table, and returns the member.
func (s *memberSet) removeAt(position int) string {
	member := s.members.Delete(position).Key
	s.bytes -= int64(len(member))
	return member
}

// each yields every member, which the loop must not change.
func (s *memberSet) each() iter.Seq[string] {
	return func(yield func(string) bool) {
		for position := range s.len() {
			if !yield(s.members.At(position).Key) {
				return
			}
		}
	}
}

// score and all make a set a source of sorted sets, in which each member has the score 1.
func (s *memberSet) score(member string) (float64, bool) { return 1, s.has(member) }

func (s *memberSet) all() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for member := range s.each() {
			if !yield(member, 1) {
				return
			}
		}
	}
}

// place returns the position of argument i in a set, or -1.
func (c *call) place(s *memberSet, i int) int {
	if a := &c.Cmd.Args[i]; a.Role == driver.RoleValue {
		return s.members.PositionOf(a.Data)
	}
	return s.members.Position(c.Text(i))
}

// sadd takes key, member…. A repeated member counts twice when room is scarce.
func sadd(c *call) (driver.Reply, error) {
	e, s, err := c.findSet(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	var grown int64
	for i := 1; i < c.Count(); i++ {
		if e == nil || c.place(s, i) < 0 {
			grown += setMemberOverhead + int64(c.Size(i))
		}
	}
	if err := c.fitsMore(c.Key(0), e, grown); err != nil {
		return driver.Reply{}, err
	}
	if e == nil {
		s = new(memberSet)
	}
	var added int64
	for i := 1; grown > 0 && i < c.Count(); i++ {
		if c.place(s, i) < 0 {
			s.add(string(c.Bytes(i)))
			added++
		}
	}
	if added > 0 {
		c.store(c.Key(0), e, s)
	}
	return driver.IntReply(added), nil
}

func srem(c *call) (driver.Reply, error) {
	e, s, err := c.findSet(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	var removed int64
	for i := 1; i < c.Count(); i++ {
		if position := c.place(s, i); position >= 0 {
			s.removeAt(position)
			removed++
		}
	}
	c.changedIf(removed > 0, e)
	return driver.IntReply(removed), nil
}

// smove takes source, destination, member.
func smove(c *call) (driver.Reply, error) {
	from, source, err := c.findSet(c.Key(0))
	if from == nil {
		return driver.IntReply(0), err
	}
	to, destination, err := c.findSet(c.Key(1))
	if err != nil {
		return driver.Reply{}, err
	}
	position := c.place(source, 2)
	if position < 0 || from == to {
		return boolReply(position >= 0), nil
	}
	member := source.members.At(position).Key
	if !destination.has(member) {
		if err := c.fitsMore(c.Key(1), to, setMemberOverhead+int64(len(member))); err != nil {
			return driver.Reply{}, err
		}
	}
	source.removeAt(position)
	c.changed(from)
	if to == nil {
		destination = new(memberSet)
	}
	if destination.add(member) {
		c.store(c.Key(1), to, destination)
	}
	return driver.IntReply(1), nil
}

// spop takes key [count]. Without a count the reply is one member, and with a count the
// reply is a list.
func spop(c *call) (driver.Reply, error) {
	count, err := c.PopCount()
	if err != nil {
		return driver.Reply{}, err
	}
	e, s, err := c.findSet(c.Key(0))
	switch {
	case err != nil:
		return driver.Reply{}, err
	case e == nil && count.Given:
		return driver.ArrayReply(), nil
	case e == nil:
		return driver.Reply{}, nil
	}
	items := make([]driver.Reply, min(count.N, int64(s.len())))
	for i := range items {
		items[i] = textReply(s.removeAt(rand.IntN(s.len())))
	}
	c.changedIf(len(items) > 0, e)
	if !count.Given {
		return items[0], nil
	}
	return driver.ArrayReply(items...), nil
}

// srandMember takes key [count].
func srandMember(c *call) (driver.Reply, error) {
	count, err := c.RandomCount(false)
	if err != nil {
		return driver.Reply{}, err
	}
	e, s, err := c.findSet(c.Key(0))
	switch {
	case err != nil:
		return driver.Reply{}, err
	case e == nil && count.Given:
		return driver.ArrayReply(), nil
	case e == nil:
		return driver.Reply{}, nil
	case !count.Given:
		return textReply(s.members.Random().Key), nil
	}
	positions := picks(s.len(), count.N)
	items := make([]driver.Reply, len(positions))
	for i, position := range positions {
		items[i] = textReply(s.members.At(position).Key)
	}
	return driver.ArrayReply(items...), nil
}

func scard(c *call) (driver.Reply, error) {
	_, s, err := c.findSet(c.Key(0))
	return driver.IntReply(int64(s.len())), err
}

func smembers(c *call) (driver.Reply, error) {
	_, s, err := c.findSet(c.Key(0))
	return membersReply(s), err
}

// membersReply returns a list of the members of a set. s may be nil.
func membersReply(s *memberSet) driver.Reply {
	items := make([]driver.Reply, 0, s.len())
	for member := range s.each() {
		items = append(items, textReply(member))
	}
	return driver.ArrayReply(items...)
}

func sisMember(c *call) (driver.Reply, error) {
	e, s, err := c.findSet(c.Key(0))
	return boolReply(e != nil && c.place(s, 1) >= 0), err
}

func smisMember(c *call) (driver.Reply, error) {
	e, s, err := c.findSet(c.Key(0))
	if err != nil {
		return driver.Reply{}, err
	}
	items := make([]driver.Reply, 0, c.Count()-1)
	for i := 1; i < c.Count(); i++ {
		items = append(items, boolReply(e != nil && c.place(s, i) >= 0))
	}
	return driver.ArrayReply(items...), nil
}

func scanMembers(s *memberSet, cursor uint64, count int, found func(string, ...driver.Reply)) uint64 {
	return s.members.Scan(cursor, count, func(m *table.Element[struct{}]) { found(m.Key) })
}

// A combination makes a new set of up to limit members of several sets. Sets may be nil.
type combination func(sets []*memberSet, limit int64) *memberSet

func sunion(sets []*memberSet, _ int64) *memberSet {
	result := new(memberSet)
	for _, s := range sets {
		for member := range s.each() {
			result.add(member)
		}
	}
	return result
}

// sinter looks at the members of the smallest set.
func sinter(sets []*memberSet, limit int64) *memberSet {
	result := new(memberSet)
	smallest := slices.MinFunc(sets, func(a, b *memberSet) int { return cmp.Compare(a.len(), b.len()) })
	for member := range smallest.each() {
		if int64(result.len()) == limit {
			break
		}
		if !slices.ContainsFunc(sets, func(s *memberSet) bool { return !s.has(member) }) {
			result.add(member)
		}
	}
	return result
}

func sdiff(sets []*memberSet, _ int64) *memberSet {
	result := new(memberSet)
	for member := range sets[0].each() {
		if !slices.ContainsFunc(sets[1:], func(s *memberSet) bool { return s.has(member) }) {
			result.add(member)
		}
	}
	return result
}

// combines takes key….
func combines(combine combination) func(*call) (driver.Reply, error) {
	return func(c *call) (driver.Reply, error) {
		keys, err := c.Keys(0, c.Count())
		if err != nil {
			return driver.Reply{}, err
		}
		sets, err := c.findSets(keys)
		if err != nil {
			return driver.Reply{}, err
		}
		return membersReply(combine(sets, math.MaxInt64)), nil
	}
}

// storesCombined takes destination, key…. Any value at destination is replaced.
func storesCombined(combine combination) func(*call) (driver.Reply, error) {
	return func(c *call) (driver.Reply, error) {
		keys, err := c.Keys(0, c.Count())
		if err != nil {
			return driver.Reply{}, err
		}
		sets, err := c.findSets(keys[1:])
		if err != nil {
			return driver.Reply{}, err
		}
		result := combine(sets, math.MaxInt64)
		if err := c.fitsMore(keys[0], nil, result.size()); err != nil {
			return driver.Reply{}, err
		}
		if !result.empty() {
			c.put(keys[0], nil, result, never)
		} else if e := c.peek(keys[0]); e != nil {
			c.remove(e)
		}
		return driver.IntReply(int64(result.len())), nil
	}
}

// sinterCard takes numkeys, key… [LIMIT limit].
func sinterCard(c *call) (driver.Reply, error) {
	keys, limit, err := c.InterCard()
	if err != nil {
		return driver.Reply{}, err
	}
	sets, err := c.findSets(keys)
	if err != nil {
		return driver.Reply{}, err
	}
	if limit == 0 {
		limit = math.MaxInt64
	}
	return driver.IntReply(int64(sinter(sets, limit).len())), nil
}

// findSet is find for keys that must hold a set or be missing.
func (t *transaction) findSet(key string) (*entry, *memberSet, error) {
	return findObject[*memberSet](t, key)
}

// findSets is findSet for several keys. The set of a missing key is nil.
func (t *transaction) findSets(keys []string) ([]*memberSet, error) {
	sets := make([]*memberSet, len(keys))
	for i, key := range keys {
		var err error
		if _, sets[i], err = t.findSet(key); err != nil {
			return nil, err
		}
	}
	return sets, nil
}
