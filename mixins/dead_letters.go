package mixins

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// A DeadLetter is an entry that Consume has given up.
type DeadLetter[V any] struct {
	// ID is the ID of the dead letter in the dead-letter stream.
	ID string
	// Stream is the key of the stream of the entry, or "" for a stream of another prefix,
	// version or namespace. Entry is the entry.
	Stream string
	Entry  StreamEntry[V]
	// Group and Consumer gave up the entry, after Deliveries deliveries.
	Group, Consumer string
	Deliveries      int
	// Reason is the text of the last error.
	Reason string
}

// These fields stand in a dead letter before the fields of its entry, in this order. The
// fields of the entry keep their names and bytes. An encrypted value is bound to its
// stream, so reading the value needs the key of that stream.
const (
	deadStream     = "dead:stream" // the full key
	deadID         = "dead:id"
	deadGroup      = "dead:group"
	deadConsumer   = "dead:consumer"
	deadDeliveries = "dead:deliveries"
	deadError      = "dead:error"
	deadFields     = 6
)

// longestReason is the number of bytes that are kept of the text of an error.
const longestReason = 4 << 10

// deadLetter returns the operation that adds an entry to the dead-letter stream.
func (c *consumption[V]) deadLetter(d delivery[V], why error) *xcache.Op {
	reason := strings.ToValidUTF8(why.Error()[:min(len(why.Error()), longestReason)], "")
	o := c.streams.op("xadd", "XADD", c.options.DeadLetter).Word("*")
	o.Field(deadStream).Field(c.full).Field(deadID).Field(d.stored.ID).Field(deadGroup).Field(c.group).Field(deadConsumer).Field(c.consumer)
	o.Field(deadDeliveries).Int(int64(d.deliveries)).Field(deadError).Field(reason)
	for _, pair := range d.stored.Fields {
		// A value that is too long to be read is left out. The stream of the entry still
		// has the value.
		if value, err := pair.Value.AsBytes(); err == nil {
			o.Field(string(pair.Name)).Field(string(value))
		}
	}
	return o
}

// DeadLetters yields the dead letters of a stream, the oldest first. A dead letter whose
// entry the codec cannot read is yielded without fields and with an error that is
// xcache.ErrCorrupt, and the loop goes on. Any other error is in the last pair.
//
// A program removes a dead letter by XDel with its ID.
func (s *Streams[V]) DeadLetters(ctx context.Context, key string) iter.Seq2[DeadLetter[V], error] {
	return func(yield func(DeadLetter[V], error) bool) {
		pages(ctx, s, key, "-", "+", readDeadLetter[V], yield)
	}
}

var errNoDeadLetter = errors.New("an entry that is no dead letter")

func readDeadLetter[V any](o *xcache.Op, stored *driver.StreamEntry) (DeadLetter[V], error) {
	dead := DeadLetter[V]{ID: stored.ID}
	if len(stored.Fields) < deadFields {
		return dead, driver.Fail(xcache.ErrCorrupt, driver.NotApplied, errNoDeadLetter)
	}
	var texts [deadFields]string
	for i, name := range []string{deadStream, deadID, deadGroup, deadConsumer, deadDeliveries, deadError} {
		text, err := textOf(stored.Fields[i].Value)
		if err != nil || string(stored.Fields[i].Name) != name {
			return dead, driver.Fail(xcache.ErrCorrupt, driver.NotApplied, errNoDeadLetter)
		}
		texts[i] = text
	}
	full := texts[0]
	dead.Stream, _ = o.UserKey(full)
	dead.Entry.ID, dead.Group, dead.Consumer, dead.Reason = texts[1], texts[2], texts[3], texts[5]
	dead.Deliveries, _ = strconv.Atoi(texts[4])
	var err error
	dead.Entry.Fields, err = decodeFields[V](o, full, stored.Fields[deadFields:])
	return dead, err
}
