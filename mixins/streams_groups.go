package mixins

import (
	"context"
	"time"

	"github.com/xcache-go/xcache"
)

// This file has the methods of groups of consumers. Names of groups and consumers are plain
// text, and belong to their stream. A missing group or stream is xcache.ErrNotFound.

// XGroupCreateOptions are the options of XGroupCreate.
type XGroupCreateOptions struct {
	// MkStream creates a missing stream, without entries.
	MkStream bool
}

// XReadGroupOptions are the options of XReadGroup.
type XReadGroupOptions struct {
	// Count is the largest number of entries of each stream; 0 returns all.
	Count int
	// Block is the time to wait for an entry, as in XReadOptions.
	Block time.Duration
	// NoAck leaves no entry pending: an entry that is lost on its way is lost for the
	// group.
	NoAck bool
}

// A PendingSummary has the number of pending entries of a group.
type PendingSummary struct {
	Count int
	// First and Last are the least and the greatest ID, or "".
	First, Last string
	// Consumers has the number of pending entries of each consumer with pending entries.
	Consumers map[string]int
}

// XPendingOptions select the pending entries of XPendingRange.
type XPendingOptions struct {
	// Idle is the shortest time since the delivery of an entry.
	Idle time.Duration
	// Consumer is the consumer of the entries; "" is all consumers.
	Consumer string
}

// A PendingEntry is an entry that was delivered and not acknowledged.
type PendingEntry struct {
	ID       string
	Consumer string
	// Idle is the time since the last delivery, and Deliveries the number of deliveries.
	Idle       time.Duration
	Deliveries int
}

// XClaimOptions are the options of XClaim. With the zero value the entries count as
// delivered at the time of the call.
type XClaimOptions struct {
	// Idle is the time since the delivery that the entries get.
	Idle time.Duration
	// Time is the time of the delivery that the entries get, instead of Idle.
	Time time.Time
	// RetryCount is the number of deliveries that the entries get; nil adds 1.
	RetryCount *int
	// Force also claims entries that are pending for nobody.
	Force bool
	// LastID moves the group forward to this ID, if the group is behind this ID; "" leaves
	// the group.
	LastID string
}

// Claimed has the entries that XAutoClaim has claimed.
type Claimed[V any] struct {
	// Next is the start of the next call; "0-0" at the end.
	Next    string
	Entries []StreamEntry[V]
	// Deleted has the IDs of pending entries that are no longer in the stream. These
	// entries are not pending any more.
	Deleted []string
}

// ClaimedIDs has the IDs of the entries that XAutoClaimJustID has claimed: see Claimed.
type ClaimedIDs struct {
	Next    string
	IDs     []string
	Deleted []string
}

// XGroupCreate creates a group, which begins to read behind an ID: "0" is before all
// entries, and "$" is behind all entries. An existing group is xcache.ErrNotStored. A
// missing stream is xcache.ErrNotFound unless MkStream creates the stream.
func (s *Streams[V]) XGroupCreate(ctx context.Context, key, group, id string, options XGroupCreateOptions) error {
	return xcache.Err(xcache.Run(ctx, s.createGroup(key, group, id, options), readOK))
}

// XGroupDestroy removes a group with its pending entries, and reports whether the group
// existed.
func (s *Streams[V]) XGroupDestroy(ctx context.Context, key, group string) (bool, error) {
	return xcache.Run(ctx, s.groupOp("xgroup destroy", "DESTROY", key, group), readFlag)
}

// XGroupSetID moves a group to the position behind an ID: see XGroupCreate. Pending entries
// stay pending.
func (s *Streams[V]) XGroupSetID(ctx context.Context, key, group, id string) error {
	return xcache.Err(xcache.Run(ctx, s.groupOp("xgroup setid", "SETID", key, group).Word(id), readOK))
}

// XGroupCreateConsumer creates a consumer, and reports whether the consumer is new.
// XReadGroup creates a missing consumer, too.
func (s *Streams[V]) XGroupCreateConsumer(ctx context.Context, key, group, consumer string) (bool, error) {
	return xcache.Run(ctx, s.groupOp("xgroup createconsumer", "CREATECONSUMER", key, group).Field(consumer), readFlag)
}

// XGroupDelConsumer removes a consumer, and returns the number of its pending entries. The
// group loses these entries, so another consumer should claim them before.
func (s *Streams[V]) XGroupDelConsumer(ctx context.Context, key, group, consumer string) (int, error) {
	return xcache.Run(ctx, s.groupOp("xgroup delconsumer", "DELCONSUMER", key, group).Field(consumer), readInt)
}

// XReadGroup reads streams for a consumer of a group. Behind ">" XReadGroup returns entries
// that were delivered to no consumer yet. These entries are pending for this consumer until
// XAck acknowledges the entries. Behind an ID XReadGroup returns the entries that are
// pending for this consumer, and does not wait. The keys of the map are the keys of the
// streams. The map has no streams without entries.
//
// With Block XReadGroup waits until a stream has new entries, and returns no entries at the
// end of that time. The package comment describes methods that wait. Entries are pending
// for the consumer even if the call fails. The call fails when the codec cannot read an
// entry (an *xcache.UnreadReplyError), and when the context ends or the connection is lost
// while entries are on their way. The error of a lost connection then matches
// xcache.ErrUnknownOutcome. A call behind "0" returns these entries.
//
//twin:note A Block is errors.ErrUnsupported.
func (s *Streams[V]) XReadGroup(ctx context.Context, group, consumer string, options XReadGroupOptions, from ...StreamPosition) (map[string][]StreamEntry[V], error) {
	return xcache.Run(ctx, s.readGroup(group, consumer, options, from), readStreams[V])
}

// XAck acknowledges entries, for all consumers of the group, and returns the number of
// entries that were pending. A missing stream or group returns 0.
func (s *Streams[V]) XAck(ctx context.Context, key, group string, ids ...string) (int, error) {
	return xcache.Run(ctx, addIDs(s.op("xack", "XACK", key).Field(group), ids), readInt)
}

// XPending returns the number of pending entries of a group, and of each consumer.
func (s *Streams[V]) XPending(ctx context.Context, key, group string) (PendingSummary, error) {
	return xcache.Run(ctx, s.op("xpending", "XPENDING", key).Field(group), readPendingSummary)
}

// XPendingRange returns at most count pending entries of a group, from an ID to another,
// both included.
func (s *Streams[V]) XPendingRange(ctx context.Context, key, group string, options XPendingOptions, start, stop string, count int) ([]PendingEntry, error) {
	return xcache.Run(ctx, s.pending(key, group, options, start, stop, count), readPendingEntries)
}

// XClaim makes entries pending for a consumer, and returns these entries. Only entries that
// are pending for a consumer, and were delivered at least minIdle ago, are claimed. Entries
// that are no longer in the stream are not claimed. The bytes of entries that the codec
// cannot read are in an *xcache.UnreadReplyError.
func (s *Streams[V]) XClaim(ctx context.Context, key, group, consumer string, minIdle time.Duration, options XClaimOptions, ids ...string) ([]StreamEntry[V], error) {
	return xcache.Run(ctx, s.claim(key, group, consumer, minIdle, options, ids), readEntries[V])
}

// XClaimJustID is XClaim that returns the IDs alone and counts no delivery.
func (s *Streams[V]) XClaimJustID(ctx context.Context, key, group, consumer string, minIdle time.Duration, options XClaimOptions, ids ...string) ([]string, error) {
	return xcache.Run(ctx, s.claim(key, group, consumer, minIdle, options, ids).Word("JUSTID"), readTexts)
}

// XAutoClaim is XClaim of at most count entries from the ID start on, if they were
// delivered at least minIdle ago. A count of 0 is 100. Claimed.Next is the start of the
// next call; in a cluster every server accepts this start.
func (s *Streams[V]) XAutoClaim(ctx context.Context, key, group, consumer string, minIdle time.Duration, start string, count int) (Claimed[V], error) {
	return xcache.Run(ctx, s.autoClaim(key, group, consumer, minIdle, start, count), readClaimed[V])
}

// XAutoClaimJustID is XAutoClaim that returns the IDs alone and counts no delivery.
func (s *Streams[V]) XAutoClaimJustID(ctx context.Context, key, group, consumer string, minIdle time.Duration, start string, count int) (ClaimedIDs, error) {
	return xcache.Run(ctx, s.autoClaim(key, group, consumer, minIdle, start, count).Word("JUSTID"), readClaimedIDs)
}

// groupOp begins an XGROUP command. The key comes after the subcommand.
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
