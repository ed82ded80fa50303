package mixins

import (
	"context"
	"time"

	"github.com/xcache-go/xcache"
)

// This file has the methods on groups of consumers. Names of groups and consumers are plain
// text, and belong to their stream. A group, or a stream, that does not exist is
// xcache.ErrNotFound.

// XGroupCreateOptions are those of XGroupCreate.
type XGroupCreateOptions struct {
	// MkStream makes an empty stream if there is none.
	MkStream bool
}

// XReadGroupOptions are those of XReadGroup.
type XReadGroupOptions struct {
	// Count is how many entries of each stream are returned at most; 0 for all.
	Count int
	// Block is how long to wait if there is no entry, as that of XReadOptions.
	Block time.Duration
	// NoAck leaves nothing pending: an entry that is lost on its way is lost.
	NoAck bool
}

// A PendingSummary tells how many entries are pending for the consumers of a group.
type PendingSummary struct {
	Count int
	// First and Last are the least and the greatest ID; "" without any.
	First, Last string
	// Consumers are those with entries, and how many each has.
	Consumers map[string]int
}

// XPendingOptions say which of the pending entries XPendingRange returns.
type XPendingOptions struct {
	// Idle is how long ago an entry was delivered at least.
	Idle time.Duration
	// Consumer is whose entries are returned; "" for all.
	Consumer string
}

// A PendingEntry is an entry that was delivered and is not acknowledged.
type PendingEntry struct {
	ID       string
	Consumer string
	// Idle is how long ago the entry was delivered last, Deliveries how often it was.
	Idle       time.Duration
	Deliveries int
}

// XClaimOptions are those of XClaim. The zero value makes the entries delivered just now.
type XClaimOptions struct {
	// Idle is how long ago the entries are to have been delivered.
	Idle time.Duration
	// Time is when they are to have been delivered, instead of Idle.
	Time time.Time
	// RetryCount is how often they are to have been delivered; nil counts one more.
	RetryCount *int
	// Force claims entries, too, that are pending for nobody.
	Force bool
	// LastID is where the group is to be at least; "" leaves it.
	LastID string
}

// Claimed are entries that XAutoClaim has claimed.
type Claimed[V any] struct {
	// Next is where to go on; "0-0" at the end.
	Next    string
	Entries []StreamEntry[V]
	// Deleted are the IDs of entries that were pending and are in the stream no more. They
	// are not pending any longer.
	Deleted []string
}

// ClaimedIDs are the IDs of entries that XAutoClaimJustID has claimed: see Claimed.
type ClaimedIDs struct {
	Next    string
	IDs     []string
	Deleted []string
}

// XGroupCreate makes a group, which begins to read behind an ID: "0" for all entries, "$" for
// those that are added from now on. xcache.ErrNotStored if there is the group already.
// Without a stream it is xcache.ErrNotFound, unless the options make one.
func (s *Streams[V]) XGroupCreate(ctx context.Context, key, group, id string, options XGroupCreateOptions) error {
	return xcache.Err(xcache.Run(ctx, s.createGroup(key, group, id, options), readOK))
}

// XGroupDestroy removes a group, with what is pending in it, and reports whether there was
// one.
func (s *Streams[V]) XGroupDestroy(ctx context.Context, key, group string) (bool, error) {
	return xcache.Run(ctx, s.groupOp("xgroup destroy", "DESTROY", key, group), readFlag)
}

// XGroupSetID has a group go on to read behind an ID: see XGroupCreate. What is pending
// stays.
func (s *Streams[V]) XGroupSetID(ctx context.Context, key, group, id string) error {
	return xcache.Err(xcache.Run(ctx, s.groupOp("xgroup setid", "SETID", key, group).Word(id), readOK))
}

// XGroupCreateConsumer makes a consumer, and reports whether it is new. Reading makes one,
// too.
func (s *Streams[V]) XGroupCreateConsumer(ctx context.Context, key, group, consumer string) (bool, error) {
	return xcache.Run(ctx, s.groupOp("xgroup createconsumer", "CREATECONSUMER", key, group).Field(consumer), readFlag)
}

// XGroupDelConsumer removes a consumer, and returns how many entries were pending for it.
// These are lost to the group, and so are better claimed before.
func (s *Streams[V]) XGroupDelConsumer(ctx context.Context, key, group, consumer string) (int, error) {
	return xcache.Run(ctx, s.groupOp("xgroup delconsumer", "DELCONSUMER", key, group).Field(consumer), readInt)
}

// XReadGroup reads streams for a consumer of a group. Behind ">" it returns entries that were
// delivered to no consumer yet. They are pending for this one until XAck acknowledges them.
// Behind an ID it returns those that are pending for this consumer, and does not wait. The
// entries are returned by the keys of their streams. Streams without any are not in the map.
//
// With Block it waits until a stream has some, and returns none when that time has passed.
// See the package about methods that wait. Entries are pending for the consumer even if the
// call fails: when the codec cannot read one of them, or when the context ends, or the
// connection is lost, while they are on their way. Then the error of a lost connection
// matches xcache.ErrUnknownOutcome. To read behind "0" returns them.
//
//twin:note With Block it is errors.ErrUnsupported.
func (s *Streams[V]) XReadGroup(ctx context.Context, group, consumer string, options XReadGroupOptions, from ...StreamPosition) (map[string][]StreamEntry[V], error) {
	return xcache.Run(ctx, s.readGroup(group, consumer, options, from), readStreams[V])
}

// XAck ends that entries are pending, for whichever consumer of the group, and returns how
// many of them were. Without a stream or a group it is 0.
func (s *Streams[V]) XAck(ctx context.Context, key, group string, ids ...string) (int, error) {
	return xcache.Run(ctx, addIDs(s.op("xack", "XACK", key).Field(group), ids), readInt)
}

// XPending returns how many entries are pending in a group, and for whom.
func (s *Streams[V]) XPending(ctx context.Context, key, group string) (PendingSummary, error) {
	return xcache.Run(ctx, s.op("xpending", "XPENDING", key).Field(group), readPendingSummary)
}

// XPendingRange returns the entries that are pending in a group, from an ID to another, both
// included, at most count of them.
func (s *Streams[V]) XPendingRange(ctx context.Context, key, group string, options XPendingOptions, start, stop string, count int) ([]PendingEntry, error) {
	return xcache.Run(ctx, s.pending(key, group, options, start, stop, count), readPendingEntries)
}

// XClaim makes entries pending for a consumer that are pending for another one, and were
// delivered minIdle ago at least. It returns those; entries that are in the stream no more
// are none of them.
func (s *Streams[V]) XClaim(ctx context.Context, key, group, consumer string, minIdle time.Duration, options XClaimOptions, ids ...string) ([]StreamEntry[V], error) {
	return xcache.Run(ctx, s.claim(key, group, consumer, minIdle, options, ids), readEntries[V])
}

// XClaimJustID is XClaim, returns the IDs alone, and counts no delivery.
func (s *Streams[V]) XClaimJustID(ctx context.Context, key, group, consumer string, minIdle time.Duration, options XClaimOptions, ids ...string) ([]string, error) {
	return xcache.Run(ctx, s.claim(key, group, consumer, minIdle, options, ids).Word("JUSTID"), readTexts)
}

// XAutoClaim is XClaim of whatever entries were delivered minIdle ago, from the ID start on,
// at most count of them; 0 for 100. Claimed.Next is the start of the next call, which in a
// cluster any server understands.
func (s *Streams[V]) XAutoClaim(ctx context.Context, key, group, consumer string, minIdle time.Duration, start string, count int) (Claimed[V], error) {
	return xcache.Run(ctx, s.autoClaim(key, group, consumer, minIdle, start, count), readClaimed[V])
}

// XAutoClaimJustID is XAutoClaim, returns the IDs alone, and counts no delivery.
func (s *Streams[V]) XAutoClaimJustID(ctx context.Context, key, group, consumer string, minIdle time.Duration, start string, count int) (ClaimedIDs, error) {
	return xcache.Run(ctx, s.autoClaim(key, group, consumer, minIdle, start, count).Word("JUSTID"), readClaimedIDs)
}

// groupOp begins an XGROUP, whose key stands behind the subcommand.
func (s *Streams[V]) groupOp(name, subcommand, key, group string) *xcache.Op {
	return xcache.NewKeylessOp(s.cache, name, "XGROUP").Word(subcommand).Key(key).Field(group)
}

func (s *Streams[V]) createGroup(key, group, id string, options XGroupCreateOptions) *xcache.Op {
	o := s.groupOp("xgroup create", "CREATE", key, group).Word(id)
	if options.MkStream {
		o.Word("MKSTREAM")
	}
	return o
}

func (s *Streams[V]) readGroup(group, consumer string, options XReadGroupOptions, from []StreamPosition) *xcache.Op {
	o := xcache.NewKeylessOp(s.cache, "xreadgroup", "XREADGROUP").Word("GROUP").Field(group).Field(consumer)
	addBlock(upTo(o, options.Count), options.Block)
	if options.NoAck {
		o.Word("NOACK")
	}
	return addPositions(o, from)
}

func (s *Streams[V]) pending(key, group string, options XPendingOptions, start, stop string, count int) *xcache.Op {
	o := s.op("xpending", "XPENDING", key).Field(group)
	if options.Idle > 0 {
		o.Word("IDLE").Int(roundedUp(options.Idle, time.Millisecond))
	}
	o.Word(start).Word(stop).Int(int64(count))
	if options.Consumer != "" {
		o.Field(options.Consumer)
	}
	return o
}

func (s *Streams[V]) claim(key, group, consumer string, minIdle time.Duration, options XClaimOptions, ids []string) *xcache.Op {
	o := s.op("xclaim", "XCLAIM", key).Field(group).Field(consumer).Int(roundedUp(max(0, minIdle), time.Millisecond))
	addIDs(o, ids)
	switch {
	case options.Idle != 0 && !options.Time.IsZero():
		return o.Fail(syntaxError("an entry was delivered once last: give it either Idle or Time"))
	case options.Idle < 0 || options.RetryCount != nil && *options.RetryCount < 0:
		return o.Fail(syntaxError("Idle and RetryCount must not be negative"))
	case options.LastID != "" && !beginsAsID(options.LastID):
		return o.Fail(syntaxError("LastID is not the ID of an entry"))
	case options.Idle != 0:
		o.Word("IDLE").Int(roundedUp(options.Idle, time.Millisecond))
	case !options.Time.IsZero():
		o.Word("TIME").Int(options.Time.UnixMilli())
	}
	if options.RetryCount != nil {
		o.Word("RETRYCOUNT").Int(int64(*options.RetryCount))
	}
	if options.Force {
		o.Word("FORCE")
	}
	if options.LastID != "" {
		o.Word("LASTID").Word(options.LastID)
	}
	return o
}

func (s *Streams[V]) autoClaim(key, group, consumer string, minIdle time.Duration, start string, count int) *xcache.Op {
	o := s.op("xautoclaim", "XAUTOCLAIM", key).Field(group).Field(consumer)
	return upTo(o.Int(roundedUp(max(0, minIdle), time.Millisecond)).Word(start), count)
}
