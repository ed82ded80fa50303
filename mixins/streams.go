package mixins

import (
	"context"
	"slices"
	"time"

	"github.com/xcache-go/xcache"
)

//go:generate go run ../internal/twins -type Streams -twin QueuedStreams -receiver q -pipeline q.p -handle q.s -out streams_queued.go

// Streams are logs of entries. Each entry has an ID, which is greater than the ID of every
// earlier entry, and fields with values of type V. Fields are plain text, like the fields
// of hashes. An entry is never changed, and stays until a deletion or a trim.
//
// A group shares a stream among consumers: each consumer gets some of the entries, and
// acknowledges these entries. Consume does all of this; XReadGroup, XAck and others are the
// single steps.
//
// An ID is text: milliseconds and a number, as in "1526919030474-55". At the ends of a
// range "-" and "+" are the least and the greatest ID, "(" before an ID excludes the ID,
// and the number may be missing. A malformed ID is xcache.ErrSyntax.
//
// All methods may be called concurrently. NewStreams makes a Streams.
type Streams[V any] struct {
	cache *xcache.Cache
}

// QueuedStreams has the methods of Streams in a pipeline, except Consume, Entries, Follow and
// DeadLetters: see Streams.In. XRead and XReadGroup do not wait there.
type QueuedStreams[V any] struct {
	p *xcache.Pipeline
	s *Streams[V]
}

// NewStreams returns a handle on the streams of a cache. A driver without streams is
// errors.ErrUnsupported.
func NewStreams[V any](c *xcache.Cache) (*Streams[V], error) {
	c, err := supported(c, "streams")
	if err != nil {
		return nil, err
	}
	return &Streams[V]{c}, nil
}

// In returns the handle whose methods queue their operations in p.
func (s *Streams[V]) In(p *xcache.Pipeline) QueuedStreams[V] { return QueuedStreams[V]{p, s} }

// WithTx returns a handle that reads in a transaction: see xcache.Cache.WithTx.
func (s *Streams[V]) WithTx(tx *xcache.Tx) *Streams[V] {
	in := *s
	in.cache = s.cache.WithTx(tx)
	return &in
}

// A StreamEntry is an entry of a stream.
type StreamEntry[V any] struct {
	ID string
	// Fields is nil if the entry was deleted or trimmed, and is still pending for a
	// consumer. If an entry has a field twice, the last value counts.
	Fields map[string]V
}

// A Trim selects the oldest entries of a stream for removal. MaxLen and MinID make a Trim;
// the zero value removes no entry.
type Trim struct {
	by     string
	maxLen int
	minID  string
	approx bool
	limit  int
}

// MaxLen returns the Trim that keeps the newest n entries.
func MaxLen(n int) Trim { return Trim{by: "MAXLEN", maxLen: n} }

// MinID returns the Trim that keeps the entries from an ID on.
func MinID(id string) Trim { return Trim{by: "MINID", minID: id} }

// Approx returns t for a server that may keep some more entries, which is much cheaper.
// limit is the largest number of removed entries; 0 leaves the number to the server.
func (t Trim) Approx(limit int) Trim {
	t.approx, t.limit = true, limit
	return t
}

// XAddOptions are the options of XAdd.
type XAddOptions struct {
	// ID is the ID of the entry. For "" and "*" the server makes an ID from its clock. For
	// "5-*" the server makes the number behind 5.
	ID string
	// NoMkStream adds the entry to an existing stream only.
	NoMkStream bool
	// Trim is done after the addition of the entry.
	Trim Trim
}

// XReadOptions are the options of XRead.
type XReadOptions struct {
	// Count is the largest number of entries of each stream; 0 returns all.
	Count int
	// Block is the time to wait for an entry, in milliseconds, rounded up. 0 does not wait,
	// and Forever waits until the context ends.
	Block time.Duration
}

// Forever is the Block of a call that waits until its context ends.
const Forever time.Duration = -1

// A StreamPosition is a position in a stream for reading: see Behind.
type StreamPosition struct {
	Key, ID string
}

// Behind returns the position behind an ID. "0" is the beginning of the stream. For XRead
// "$" is the end: only entries that are added after the call are read. For XReadGroup ">"
// is the position of the group.
func Behind(key, id string) StreamPosition { return StreamPosition{key, id} }

// XAdd adds an entry behind all others, and returns its ID. XAdd creates a missing stream;
// with NoMkStream a missing stream is xcache.ErrNotStored. An ID that is not greater than
// every earlier ID of the stream is xcache.ErrSyntax.
func (s *Streams[V]) XAdd(ctx context.Context, key string, options XAddOptions, fields map[string]V) (string, error) {
	return xcache.Run(ctx, s.add(key, options, fields), readStoredID)
}

// XLen returns the number of entries, 0 without a stream.
func (s *Streams[V]) XLen(ctx context.Context, key string) (int, error) {
	return xcache.Run(ctx, s.op("xlen", "XLEN", key), readInt)
}

// XRange returns at most count entries from an ID to another, both included. A count of 0
// returns all. "-" and "+" are the beginning and the end. "(" before an ID excludes the ID.
func (s *Streams[V]) XRange(ctx context.Context, key, start, stop string, count int) ([]StreamEntry[V], error) {
	return xcache.Run(ctx, upTo(s.op("xrange", "XRANGE", key).Word(start).Word(stop), count), readEntries[V])
}

// XRevRange is XRange with the newest entry first: stop is the greater ID, and comes first.
func (s *Streams[V]) XRevRange(ctx context.Context, key, stop, start string, count int) ([]StreamEntry[V], error) {
	return xcache.Run(ctx, upTo(s.op("xrevrange", "XREVRANGE", key).Word(stop).Word(start), count), readEntries[V])
}

// XRead returns the entries behind a position in each of several streams, by their keys.
// The map has no streams without such entries. With Block XRead waits until a stream has
// entries, and returns no entries at the end of that time. Entries that are added together
// may be returned one by one. The package comment describes methods that wait.
//
//twin:note A Block is errors.ErrUnsupported.
func (s *Streams[V]) XRead(ctx context.Context, options XReadOptions, from ...StreamPosition) (map[string][]StreamEntry[V], error) {
	return xcache.Run(ctx, s.read(options, from), readStreams[V])
}

// XTrim removes the oldest entries of a stream, and returns their number. The zero Trim is
// xcache.ErrSyntax.
func (s *Streams[V]) XTrim(ctx context.Context, key string, trim Trim) (int, error) {
	return xcache.Run(ctx, s.trim(key, trim), readInt)
}

// XDel deletes entries, and returns the number of deleted entries. A stream without entries
// stays, with its groups and its last ID.
func (s *Streams[V]) XDel(ctx context.Context, key string, ids ...string) (int, error) {
	return xcache.Run(ctx, addIDs(s.op("xdel", "XDEL", key), ids), readInt)
}

func (s *Streams[V]) op(name, command, key string) *xcache.Op {
	return xcache.NewOp(s.cache, name, command, key)
}

func (s *Streams[V]) add(key string, options XAddOptions, fields map[string]V) *xcache.Op {
	o := s.op("xadd", "XADD", key)
	if options.NoMkStream {
		o.Word("NOMKSTREAM")
	}
	if options.Trim.by != "" {
		options.Trim.on(o)
	}
	if options.ID == "" {
		options.ID = "*"
	}
	if options.ID != "*" && !beginsAsID(options.ID) {
		return o.Fail(syntaxError("the ID of an entry is a number, perhaps with - and another one behind"))
	}
	o.Word(options.ID)
	if len(fields) == 0 {
		return o.Fail(syntaxError("an entry has one field at least"))
	}
	// A server stores entries with the same fields in the same order in less space.
	names := make([]string, 0, 8) // most entries need no more, and the array is on the stack
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, field := range names {
		o.Field(field)
		xcache.AddValue(o, fields[field])
	}
	return o
}

// beginsAsID reports whether a server cannot mistake a text for an option of a command.
func beginsAsID(id string) bool { return id != "" && '0' <= id[0] && id[0] <= '9' }

func (s *Streams[V]) trim(key string, t Trim) *xcache.Op {
	o := s.op("xtrim", "XTRIM", key)
	if t.by == "" {
		return o.Fail(syntaxError("there is nothing to trim by: give it MaxLen or MinID"))
	}
	return t.on(o)
}

func (t Trim) on(o *xcache.Op) *xcache.Op {
	if t.maxLen < 0 || t.limit < 0 {
		return o.Fail(syntaxError("MaxLen and the limit of Approx must not be negative"))
	}
	o.Word(t.by)
	if t.approx {
		o.Word("~")
	}
	if t.by == "MAXLEN" {
		o.Int(int64(t.maxLen))
	} else {
		o.Word(t.minID)
	}
	if t.limit > 0 {
		o.Word("LIMIT").Int(int64(t.limit))
	}
	return o
}

func (s *Streams[V]) read(options XReadOptions, from []StreamPosition) *xcache.Op {
	o := upTo(xcache.NewKeylessOp(s.cache, "xread", "XREAD"), options.Count)
	return addPositions(addBlock(o, options.Block), from)
}

// upTo adds COUNT unless count is 0.
func upTo(o *xcache.Op, count int) *xcache.Op {
	switch {
	case count < 0:
		return o.Fail(syntaxError("the count %d is negative; 0 is all", count))
	case count > 0:
		o.Word("COUNT").Int(int64(count))
	}
	return o
}

// addBlock adds BLOCK unless the time is 0.
func addBlock(o *xcache.Op, block time.Duration) *xcache.Op {
	switch {
	case block == Forever:
		o.Word("BLOCK").WaitMilliseconds(0)
	case block < 0:
		return o.Fail(syntaxError("Block is negative: give it a time, or Forever"))
	case block > 0:
		o.Word("BLOCK").WaitMilliseconds(block)
	}
	return o
}

// addPositions adds STREAMS, the keys, and one ID for each key.
func addPositions(o *xcache.Op, from []StreamPosition) *xcache.Op {
	if len(from) == 0 {
		return o.Fail(syntaxError("there is no stream: give it one at least"))
	}
	o.Word("STREAMS")
	for _, place := range from {
		o.Key(place.Key)
	}
	for _, place := range from {
		o.Word(place.ID)
	}
	return o
}

// addIDs adds at least one ID of an entry.
func addIDs(o *xcache.Op, ids []string) *xcache.Op {
	if len(ids) == 0 {
		return o.Fail(syntaxError("there is no ID: give it one at least"))
	}
	for _, id := range ids {
		if !beginsAsID(id) { // XCLAIM would read the text as an option
			return o.Fail(syntaxError("the ID of an entry is a number, perhaps with - and another one behind"))
		}
		o.Word(id)
	}
	return o
}
