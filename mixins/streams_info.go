package mixins

import (
	"context"
	"time"

	"github.com/xcache-go/xcache"
)

// What XInfoStream, XInfoGroups and XInfoConsumers return.

// NotKnown stands for a number that the server does not know, or does not tell.
const NotKnown = -1

// A StreamInfo is what there is to know of a stream.
type StreamInfo[V any] struct {
	Length int
	Groups int
	// LastGeneratedID is the greatest ID that the stream ever had.
	LastGeneratedID string
	// First and Last are entries; nil of an empty stream.
	First, Last *StreamEntry[V]

	// What follows needs Redis 7.0 or Valkey.

	// EntriesAdded is how many entries there ever were; NotKnown on an older server.
	EntriesAdded int
	// MaxDeletedID is the greatest ID of an entry that was deleted; "0-0" if none was, ""
	// on an older server.
	MaxDeletedID string
}

// A StreamGroup is what there is to know of a group.
type StreamGroup struct {
	Name      string
	Consumers int
	Pending   int
	// LastDeliveredID is where the group is.
	LastDeliveredID string
	// EntriesRead is how many entries the group has read, and Lag how many it has still to
	// read. Both are NotKnown where the server does not know, and need Redis 7.0 or Valkey.
	EntriesRead, Lag int
}

// A StreamConsumer is what there is to know of a consumer of a group.
type StreamConsumer struct {
	Name    string
	Pending int
	// Idle is how long ago the consumer asked for something last.
	Idle time.Duration
	// Inactive is how long ago the consumer got something last: NotKnown if it never did,
	// and on servers before Redis 7.2.
	Inactive time.Duration
}

// XInfoStream returns what there is to know of a stream. xcache.ErrNotFound if there is none.
func (s *Streams[V]) XInfoStream(ctx context.Context, key string) (StreamInfo[V], error) {
	return xcache.Run(ctx, s.infoOp("xinfo stream", "STREAM", key), readStreamInfo[V])
}

// XInfoGroups returns what there is to know of the groups of a stream. xcache.ErrNotFound if
// there is no stream.
func (s *Streams[V]) XInfoGroups(ctx context.Context, key string) ([]StreamGroup, error) {
	return xcache.Run(ctx, s.infoOp("xinfo groups", "GROUPS", key), readStreamGroups)
}

// XInfoConsumers returns what there is to know of the consumers of a group.
// xcache.ErrNotFound if there is no such group.
func (s *Streams[V]) XInfoConsumers(ctx context.Context, key, group string) ([]StreamConsumer, error) {
	return xcache.Run(ctx, s.infoOp("xinfo consumers", "CONSUMERS", key).Field(group), readStreamConsumers)
}

// infoOp begins an XINFO, whose key stands behind the subcommand.
func (s *Streams[V]) infoOp(name, subcommand, key string) *xcache.Op {
	return xcache.NewKeylessOp(s.cache, name, "XINFO").Word(subcommand).Key(key)
}
