package mixins

import (
	"context"
	"time"

	"github.com/xcache-go/xcache"
)

// These types are the results of XInfoStream, XInfoGroups and XInfoConsumers.

// NotKnown stands for a number that the server does not know, or does not report.
const NotKnown = -1

// A StreamInfo describes a stream.
type StreamInfo[V any] struct {
	Length int
	Groups int
	// LastGeneratedID is the greatest ID that the stream has had.
	LastGeneratedID string
	// First and Last are the first and the last entry, and nil for an empty stream.
	First, Last *StreamEntry[V]

	// The fields below need Redis 7.0 or Valkey.

	// EntriesAdded is the number of entries that were ever added, and NotKnown on an older
	// server.
	EntriesAdded int
	// MaxDeletedID is the greatest ID of a deleted entry. Without a deleted entry
	// MaxDeletedID is "0-0", and on an older server "".
	MaxDeletedID string
}

// A StreamGroup describes a group.
type StreamGroup struct {
	Name      string
	Consumers int
	Pending   int
	// LastDeliveredID is the position of the group.
	LastDeliveredID string
	// EntriesRead is the number of entries that the group has read, and Lag the number of
	// entries that the group has not read yet. Both need Redis 7.0 or Valkey. Both are
	// NotKnown if the server does not know the numbers.
	EntriesRead, Lag int
}

// A StreamConsumer describes a consumer of a group.
type StreamConsumer struct {
	Name    string
	Pending int
	// Idle is the time since the last request of the consumer.
	Idle time.Duration
	// Inactive is the time since the consumer last got entries. Inactive is NotKnown if the
	// consumer has never got entries, and on servers before Redis 7.2.
	Inactive time.Duration
}

// XInfoStream describes a stream. A missing stream is xcache.ErrNotFound.
func (s *Streams[V]) XInfoStream(ctx context.Context, key string) (StreamInfo[V], error) {
	return xcache.Run(ctx, s.infoOp("xinfo stream", "STREAM", key), readStreamInfo[V])
}

// XInfoGroups describes the groups of a stream. A missing stream is xcache.ErrNotFound.
func (s *Streams[V]) XInfoGroups(ctx context.Context, key string) ([]StreamGroup, error) {
	return xcache.Run(ctx, s.infoOp("xinfo groups", "GROUPS", key), readStreamGroups)
}

// XInfoConsumers describes the consumers of a group. A missing group is xcache.ErrNotFound.
func (s *Streams[V]) XInfoConsumers(ctx context.Context, key, group string) ([]StreamConsumer, error) {
	return xcache.Run(ctx, s.infoOp("xinfo consumers", "CONSUMERS", key).Field(group), readStreamConsumers)
}

// infoOp begins an XINFO command. The key comes after the subcommand.
func (s *Streams[V]) infoOp(name, subcommand, key string) *xcache.Op {
	return xcache.NewKeylessOp(s.cache, name, "XINFO").Word(subcommand).Key(key)
}
