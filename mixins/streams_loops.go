package mixins

import (
	"context"
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/xcache-go/xcache"
	"github.com/xcache-go/xcache/driver"
)

// pageSize is the number of entries that a loop reads at a time.
const pageSize = 100

// Entries yields the entries from an ID to another, both included, in pages, so that a long
// stream delays no other call: see XRange. Entries that are added meanwhile are yielded,
// too. An entry that the codec cannot read is yielded without fields and with an error that
// is xcache.ErrCorrupt or xcache.ErrTooLarge, and the loop goes on. Any other error is in
// the last pair.
func (s *Streams[V]) Entries(ctx context.Context, key, start, stop string) iter.Seq2[StreamEntry[V], error] {
	return func(yield func(StreamEntry[V], error) bool) {
		pages(ctx, s, key, start, stop, func(o *xcache.Op, stored *driver.StreamEntry) (StreamEntry[V], error) {
			fields, err := decodeFields[V](o, "", stored.Fields)
			return StreamEntry[V]{stored.ID, fields}, err
		}, yield)
	}
}

// Follow yields the entries behind an ID, and then new entries, until ctx ends; the last
// pair has the error of ctx. "0" is before all entries, and "$" is behind all entries. An
// entry that the codec cannot read is yielded as by Entries. Any other error is in the last
// pair. A caller goes on by another Follow from the last ID.
//
// Every caller of Follow gets every entry; Consume shares the entries among consumers. A
// loop that waits holds one of the exclusive_size connections.
func (s *Streams[V]) Follow(ctx context.Context, key, id string) iter.Seq2[StreamEntry[V], error] {
	return func(yield func(StreamEntry[V], error) bool) {
		last := id
		for {
			o := s.read(XReadOptions{Count: pageSize, Block: Forever}, []StreamPosition{{key, last}})
			found, err := xcache.Run(ctx, o, func(o *xcache.Op) ([]delivery[V], error) {
				pairs, err := o.Reply().AsPairs()
				if err != nil || len(pairs) == 0 {
					return nil, err
				}
				return deliveriesOf[V](o, pairs[0].Value)
			})
			if err != nil {
				yield(StreamEntry[V]{}, err)
				return
			}
			if len(found) > 0 {
				last = found[len(found)-1].stored.ID
			}
			if !yieldAll(found, yield) {
				return
			}
		}
	}
}

// yieldAll yields entries, and reports whether the loop goes on.
func yieldAll[V any](found []delivery[V], yield func(StreamEntry[V], error) bool) bool {
	for _, d := range found {
		if !yield(StreamEntry[V]{d.stored.ID, d.fields}, d.err) {
			return false
		}
	}
	return true
}

// pages yields the results of read for the entries of a range.
func pages[V, E any](ctx context.Context, s *Streams[V], key, start, stop string, read func(*xcache.Op, *driver.StreamEntry) (E, error), yield func(E, error) bool) {
	// A loop would take a read that fails open for the end of the stream.
	s = &Streams[V]{s.cache.With(xcache.WithOnError(xcache.OnErrorFail))}
	type item struct {
		element E
		err     error
	}
	for {
		var last string
		o := upTo(s.op("xrange", "XRANGE", key).Word(start).Word(stop), pageSize)
		items, err := xcache.Run(ctx, o, func(o *xcache.Op) ([]item, error) {
			stored, err := o.Reply().AsStreamEntries()
			if err != nil {
				return nil, err
			}
			items := make([]item, len(stored))
			for i := range stored {
				last = stored[i].ID
				items[i].element, items[i].err = read(o, &stored[i])
			}
			return items, nil
		})
		if err != nil {
			var none E
			yield(none, err)
			return
		}
		for _, i := range items {
			if !yield(i.element, i.err) {
				return
			}
		}
		if len(items) < pageSize {
			return
		}
		start = nextID(last)
	}
}

// nextID returns the ID behind another ID: only servers since Redis 6.2 accept "(".
func nextID(id string) string {
	first, second, _ := strings.Cut(id, "-")
	sequence, _ := strconv.ParseUint(second, 10, 64)
	if sequence < math.MaxUint64 {
		return first + "-" + strconv.FormatUint(sequence+1, 10)
	}
	ms, _ := strconv.ParseUint(first, 10, 64)
	return strconv.FormatUint(ms+1, 10) + "-0"
}
