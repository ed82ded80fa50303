package memory

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
	"github.com/xcache-go/xcache/drivers/memory/internal/ordered"
)

// A group has consumers who share a stream: each entry is delivered to one of them, and is
// pending until its acknowledgement.
type group struct {
	last      arguments.StreamID // the ID of the last delivered entry
	read      int64              // the number of entries up to last, or unknownRead
	pending   deliveries
	consumers map[string]*consumer
}

const unknownRead = -1

// A consumer is a member of a group.
type consumer struct {
	name    string
	pending deliveries
	// seen is the time of the last request, and active the time of the last delivery, in
	// milliseconds since 1970. active is -1 before the first delivery.
	seen, active int64
}

// A delivery is an entry that a consumer has got and not acknowledged.
type delivery struct {
	id       arguments.StreamID
	consumer *consumer
	at       int64 // in milliseconds since 1970
	times    int64
}

// deliveries are in the order of their IDs.
type deliveries struct {
	ordered.Sequence[*delivery]
}

// These are the sizes of a group, a consumer and a delivery beside the bytes of their
// names.
const (
	groupOverhead    = 256
	consumerOverhead = 192
	deliveryOverhead = 96
)

func wallClock() int64 { return time.Now().UnixMilli() }

func (d *deliveries) place(id arguments.StreamID) int {
	return d.Search(func(other *delivery) bool { return other.id.Compare(id) >= 0 })
}

// find returns the delivery of an entry, or nil.
func (d *deliveries) find(id arguments.StreamID) *delivery {
	if place := d.place(id); place < d.Len() && d.At(place).id == id {
		return d.At(place)
	}
	return nil
}

func (d *deliveries) put(one *delivery) { d.Insert(d.place(one.id), one) }

func (d *deliveries) take(id arguments.StreamID) { d.Delete(d.place(id)) }

// deliver makes an entry pending for a consumer, and for no other.
func (s *stream) deliver(g *group, id arguments.StreamID, to *consumer) *delivery {
	d := g.pending.find(id)
	if d == nil {
		d = &delivery{id: id, consumer: to, times: 1} // as on servers, a forced claim counts as the second
		g.pending.put(d)
		to.pending.put(d)
		s.bytes += deliveryOverhead
	} else if d.consumer != to {
		d.consumer.pending.take(id)
		d.consumer = to
		to.pending.put(d)
	}
	return d
}

// removePending ends that an entry is pending, and reports whether the entry was pending.
func (s *stream) removePending(g *group, id arguments.StreamID) bool {
	d := g.pending.find(id)
	if d == nil {
		return false
	}
	g.pending.take(id)
	d.consumer.pending.take(id)
	s.bytes -= deliveryOverhead
	return true
}

// consumer returns a consumer of a group, and notes a request of the consumer. A missing
// consumer is created.
func (s *stream) consumer(g *group, name string, now int64) (one *consumer, created bool) {
	one = g.consumers[name]
	if one == nil {
		one = &consumer{name: strings.Clone(name), active: -1}
		g.consumers[one.name] = one
		s.bytes += consumerOverhead + int64(len(name))
		created = true
	}
	one.seen = now
	return one, created
}

// findGroup returns a group of a stream. A missing stream or group is ErrNotFound.
func (t *transaction) findGroup(key string, name []byte) (*entry, *stream, *group, error) {
	e, s, err := t.findStream(key)
	if err != nil {
		return nil, nil, nil, err
	}
	if e != nil {
		if g := s.groups[string(name)]; g != nil {
			return e, s, g, nil
		}
	}
	return nil, nil, nil, driver.ErrNotFound
}

// xgroup takes CREATE, SETID, DESTROY, CREATECONSUMER or DELCONSUMER, and key group ….
func xgroup(c *call) (driver.Reply, error) {
	subcommand, err := c.GroupSubcommand()
	if err != nil {
		return driver.Reply{}, err
	}
	switch subcommand {
	case "CREATE":
		return createGroup(c)
	case "SETID":
		return setGroupID(c)
	case "DESTROY":
		return destroyGroup(c)
	case "CREATECONSUMER":
		return createConsumer(c)
	}
	return deleteConsumer(c)
}

// createGroup takes CREATE key group ID | $ [MKSTREAM] [ENTRIESREAD count]. An existing
// group is ErrNotStored.
func createGroup(c *call) (driver.Reply, error) {
	o, err := c.Group(true)
	if err != nil {
		return driver.Reply{}, err
	}
	key, name := c.Key(1), c.member(2)
	e, s, err := c.findStream(key)
	switch {
	case err != nil:
		return driver.Reply{}, err
	case e == nil && !o.MakeStream:
		return driver.Reply{}, driver.ErrNotFound
	case e == nil:
		s = new(stream)
	case s.groups[name] != nil:
		return driver.Reply{}, driver.ErrNotStored
	}
	if err := c.fitsMore(key, e, groupOverhead+int64(len(name))); err != nil {
		return driver.Reply{}, err
	}
	g := &group{last: o.ID, read: o.Read, consumers: make(map[string]*consumer)}
	if o.Last {
		g.last = s.last
	}
	if s.groups == nil {
		s.groups = make(map[string]*group)
	}
	s.groups[name] = g
	s.bytes += groupOverhead + int64(len(name))
	if e == nil {
		c.put(key, nil, s, never)
	} else {
		c.recount(e)
	}
	return okReply, nil
}

// setGroupID takes SETID key group ID | $ [ENTRIESREAD count].
func setGroupID(c *call) (driver.Reply, error) {
	o, err := c.Group(false)
	if err != nil {
		return driver.Reply{}, err
	}
	_, s, g, err := c.findGroup(c.Key(1), c.Bytes(2))
	if err != nil {
		return driver.Reply{}, err
	}
	g.last, g.read = o.ID, o.Read
	if o.Last {
		g.last = s.last
	}
	return okReply, nil
}

// destroyGroup takes DESTROY key group.
func destroyGroup(c *call) (driver.Reply, error) {
	e, s, err := c.findStream(c.Key(1))
	switch {
	case err != nil:
		return driver.Reply{}, err
	case e == nil:
		return driver.Reply{}, driver.ErrNotFound
	}
	name := string(c.Bytes(2))
	g := s.groups[name]
	if g == nil {
		return driver.IntReply(0), nil
	}
	delete(s.groups, name)
	s.bytes -= groupOverhead + int64(len(name)) + int64(g.pending.Len())*deliveryOverhead
	for _, one := range g.consumers {
		s.bytes -= consumerOverhead + int64(len(one.name))
	}
	c.recount(e)
	c.db.shardOf(e.hash).wake(e.key) // waiting readers of the group get an error
	return driver.IntReply(1), nil
}

// createConsumer takes CREATECONSUMER key group consumer.
func createConsumer(c *call) (driver.Reply, error) {
	e, s, g, err := c.findGroup(c.Key(1), c.Bytes(2))
	if err != nil {
		return driver.Reply{}, err
	}
	if g.consumers[string(c.Bytes(3))] != nil {
		return driver.IntReply(0), nil
	}
	s.consumer(g, c.member(3), wallClock())
	c.recount(e)
	return driver.IntReply(1), nil
}

// deleteConsumer takes DELCONSUMER key group consumer, and returns the number of its
// pending entries.
func deleteConsumer(c *call) (driver.Reply, error) {
	e, s, g, err := c.findGroup(c.Key(1), c.Bytes(2))
	if err != nil {
		return driver.Reply{}, err
	}
	one := g.consumers[string(c.Bytes(3))]
	if one == nil {
		return driver.IntReply(0), nil
	}
	pending := one.pending.Len()
	for one.pending.Len() > 0 {
		s.removePending(g, one.pending.At(0).id)
	}
	delete(g.consumers, one.name)
	s.bytes -= consumerOverhead + int64(len(one.name))
	c.recount(e)
	return driver.IntReply(int64(pending)), nil
}

// xreadGroup takes GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS
// key… ID…. For the ID > xreadGroup returns new entries of the group, and may wait for
// them. For other IDs xreadGroup returns the pending entries of the consumer.
func xreadGroup(l arguments.List) (wait, error) {
	o, err := l.ReadStreams(true)
	return wait{keys: o.Keys, kind: driver.KindStream, timeout: o.Timeout, always: true, try: func(c *call, _ []string) (driver.Reply, error) {
		return c.readGroups(&o)
	}}, err
}

func (c *call) readGroups(o *arguments.ReadStreams) (driver.Reply, error) {
	for _, key := range o.Keys { // all groups must exist before any stream is read
		if _, _, _, err := c.findGroup(key, []byte(o.Group)); err != nil {
			return driver.Reply{}, err
		}
	}
	now := wallClock()
	var items []driver.Reply
	for k, key := range o.Keys {
		e, s, g, err := c.findGroup(key, []byte(o.Group))
		if err != nil {
			return driver.Reply{}, err
		}
		one, _ := s.consumer(g, o.Consumer, now)
		if !o.New[k] {
			items = append(items, textReply(key), driver.ArrayReply(s.readPending(one, o.IDs[k], o.Count, now)...))
		} else if found := s.readNew(g, one, o, now); len(found) > 0 {
			items = append(items, textReply(key), driver.ArrayReply(found...))
		}
		c.recount(e)
	}
	if items == nil {
		return driver.Reply{}, nil
	}
	return driver.ArrayReply(items...), nil
}

// readNew delivers entries that the group has not read yet.
func (s *stream) readNew(g *group, to *consumer, o *arguments.ReadStreams, now int64) (items []driver.Reply) {
	if g.last == arguments.MaxStreamID {
		return nil
	}
	for e := range s.entries.From(s.place(g.last.Next())) {
		if o.Count > 0 && int64(len(items)) == o.Count {
			break
		}
		if g.read != unknownRead && !s.lacksBehind(e.id) {
			g.read++
		} else {
			g.read = s.distance(e.id)
		}
		g.last = e.id
		items = append(items, e.reply())
		if !o.NoAck {
			d := s.deliver(g, e.id, to)
			d.at, d.times = now, 1
			to.active = now
		}
	}
	return items
}

// readPending returns the entries that are pending for a consumer behind an ID. The fields
// of a deleted entry are nil.
func (s *stream) readPending(from *consumer, id arguments.StreamID, count, now int64) (items []driver.Reply) {
	if id == arguments.MaxStreamID {
		return nil
	}
	for d := range from.pending.From(from.pending.place(id.Next())) {
		if count > 0 && int64(len(items)) == count {
			break
		}
		place, ok := s.find(d.id)
		if !ok {
			items = append(items, driver.ArrayReply(idReply(d.id), driver.Reply{}))
			continue
		}
		d.at = now
		d.times++
		e := s.entries.At(place)
		items = append(items, e.reply())
	}
	return items
}

// lacksBehind reports whether entries at or behind an ID may have been deleted.
func (s *stream) lacksBehind(id arguments.StreamID) bool {
	return s.entries.Len() > 0 && !s.deleted.IsZero() && id.Compare(s.deleted) <= 0
}

// distance returns the number of entries that were ever added up to an ID, or unknownRead.
func (s *stream) distance(id arguments.StreamID) int64 {
	switch n := int64(s.entries.Len()); {
	case s.added == 0:
		return 0
	case n == 0 && id.Compare(s.last) < 1:
		return s.added
	case id == s.last:
		return s.added
	case id.Compare(s.last) > 0:
		return unknownRead
	case !s.deleted.IsZero() && s.deleted.Compare(s.first()) >= 0:
		return unknownRead
	case id.Compare(s.first()) < 0:
		return s.added - n
	case id == s.first():
		return s.added - n + 1
	}
	return unknownRead
}

// xack takes key group ID [ID ...].
func xack(c *call) (driver.Reply, error) {
	ids, err := c.StreamIDs(2)
	if err != nil {
		return driver.Reply{}, err
	}
	e, s, err := c.findStream(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	g := s.groups[string(c.Bytes(1))]
	if g == nil {
		return driver.IntReply(0), nil
	}
	var settled int64
	for _, id := range ids {
		if s.removePending(g, id) {
			settled++
		}
	}
	c.recount(e)
	return driver.IntReply(settled), nil
}

// xpending takes key group [[IDLE milliseconds] start stop count [consumer]].
func xpending(c *call) (driver.Reply, error) {
	o, err := c.Pending()
	if err != nil {
		return driver.Reply{}, err
	}
	_, _, g, err := c.findGroup(c.Key(0), c.Bytes(1))
	if err != nil {
		return driver.Reply{}, err
	}
	if o.Summary {
		return g.summary(), nil
	}
	pending := &g.pending
	if o.Only {
		one := g.consumers[o.Consumer]
		if one == nil {
			return driver.ArrayReply(), nil
		}
		pending = &one.pending
	}
	now := wallClock()
	var items []driver.Reply
	for d := range pending.From(pending.place(o.Range.Start)) {
		if int64(len(items)) == o.Range.Count || d.id.Compare(o.Range.Stop) > 0 {
			break
		}
		if idle := max(0, now-d.at); idle >= o.Idle.Milliseconds() {
			items = append(items, driver.ArrayReply(idReply(d.id), textReply(d.consumer.name), driver.IntReply(idle), driver.IntReply(d.times)))
		}
	}
	return driver.ArrayReply(items...), nil
}

// summary returns the number of pending entries, the first and the last of them, and the
// number of each consumer.
func (g *group) summary() driver.Reply {
	n := g.pending.Len()
	if n == 0 {
		return driver.ArrayReply(driver.IntReply(0), driver.Reply{}, driver.Reply{}, driver.Reply{})
	}
	var consumers []driver.Reply
	for _, name := range slices.Sorted(maps.Keys(g.consumers)) {
		if n := g.consumers[name].pending.Len(); n > 0 {
			consumers = append(consumers, textReply(name), driver.IntReply(int64(n)))
		}
	}
	return driver.ArrayReply(driver.IntReply(int64(n)), idReply(g.pending.At(0).id), idReply(g.pending.At(n-1).id), driver.ArrayReply(consumers...))
}

// xclaim takes key group consumer idle ID… [options].
func xclaim(c *call) (driver.Reply, error) {
	now := wallClock()
	o, err := c.Claim(now)
	if err != nil {
		return driver.Reply{}, err
	}
	e, s, g, err := c.findGroup(c.Key(0), c.Bytes(1))
	if err != nil {
		return driver.Reply{}, err
	}
	if o.LastID.Compare(g.last) > 0 {
		g.last = o.LastID
	}
	to, _ := s.consumer(g, string(c.Bytes(2)), now)
	var items []driver.Reply
	for _, id := range o.IDs {
		place, ok := s.find(id)
		if !ok {
			s.removePending(g, id)
			continue
		}
		d := g.pending.find(id)
		if d == nil && !o.Force || d != nil && now-d.at < o.Idle.Milliseconds() {
			continue
		}
		items = append(items, s.claim(g, place, to, &o))
	}
	if len(items) > 0 {
		to.active = now
	}
	c.recount(e)
	return driver.ArrayReply(items...), nil
}

// claim makes the entry at a place pending for a consumer.
func (s *stream) claim(g *group, place int, to *consumer, o *arguments.Claim) driver.Reply {
	e := s.entries.At(place)
	d := s.deliver(g, e.id, to)
	d.at = o.Delivered
	switch {
	case o.Retries >= 0:
		d.times = o.Retries
	case !o.JustID:
		d.times++
	}
	if o.JustID {
		return idReply(e.id)
	}
	return e.reply()
}

// claimSteps is the number of entries that XAUTOCLAIM looks at, for each wanted entry.
const claimSteps = 10

// xautoClaim takes key group consumer idle start [COUNT count] [JUSTID]. The reply has the
// next start, 0-0 at the end, the claimed entries, and the IDs of pending entries that were
// deleted.
func xautoClaim(c *call) (driver.Reply, error) {
	o, err := c.AutoClaim()
	if err != nil {
		return driver.Reply{}, err
	}
	e, s, g, err := c.findGroup(c.Key(0), c.Bytes(1))
	if err != nil {
		return driver.Reply{}, err
	}
	now := wallClock()
	o.Delivered = now
	to, _ := s.consumer(g, string(c.Bytes(2)), now)
	var claimed, gone []driver.Reply
	at := g.pending.place(o.Start)
	for steps := o.Count * claimSteps; steps > 0 && o.Count > 0 && at < g.pending.Len(); steps-- {
		d := g.pending.At(at)
		place, ok := s.find(d.id)
		switch {
		case !ok:
			gone = append(gone, idReply(d.id))
			s.removePending(g, d.id)
			o.Count--
			continue // the next entry is at this place now
		case now-d.at >= o.Idle.Milliseconds():
			claimed = append(claimed, s.claim(g, place, to, &o))
			o.Count--
		}
		at++
	}
	var next arguments.StreamID
	if at < g.pending.Len() {
		next = g.pending.At(at).id
	}
	if len(claimed) > 0 {
		to.active = now
	}
	c.recount(e)
	return driver.ArrayReply(idReply(next), driver.ArrayReply(claimed...), driver.ArrayReply(gone...)), nil
}

func (s *stream) groupInfos() driver.Reply {
	var items []driver.Reply
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[name]
		items = append(items, named(
			"name", textReply(name),
			"consumers", driver.IntReply(int64(len(g.consumers))),
			"pending", driver.IntReply(int64(g.pending.Len())),
			"last-delivered-id", idReply(g.last),
			"entries-read", known(g.read),
			"lag", s.lag(g),
		))
	}
	return driver.ArrayReply(items...)
}

// lag returns the number of entries that a group has not read yet, or nil for an unknown
// number.
func (s *stream) lag(g *group) driver.Reply {
	read := g.read
	switch {
	case s.added == 0:
		return driver.IntReply(0)
	case read == unknownRead || s.lacksBehind(g.last):
		if read = s.distance(g.last); read == unknownRead {
			return driver.Reply{}
		}
	}
	return driver.IntReply(s.added - read)
}

// known returns a number, or nil for an unknown number.
func known(n int64) driver.Reply {
	if n == unknownRead {
		return driver.Reply{}
	}
	return driver.IntReply(n)
}

func (g *group) consumerInfos() driver.Reply {
	now := wallClock()
	var items []driver.Reply
	for _, name := range slices.Sorted(maps.Keys(g.consumers)) {
		one := g.consumers[name]
		inactive := int64(-1)
		if one.active >= 0 {
			inactive = max(0, now-one.active)
		}
		items = append(items, named(
			"name", textReply(name),
			"pending", driver.IntReply(int64(one.pending.Len())),
			"idle", driver.IntReply(max(0, now-one.seen)),
			"inactive", driver.IntReply(inactive),
		))
	}
	return driver.ArrayReply(items...)
}
