package memory

import (
	"iter"
	"time"

	"github.com/xcache-go/xcache/driver"
	"github.com/xcache-go/xcache/drivers/internal/arguments"
	"github.com/xcache-go/xcache/drivers/memory/internal/ordered"
)

var streamCommands = map[string]command{
	"XACK":       {run: xack, min: 3, max: arguments.Unlimited},
	"XADD":       {run: xadd, min: 4, max: arguments.Unlimited},
	"XAUTOCLAIM": {run: xautoClaim, min: 5, max: arguments.Unlimited},
	"XCLAIM":     {run: xclaim, min: 5, max: arguments.Unlimited},
	"XDEL":       {run: xdel, min: 2, max: arguments.Unlimited},
	"XGROUP":     {run: xgroup, min: 2, max: arguments.Unlimited},
	"XINFO":      {run: xinfo, min: 2, max: 3},
	"XLEN":       {run: xlen, min: 1, max: 1},
	"XPENDING":   {run: xpending, min: 2, max: arguments.Unlimited},
	"XRANGE":     {run: xrange, min: 3, max: arguments.Unlimited},
	"XREAD":      waiting(xread, 3, arguments.Unlimited),
	"XREADGROUP": waiting(xreadGroup, 6, arguments.Unlimited),
	"XREVRANGE":  {run: xrevRange, min: 3, max: arguments.Unlimited},
	"XTRIM":      {run: xtrim, min: 3, max: arguments.Unlimited},
}

// A stream is a log: entries are added at the end, and most are removed from the front.
type stream struct {
	entries ordered.Sequence[streamEntry]
	last    arguments.StreamID // the ID of the last entry that was ever added
	added   int64              // the number of entries that were ever added
	// deleted is the greatest ID of an entry that was deleted from the middle.
	deleted arguments.StreamID
	groups  map[string]*group
	bytes   int64 // of all entries without their overhead
}

// A streamEntry has the ID of an entry, and its fields, each followed by its value. No
// field or value is written to again.
type streamEntry struct {
	id     arguments.StreamID
	fields [][]byte
}

// These are the sizes of an entry, and of a field or a value, beside their bytes.
const (
	streamEntryOverhead = 80
	streamFieldOverhead = 24
)

func (s *stream) kind() driver.Kind { return driver.KindStream }
func (s *stream) size() int64       { return s.bytes + int64(s.entries.Len())*streamEntryOverhead }
func (s *stream) empty() bool       { return false } // an empty stream keeps its last ID

// bytes returns the number of bytes of the fields of an entry.
func (e *streamEntry) bytes() (size int64) {
	for _, field := range e.fields {
		size += streamFieldOverhead + int64(len(field))
	}
	return size
}

// place returns the place of the first entry at or behind an ID.
func (s *stream) place(id arguments.StreamID) int {
	return s.entries.Search(func(e streamEntry) bool { return e.id.Compare(id) >= 0 })
}

// find returns the place of an entry.
func (s *stream) find(id arguments.StreamID) (place int, ok bool) {
	place = s.place(id)
	return place, place < s.entries.Len() && s.entries.At(place).id == id
}

// remove removes the entry at a place.
func (s *stream) remove(place int) {
	e := s.entries.Delete(place)
	s.bytes -= e.bytes()
}

// first returns the ID of the first entry, or 0-0 without entries.
func (s *stream) first() (id arguments.StreamID) {
	if s.entries.Len() > 0 {
		id = s.entries.At(0).id
	}
	return id
}

// trim removes entries, and returns the number of removed entries.
func (s *stream) trim(t *arguments.Trim) (removed int64) {
	if !t.Given {
		return 0
	}
	tooMany := int64(s.entries.Len()) - t.MaxLen
	if t.ByID {
		tooMany = int64(s.place(t.MinID))
	}
	if t.Limit > 0 {
		tooMany = min(tooMany, t.Limit)
	}
	for ; removed < tooMany; removed++ {
		s.remove(0)
	}
	return removed
}

// findStream is find for keys that must hold a stream or be missing.
func (t *transaction) findStream(key string) (*entry, *stream, error) {
	return findObject[*stream](t, key)
}

func idReply(id arguments.StreamID) driver.Reply { return driver.DataReply(id.Append(nil)) }

func (e *streamEntry) reply() driver.Reply {
	fields := make([]driver.Reply, len(e.fields))
	for i, field := range e.fields {
		fields[i] = driver.DataReply(field)
	}
	return driver.ArrayReply(idReply(e.id), driver.ArrayReply(fields...))
}

// xadd takes key [NOMKSTREAM] [trim] * | ID field value [field value ...].
func xadd(c *call) (driver.Reply, error) {
	a, err := c.AddEntry()
	if err != nil {
		return driver.Reply{}, err
	}
	key := c.Key(0)
	e, s, err := c.findStream(key)
	switch {
	case err != nil:
		return driver.Reply{}, err
	case e == nil && a.NoMakeStream:
		return driver.Reply{}, nil
	case e == nil:
		s = new(stream)
	}
	id, ok := s.next(&a)
	if !ok {
		return driver.Reply{}, c.Fail("the ID must be greater than that of every entry that the stream ever had")
	}
	var size int64
	for i := a.First; i < c.Count(); i++ {
		size += streamFieldOverhead + int64(c.Size(i))
	}
	if err := c.fitsMore(key, e, size+streamEntryOverhead); err != nil {
		return driver.Reply{}, err
	}
	fields := make([][]byte, 0, c.Count()-a.First)
	for i := a.First; i < c.Count(); i++ {
		fields = append(fields, c.value(i))
	}
	s.entries.Insert(s.entries.Len(), streamEntry{id, fields})
	s.bytes += size
	s.last = id
	s.added++
	s.trim(&a.Trim)
	c.store(key, e, s)
	return idReply(id), nil
}

// next returns the ID of a new entry, and false if the ID is not possible.
func (s *stream) next(a *arguments.AddEntry) (arguments.StreamID, bool) {
	id := a.ID
	switch {
	case a.AutoID:
		id = arguments.StreamID{Milliseconds: uint64(time.Now().UnixMilli())}
		if id.Compare(s.last) <= 0 {
			id = s.last.Next()
		}
	case a.AutoSequence && id.Milliseconds == s.last.Milliseconds:
		id = s.last.Next()
		if id.Milliseconds != a.ID.Milliseconds {
			return id, false
		}
	}
	return id, id.Compare(s.last) > 0
}

func xlen(c *call) (driver.Reply, error) {
	e, s, err := c.findStream(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	return driver.IntReply(int64(s.entries.Len())), nil
}

// xdel takes key ID [ID ...].
func xdel(c *call) (driver.Reply, error) {
	ids, err := c.StreamIDs(1)
	if err != nil {
		return driver.Reply{}, err
	}
	e, s, err := c.findStream(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	var removed int64
	for _, id := range ids {
		if place, ok := s.find(id); ok {
			s.remove(place)
			removed++
			if id.Compare(s.deleted) > 0 {
				s.deleted = id
			}
		}
	}
	c.changedIf(removed > 0, e)
	return driver.IntReply(removed), nil
}

// xtrim takes key trim.
func xtrim(c *call) (driver.Reply, error) {
	t, err := c.TrimStream()
	if err != nil {
		return driver.Reply{}, err
	}
	e, s, err := c.findStream(c.Key(0))
	if e == nil {
		return driver.IntReply(0), err
	}
	removed := s.trim(&t)
	c.changedIf(removed > 0, e)
	return driver.IntReply(removed), nil
}

func xrange(c *call) (driver.Reply, error)    { return c.readRange(false) }
func xrevRange(c *call) (driver.Reply, error) { return c.readRange(true) }

// readRange returns the entries of a range. As in Redis, the reply for a count of 0 is nil.
func (c *call) readRange(reversed bool) (driver.Reply, error) {
	r, err := c.StreamRange(reversed)
	if err != nil {
		return driver.Reply{}, err
	}
	e, s, err := c.findStream(c.Key(0))
	switch {
	case e == nil:
		return driver.ArrayReply(), err
	case r.Count == 0:
		return driver.Reply{}, nil
	}
	return driver.ArrayReply(s.read(&r, reversed)...), nil
}

// read returns the entries of a range.
func (s *stream) read(r *arguments.StreamRange, reversed bool) (items []driver.Reply) {
	var entries iter.Seq[streamEntry]
	if from := s.place(r.Start); !reversed {
		entries = s.entries.From(from)
	} else if r.Stop == arguments.MaxStreamID {
		entries = s.entries.Back(s.entries.Len() - 1)
	} else {
		entries = s.entries.Back(s.place(r.Stop.Next()) - 1)
	}
	for e := range entries {
		if r.Count >= 0 && int64(len(items)) >= r.Count || !reversed && e.id.Compare(r.Stop) > 0 || reversed && e.id.Compare(r.Start) < 0 {
			break
		}
		items = append(items, e.reply())
	}
	return items
}

// xread takes [COUNT count] [BLOCK milliseconds] STREAMS key… ID….
func xread(l arguments.List) (wait, error) {
	o, err := l.ReadStreams(false)
	return wait{keys: o.Keys, kind: driver.KindStream, timeout: o.Timeout, reads: true, try: func(c *call, _ []string) (driver.Reply, error) {
		return c.readStreams(&o)
	}}, err
}

// readStreams reads all streams of o, and replaces $ in o by IDs.
func (c *call) readStreams(o *arguments.ReadStreams) (driver.Reply, error) {
	var items []driver.Reply
	for k, key := range o.Keys {
		e, s, err := c.findStream(key)
		if err != nil {
			return driver.Reply{}, err
		}
		if o.Last[k] {
			o.Last[k] = false
			if e != nil {
				o.IDs[k] = s.last
			}
		}
		if e == nil || o.IDs[k] == arguments.MaxStreamID {
			continue
		}
		if found := s.read(behind(o.IDs[k], o.Count), false); len(found) > 0 {
			items = append(items, textReply(key), driver.ArrayReply(found...))
		}
	}
	if items == nil {
		return driver.Reply{}, nil
	}
	return driver.ArrayReply(items...), nil
}

// behind returns the range behind an ID. A count of 0 is all entries.
func behind(id arguments.StreamID, count int64) *arguments.StreamRange {
	if count == 0 {
		count = -1
	}
	return &arguments.StreamRange{Start: id.Next(), Stop: arguments.MaxStreamID, Count: count}
}

// xinfo takes STREAM key, GROUPS key or CONSUMERS key group.
func xinfo(c *call) (driver.Reply, error) {
	if err := c.StreamInfo(); err != nil {
		return driver.Reply{}, err
	}
	e, s, err := c.findStream(c.Key(1))
	switch {
	case err != nil:
		return driver.Reply{}, err
	case e == nil:
		return driver.Reply{}, driver.ErrNotFound
	case c.Is(0, "STREAM"):
		return s.info(), nil
	case c.Is(0, "GROUPS"):
		return s.groupInfos(), nil
	}
	g := s.groups[string(c.Bytes(2))]
	if g == nil {
		return driver.Reply{}, driver.ErrNotFound
	}
	return g.consumerInfos(), nil
}

func (s *stream) info() driver.Reply {
	var first, last driver.Reply
	if n := s.entries.Len(); n > 0 {
		e := s.entries.At(0)
		first = e.reply()
		e = s.entries.At(n - 1)
		last = e.reply()
	}
	return named(
		"length", driver.IntReply(int64(s.entries.Len())),
		"last-generated-id", idReply(s.last),
		"max-deleted-entry-id", idReply(s.deleted),
		"entries-added", driver.IntReply(s.added),
		"recorded-first-entry-id", idReply(s.first()),
		"groups", driver.IntReply(int64(len(s.groups))),
		"first-entry", first,
		"last-entry", last,
	)
}

// named returns a list of names and replies in turn.
func named(parts ...any) driver.Reply {
	items := make([]driver.Reply, len(parts))
	for i, part := range parts {
		switch part := part.(type) {
		case string:
			items[i] = textReply(part)
		case driver.Reply:
			items[i] = part
		}
	}
	return driver.ArrayReply(items...)
}
